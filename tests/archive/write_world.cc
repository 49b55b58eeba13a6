// SPDX-License-Identifier: Apache-2.0
#include "tests/archive/write_world.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "engine/catalog/snapshot.h"
#include "engine/catalog/tree.h"
#include "engine/format/age_stream.h"
#include "engine/format/digest.h"
#include "engine/format/tape_file.h"
#include "tapeio/records.h"
#include "tests/archive/archive_on_tape.h"
#include "tests/support/patterns.h"

namespace mixtape::test {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

struct stat state_of(const std::string& file) {
  struct stat found {};
  EXPECT_EQ(::stat(file.c_str(), &found), 0) << file;
  return found;
}

// The indexes of one medium, as a stranger with the key finds them, each with whether its archive
// is whole.
std::vector<catalog::FoundIndex> find_indexes(tapeio::TapeDrive& drive, const std::string& label,
                                              const format::Identity& identity,
                                              const std::filesystem::path& into) {
  std::vector<catalog::FoundIndex> found;
  const auto skip_to = [&](std::uint64_t file) {
    drive.rewind();
    return drive.space_filemarks(static_cast<std::int64_t>(file)) == file;
  };
  Bytes record(tapeio::kMaxRecordSize);
  std::uint64_t file = 1;
  while (skip_to(file)) {
    if (drive.read_record(record).kind != tapeio::ReadResult::Kind::record || !skip_to(file + 1)) {
      break;  // The end, or a tape file without a filemark.
    }
    skip_to(file);
    catalog::FoundIndex index;
    index.index = into / (label + "-" + std::to_string(file) + ".sqlite");
    (void)format::read_tape_file(drive, tapeio::kMaxRecordSize, std::span(&identity, 1),
                                 index.index, GiB);
    index.label = catalog::inspect_index(index.index);
    index.archive_block = drive.position().block;
    file += 1;
    if (index.label.role == catalog::IndexRole::bundle) {
      index.bundle_exists = skip_to(file + 1);
      if (index.bundle_exists) {
        drive.locate(index.archive_block);
        index.archive_plain_bytes = read_archive(drive, WriteWorld::kRecord, identity).plain_bytes;
        file += 1;
      }
    }
    found.push_back(std::move(index));
  }
  return found;
}

}  // namespace

WriteWorld::WriteWorld(tapeio::Library& library) : library_(library) {
  identities.push_back(format::Identity::generate());
  recipients_.push_back(identities.front().recipient());
  catalog::create_catalog(directory_ / "catalog.db", "test");
}

catalog::Database WriteWorld::open_catalog() const {
  return catalog::open_catalog(directory_ / "catalog.db", directory_ / "state.db",
                               catalog::Access::write);
}

void WriteWorld::add_source(const std::string& path, std::size_t size) {
  contents_[path] = as_text(pattern(size, std::hash<std::string>{}(path)));
  write_text(sources_ / path, contents_[path]);
}

void WriteWorld::add_same_source(const std::string& path, const std::string& like) {
  contents_[path] = contents_.at(like);
  write_text(sources_ / path, contents_[path]);
}

archive::WriteContext WriteWorld::context(catalog::Database& database) {
  return {.database = database,
          .recipients = recipients_,
          .identities = identities,
          .scratch = directory_.path(),
          .now_s = [this] { return ++now_s_; },
          .record_size = kRecord,
          .bundle_bytes = bundle_bytes,
          .indexes_per_bundle = indexes_per_bundle,
          .ring_bytes = 0,
          .domain = {},
          .warning_zone_bytes = warning_zone_bytes,
          .robot_away = {},
          .before_commit = before_commit};
}

bool WriteWorld::record_new(catalog::Ledger& ledger, catalog::JobId job) {
  bool any = false;
  for (const auto& [path, bytes] : contents_) {
    const catalog::PathId id = ledger.path(path);
    if (ledger.newest(id)) {
      continue;
    }
    any = true;
    const struct stat found = state_of(on_disk(path));
    catalog::Metadata metadata;
    metadata.mode = found.st_mode;
    metadata.mtime_ns = nanoseconds(found.st_mtim);
    std::optional<catalog::Hash> hash;
    if (hash_first) {
      hash = format::digest_of(as_bytes(bytes));
    }
    std::optional<catalog::ContentId> content =
        hash ? ledger.find_content(bytes.size(), *hash) : std::nullopt;
    if (!content && !bytes.empty()) {
      content = ledger.add_content(bytes.size(), hash);
    }
    ledger.add_version(job, id, metadata, content, catalog::kStagingRoot);
  }
  return any;
}

std::vector<archive::Item> WriteWorld::needed(catalog::Ledger& ledger) {
  std::vector<archive::Item> items;
  ledger.needs([this](const std::string&) { return copies; },
               [](const catalog::Medium& medium) { return medium.label; },
               [&](const catalog::Ledger::Need& need) {
                 if (std::filesystem::file_size(on_disk(need.path)) != need.version.size) {
                   return true;  // Another file by now: the next scan would say so.
                 }
                 archive::Item item = archive::make_item(need.path, need.version);
                 item.source = on_disk(need.path);
                 item.state.mtime_ns = need.version.metadata.mtime_ns;
                 item.copies = need.missing;
                 item.on = need.on;
                 items.push_back(std::move(item));
                 return true;
               });
  return items;
}

