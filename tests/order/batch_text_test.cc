// SPDX-License-Identifier: Apache-2.0
#include "engine/order/batch_text.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/errors.h"

namespace mixtape::order {
namespace {

using mixtape::test::error_of;

constexpr const char* kBracketed =
    "[\"head\":\"wrap\",\"lpos\",\"status\"]\n[100,665760,1]\n[\"io count\"]\n[2]\n"
    "[\"io\":\"id\",\"wrap\",\"startLpos\",\"endLpos\"]\n[1,31,274330,274135]\n[9,4,0,730994]\n";

TEST(BatchText, ReadsBrackets) {
  const Batch batch = parse_batch(kBracketed);
  EXPECT_EQ(batch.head.place, (Place{100, 665760}));
  EXPECT_TRUE(batch.head.moving);
  ASSERT_EQ(batch.requests.size(), 2u);
  EXPECT_EQ(batch.requests[0].id, 1u);
  EXPECT_EQ(batch.requests[0].begin, (Place{31, 274330}));
  EXPECT_EQ(batch.requests[0].end, (Place{31, 274135}));
  EXPECT_EQ(batch.requests[1].id, 9u);
}

TEST(BatchText, ReadsCommaSeparatedValues) {
  const Batch batch = parse_batch(
      "# of a tape\nhead, 3, 10.5, moving\r\nid,wrap,begin,end,weight,end_wrap\n"
      "5,1,20,10\n\n6, 2, 100, 200, 2.5, 3  # over the end of its wrap\n");
  EXPECT_EQ(batch.head.place, (Place{3, 10.5}));
  EXPECT_TRUE(batch.head.moving);
  ASSERT_EQ(batch.requests.size(), 2u);
  EXPECT_EQ(batch.requests[0].weight, 1);
  EXPECT_EQ(batch.requests[1].weight, 2.5);
  EXPECT_EQ(batch.requests[1].end, (Place{3, 200}));
}

TEST(BatchText, TakesTheHeadToRestAtTheBeginningWhenNothingIsSaid) {
  const Batch batch = parse_batch("1,0,5,6\n");
  EXPECT_EQ(batch.head.place, (Place{0, 0}));
  EXPECT_FALSE(batch.head.moving);
}

TEST(BatchText, MayBeEmpty) {
  EXPECT_TRUE(parse_batch("").requests.empty());
  EXPECT_TRUE(parse_batch("\n\n").requests.empty());
}

TEST(BatchText, SaysWhichLineIsWrong) {
  try {
    (void)parse_batch("1,0,5,6\n2,0,five,6\n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("line 2"), std::string::npos) << error.what();
  }
}

TEST(BatchText, RefusesWhatIsNoBatch) {
  const std::string brackets = kBracketed;
  for (const std::string& text : {
           std::string("1,0,5\n"),             // Too few.
           std::string("1,0,5,6,1,0,0\n"),     // Too many.
           std::string("1,0,5,6\n1,0,7,8\n"),  // An id twice.
           std::string("-1,0,5,6\n"),          // Negative.
           std::string("1,-1,5,6\n"),
           std::string("1,0,-5,6\n"),
           std::string("1,0,nan,6\n"),
           std::string("1,0,inf,6\n"),
           std::string("1,0,1e400,6\n"),
           std::string("1,0,5x,6\n"),
           std::string("1,4294967296,5,6\n"),
           std::string("99999999999999999999999,0,5,6\n"),
           std::string("1,0,5,6,0\n"),  // Weight.
           std::string("head,0,0\nhead,0,0\n"),
           std::string("head,0,0,flying\n"),
           std::string("[\n"),
           std::string("[]\n"),
           std::string("[1,2,3,4]\n"),                // No headings.
           brackets + "[10,4,0,1]\n",                 // More than promised.
           brackets.substr(0, brackets.size() - 15),  // Fewer.
           brackets + "[\"more\"]\n",
           std::string("[\"head\"]\n[1,2,2]\n"),  // No such status.
           std::string("[\"head\"]\n[1,2,0]\n"),  // Ends early.
       }) {
    EXPECT_EQ(error_of([&] { return parse_batch(text); }), ErrorCode::invalid) << text;
  }
}

}  // namespace
}  // namespace mixtape::order
