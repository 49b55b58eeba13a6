// SPDX-License-Identifier: Apache-2.0
#include "engine/service/write_needed.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "engine/archive/file_reader.h"
#include "engine/archive/parent_directory.h"
#include "engine/service/copy_policy.h"
#include "engine/service/recall_service.h"
#include "engine/service/unseen_media.h"
#include "engine/service/writing.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

constexpr std::uint64_t kStatBlock = 512;
constexpr std::size_t kMostNamed = 20;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::optional<Source> source_in(archive::ParentDirectory& parent, std::string path,
                                const catalog::Version& version) {
  const archive::ParentDirectory::Place place = parent.of(path);
  struct stat status {};
  if (place.error != 0 ||
      ::fstatat(place.directory, place.name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != version.size ||
      nanoseconds(status.st_mtim) != version.metadata.mtime_ns) {
    return std::nullopt;
  }
  return Source{std::move(path),
                {.mtime_ns = nanoseconds(status.st_mtim),
                 .device = status.st_dev,
                 .inode = status.st_ino,
                 .ctime_ns = nanoseconds(status.st_ctim),
                 .allocated_bytes = static_cast<std::uint64_t>(status.st_blocks) * kStatBlock}};
}

// Looks for the bytes of needs, which come directory by directory.
class SourceSearch {
 public:
  SourceSearch(Context& context, const archive::Scan& scan) : context_(context), scan_(scan) {}

  std::optional<Source> find(const std::string& path, const catalog::Version& version) {
    if (auto found = source_in(scanned_, scan_.on_disk(path), version)) {
      return found;
    }
    if (!scan_.base.empty()) {
      if (auto found = source_in(itself_, "/" + path, version)) {
        return found;
      }
    }
    if (const auto cached = context_.workspace.cache().file(to_content(version))) {
      return Source{cached->string(), {}};
    }
    return std::nullopt;
  }

 private:
  Context& context_;
  const archive::Scan& scan_;
  archive::ParentDirectory scanned_, itself_;
};

// Finds out what is wrong with sources before they are given a place in an archive.
class SourceCheck {
 public:
  explicit SourceCheck(Reporter& reporter) : reporter_(reporter) {}

  // Why the bytes cannot be had; empty: nothing is known against them.
  std::string defect(const Source& source, const catalog::CopyNeed& need) {
    const archive::ParentDirectory::Place place = parent_.of(source.path);
    if (place.error != 0) {
      return words_of(place.error);
    }
    if (::faccessat(place.directory, place.name, R_OK, AT_EACCESS) != 0) {
      return words_of(errno);
    }
    // Files of the cache have no state: their hash was right when they came there.
    if (!need.spoilt || source.state.inode == 0) {
      return {};
    }
    using Outcome = archive::FileReader::Outcome;
    const archive::FileReader::Result read =
        reader_.hash(source.path,
                     {source.state.device, source.state.inode, need.version.size,
                      source.state.mtime_ns, source.state.ctime_ns},
                     reporter_.stop());
    switch (read.outcome) {
      case Outcome::hashed:
        return need.version.hash && *need.version.hash != read.digest
                   ? "its content is not what it was when it was hashed"
                   : "";
      case Outcome::unreadable:
        return words_of(read.error);
      case Outcome::stopped:
        throw Error(ErrorCode::cancelled, "read " + source.path + ": stopped on request");
      case Outcome::changed:
      case Outcome::vanished:
        break;
    }
    return "it changed meanwhile, the next run takes it";
  }

 private:
  static std::string words_of(int error) { return std::generic_category().message(error); }

  Reporter& reporter_;
  archive::ParentDirectory parent_;
  std::atomic<std::uint64_t> read_bytes_ = 0;
  const std::function<void(const std::string&)> while_reading_;
  archive::FileReader reader_{read_bytes_, while_reading_};
};

// Taken by a flush that could not write it. It waits in staging; when it is there no more, whoever
// put it there took it away again, and no scan will ever say so.
bool is_only_staged(const catalog::Version& version) {
  return !version.written && version.origin == catalog::kStagingRoot;
}

class DroppedFiles {
 public:
  explicit DroppedFiles(Context& context) : context_(context) {}

  void add(const catalog::CopyNeed& need) {
    std::error_code absent;
    if (!std::filesystem::exists(std::filesystem::symlink_status(
            context_.workspace.staging().tree() / need.path, absent))) {
      paths_.push_back(need.version.key.path);
    }
  }
  void forget() {
    for (const catalog::PathId path : paths_) {
      context_.ledger.drop_unwritten(path);
    }
  }

 private:
  Context& context_;
  std::vector<catalog::PathId> paths_;
};

// Files whose bytes are not here. Another path may have the same content, and is written.
class OutOfReach {
 public:
  void add(const catalog::CopyNeed& need) {
    needs_.push_back({need.path, need.version.content, need.missing});
  }
  void tell(NeededItems& needed) const {
    std::map<catalog::ContentId, std::uint32_t> written;  // How many copies of it.
    for (const archive::Item& item : needed.items) {
      if (item.content) {
        std::uint32_t& copies = written[*item.content];
        copies = std::max(copies, item.copies);
      }
    }
    for (const Need& need : needs_) {
      const auto found = need.content ? written.find(*need.content) : written.end();
      if (found != written.end() && found->second >= need.missing) {
        continue;
      }
      ++needed.out_of_reach;
      if (needed.out_of_reach_paths.size() < kMostNamed) {
        needed.out_of_reach_paths.push_back(need.path);
      }
    }
  }

 private:
  struct Need {
    std::string path;
    std::optional<catalog::ContentId> content;
    std::uint32_t missing;
  };
  std::vector<Need> needs_;
};

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
  archive::ParentDirectory parent;
  return source_in(parent, path, version);
}

NeededItems needed_items(Context& context, const archive::Scan& scan, Reporter& reporter) {
  look_for_unseen_media(context);
  NeededItems needed;
  SourceSearch search(context, scan);
  SourceCheck check(reporter);
  const CopyPolicy policy(context.config());
  // The copy on a retired medium does not count, so its disk may take another one.
  std::set<catalog::MediumId> retired;
  for (const catalog::Medium& medium : context.ledger.media()) {
    if (medium.state == catalog::MediumState::retired) {
      retired.insert(medium.id);
    }
  }
  const auto is_retired = [&](catalog::MediumId medium) { return retired.contains(medium); };
  DroppedFiles dropped(context);
  OutOfReach out_of_reach;
  each_need(context, [&](const catalog::CopyNeed& need) {
    if (need.missing == 0) {
      return true;  // A medium has to be carried elsewhere; another copy beside it changes nothing.
    }
    const auto source = search.find(need.path, need.version);
    if (!source) {
      if (is_only_staged(need.version)) {
        dropped.add(need);
      } else {
        out_of_reach.add(need);
      }
      return true;
    }
    if (std::string why = check.defect(*source, need); !why.empty()) {
      why.insert(0, "read " + source->path + ": ");
      reporter.problem(why);
      needed.troubles.add({.path = need.path, .why = std::move(why)});
      return true;
    }
    archive::Item item = archive::make_item(need.path, need.version);
    item.source = source->path;
    item.state = source->state;
    item.copies = need.missing;
    item.on = need.on;
    item.damaged_on = need.damaged_on;
    item.apart = policy.must_differ(need.path);
    std::erase_if(item.on, is_retired);
    needed.changed.add(need.path);
    needed.items.push_back(std::move(item));
    return true;
  });
  dropped.forget();
  out_of_reach.tell(needed);
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
