// SPDX-License-Identifier: Apache-2.0
#include "engine/service/write_needed.h"

#include <sys/stat.h>

#include <optional>
#include <set>

#include "engine/service/copy_policy.h"
#include "engine/service/recall_service.h"
#include "engine/service/writing.h"

namespace mixtape::service {
namespace {

constexpr std::uint64_t kStatBlock = 512;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::optional<Source> find_source(Context& context, const archive::Scan& scan,
                                  const std::string& path, const catalog::Version& version) {
  if (auto found = source_at(scan.on_disk(path), version)) {
    return found;
  }
  if (!scan.base.empty()) {
    if (auto found = source_at("/" + path, version)) {
      return found;
    }
  }
  if (const auto cached = context.workspace.cache().file(to_content(version))) {
    return Source{cached->string(), {}};
  }
  return std::nullopt;
}

void add_scanned(const archive::Scan& scan, NeededItems& needed) {
  // Without a content to go along with, nothing is written.
  const bool along = !needed.items.empty();
  archive::ChangeReader changes(scan.changes);
  archive::Change change;
  while (changes.next(change)) {
    const bool described = change.kind == archive::ChangeKind::fresh ||
                           change.kind == archive::ChangeKind::content ||
                           change.kind == archive::ChangeKind::metadata;
    const bool has_content = S_ISREG(change.metadata.mode) && change.file.size > 0;
    if (change.kind != archive::ChangeKind::stamp) {
      needed.changed.add(change.path);
    }
    if (along && described && !has_content) {
      archive::Item item;
      item.path = change.path;
      item.metadata = change.metadata;
      needed.items.push_back(std::move(item));
    }
  }
}

}  // namespace

std::optional<Source> source_at(const std::string& path, const catalog::Version& version) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::uint64_t>(status.st_size) != version.size ||
      nanoseconds(status.st_mtim) != version.metadata.mtime_ns) {
    return std::nullopt;
  }
  return Source{path,
                {.mtime_ns = nanoseconds(status.st_mtim),
                 .device = status.st_dev,
                 .inode = status.st_ino,
                 .ctime_ns = nanoseconds(status.st_ctim),
                 .allocated_bytes = static_cast<std::uint64_t>(status.st_blocks) * kStatBlock}};
}

NeededItems needed_items(Context& context, const archive::Scan& scan) {
  NeededItems needed;
  const CopyPolicy policy(context.config());
  // The copy on a retired medium does not count, so its disk may take another one.
  std::set<catalog::MediumId> retired;
  for (const catalog::Medium& medium : context.ledger.media()) {
    if (medium.state == catalog::MediumState::retired) {
      retired.insert(medium.id);
    }
  }
  const auto is_retired = [&](catalog::MediumId medium) { return retired.contains(medium); };
  context.ledger.needs([&](const std::string& path) { return policy.wanted(path); },
                       copy_domains(context.workspace),
                       [&](const catalog::Ledger::Need& need) {
                         const auto source = find_source(context, scan, need.path, need.version);
                         if (!source) {
                           ++needed.out_of_reach;
                           return true;
                         }
                         archive::Item item = archive::make_item(need.path, need.version);
                         item.source = source->path;
                         item.state = source->state;
                         item.copies = need.missing;
                         item.on = need.on;
                         std::erase_if(item.on, is_retired);
                         needed.changed.add(need.path);
                         needed.items.push_back(std::move(item));
                         return true;
                       });
  add_scanned(scan, needed);
  return needed;
}

bool worth_a_job(const archive::Recorded& recorded, const NeededItems& needed,
                 archive::WriteJob& write, std::span<tapeio::Library* const> libraries,
                 archive::WriteOutcome& outcome) {
  if (recorded.anything() || needed.items.empty()) {
    return recorded.anything();
  }
  outcome = write.preview(needed.items, libraries);
  return outcome.files > 0;
}

}  // namespace mixtape::service
