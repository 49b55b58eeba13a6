// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

// A process that is killed between any two changes that it makes on disk, whoever in it makes them:
// the drive, SQLite, staging, the cache.

namespace mixtape::test {

// Runs `work` in a process of its own, which is gone before its change number `change` (from 0);
// true when it came to its end before. Fails the test when it threw. The caller has no other
// threads, and nothing open that `work` changes.
//
// What counts: a name made, moved or removed; a file cut or made durable; writing, once for each
// file in a row, because a part of it is what SQLite and the drives have tests of their own for.
bool survives(std::uint64_t change, const std::function<void()>& work);

}  // namespace mixtape::test
