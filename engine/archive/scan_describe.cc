// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "engine/archive/scan_walk.h"
#include "tapeio/error.h"

namespace mixtape::archive {

std::optional<Walk::Child> Walk::child_at(std::optional<catalog::PathId> id) {
  if (!id || catalog_ == nullptr) {
    return std::nullopt;
  }
  const auto version = catalog_->ledger.newest(*id);
  if (!version || version->last_job) {
    return std::nullopt;
  }
  return Child{.name = {},
               .path = *id,
               .is_directory = S_ISDIR(version->metadata.mode),
               .stamp = catalog_->sources.stamp(*id)};
}

// The change that this file makes; nullopt: none, or it cannot be told.
std::optional<Change> Walk::describe(const std::string& path, const FileStat& stat,
                                     std::uint64_t mounts_crossed, const Child* child) {
  if (stat.is_file()) {
    ++result_.files;
    result_.bytes += stat.size;
  } else if (!stat.is_directory()) {
    ++result_.others;
  }
  const catalog::SourceStamp stamp = to_stamp(stat, mounts_crossed, request_.now_ns);
  const bool several_names = stat.is_file() && stat.links > 1;
  const bool untouched = child != nullptr && is_untouched(child->stamp, stamp);
  if (untouched && !several_names) {
    return std::nullopt;  // Nearly every file of nearly every scan.
  }
  Change change;
  change.path = path;
  change.stamp = stamp;
  change.file = to_identity(stat);
  if (child != nullptr) {
    change.known = child->path;
  }
  if (untouched) {
    change.kind = ChangeKind::linked;
    join_group(change, stat, false);
    return change;
  }
  std::optional<Known> known;
  if (auto version = child != nullptr ? catalog_->ledger.newest(child->path) : std::nullopt) {
    known = Known{.version = std::move(*version), .stamp = child->stamp};
  }
  return describe_changed(std::move(change), stat, known ? &*known : nullptr);
}

std::optional<Change> Walk::describe_changed(Change change, const FileStat& stat,
                                             const Known* known) {
  const Verdict verdict = known != nullptr ? judge(*known, stat, change.stamp) : Verdict::content;
  if (!describe_metadata(change, stat, known)) {
    return std::nullopt;
  }
  bool differs = true;
  if (known == nullptr) {
    change.kind = ChangeKind::fresh;
  } else if (verdict == Verdict::content) {
    change.kind = ChangeKind::content;
  } else if (change.metadata != known->version.metadata) {
    change.kind = ChangeKind::metadata;
  } else {
    differs = false;
    const bool unexplained = stat.is_file() && !request_.ignore_ctime;
    change.kind = unexplained ? ChangeKind::content : ChangeKind::stamp;
  }
  if (known != nullptr && spdlog::should_log(spdlog::level::debug)) {
    spdlog::debug("/{}: {}", change.path, differences(*known, stat, change.stamp));
  }
  if (change.wants_content() && !check_readable(change)) {
    return change.known ? std::optional(std::move(change)) : std::nullopt;
  }
  if (stat.is_file() && stat.links > 1) {
    join_group(change, stat, differs);
  }
  return change;
}

// False when the file is gone or does not let us look at it: then it was not scanned.
bool Walk::describe_metadata(Change& change, const FileStat& stat, const Known* known) {
  change.metadata = to_metadata(stat, names_);
  const int error = complete_metadata(result_.on_disk(change.path), change.metadata);
  if (error != 0 && error != ENOENT) {
    trouble(change.path, "read the attributes of", error);
  }
  if (known != nullptr && stat.is_file() && stat.links > 1) {
    change.metadata.nlink = known->version.metadata.nlink;  // Decided when all its names are known.
  }
  return error == 0;
}

// Asked only of files whose content will be wanted.
bool Walk::check_readable(Change& change) {
  const std::string file = result_.on_disk(change.path);
  if (faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0 || errno == ENOENT) {
    return true;
  }
  trouble(change.path, "read", errno);
  change.kind = ChangeKind::unreadable;
  change.stamp.readable = false;
  return false;
}

void Walk::join_group(Change& change, const FileStat& stat, bool changed) {
  const auto next = static_cast<LinkGroupNumber>(result_.link_groups.size());
  const auto [at, is_new] = groups_.try_emplace({stat.device, stat.inode}, next);
  if (is_new) {
    result_.link_groups.emplace_back();
  }
  change.group = at->second;
  LinkGroup& group = result_.link_groups[at->second];
  ++group.names;
  group.changed = group.changed || changed;
}

void Walk::append(Change change, std::uint32_t root) {
  change.root = root;
  // Several names of one file are no reason to expect a duplicate.
  const bool counted = change.group != 0 && result_.link_groups[change.group].names > 1;
  if (change.wants_content() && !counted) {
    result_.sizes.push_back(change.file.size);
  }
  append_change(result_.changes, change);
}

void Walk::trouble(const std::string& path, const std::string& attempt, int error) {
  const std::string file = result_.on_disk(path);
  std::string why = attempt + " " + file;
  if (error != 0) {
    why += ": " + std::generic_category().message(error);
  }
  reporter_.problem(why);
  result_.unreadable.add({.path = path, .why = std::move(why)});
}

void Walk::skip(const std::string& path, std::string_view why) {
  ++result_.skipped;
  reporter_.note("skipped " + result_.on_disk(path) + ": " + std::string(why));
}

Rules::Choice Walk::choose(const std::string& path) {
  const Rules::Decision decision = request_.rules.decide(path);
  if (decision.rule != nullptr) {
    ++decided_[decision.rule];
  }
  return decision.choice;
}

void Walk::stop_if_asked() {
  if (reporter_.stop().stop_requested()) {
    throw Error(ErrorCode::cancelled, "scan: stopped on request");
  }
}

void Walk::breathe() {
  if (!pace_.due()) {
    return;
  }
  stop_if_asked();
  Progress progress;
  progress.phase = "scan";
  progress.done_files = result_.files;
  progress.done_bytes = result_.bytes;
  reporter_.progress(progress);
}

}  // namespace mixtape::archive
