// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

// archaeology/unmixtape.c, which shares no line with the rest, as a witness: what it gives out of a
// medium that is a directory.

namespace mixtape::test {

struct Witnessed {
  int ended = 0;  // 0: all is good; see its usage.
  std::map<std::string, std::string>
      files;  // Path in the catalog: bytes. Damaged ones are not here.
  std::string said;
};

// `into` is made, and gone afterwards. Fails the test when it dies of a signal, or is not through
// within a minute.
[[nodiscard]] Witnessed witness(const std::filesystem::path& identity,
                                const std::filesystem::path& medium,
                                const std::filesystem::path& into);

}  // namespace mixtape::test
