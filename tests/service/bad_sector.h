// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// A file that opens as ever and fails when it is read, as one on a dying disk does. While such an
// object is there, read and pread of this program fail with EIO for that file.
//
// Threads: one at a time; any thread may read meanwhile.

namespace mixtape::test {

class BadSector {
 public:
  explicit BadSector(const std::string& file);
  ~BadSector();
  BadSector(const BadSector&) = delete;
  BadSector& operator=(const BadSector&) = delete;
};

}  // namespace mixtape::test
