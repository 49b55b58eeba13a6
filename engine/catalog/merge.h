// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/catalog/ledger.h"
#include "engine/catalog/rows.h"
#include "engine/catalog/snapshot.h"

// Adds what one index knows to a catalog, by natural keys. Private to this room.
//
// Every rule gives the same result whichever side comes first: unions; the larger of two stamps; of
// two states the one with the later stamp, and without one the more careful (bad, ended). Only what
// another catalog says of a medium that is known here does not count, however late it is, and a
// medium is for ever of the kind and record size that it was first known with.
//
// Memory: two numbers per path and content of the index.
// Errors: throws Error{corrupt}.

namespace mixtape::catalog {

class Merge {
 public:
  // `source` is attached to `catalog` under that name, and sound. Runs in the caller's transaction.
  Merge(Database& catalog, const FoundIndex& found);
  void run();
  // Where the paths of another catalog stand: "@NAME". Empty for an index of the same catalog.
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  // A bundle of the index whose archive is known to exist.
  struct HeldBundle {
    std::int64_t id = 0;            // In the catalog.
    std::uint64_t plain_bytes = 0;  // Copies behind do not exist.
    bool committed = false;         // The index says so; otherwise the medium was looked at.
    bool known = false;             // The catalog had it as written before.
    bool corrected = false;         // Something that was concluded from its plan is taken back.
    // A plan adds nothing to what is known of a bundle after it was written.
    [[nodiscard]] bool adds_copies() const { return committed || !known; }
    std::optional<std::int64_t> low, high;  // Content numbers of the copies that were added.
  };
  using Numbers = std::unordered_map<std::int64_t, std::int64_t>;

  void find_directory();
  void merge_jobs();
  void renumber_jobs(const std::vector<std::pair<std::int64_t, std::int64_t>>& numbers);
  void merge_media();
  [[nodiscard]] std::string free_label(const Uuid& uuid, const std::string& label);
  void merge_roots();
  void merge_attributes();
  void merge_paths();
  void merge_bundles();
  void learn_hashes();
  [[nodiscard]] Numbers unhashed_by_place();
  void merge_contents();
  [[nodiscard]] bool placed(std::int64_t content);
  void merge_copies();
  void merge_copy(const Statement& row, HeldBundle& bundle);
  [[nodiscard]] bool doubt_written(std::int64_t content);
  void forget_superseded();
  void merge_versions();
  void merge_known_version(const VersionRow& theirs, const VersionRow& ours);
  void add_version(const VersionRow& theirs);
  [[nodiscard]] std::int64_t node_of(const VersionRow& theirs, std::int64_t path, std::int64_t job,
                                     std::int64_t content);
  [[nodiscard]] std::optional<VersionRow> translated(const VersionRow& theirs) const;
  void merge_symlinks();
  void merge_directories();
  void merge_meta();

  Database& catalog_;
  const FoundIndex& found_;
  Ledger ledger_;
  Statement write_copy_, add_version_, take_node_;
  std::string directory_;
  Numbers jobs_, media_, roots_, attributes_, paths_, contents_;
  std::unordered_map<std::int64_t, HeldBundle> bundles_;
  // Contents without hash that lost their only place: the index knows what they were.
  std::vector<std::int64_t> superseded_;
  // Inode numbers of the index that several versions share, and the version that has it here.
  std::unordered_map<std::uint64_t, std::optional<VersionRow>> shared_inodes_;
};

// The number that `key` has in `numbers`; nullopt for what was left out.
[[nodiscard]] inline std::optional<std::int64_t> translate(
    const std::unordered_map<std::int64_t, std::int64_t>& numbers, std::int64_t key) {
  const auto found = numbers.find(key);
  return found == numbers.end() ? std::nullopt : std::optional(found->second);
}

// A label without the mark that it got because another medium has it too.
[[nodiscard]] std::string unmarked(const std::string& label, const Uuid& uuid);

// What scans of archives told, and an index tells as well, leaves the catalog.
void settle_scanned(Database& catalog);

// Copies of a bundle that lie behind the end of its archive are forgotten.
void drop_copies_behind(Database& catalog, std::int64_t bundle, std::uint64_t plain_bytes);

}  // namespace mixtape::catalog
