// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/scanned.h"

#include <algorithm>

#include "engine/catalog/catalog.h"
#include "engine/catalog/index_check.h"
#include "engine/catalog/rows.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::catalog {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

// The nonce that ends what stands in front of an archive.
std::optional<Uuid> nonce_of(ByteView header) {
  if (header.size() < sizeof(Uuid)) {
    return std::nullopt;
  }
  return uuid_from(header.last(sizeof(Uuid)));
}

// In memory, what surrounds it included.
std::size_t size_of(const Metadata& metadata) {
  constexpr std::size_t kAround = 128;
  std::size_t size = sizeof(Metadata) + kAround + metadata.owner.size() + metadata.group.size() +
                     metadata.symlink_target.size();
  for (const auto& [name, value] : metadata.xattrs) {
    size += kAround + name.size() + value.size();
  }
  return size;
}

Database new_draft(const std::filesystem::path& scratch, const Uuid& catalog,
                   const std::string& name) {
  tapeio::make_directories(scratch, 0700);
  create_catalog(scratch / "catalog.db", name);
  Database draft = open_catalog(scratch / "catalog.db", scratch / "state.db", Access::write);
  Statement(draft, "UPDATE main.meta SET value = ? WHERE key = 'uuid'").bind(1, catalog).run();
  return draft;
}

}  // namespace

bool is_scanned(const Bundle& bundle) {
  return nonce_of(bundle.archive_header) == bundle.uuid;
}

ScannedMedium::ScannedMedium(const std::filesystem::path& scratch, const Medium& medium,
                             const Uuid& catalog, std::string_view command)
    : scratch_(scratch),
      medium_(medium),
      catalog_uuid_(catalog),
      command_(command),
      database_(new_draft(scratch, catalog, medium.label)),
      ledger_(database_) {
  medium_.id = ledger_.add_medium(medium_);
  // The label is plain text: whatever an index says of the medium is newer.
  database_.execute("UPDATE main.medium SET revision = 0");
}

ScannedMedium::~ScannedMedium() = default;

void ScannedMedium::begin(const Archive& archive) {
  drop();
  const auto nonce = nonce_of(archive.header);
  MIXTAPE_ASSERT(nonce.has_value());
  archive_ = archive;
  transaction_ = std::make_unique<Transaction>(database_);
  job_ = ledger_.begin_job(JobKind::backup, command_, 0).id;
  Statement(database_, "UPDATE main.job SET uuid = ?2 WHERE id = ?1")
      .bind(1, number(job_))
      .bind(2, *nonce)
      .run();
}

void ScannedMedium::drop() {
  transaction_.reset();
  copies_.clear();
  held_.clear();
  links_.clear();
  waiting_bytes_ = 0;
  newest_ns_ = 0;
}

std::optional<Version> ScannedMedium::member_at(std::string_view path) {
  return ledger_.newest(ledger_.path(path));
}

void ScannedMedium::add_version(PathId path, const Metadata& metadata,
                                std::optional<ContentId> content) {
  newest_ns_ = std::max(newest_ns_, metadata.mtime_ns);
  const auto newest = ledger_.newest(path);
  if (newest && newest->key.first_job != job_ && newest->content == content &&
      newest->metadata == metadata) {
    return;
  }
  ledger_.add_version(job_, path, metadata, content, kStagingRoot);
}

void ScannedMedium::add(std::string_view path, const Metadata& metadata,
                        const std::optional<Content>& content) {
  if (!content) {
    add_version(ledger_.path(path), metadata, std::nullopt);
    return;
  }
  auto id = ledger_.find_content(content->size, content->hash);
  if (!id) {
    id = ledger_.add_content(content->size, content->hash);
  }
  if (held_.insert(number(*id)).second) {
    copies_.push_back({.content = *id,
                       .member_offset = content->member_offset,
                       .data_offset = content->data_offset,
                       .stored_size = content->stored_size,
                       .sparse = content->sparse,
                       .verified_s = std::nullopt});
  }
  add_version(ledger_.path(path), metadata, id);
}

bool ScannedMedium::add_same_content(std::string_view path, const Metadata& metadata,
                                     std::string_view as) {
  const auto member = member_at(as);
  if (!member || !member->content || !held_.contains(number(*member->content))) {
    return false;
  }
  add_version(ledger_.path(path), metadata, member->content);
  return true;
}

