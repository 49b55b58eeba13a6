// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "tests/service/claims_fixture.h"
#include "tests/service/troubled_process.h"
#include "tests/support/counted_cases.h"
#include "tests/support/fate_steps.h"

// A small world in which a command meets trouble at each of its changes, and what must be true of
// it at any time.

namespace mixtape::service {

class ServiceCrashTest : public ClaimsTest, public testing::WithParamInterface<test::Fate> {
 protected:
  // Runs `command` on the home as it is now, with `fate` at its change 0, 1, 2, ...: `check` looks
  // at what is left. The next run is killed, elsewhere. Then it runs in peace, and `settled` looks.
  void everywhere(test::Fate fate, const std::function<void()>& command,
                  const std::function<void()>& check, const std::function<void()>& settled) {
    reopen();
    const std::filesystem::path before = directory_ / "before";
    const bool there = std::filesystem::exists(home());
    if (there) {
      copy_tree(home(), before);
    }
    const std::uint64_t stride = fate == test::Fate::killed ? death_stride() : test::fate_step();
    std::uint64_t change = test::fate_first(stride);
    std::map<std::string, std::uint64_t> said;
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    test::CountedCases cases(std::string(test->name()) + " " + test->test_suite_name());
    for (bool met = true; met && !HasFailure(); change += stride) {
      std::filesystem::remove_all(home());
      if (there) {
        copy_tree(before, home());
      }
      cases.run([&] {
        const test::Ending ending = run(fate, change, command, check);
        SCOPED_TRACE(test::name_of(fate) + std::to_string(change) + ": " + ending.error);
        met = ending.met;
        if (met) {
          ++said[ending.error];
        }
        (void)run(test::Fate::killed, change * kStride % kMostChanges, command, check);
        command();
        settled();
        reopen();
      });
    }
    EXPECT_GT(change, 5U);
    cases.set_note("at every " + std::to_string(stride) + ". of " + std::to_string(change) +
                   " changes on disk");
    for (const auto& [error, times] : said) {
      std::cout << times << " times: " << (error.empty() ? "no error" : error) << "\n";
    }
  }

  // Commands that make very many changes skip some.
  [[nodiscard]] virtual std::uint64_t death_stride() const { return 1; }

 private:
  // Primes, so that the second death wanders over the command.
  static constexpr std::uint64_t kStride = 37;
  static constexpr std::uint64_t kMostChanges = 101;

  test::Ending run(test::Fate fate, std::uint64_t change, const std::function<void()>& command,
                   const std::function<void()>& check) {
    test::Ending ending = test::meets(fate, change, command);
    SCOPED_TRACE(test::name_of(fate) + std::to_string(change) + ": " + ending.error);
    now_s_ += 1000;
    check();
    reopen();
    return ending;
  }
};

}  // namespace mixtape::service
