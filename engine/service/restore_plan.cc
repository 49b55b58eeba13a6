// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_plan.h"

#include <algorithm>
#include <climits>
#include <filesystem>
#include <numeric>
#include <set>

#include "engine/recall/extent_map.h"
#include "engine/service/recall_service.h"
#include "engine/service/time_text.h"
#include "tapeio/error.h"

namespace mixtape::service {

namespace {

constexpr std::size_t kMostTroublesTold = 1000;
// Names tried for one file that must not replace another.
constexpr int kMostNames = 1000;

// A path as the catalog has it. Only as text: it need not exist on this machine.
std::string catalog_path(const std::string& path) {
  std::string normal = std::filesystem::path("/" + path).lexically_normal().string();
  while (!normal.empty() && normal.front() == '/') {
    normal.erase(0, 1);
  }
  while (!normal.empty() && normal.back() == '/') {
    normal.pop_back();
  }
  return normal;
}

// Sorted, without those below another one.
std::vector<std::string> outermost(const std::vector<std::string>& paths) {
  std::set<std::string> sorted;
  for (const std::string& path : paths) {
    sorted.insert(catalog_path(path));
  }
  std::vector<std::string> kept;
  for (const std::string& path : sorted) {
    bool is_below = false;
    for (const std::string& above : kept) {
      is_below = is_below || above.empty() || path.starts_with(above + "/");
    }
    if (!is_below) {
      kept.push_back(path);
    }
  }
  return kept;
}

catalog::View view_at(Context& context, const std::optional<std::int64_t>& at_s) {
  if (!at_s) {
    return {};
  }
  const auto job = context.tree.job_at(*at_s);
  if (!job) {
    throw Error(ErrorCode::not_found, "restore: nothing had been archived by " + local_time(*at_s));
  }
  return {.as_of = job->id};
}

std::int64_t mtime_ns(const struct stat& status) {
  return status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
}

}  // namespace

void add_capped(std::uint64_t& sum, std::uint64_t more) {
  sum = more > UINT64_MAX - sum ? UINT64_MAX : sum + more;
}

void add_trouble(RestoreResult& result, const std::string& path, const std::string& why) {
  ++result.trouble_count;
  if (result.troubles.size() < kMostTroublesTold) {
    result.troubles.push_back({path, why});
  }
}

RestorePlan::RestorePlan(Context& context, const RestoreRequest& request, Destination& destination,
                         RestoreResult& result)
    : context_(context), request_(request), destination_(destination), result_(result) {
  const catalog::View view = view_at(context, request.at_s);
  for (const std::string& path : outermost(request.paths)) {
    const auto id = context.tree.find_path(path);
    if (!id || !context.tree.at(view, *id)) {
      add_trouble(result, path,
                  "the archived tree has no such path; `mixtape history` tells what there was, "
                  "`--at TIME` brings it back");
      continue;
    }
    context.tree.walk(view, *id, [&](const std::string& found, const catalog::Version& version) {
      take(found, version);
      return true;
    });
    if (!request.at_s) {
      tell_never_written(*id);
    }
  }
  find_copies();
}

// Nothing shows them, so that a directory without them would look whole. What was staged is in
// staging still.
void RestorePlan::tell_never_written(catalog::PathId below) {
  context_.tree.walk_never_written(
      below, [&](const std::string& path, const catalog::Version& version) {
        if (version.origin != catalog::kStagingRoot) {
          add_trouble(result_, path,
                      "a backup has seen it, and none has written it to a medium so far");
        }
      });
}

void RestorePlan::take(const std::string& path, const catalog::Version& version) {
  if (path.empty()) {
    return;  // The root is the destination itself.
  }
  try {
    if (S_ISREG(version.metadata.mode)) {
      take_file(path, version);
      return;
    }
    RestoreItem item{.target = path, .version = version.key, .mode = version.metadata.mode};
    if (judge(item, path, version) == Verdict::make) {
      if (request_.dry_run) {
        ++(S_ISDIR(item.mode)   ? result_.directories
           : S_ISLNK(item.mode) ? result_.symlinks
                                : result_.specials);
      }
      items.push_back(std::move(item));
    }
  } catch (const Error& error) {
    add_trouble(result_, path, error.what());
  }
}

void RestorePlan::take_file(const std::string& path, const catalog::Version& version) {
  RestoreItem item{.target = path, .version = version.key, .mode = version.metadata.mode};
  item.inode = version.metadata.nlink > 1 ? version.inode : 0;
  item.metadata_set = metadata_sets_.keep(version.metadata);
  item.mtime_ns = version.metadata.mtime_ns;
  const Verdict verdict = judge(item, path, version);
  if (verdict == Verdict::matches && item.inode != 0) {
    names.emplace(item.inode, item.target);
  }
  if (verdict != Verdict::make) {
    return;
  }
  const bool is_link =
      item.inode != 0 && (names.contains(item.inode) || !inodes_.insert(item.inode).second);
  if (version.content && !names.contains(item.inode)) {
    const auto [known, is_new] =
        by_content_.emplace(catalog::number(*version.content), contents.size());
    if (is_new) {
      contents.emplace_back().content = to_content(version);
    }
    contents[known->second].items.push_back(items.size());
    if (!is_link) {
      add_capped(needed_bytes, version.size);
      add_capped(result_.bytes, request_.dry_run ? version.size : 0);
    }
  }
  if (request_.dry_run) {
    ++result_.files;
    result_.links += is_link ? 1 : 0;
  }
  items.push_back(std::move(item));
}

bool RestorePlan::matches(const struct stat& there, const std::string& target,
                          const catalog::Version& version) {
  const catalog::Metadata& metadata = version.metadata;
  if ((there.st_mode & S_IFMT) != (metadata.mode & S_IFMT)) {
    return false;
  }
  if (S_ISREG(there.st_mode)) {
    return static_cast<std::uint64_t>(there.st_size) == version.size &&
           mtime_ns(there) == metadata.mtime_ns;
  }
  if (S_ISLNK(there.st_mode)) {
    return destination_.read_symlink(target) == metadata.symlink_target;
  }
  return S_ISDIR(there.st_mode) || there.st_rdev == metadata.device;
}

RestorePlan::Verdict RestorePlan::judge(RestoreItem& item, const std::string& path,
                                        const catalog::Version& version) {
  const auto there = destination_.look(item.target);
  if (!there) {
    return Verdict::make;
  }
  if (matches(*there, item.target, version)) {
    // A directory is gone through again: its time of change comes last and may be missing.
    if (S_ISDIR(there->st_mode)) {
      return Verdict::make;
    }
    ++result_.unchanged;
    return Verdict::matches;
  }
  return judge_conflict(item, *there, path, version);
}

RestorePlan::Verdict RestorePlan::judge_conflict(RestoreItem& item, const struct stat& there,
                                                 const std::string& path,
                                                 const catalog::Version& version) {
  if (S_ISDIR(there.st_mode) || S_ISDIR(version.metadata.mode)) {
    throw Error(ErrorCode::conflict, S_ISDIR(there.st_mode) ? "a directory is there already"
                                                            : "a file is there already");
  }
  switch (request_.conflict) {
    case Conflict::refuse:
      throw Error(ErrorCode::conflict, "it is there already and differs; see --conflict");
    case Conflict::skip:
      ++result_.skipped;
      return Verdict::stays;
    case Conflict::newer:
      if (version.metadata.mtime_ns <= mtime_ns(there)) {
        ++result_.skipped;
        return Verdict::stays;
      }
      item.existing = Existing::replace;
      return Verdict::make;
    case Conflict::rename:
      return find_free_name(item, path, version);
    case Conflict::overwrite:
      item.existing = Existing::replace;
      return Verdict::make;
  }
  return Verdict::stays;
}

RestorePlan::Verdict RestorePlan::find_free_name(RestoreItem& item, const std::string& path,
                                                 const catalog::Version& version) {
  for (int number = 1; number <= kMostNames; ++number) {
    item.target = path + ".restored" + (number == 1 ? "" : "-" + std::to_string(number));
    const auto there = destination_.look(item.target);
    if (!there) {
      return Verdict::make;
    }
    if (matches(*there, item.target, version)) {
      ++result_.unchanged;
      return Verdict::matches;
    }
  }
  throw Error(ErrorCode::conflict, "every other name for it is taken, too");
}

std::size_t RestorePlan::archive_of(const catalog::CopyPlace& place) {
  const auto [known, is_new] = by_bundle_.emplace(place.bundle.id, archives.size());
  if (is_new) {
    archives.push_back({.bundle = place.bundle.id, .place = to_extent(place).archive});
  }
  return known->second;
}

void RestorePlan::find_copies() {
  std::vector<std::size_t> order(contents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto number_of = [&](std::size_t which) { return contents[which].content.number; };
  std::ranges::sort(order, {}, number_of);
  std::vector<catalog::ContentId> numbers;
  numbers.reserve(order.size());
  for (const std::size_t which : order) {
    numbers.push_back(catalog::ContentId{number_of(which)});
  }
  context_.ledger.places_to_read(numbers, [&](std::size_t which, const catalog::CopyPlace& place) {
    add_copy(contents[order[which]], place);
  });
}

void RestorePlan::add_copy(RestoreContent& content, const catalog::CopyPlace& place) {
  const RestoreCopy copy{.archive = archive_of(place),
                         .data_offset = place.copy.data_offset,
                         .stored_size = place.copy.stored_size,
                         .sparse = place.copy.sparse};
  try {
    (void)spot_of(copy);
    content.copies.push_back(copy);
  } catch (const Error& error) {
    content.why = error.what();
  }
}

void RestorePlan::drop(std::size_t content, const RestoreCopy& copy) {
  dropped_.emplace(content, copy.archive);
  std::erase_if(contents[content].copies,
                [&](const RestoreCopy& each) { return each.archive == copy.archive; });
}

bool RestorePlan::add_damaged(std::size_t content,
                              const std::function<bool(const std::string& label)>& here) {
  RestoreContent& wanted = contents[content];
  const std::size_t before = wanted.copies.size();
  const catalog::ContentId id{wanted.content.number};
  for (const catalog::Ledger::Damaged& damaged : context_.ledger.damaged(id)) {
    if (here(damaged.place.medium.label) &&
        !dropped_.contains({content, archive_of(damaged.place)})) {
      add_copy(wanted, damaged.place);
    }
  }
  return wanted.copies.size() > before;
}

catalog::Metadata RestorePlan::metadata_of(const RestoreItem& item) const {
  if (item.metadata_set != MetadataSets::kNotKept) {
    return metadata_sets_.get(item.metadata_set, item.mtime_ns);
  }
  const auto version = context_.tree.version(item.version);
  // A directory that no scan has looked at has no version of its own.
  if (!version) {
    catalog::Metadata metadata;
    metadata.mode = S_IFDIR | 0755;
    return metadata;
  }
  return version->metadata;
}

recall::Spot RestorePlan::spot_of(const RestoreCopy& copy) const {
  return recall::spot_in(archives[copy.archive].place, copy.data_offset);
}

recall::Extent RestorePlan::extent_of(const RestoreCopy& copy) const {
  return {.archive = archives[copy.archive].place,
          .data_offset = copy.data_offset,
          .stored_size = copy.stored_size,
          .sparse = copy.sparse};
}

RestorePlan::Sweeps RestorePlan::sweep(
    const std::vector<std::size_t>& wanted,
    const std::function<bool(const std::string& label)>& here) const {
  Sweeps found;
  found.left_over = wanted;
  for (;;) {
    std::map<std::string, std::uint64_t> bytes;
    for (const std::size_t number : found.left_over) {
      std::set<std::string> media;
      for (const RestoreCopy& copy : contents[number].copies) {
        media.insert(archives[copy.archive].place.medium_label);
      }
      for (const std::string& label : media) {
        add_capped(bytes[label], contents[number].content.size);
      }
    }
    std::erase_if(bytes, [&](const auto& medium) { return !here(medium.first); });
    const auto best =
        std::max_element(bytes.begin(), bytes.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == bytes.end()) {
      return found;
    }
    RestoreSweep sweep;
    sweep.label = best->first;
    std::erase_if(found.left_over, [&](std::size_t number) {
      for (const RestoreCopy& copy : contents[number].copies) {
        if (archives[copy.archive].place.medium_label == sweep.label) {
          sweep.reads.push_back({number, copy});
          add_capped(sweep.bytes, contents[number].content.size);
          return true;
        }
      }
      return false;
    });
    std::sort(sweep.reads.begin(), sweep.reads.end(), [&](const auto& a, const auto& b) {
      return std::pair(archives[a.copy.archive].place.first_block, a.copy.data_offset) <
             std::pair(archives[b.copy.archive].place.first_block, b.copy.data_offset);
    });
    found.sweeps.push_back(std::move(sweep));
  }
}

}  // namespace mixtape::service
