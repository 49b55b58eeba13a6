// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

using Choice = Rules::Choice;
using Reach = Pattern::Reach;

bool matches(std::string_view pattern, std::string_view path) {
  return Pattern(pattern).matches(path);
}

Choice choose(const Rules& rules, std::string_view path) {
  return rules.decide(path).choice;
}

TEST(PatternTest, MatchesTheWholePathAndNothingLess) {
  EXPECT_TRUE(matches("home/me/a.raw", "home/me/a.raw"));
  EXPECT_FALSE(matches("a.raw", "home/me/a.raw"));
  EXPECT_FALSE(matches("home/me/a", "home/me/a.raw"));
  EXPECT_FALSE(matches("*.raw", "home/a.raw"));
}

TEST(PatternTest, CoversEverythingBelowWhatItMatches) {
  EXPECT_TRUE(matches("home/*/cache", "home/me/cache/deep/down"));
  EXPECT_FALSE(matches("home/*/cache", "home/me/cached"));
}

TEST(PatternTest, IgnoresOuterSlashes) {
  EXPECT_TRUE(matches("/home/me/", "home/me"));
  EXPECT_EQ(Pattern("/home/me/").text(), "/home/me/");
}

TEST(PatternTest, AStarStaysInsideItsComponent) {
  EXPECT_TRUE(matches("a/*/c", "a/b/c"));
  EXPECT_FALSE(matches("a/*/c", "a/b/b/c"));
  EXPECT_TRUE(matches("a*b*c", "a--b-bb--c"));
  EXPECT_FALSE(matches("a*b*c", "a--b-bb--"));
  EXPECT_TRUE(matches("*", "anything"));
}

TEST(PatternTest, TwoStarsStandForAnyNumberOfDirectories) {
  EXPECT_TRUE(matches("**/*.tmp", "x.tmp"));
  EXPECT_TRUE(matches("**/*.tmp", "a/b/x.tmp"));
  EXPECT_TRUE(matches("a/**/z", "a/z"));
  EXPECT_TRUE(matches("a/**/z", "a/b/c/z"));
  EXPECT_FALSE(matches("a/**/z", "b/a/z"));
  EXPECT_TRUE(matches("**/a/**/b", "x/a/y/a/b"));
}

TEST(PatternTest, TwoStarsAtTheEndNeedAtLeastOneComponent) {
  EXPECT_FALSE(matches("a/**", "a"));
  EXPECT_EQ(Pattern("a/**").reach("a"), Reach::leads);
  EXPECT_TRUE(matches("a/**", "a/b"));
  EXPECT_TRUE(matches("**", "a"));
  EXPECT_EQ(Pattern("**").reach(""), Reach::leads);
}

TEST(PatternTest, SetsAndEscapesMatchSingleBytes) {
  EXPECT_TRUE(matches("[a-c]x", "bx"));
  EXPECT_FALSE(matches("[a-c]x", "dx"));
  EXPECT_TRUE(matches("[!a-c]x", "dx"));
  EXPECT_TRUE(matches("[]]", "]"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("\\*", "a"));
  EXPECT_TRUE(matches("?", "\xff"));
  EXPECT_TRUE(matches("[\x80-\xff]", "\xc3"));
}

TEST(PatternTest, TellsWhichDirectoriesLeadToMatches) {
  const Pattern pattern("home/*/Photos");
  EXPECT_EQ(pattern.reach(""), Reach::leads);
  EXPECT_EQ(pattern.reach("home"), Reach::leads);
  EXPECT_EQ(pattern.reach("home/me"), Reach::leads);
  EXPECT_EQ(pattern.reach("home/me/Photos"), Reach::covers);
  EXPECT_EQ(pattern.reach("home/me/Music"), Reach::none);
  EXPECT_EQ(pattern.reach("srv"), Reach::none);
}

TEST(PatternTest, RefusesWhatCanMatchNothing) {
  for (const char* text : {"", "/", "a//b", "a/../b", "./a", "[a", "a/[b/c]", "x\\"}) {
    EXPECT_THROW(Pattern{text}, Error) << text;
  }
  std::string deep = "a";
  for (int i = 1; i < 63; ++i) {
    deep += "/a";
  }
  EXPECT_TRUE(matches(deep, deep));
  EXPECT_THROW(Pattern(deep + "/a"), Error);
}

TEST(PatternTest, ManyStarsDoNotExplode) {
  std::string pattern, name(250, 'a');
  for (int i = 0; i < 60; ++i) {
    pattern += "*a";
  }
  EXPECT_FALSE(matches(pattern + "b", name));
}

TEST(RulesTest, WithoutIncludesEverythingIsTaken) {
  const Rules rules({}, {"**/*.tmp"});
  EXPECT_EQ(choose(rules, "a/b"), Choice::taken);
  EXPECT_EQ(choose(rules, "a/b.tmp"), Choice::excluded);
}

TEST(RulesTest, ExcludeBeatsInclude) {
  const Rules rules({"home/me/**"}, {"home/me/cache"});
  EXPECT_EQ(choose(rules, "home/me/a"), Choice::taken);
  EXPECT_EQ(choose(rules, "home/me/cache"), Choice::excluded);
  EXPECT_EQ(choose(rules, "home/me/cache/a"), Choice::excluded);
  EXPECT_EQ(choose(rules, "home"), Choice::leads);
  EXPECT_EQ(choose(rules, "srv"), Choice::not_included);
}

// B.1-24: the order of options means nothing.
TEST(RulesTest, NoOrderOfPatternsChangesADecision) {
  std::vector<std::string> include{"a/**", "b/*/c", "**/*.raw"};
  std::vector<std::string> exclude{"a/x", "**/cache", "b/[0-9]/**"};
  const std::vector<std::string> paths{"a",       "a/x/y",         "a/y",     "b/1/c",
                                       "b/z/c/d", "q/cache/a.raw", "q/a.raw", "q"};
  std::vector<Choice> expected;
  const Rules first(include, exclude);
  for (const std::string& path : paths) {
    expected.push_back(choose(first, path));
  }
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(include.begin(), include.end(), random);
    std::shuffle(exclude.begin(), exclude.end(), random);
    const Rules rules(include, exclude);
    for (std::size_t i = 0; i < paths.size(); ++i) {
      EXPECT_EQ(choose(rules, paths[i]), expected[i]) << paths[i];
    }
  }
}

TEST(RulesTest, ExplainNamesTheRuleThatDecided) {
  const Rules rules({"home/**"}, {"**/*.tmp"});
  EXPECT_EQ(rules.explain("home/a.tmp"), "/home/a.tmp: left out by exclude '**/*.tmp'");
  EXPECT_EQ(rules.explain("home/a"), "/home/a: taken by include 'home/**'");
  EXPECT_EQ(rules.explain("srv"), "/srv: left out, no include matches");
  EXPECT_EQ(rules.explain("home"),
            "/home: not taken itself; a directory here is searched for include 'home/**'");
  EXPECT_EQ(Rules().explain("a"), "/a: taken, no exclude matches and everything is included");
}

}  // namespace
}  // namespace mixtape::archive
