// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/catalog/types.h"
#include "engine/recall/extent.h"
#include "engine/recall/extent_map.h"
#include "engine/service/context.h"
#include "engine/service/destination.h"
#include "engine/service/metadata_sets.h"
#include "engine/service/restore.h"

// What a restore will do, decided from the catalog and the destination before anything moves.
//
// Threads: none.
// Memory:  two hundred bytes and the path for each file; metadata that only one file has stay in
//          the catalog.

namespace mixtape::service {

// A path that will be made.
struct RestoreItem {
  std::string target;  // Below the destination.
  catalog::VersionKey version;
  std::uint32_t mode = 0;
  Existing existing = Existing::keep;
  std::uint64_t inode = 0;  // Of a file with several names; 0: it has no other.
  // What a file carries, as far as the plan keeps it.
  std::uint32_t metadata_set = MetadataSets::kNotKept;
  std::int64_t mtime_ns = 0;
};

// Where one copy of a content is; the archive by its number in the plan.
struct RestoreCopy {
  std::size_t archive = 0;
  std::uint64_t data_offset = 0;
  std::uint64_t stored_size = 0;
  bool sparse = false;
};

// A content and every file that wants it.
struct RestoreContent {
  recall::Content content;
  std::vector<std::size_t> items;
  std::size_t settled = 0;          // So many of the items are made or have their trouble.
  std::vector<RestoreCopy> copies;  // Not tried yet; the preferred first.
  std::string why;                  // What was wrong with the last one tried.

  [[nodiscard]] bool is_settled() const { return settled == items.size(); }
};

struct RestoreArchive {
  catalog::BundleId bundle{};
  recall::Archive place;
};

// What one load of a medium brings: contents in the order of their place until restore_order.h has
// a better one, each with its first copy there.
struct RestoreSweep {
  std::string label;
  struct Read {
    std::size_t content;
    RestoreCopy copy;
  };
  std::vector<Read> reads;
  std::uint64_t bytes = 0;
};

class RestorePlan {
 public:
  // Troubles and what needs no doing go into `result`.
  RestorePlan(Context& context, const RestoreRequest& request, Destination& destination,
              RestoreResult& result);

  std::vector<RestoreItem> items;  // A directory before what is in it.
  std::vector<RestoreContent> contents;
  std::vector<RestoreArchive> archives;
  // By inode: a name under which a file with several names is there as the archive has it. All its
  // other names become links to that one.
  std::unordered_map<std::uint64_t, std::string> names;
  std::uint64_t needed_bytes = 0;  // On the disk.

  // From the catalog where it is not kept.
  [[nodiscard]] catalog::Metadata metadata_of(const RestoreItem& item) const;
  [[nodiscard]] recall::Extent extent_of(const RestoreCopy& copy) const;
  [[nodiscard]] recall::Spot spot_of(const RestoreCopy& copy) const;

  // The fewest media, as far as a greedy choice finds them, for these contents. What has no copy on
  // a medium that is here is left over.
  struct Sweeps {
    std::vector<RestoreSweep> sweeps;
    std::vector<std::size_t> left_over;
  };
  [[nodiscard]] Sweeps sweep(const std::vector<std::size_t>& wanted,
                             const std::function<bool(const std::string& label)>& here) const;

  // The copy was read, and is no good: this restore reads it no more.
  void drop(std::size_t content, const RestoreCopy& copy);
  // Adds the copies that are noted as damaged on media that are `here`, without those dropped.
  // False: there are none. Not while a sweep is read.
  bool add_damaged(std::size_t content, const std::function<bool(const std::string& label)>& here);

 private:
  void tell_never_written(catalog::PathId below);
  void take(const std::string& path, const catalog::Version& version);
  void take_file(const std::string& path, const catalog::Version& version);
  // What is to be done about item.target: make it; nothing, because it is there as archived; or
  // nothing, because something else is there and stays.
  enum class Verdict { make, matches, stays };
  Verdict judge(RestoreItem& item, const std::string& path, const catalog::Version& version);
  Verdict judge_conflict(RestoreItem& item, const struct stat& there, const std::string& path,
                         const catalog::Version& version);
  Verdict find_free_name(RestoreItem& item, const std::string& path,
                         const catalog::Version& version);
  [[nodiscard]] bool matches(const struct stat& there, const std::string& target,
                             const catalog::Version& version);
  void find_copies();
  void add_copy(RestoreContent& content, const catalog::CopyPlace& place);
  std::size_t archive_of(const catalog::CopyPlace& place);

  Context& context_;
  const RestoreRequest& request_;
  Destination& destination_;
  RestoreResult& result_;
  std::unordered_map<std::int64_t, std::size_t> by_content_;
  std::unordered_set<std::uint64_t> inodes_;  // With several names, of which one will be made.
  std::map<catalog::BundleId, std::size_t> by_bundle_;
  MetadataSets metadata_sets_;
  std::set<std::pair<std::size_t, std::size_t>> dropped_;  // Contents, and archives.
};

// A sum of sizes that an index tells, which may be any: it stays at the largest number and never
// begins anew with a small one that would fit onto the disk.
void add_capped(std::uint64_t& sum, std::uint64_t more);

// Adds a trouble to the result; only the first ones are kept in words.
void add_trouble(RestoreResult& result, const std::string& path, const std::string& why);

}  // namespace mixtape::service
