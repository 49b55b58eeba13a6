// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/format/age_keys.h"
#include "engine/format/tar.h"
#include "tapeio/tape_drive.h"

// An archive as a reader with the key finds it on a medium.

namespace mixtape::test {

struct FoundMember {
  format::TarReader::Found found;
  std::string data;
};

struct FoundArchive {
  std::map<std::string, FoundMember> members;  // Whole ones, by name.
  std::vector<std::string> order;
  std::uint64_t records = 0;
  std::uint64_t plain_bytes = 0;
  bool proper_end = false;  // Two zero blocks; false: the last member was cut.
};

// Reads the tape file under the head, to its end; throws when a chunk is not authentic or the age
// file is cut.
FoundArchive read_archive(tapeio::TapeDrive& drive, std::size_t record_size,
                          const format::Identity& identity);

}  // namespace mixtape::test
