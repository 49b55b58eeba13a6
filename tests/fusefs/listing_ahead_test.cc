// SPDX-License-Identifier: Apache-2.0
#include "fusefs/listing_ahead.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <vector>

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

using testing::ElementsAre;

// A tree of directories by number, and a note of who listed what when.
class ListingAheadTest : public testing::Test {
 protected:
  Rows list(NodeId directory) {
    std::unique_lock lock(mutex);
    listed.push_back(static_cast<int>(directory));
    changed.notify_all();
    if (broken) {
      throw Error(ErrorCode::io, "list: broken");
    }
    Rows rows;
    for (const int child : children.at(static_cast<int>(directory))) {
      Attributes attributes;
      attributes.mode = S_IFDIR | 0755;
      rows.add(std::to_string(child), NodeId(child), attributes);
    }
    return rows;
  }
  std::size_t get(int directory) { return ahead.get(NodeId(directory)).size(); }
  void wait_for_listings(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return listed.size() >= count; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> listed;
  bool broken = false;
  std::map<int, std::vector<int>> children{{1, {2, 5}}, {2, {3, 4}}, {3, {}}, {4, {}},
                                           {5, {6}},    {6, {}},     {7, {}}};
  ListingAhead ahead{[this](NodeId directory) { return list(directory); }};
};

TEST_F(ListingAheadTest, WhoListsOneDirectoryCausesNoOther) {
  EXPECT_EQ(get(1), 2U);
  EXPECT_EQ(get(5), 1U);
  EXPECT_THAT(listed, ElementsAre(1, 5));
}

TEST_F(ListingAheadTest, AWalkerFindsEachDirectoryListedOnceAndInItsOrder) {
  for (int directory = 1; directory <= 6; ++directory) {
    EXPECT_EQ(get(directory), children.at(directory).size());
  }
  EXPECT_THAT(listed, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(ListingAheadTest, WhatComesNextIsListedBeforeItIsAskedFor) {
  get(1);
  get(2);
  wait_for_listings(3);
  EXPECT_THAT(listed, ElementsAre(1, 2, 3));
}

TEST_F(ListingAheadTest, NothingListedBeforeAChangeIsGivenAfterIt) {
  get(1);
  get(2);
  wait_for_listings(3);
  {
    const std::lock_guard lock(mutex);
    children.at(3) = {7, 8, 9};
  }
  ahead.forget();
  EXPECT_EQ(get(3), 3U);
}

TEST_F(ListingAheadTest, ErrorsReachOnlyWhoAsks) {
  get(1);
  {
    const std::lock_guard lock(mutex);
    broken = true;
  }
  EXPECT_THROW(get(2), Error);
  {
    const std::lock_guard lock(mutex);
    broken = false;
  }
  EXPECT_EQ(get(2), 2U);
}

}  // namespace
}  // namespace mixtape::fusefs