bool ScannedMedium::add_link(std::string_view path, const Metadata& metadata, std::string_view of) {
  const auto member = member_at(of);
  if (!member || (member->content && !held_.contains(number(*member->content)))) {
    return false;
  }
  const std::size_t bytes = size_of(metadata);
  if (waiting_bytes_ + bytes > kMostWaiting) {
    enter_links();
  }
  const PathId name = ledger_.path(path);
  if (name == member->key.path) {
    return false;
  }
  links_[number(member->key.path)].push_back({name, metadata, member->content});
  waiting_bytes_ += bytes;
  return true;
}

void ScannedMedium::enter_links() {
  for (auto& [path, names] : links_) {
    enter_names(PathId{path}, names);
  }
  links_.clear();
  waiting_bytes_ = 0;
}

// All names of a file at once: each of them says how many there are.
void ScannedMedium::enter_names(PathId of, std::vector<Link>& names) {
  auto member = ledger_.newest(of);
  // A later member may have taken its place: what was linked to it keeps its bytes.
  const auto is_gone = [&](const Link& name) {
    return !member || is_directory(member->metadata.mode) || member->content != name.content;
  };
  for (const Link& name : names) {
    newest_ns_ = std::max(newest_ns_, name.metadata.mtime_ns);
    if (is_gone(name)) {
      ledger_.add_version(job_, name.path, name.metadata, name.content, kStagingRoot);
    }
  }
  const std::size_t gone = static_cast<std::size_t>(std::ranges::count_if(names, is_gone));
  if (gone == names.size()) {
    return;
  }
  const auto more = static_cast<std::uint32_t>(names.size() - gone);
  const bool has_links = member->key.first_job == job_ && member->metadata.nlink > 1;
  if (has_links) {  // They did not wait for these.
    member->metadata.nlink += more;
  } else {
    member->metadata.nlink = std::max(member->metadata.nlink, more + 1);
    ledger_.add_version(job_, of, member->metadata, member->content, kStagingRoot);
  }
  for (Link& name : names) {
    if (!is_gone(name)) {
      name.metadata.nlink = member->metadata.nlink;
      ledger_.add_version(job_, name.path, name.metadata, member->content, kStagingRoot,
                          VersionKey{of, job_});
    }
  }
}

std::int64_t ScannedMedium::end(std::int64_t after_s, std::int64_t now_s) {
  enter_links();
  Bundle bundle;
  bundle.uuid = *nonce_of(archive_.header);
  bundle.medium = medium_.id;
  bundle.job = job_;
  bundle.index_file = archive_.tape_file - 1;
  bundle.archive_header = archive_.header;
  bundle.plain_bytes = archive_.plain_bytes;
  const BundleId id = ledger_.plan_bundle(bundle, copies_);
  const std::int64_t written_s = std::clamp<std::int64_t>(
      std::max(after_s + 1, std::min(newest_ns_ / kNanoseconds, now_s)), 0, kLastSecond);
  Ledger::Outcome outcome;
  outcome.archive_block = archive_.first_block;
  outcome.plain_bytes_written = archive_.plain_bytes;
  outcome.written_s = written_s;
  ledger_.commit_bundle(id, outcome);
  Statement(database_, "UPDATE main.bundle SET number = ?2 WHERE id = ?1")
      .bind(1, number(id))
      .bind(2, static_cast<std::int64_t>(archive_.number))
      .run();
  Statement(database_, "UPDATE main.job SET started = ?2, finished = ?2 WHERE id = ?1")
      .bind(1, number(job_))
      .bind(2, written_s)
      .run();
  transaction_->commit();
  transaction_.reset();
  ++archives_;
  return written_s;
}

FoundIndex ScannedMedium::finish(std::int64_t now_s) {
  transaction_.reset();
  FoundIndex found;
  found.index = scratch_ / "scanned.sqlite";
  found.scanned = true;
  found.label.role = IndexRole::closing;
  found.label.catalog = catalog_uuid_;
  found.label.medium = medium_.uuid;
  found.label.medium_label = medium_.label;
  found.label.record_size = medium_.record_size;
  found.label.tape_file = archive_.tape_file + 1;
  found.label.last_bundle = archive_.number;
  found.label.written_s = now_s;
  export_index(database_, found.label, found.index);
  return found;
}

}  // namespace mixtape::catalog
