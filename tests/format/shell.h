// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdio>
#include <string>

// Commands as a person would type them, for tests of what other programs make of our files.

namespace mixtape::format::test {

struct Ran {
  int status = 0;      // 0: success.
  std::string output;  // Of both streams.
};

inline Ran run(const std::string& command) {
  Ran ran;
  std::FILE* const pipe = popen(("{ " + command + "\n} 2>&1 < /dev/null").c_str(), "r");
  if (pipe == nullptr) {
    return {-1, "cannot start a shell"};
  }
  std::array<char, 4096> piece;
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe)) {
    ran.output.append(piece.data(), got);
  }
  ran.status = pclose(pipe);
  return ran;
}

inline bool installed(const std::string& program) {
  return run(program + " --version").status == 0;
}

}  // namespace mixtape::format::test
