// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "tapeio/bytes.h"
#include "tapeio/tape_drive.h"
#include "tests/support/patterns.h"

// What the tests of simulated libraries put onto their cartridges, and how large these are.

namespace mixtape::tapeio::lto {

inline constexpr std::uint64_t kCapacity = 16 * MiB;
inline constexpr std::size_t kRecord = 64 * KiB;

// So many tape files of so many records each, from where the head stands.
inline void write_files(TapeDrive& drive, int files, int records) {
  for (int file = 0; file < files; ++file) {
    for (int record = 0; record < records; ++record) {
      ASSERT_TRUE(drive.write_record(test::pattern(kRecord)).written);
    }
    ASSERT_TRUE(drive.write_filemark().written);
  }
}

}  // namespace mixtape::tapeio::lto
