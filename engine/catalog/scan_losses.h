// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/tree.h"
#include "engine/catalog/types.h"

// state.db: what a scan of archives could not read. No catalog can hold it, since nobody knows what
// it was; without a note of it everything that is known would look like everything there was.
//
// A note counts until the tape file is read whole, or an index tells what is in it. Of two scans of
// one tape file the one that lost less is remembered: what either read is in the catalog.
//
// Threads: belongs to its connection.

namespace mixtape::catalog {

// Of one tape file, and of one read to its end: nothing.
struct ScanLoss {
  enum class What : int {
    archive = 0,  // Of it `files` are lost that could be named, and `gaps` stretches without names.
    unopened = 1,  // All of it, whatever it was.
    index = 2,     // It stands where the newest index must be, and cannot be read.
    unread = 3,    // The scan ended in front of it.
  };
  std::uint64_t tape_file = 0;
  What what{};
  std::uint64_t files = 0, gaps = 0;
  std::vector<std::string> names;  // The first kMostNames of the files.
  static constexpr std::size_t kMostNames = 1000;
  [[nodiscard]] bool is_nothing() const { return what == What::archive && files + gaps == 0; }
};

// Of a medium, all its tape files together.
struct MediumLoss {
  std::string medium;           // Label.
  std::int64_t found_s = 0;     // The last time.
  std::uint64_t files = 0;      // Of which the catalog has nothing at all.
  std::uint64_t elsewhere = 0;  // Others: there is some version of their names.
  std::uint64_t gaps = 0;
  std::vector<std::string> names;                          // The first kMostNames of `files`.
  std::vector<std::uint64_t> unopened;                     // Tape files.
  std::optional<std::uint64_t> unread_from, unread_index;  // Likewise.
  static constexpr std::size_t kMostNames = 10;
};

class ScanLosses {
 public:
  // A connection with state.db attached, or open_state's.
  explicit ScanLosses(Database& database) : database_(database) {}

  void note(const Uuid& medium, std::int64_t now_s, std::span<const ScanLoss> losses);
  // An index tells all there is up to this tape file.
  void told(const Uuid& medium, std::uint64_t up_to);
  // The tape files of which another scan may read more. Indexes are none of them: whoever looks for
  // the newest one tries them anyway.
  [[nodiscard]] std::set<std::uint64_t> to_read_again(const Uuid& medium);

  // Of media in use, by label; what an index of any medium tells by now is left out. Needs the
  // catalog. Cost: one look-up a name.
  [[nodiscard]] std::vector<MediumLoss> by_medium(Tree& tree);

 private:
  [[nodiscard]] bool is_worse(const Uuid& medium, const ScanLoss& loss);
  void add_names(const Uuid& medium, std::uint64_t file, std::uint64_t files, Tree& tree,
                 MediumLoss& sum);

  Database& database_;
};

}  // namespace mixtape::catalog
