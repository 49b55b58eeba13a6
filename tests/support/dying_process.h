// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace mixtape::test {

// Runs `work` in a process of its own, which may die (death.h). The caller has no other threads,
// and nothing open that `work` changes. Fails the test when it throws, or ends otherwise.
// True: it died.
[[nodiscard]] bool dies(const std::function<void()>& work);

// Before the commit of that number, from 0, among all of databases that this process opens from now
// on, it dies. Who only reads commits nothing.
void die_before_commit(std::uint64_t number);

}  // namespace mixtape::test
