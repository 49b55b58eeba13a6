// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>

// A process to which something happens between any two changes that it makes on disk, whoever in it
// makes them: the drive, SQLite, staging, the cache.
//
// What counts as a change: a name made, moved or removed; a file cut or made durable; writing, once
// for each file in a row, because a part of it is what SQLite and the drives have tests of their
// own for.

namespace mixtape::test {

enum class Fate {
  killed,      // It is gone before the change.
  disk_full,   // From the change on nothing that needs room is done: ENOSPC.
  fails_once,  // The change alone is not done: EIO.
};
inline constexpr Fate kFates[] = {Fate::killed, Fate::disk_full, Fate::fails_once};
[[nodiscard]] const char* name_of(Fate fate);
// For INSTANTIATE_TEST_SUITE_P.
[[nodiscard]] std::string fate_of_case(const testing::TestParamInfo<Fate>& info);

struct Ending {
  bool met = false;        // It came to that change.
  std::string error = {};  // What it threw, an Error; nothing else is allowed to it.
};

// Runs `work` in a process of its own, to which `fate` happens at its change number `change` (from
// 0). Fails the test when it threw what is no Error, or died otherwise. The caller has no other
// threads, and nothing open that `work` changes.
Ending meets(Fate fate, std::uint64_t change, const std::function<void()>& work);

}  // namespace mixtape::test