archive::WriteOutcome WriteWorld::run() {
  tapeio::Library* const libraries[] = {&library_};
  catalog::Database database = open_catalog();
  catalog::Ledger ledger(database);
  (void)ledger.settle_unfinished();
  catalog::JobId job;
  bool changed = false;
  {
    catalog::Transaction scan(database);
    job = ledger.begin_job(catalog::JobKind::backup, "backup", ++now_s_).id;
    changed = record_new(ledger, job);
    scan.commit();
  }
  std::vector<archive::Item> items = needed(ledger);
  if (!changed && items.empty()) {
    ledger.drop_job(job);
    archive::WriteOutcome closed;
    closed.media = archive::WriteJob(context(database)).catch_up(libraries, reporter);
    return closed;
  }
  return archive::WriteJob(context(database)).write(job, std::move(items), libraries, reporter);
}

archive::WriteOutcome WriteWorld::preview() {
  catalog::Database database = open_catalog();
  catalog::Transaction only_thought_of(database);
  catalog::Ledger ledger(database);
  const catalog::JobId job = ledger.begin_job(catalog::JobKind::backup, "backup", ++now_s_).id;
  record_new(ledger, job);
  tapeio::Library* const libraries[] = {&library_};
  return archive::WriteJob(context(database)).preview(needed(ledger), libraries);
}

std::vector<std::string> readable_paths(catalog::Database& database, tapeio::Library& library,
                                        const format::Identity& identity,
                                        const std::map<std::string, std::string>& contents) {
  catalog::Ledger ledger(database);
  catalog::Tree tree(database);
  std::set<std::int64_t> good;
  for (const catalog::Medium& medium : ledger.media()) {
    const std::vector<catalog::Bundle> bundles = ledger.bundles(medium.id);
    if (bundles.empty()) {
      continue;
    }
    const auto drive = library.load(medium.label, tapeio::Library::Access::read);
    for (const catalog::Bundle& bundle : bundles) {
      drive->locate(*bundle.archive_block);
      EXPECT_EQ(drive->position().file, bundle.index_file + 1);
      const FoundArchive archive = read_archive(*drive, medium.record_size, identity);
      EXPECT_EQ(archive.plain_bytes, bundle.plain_bytes);
      std::map<std::uint64_t, const FoundMember*> by_offset;
      for (const auto& [name, member] : archive.members) {
        by_offset[member.found.offset] = &member;
      }
      for (const catalog::Copy& copy : ledger.copies_in(bundle.id)) {
        const auto member = by_offset.find(copy.member_offset);
        if (member == by_offset.end()) {
          ADD_FAILURE() << "a copy that is not there in bundle " << bundle.number;
          continue;
        }
        if (copy.state == catalog::CopyState::good) {
          EXPECT_EQ(member->second->data, contents.at(member->second->found.member.name));
          good.insert(catalog::number(copy.content));
        }
      }
    }
  }
  std::vector<std::string> readable;
  for (const auto& [path, bytes] : contents) {
    const auto id = tree.find_path(path);
    const auto version = id ? ledger.newest(*id) : std::nullopt;
    if (version && version->content && good.contains(catalog::number(*version->content))) {
      EXPECT_TRUE(version->written) << path;
      readable.push_back(path);
    } else if (version && version->content) {
      EXPECT_FALSE(version->written) << path;
    }
  }
  return readable;
}

std::vector<std::string> WriteWorld::readable_paths() const {
  catalog::Database database = open_catalog();
  return test::readable_paths(database, library_, identities.front(), contents_);
}

catalog::IndexLabel WriteWorld::last_index(const std::string& label) const {
  TempDir fresh(TempDir::Place::memory);
  const auto drive = library_.load(label, tapeio::Library::Access::read);
  return find_indexes(*drive, label, identities.front(), fresh.path()).back().label;
}

std::vector<std::string> WriteWorld::readable_after_recovery() const {
  TempDir fresh(TempDir::Place::memory);
  std::vector<catalog::FoundIndex> found;
  for (const tapeio::MediumSlot& slot : library_.media()) {
    const auto drive = library_.load(slot.label, tapeio::Library::Access::read);
    for (catalog::FoundIndex& index :
         find_indexes(*drive, slot.label, identities.front(), fresh.path())) {
      found.push_back(std::move(index));
    }
  }
  if (found.empty()) {
    return {};
  }
  (void)catalog::recover_catalog(found, fresh / "catalog.db");
  catalog::Database database =
      catalog::open_catalog(fresh / "catalog.db", fresh / "state.db", catalog::Access::write);
  return test::readable_paths(database, library_, identities.front(), contents_);
}

}  // namespace mixtape::test
