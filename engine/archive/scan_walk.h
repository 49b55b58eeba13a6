// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/archive/metadata.h"
#include "engine/archive/pace.h"
#include "engine/archive/scan.h"
#include "engine/archive/scan_compare.h"
#include "engine/archive/scan_listing.h"
#include "tapeio/unique_fd.h"

// The walk behind scan(): one visit per directory, depth first, in archive order.
//
// Threads: none.

namespace mixtape::archive {

// A root that was found to be there.
struct ScanRoot {
  std::string path;  // As in the catalog, without symlinks.
  FileStat stat;
  std::uint64_t mounts_crossed = 0;  // Between "/" and it.
};

class Walk {
 public:
  Walk(const ScanRequest& request, const ScanCatalog* known, const Skips& skips, Reporter& reporter,
       Scan& result);

  // `roots` in archive order.
  void run(const std::vector<ScanRoot>& roots);

 private:
  using Known = catalog::Sources::Known;
  using Child = catalog::Sources::Child;

  // A directory on the way down.
  struct Place {
    Place* parent = nullptr;
    tapeio::UniqueFd fd;
    std::string path;
    std::optional<catalog::PathId> id;  // When the catalog ever saw it.
    FileStat stat;
    std::uint64_t mounts_crossed = 0;
    std::uint64_t root_device = 0;
    std::uint32_t root = 0;
    std::uint32_t depth = 0;
    Rules::Choice choice = Rules::Choice::taken;
    bool recorded = false;  // Directories that only lead somewhere wait until something is found.
    std::optional<Change> change;  // Its own, until then.
  };
  struct Subdirectory {
    std::string name;
    std::optional<catalog::PathId> id;
    Rules::Choice choice;
  };
  // With all that is below them.
  using GoneDirectories = std::vector<std::pair<std::string, catalog::PathId>>;

  // --- Going down (scan_walk.cc)
  void start(const ScanRoot& root, std::uint32_t number);
  void enter(Place& parent, const Subdirectory& below);
  [[nodiscard]] bool left_out(const std::string& path, const Place& place, const Place* parent);
  void visit(Place& place);
  std::vector<Subdirectory> merge(Place& place, const Listing& listing);
  void meet(Place& place, const Listing::Entry& entry, const std::string& path, const Child* known,
            std::vector<Subdirectory>& below);
  void miss(Place& place, const Child& known, const std::string& path, GoneDirectories& gone);
  void record_place(Place* place);
  void record_taken(Place& place);
  [[nodiscard]] bool seems_unmounted(const Place& place, const Listing& listing);

  // --- What is gone (scan_walk.cc)
  void end(const std::string& path, catalog::PathId id, std::uint32_t root);
  void end_below(const std::string& path, catalog::PathId id, std::uint32_t root);

  // --- What is there (scan_describe.cc)
  [[nodiscard]] std::optional<Change> describe(const std::string& path, const FileStat& stat,
                                               std::uint64_t mounts_crossed, const Child* child);
  [[nodiscard]] std::optional<Change> describe_changed(Change change, const FileStat& stat,
                                                       const Known* known);
  [[nodiscard]] bool describe_metadata(Change& change, const FileStat& stat, const Known* known);
  [[nodiscard]] bool check_readable(Change& change);
  void join_group(Change& change, const FileStat& stat, bool changed);
  void append(Change change, std::uint32_t root);
  // Of a path that is there; nullopt when it has ended, or was never there.
  [[nodiscard]] std::optional<Child> child_at(std::optional<catalog::PathId> id);

  void trouble(const std::string& path, const std::string& attempt, int error);
  void skip(const std::string& path, std::string_view why);
  Rules::Choice choose(const std::string& path);
  void breathe();  // Reports progress and stops when asked to.
  void stop_if_asked();

  const ScanRequest& request_;
  const ScanCatalog* catalog_;
  const Skips& skips_;
  Reporter& reporter_;
  Scan& result_;
  Pace pace_{kProgressInterval};
  OwnerNames names_;

  const std::vector<ScanRoot>* roots_ = nullptr;
  std::map<std::string, std::uint32_t, std::less<>> root_at_;  // By path.
  std::vector<bool> visited_;                                  // By root.
  struct InodeHash {
    std::size_t operator()(const std::pair<std::uint64_t, std::uint64_t>& file) const {
      return std::hash<std::uint64_t>()(file.second * 0x9e3779b97f4a7c15ULL ^ file.first);
    }
  };
  std::unordered_map<std::pair<std::uint64_t, std::uint64_t>, LinkGroupNumber, InodeHash> groups_;
  std::map<const Pattern*, std::uint64_t> decided_;  // How many names each pattern decided.
};

}  // namespace mixtape::archive
