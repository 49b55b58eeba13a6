// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tapeio/dir_layout.h"

// The tape files in the directory of a medium as they lie there, judged by nobody: also those of
// one that is damaged or being written. Files that are missing can have stand-ins, named
// NUMBER.lost; an empty one beside the file itself is of no account.
//
// Threads: none.
// Errors:  throws Error{io} when the directory cannot be listed, Error{corrupt} for more files than
//          a medium can have.
// Cost:    one stat a tape file.

namespace mixtape::tapeio {

struct FoundFile {
  TapeFileName parsed;
  std::string name;
  FileIdentity identity;
  bool is_regular;
};
[[nodiscard]] FileIdentity identity_of(const struct stat& status);

// All that bears a tape file's name, by number. Files that vanish meanwhile are left out.
[[nodiscard]] std::vector<FoundFile> find_tape_files(const std::string& medium_path);
// What the medium occupies.
[[nodiscard]] std::uint64_t used_bytes_of_medium(const std::string& medium_path);

[[nodiscard]] std::string stand_in_name(std::uint64_t number);
// Takes out the empty stand-ins of files that are there, and returns their names. `finished`, here
// and below: by number, without those under way.
std::vector<std::string> drop_idle_stand_ins(std::vector<FoundFile>& finished);

// The numbers that no file has though later ones have files, in order; of a hostile directory the
// first ten thousand.
[[nodiscard]] std::vector<std::uint64_t> gaps_in(const std::vector<FoundFile>& finished);
[[nodiscard]] std::vector<std::uint64_t> missing_tape_files(const std::string& medium_path);
// "tape files 3, 4 are missing".
[[nodiscard]] std::string missing_tape_files_text(const std::vector<std::uint64_t>& missing);
inline constexpr std::size_t kMostGapsNamed = 100;

}  // namespace mixtape::tapeio
