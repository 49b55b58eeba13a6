// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/record.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

using catalog::ContentId;
using catalog::Version;

class Recorder {
 public:
  Recorder(const Scan& scan, const HashedFiles& hashed, catalog::JobId job, RecordAs as,
           const ScanCatalog& into)
      : scan_(scan),
        job_(job),
        as_(as),
        tree_(into.tree),
        ledger_(into.ledger),
        sources_(into.sources),
        changes_(scan.changes),
        first_reads_(hashed),
        groups_(scan.link_groups.size()) {
    for (const std::string& root : scan.roots) {
      roots_.push_back(as == RecordAs::staged ? catalog::kStagingRoot : ledger_.root(root));
    }
  }

  Recorded run() {
    Change change;
    while (changes_.next(change)) {
      record(change);
    }
    keep_directories_of_what_stays();
    return recorded_;
  }

 private:
  // What was recorded of a file with several names.
  struct Group {
    bool settled = false;  // Its content is known.
    std::optional<ContentId> content;
    std::optional<catalog::VersionKey> first;  // Recorded by this job.
  };

  void record(Change& change) {
    switch (change.kind) {
      case ChangeKind::fresh:
      case ChangeKind::content:
        return record_found(change);
      case ChangeKind::metadata:
      case ChangeKind::stamp:
      case ChangeKind::linked:
        return record_unread(change);
      case ChangeKind::ended:
        return record_ended(change);
      case ChangeKind::unreadable:
        return sources_.set_stamp(*change.known, change.stamp);
    }
  }

  // A file whose content was or will be read, or something that has none.
  void record_found(Change& change) {
    FirstReadResult read;
    if (change.wants_content()) {
      const bool there = first_reads_.next(read);
      MIXTAPE_ASSERT(there);
      if (read.what == FirstRead::failed) {
        return remember_failure(change, read);
      }
      if (read.what == FirstRead::linked && !settled(change)) {
        return;  // Its first name failed.
      }
    }
    change.known = number_of(change);
    const std::optional<Version> before = present(*change.known);
    if (as_ == RecordAs::staged && before && S_ISDIR(change.metadata.mode)) {
      return;
    }
    std::optional<ContentId> content;
    if (change.wants_content()) {
      content = content_of(change, read, before);
    }
    settle_links(change, content);
    const bool same = before && before->content == content && before->metadata == change.metadata &&
                      !forced(change);
    if (!same) {
      count(change, before, content);
      add(change, content);
    }
    keep_stamp(change);
  }

  // The content is that of the present version.
  void record_unread(Change& change) {
    const std::optional<Version> before = present(*change.known);
    if (!before) {
      return;
    }
    if (change.kind == ChangeKind::linked) {
      change.metadata = before->metadata;
    }
    std::optional<ContentId> content = before->content;
    if (settled(change)) {
      content = groups_[change.group].content;
    }
    settle_links(change, content);
    if (before->content != content || before->metadata != change.metadata || forced(change)) {
      count(change, before, content);
      add(change, content);
    }
    keep_stamp(change);
  }

  void record_ended(const Change& change) {
    const std::optional<Version> before = present(*change.known);
    // What another root or staging brought does not end because it is not here.
    if (!before || std::find(roots_.begin(), roots_.end(), before->origin) == roots_.end()) {
      return;
    }
    ledger_.end_version(job_, *change.known);
    sources_.remove(*change.known);
    ++recorded_.ended;
    if (S_ISDIR(before->metadata.mode)) {
      ended_directories_.push_back(*before);
    }
  }

  // A directory is gone, and something below it is not: it was released, or came through staging.
  // The directory stays with it, and belongs to no scan from now on.
  void keep_directories_of_what_stays() {
    // Children first: what is below has the larger number.
    std::ranges::sort(ended_directories_, std::greater(),
                      [](const Version& version) { return version.key.path; });
    for (const Version& directory : ended_directories_) {
      bool keeps = false;
      tree_.list({}, directory.key.path, [&](const catalog::Entry&) {
        keeps = true;
        return false;
      });
      if (keeps) {
        ledger_.add_version(job_, directory.key.path, directory.metadata, std::nullopt,
                            catalog::kStagingRoot);
        --recorded_.ended;
      }
    }
  }

  // A file that cannot be read stays as it was, and is looked at again by the next scan.
  void remember_failure(const Change& change, const FirstReadResult& read) {
    if (change.known && read.unreadable) {
      catalog::SourceStamp stamp = change.stamp;
      stamp.readable = false;
      sources_.set_stamp(*change.known, stamp);
    }
  }

