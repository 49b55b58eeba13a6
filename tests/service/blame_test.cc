// SPDX-License-Identifier: Apache-2.0
#include "engine/service/blame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace mixtape::service {
namespace {

// Errors of a tape in a drive: {"tape", "drive", errors}.
struct Used {
  char tape;
  char drive;
  std::uint64_t errors;
};

struct Case {
  const char* words;
  std::vector<Used> used;
  Blame of_first;
};

catalog::PairErrors pair_of(const Used& used) {
  catalog::PairErrors pair;
  pair.medium[0] = static_cast<std::byte>(used.tape);
  pair.serial = std::string(1, used.drive);
  pair.errors = used.errors;
  return pair;
}

const Case kCases[] = {
    {"alone, nobody knows", {{'a', '1', 3}}, Blame::either},
    {"bad in two drives", {{'a', '1', 3}, {'a', '2', 1}}, Blame::tape},
    {"bad in two drives, of which one is fine with another tape",
     {{'a', '1', 3}, {'a', '2', 1}, {'b', '1', 0}},
     Blame::tape},
    {"bad in two of three drives", {{'a', '1', 3}, {'a', '2', 1}, {'a', '3', 0}}, Blame::tape},
    {"the drive is fine with another tape", {{'a', '1', 3}, {'b', '1', 0}}, Blame::tape},
    {"the drive is bad with another tape", {{'a', '1', 3}, {'b', '1', 1}}, Blame::drive},
    {"the drive is bad with another tape and fine with a third",
     {{'a', '1', 3}, {'b', '1', 1}, {'c', '1', 0}},
     Blame::drive},
    {"the tape is fine in another drive", {{'a', '1', 3}, {'a', '2', 0}}, Blame::drive},
    {"fine on both sides", {{'a', '1', 3}, {'a', '2', 0}, {'b', '1', 0}}, Blame::either},
    {"bad on both sides", {{'a', '1', 3}, {'a', '2', 1}, {'b', '1', 1}}, Blame::either},
    {"others do not matter", {{'a', '1', 3}, {'b', '2', 1}, {'c', '3', 0}}, Blame::either},
};

TEST(BlameTest, CompanyTellsTheTapeFromTheDrive) {
  for (const Case& each : kCases) {
    std::vector<catalog::PairErrors> used;
    for (const Used& pair : each.used) {
      used.push_back(pair_of(pair));
    }
    const std::vector<BlamedErrors> blamed = blame(used);
    ASSERT_FALSE(blamed.empty()) << each.words;
    EXPECT_EQ(blame_text(blamed.front().blame), blame_text(each.of_first)) << each.words;
  }
}

TEST(BlameTest, WithoutErrorsNobodyIsBlamed) {
  EXPECT_TRUE(blame({pair_of({'a', '1', 0}), pair_of({'a', '2', 0})}).empty());
}

TEST(BlameTest, EachPairWithErrorsIsJudged) {
  const auto blamed =
      blame({pair_of({'a', '1', 2}), pair_of({'b', '1', 0}), pair_of({'b', '2', 5})});
  ASSERT_EQ(blamed.size(), 2U);
  EXPECT_EQ(blamed[0].blame, Blame::tape);
  EXPECT_EQ(blamed[1].blame, Blame::drive);
  EXPECT_EQ(blamed[1].pair.errors, 5U);
}

}  // namespace
}  // namespace mixtape::service
