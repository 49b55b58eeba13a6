// SPDX-License-Identifier: Apache-2.0
#include "engine/service/salvage_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

// Which copies go together, with contents of a few letters: '.' is a hole, and the right content is
// nothing but 'a'.

namespace mixtape::service {
namespace {

using Kind = SalvageChoice::Attempt::Kind;
using testing::SizeIs;

struct Salvaged {
  std::string kept;
  std::vector<SalvageChoice::Attempt> attempts;
};

Salvaged salvage(const std::vector<std::string>& copies, std::vector<bool> known = {}) {
  known.resize(copies.size());
  SalvageChoice choice(known);
  Salvaged result;
  result.kept = std::string(copies.front().size(), '.');
  while (const auto attempt = choice.next()) {
    result.attempts.push_back(*attempt);
    EXPECT_LT(result.attempts.size(), 50U) << "it does not end";
    if (result.attempts.size() >= 50) {
      break;
    }
    std::string made =
        attempt->kind == Kind::fill ? result.kept : std::string(result.kept.size(), '.');
    SalvageChoice::Outcome outcome;
    for (const std::size_t copy : attempt->copies) {
      const std::string before = made;
      for (std::size_t i = 0; i < made.size(); ++i) {
        made[i] = made[i] == '.' ? copies[copy][i] : made[i];
      }
      if (made != before) {
        outcome.from.push_back(copy);
      }
    }
    outcome.lost = static_cast<std::uint64_t>(std::ranges::count(made, '.'));
    outcome.had = made.size() - outcome.lost;
    outcome.is_right = made == std::string(made.size(), 'a');
    if (choice.judge(*attempt, outcome)) {
      result.kept = made;
    }
  }
  return result;
}

TEST(SalvageChoiceTest, CopiesWithOtherHolesAreReadOnceAndTogether) {
  const Salvaged result = salvage({"aa.a", "a.aa"});
  EXPECT_EQ(result.kept, "aaaa");
  EXPECT_THAT(result.attempts, SizeIs(1));
}

TEST(SalvageChoiceTest, WhatEachHasIsKeptWhereAHoleStays) {
  EXPECT_EQ(salvage({"a..a", "...a", "aa.."}).kept, "aa.a");
}

TEST(SalvageChoiceTest, AWrongCopyHidesNoGoodBytes) {
  EXPECT_EQ(salvage({"bbbb", "aa.a"}).kept, "aa.a");
  EXPECT_EQ(salvage({"bbbb", "aa.a"}, {true, false}).kept, "aa.a");
  EXPECT_EQ(salvage({"aa.a", "bbbb"}).kept, "aa.a");
  EXPECT_EQ(salvage({"bbbb", "aa.a", "a..a"}).kept, "aa.a");
}

TEST(SalvageChoiceTest, AWrongCopyMayHaveTheRightBytesInAHole) {
  EXPECT_EQ(salvage({"baaa", "aa.a"}).kept, "aaaa");
  EXPECT_EQ(salvage({"baaa", "aa.a"}, {true, false}).kept, "aaaa");
}

TEST(SalvageChoiceTest, TheOthersAreWholeWithoutAWrongCopy) {
  EXPECT_EQ(salvage({"bbbb", "aa.a", "a.aa"}).kept, "aaaa");
  // Nobody can tell it from its own bytes.
  EXPECT_EQ(salvage({"b.bb", "aa.a", ".aaa"}).kept, "aaaa");
}

TEST(SalvageChoiceTest, WhatDoesNotGoTogetherIsNotMixed) {
  EXPECT_EQ(salvage({"b.bb", "aa.."}).kept, "b.bb");
  EXPECT_EQ(salvage({"b..b", "aaa."}).kept, "aaa.");
}

TEST(SalvageChoiceTest, AWrongCopyIsBetterThanNothing) {
  EXPECT_EQ(salvage({"....", "bbbb"}).kept, "bbbb");
  EXPECT_EQ(salvage({"....", "bbbb"}, {false, true}).kept, "bbbb");
  EXPECT_EQ(salvage({"bbbb", "cccc"}).kept, "bbbb");
}

TEST(SalvageChoiceTest, AKnownWrongCopyIsReadAloneWhenItMayBeRightNow) {
  EXPECT_EQ(salvage({"aaaa"}, {true}).kept, "aaaa");
}

}  // namespace
}  // namespace mixtape::service