  ContentId content_of(const Change& change, const FirstReadResult& read,
                       const std::optional<Version>& before) {
    if (settled(change)) {
      return *groups_[change.group].content;
    }
    if (read.what == FirstRead::later) {
      // The same file as in a job that could not write it: it still waits to be read.
      const bool waiting = before && !before->written && !before->hash && before->content &&
                           before->size == change.file.size && before->metadata == change.metadata;
      return waiting ? *before->content : new_content(change, std::nullopt);
    }
    const std::optional<ContentId> known = ledger_.find_content(change.file.size, read.hash);
    if (!known) {
      return new_content(change, read.hash);
    }
    if (!before || before->content != known) {
      ++recorded_.duplicates;
      recorded_.duplicate_bytes += change.file.size;
    }
    return *known;
  }

  ContentId new_content(const Change& change, const std::optional<catalog::Hash>& hash) {
    ++recorded_.contents;
    recorded_.content_bytes += change.file.size;
    return ledger_.add_content(change.file.size, hash);
  }

  [[nodiscard]] bool settled(const Change& change) const {
    return change.group != 0 && groups_[change.group].settled;
  }

  // All names of the file are known now: how many there are, and what it contains.
  void settle_links(Change& change, const std::optional<ContentId>& content) {
    if (change.group == 0) {
      return;
    }
    change.metadata.nlink = scan_.link_groups[change.group].names;
    groups_[change.group].settled = true;
    groups_[change.group].content = content;
  }

  // Names of one file share an inode number, so they get their versions together.
  [[nodiscard]] bool forced(const Change& change) const {
    const LinkGroup& group = scan_.link_groups[change.group];
    return change.group != 0 && group.names > 1 && group.changed;
  }

  void count(const Change& change, const std::optional<Version>& before,
             const std::optional<ContentId>& content) {
    if (!before) {
      ++recorded_.fresh;
    } else if (before->content != content || change.kind == ChangeKind::fresh) {
      ++recorded_.changed;
    } else {
      ++recorded_.metadata;
    }
  }

  void add(const Change& change, const std::optional<ContentId>& content) {
    const catalog::PathId path = number_of(change);
    const catalog::RootId origin = roots_.at(change.root);
    if (change.group == 0) {
      ledger_.add_version(job_, path, change.metadata, content, origin);
      return;
    }
    Group& group = groups_[change.group];
    ledger_.add_version(job_, path, change.metadata, content, origin, group.first);
    if (!group.first) {
      group.first = catalog::VersionKey{.path = path, .first_job = job_};
    }
  }

  void keep_stamp(const Change& change) {
    if (as_ == RecordAs::source) {
      sources_.set_stamp(number_of(change), change.stamp);
    }
  }

  // The present version of a path: its newest, unless that has ended.
  std::optional<Version> present(catalog::PathId path) {
    std::optional<Version> newest = ledger_.newest(path);
    return newest && !newest->last_job ? newest : std::nullopt;
  }

  // Changes come directory by directory: the directory's number is looked up once.
  catalog::PathId number_of(const Change& change) {
    if (change.known) {
      return *change.known;
    }
    const std::size_t slash = change.path.rfind('/');
    if (slash == std::string::npos) {
      return ledger_.child(catalog::kRootPath, change.path);
    }
    const std::string_view directory = std::string_view(change.path).substr(0, slash);
    if (!directory_ || directory_path_ != directory) {
      directory_path_ = directory;
      directory_ = ledger_.path(directory);
    }
    return ledger_.child(*directory_, std::string_view(change.path).substr(slash + 1));
  }

  const Scan& scan_;
  const catalog::JobId job_;
  const RecordAs as_;
  catalog::Tree& tree_;
  catalog::Ledger& ledger_;
  catalog::Sources& sources_;
  ChangeReader changes_;
  FirstReadReader first_reads_;
  std::vector<Group> groups_;           // By LinkGroupNumber.
  std::vector<catalog::RootId> roots_;  // As in the scan.
  std::string directory_path_;
  std::optional<catalog::PathId> directory_;
  Recorded recorded_;
  std::vector<Version> ended_directories_;
};

}  // namespace

Recorded record(const Scan& scan, const HashedFiles& hashed, catalog::JobId job, RecordAs as,
                const ScanCatalog& into) {
  return Recorder(scan, hashed, job, as, into).run();
}

}  // namespace mixtape::archive
