// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recall_list.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>

#include "engine/catalog/catalog.h"
#include "tests/recall/recall_fixture.h"

// What was asked for by itself, over the end of a process.

namespace mixtape::service {
namespace {

using catalog::ContentId;
using catalog::WantedContent;
using testing::ElementsAre;
using testing::IsEmpty;

class RecallListTest : public recall::RecallTest {
 protected:
  void TearDown() override {
    gate_.open();
    list_.reset();
    RecallTest::TearDown();
  }
  static WantedContent wanted(const recall::Content& content, const std::string& path) {
    return {.content = ContentId{content.number},
            .size = content.size,
            .hash = content.hash,
            .path = path};
  }
  WantedContent put_file(const std::string& path, std::size_t size = 1000) {
    return wanted(put("A", test::pattern(size, ++seed_)), path);
  }
  RecallList& list() {
    if (!list_) {
      list_ = std::make_unique<RecallList>(
          state_, recall(),
          [this](const WantedContent& known) {
            if (failing_ == known.path && fails_ > 0) {
              --fails_;
              throw Error(ErrorCode::busy, "look for a content: the database is in use");
            }
            return forgotten_ == known.path ? std::nullopt : std::optional(known.content);
          },
          try_again_);
    }
    return *list_;
  }
  RecallList::Done into(std::vector<std::string>& came) {
    return [this, &came](const WantedContent& each, const std::exception_ptr& error) {
      const std::lock_guard lock(told_mutex_);
      came.push_back(each.path + (error ? " failed" : ""));
      told_.notify_all();
    };
  }
  void wait_for(const std::vector<std::string>& came, std::size_t count) {
    std::unique_lock lock(told_mutex_);
    told_.wait(lock, [&] { return came.size() >= count; });
  }
  // The disk as it is now, under the feet of another process.
  void kill() {
    const std::filesystem::path killed = directory_ / "killed.db";
    for (const char* part : {"", "-wal"}) {
      if (std::filesystem::exists(state_.string() + part)) {
        std::filesystem::copy_file(state_.string() + part, killed.string() + part);
      }
    }
    gate_.open();
    list_.reset();
    recall_.reset();
    state_ = killed;
  }
  std::vector<std::string> on_disk() {
    catalog::Database state = catalog::open_state(state_);
    std::vector<std::string> paths;
    for (const auto& row : catalog::Wanted(state).after(0, 1000)) {
      paths.push_back(row.wanted ? row.wanted->path : "damaged");
    }
    return paths;
  }
  void wait_until_nothing_is_on_disk() {
    while (!on_disk().empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  std::filesystem::path state_ = directory_ / "state.db";
  std::string forgotten_;
  std::string failing_;
  std::atomic<int> fails_ = 0;
  std::chrono::milliseconds try_again_ = RecallList::kTryAgain;
  std::uint64_t seed_ = 0;
  std::mutex told_mutex_;
  std::condition_variable told_;
  std::unique_ptr<RecallList> list_;
};

TEST_F(RecallListTest, BringsAllAndTakesThemOffTheDisk) {
  std::vector<std::string> came;
  (void)list().add({put_file("a"), put_file("b")}, into(came));
  wait_for(came, 2);
  EXPECT_THAT(came, testing::UnorderedElementsAre("a", "b"));
  wait_until_nothing_is_on_disk();
  EXPECT_EQ(list().behind(), 0U);
}

TEST_F(RecallListTest, WhatWasAskedForIsOnTheDiskWhenThatIsAcknowledged) {
  gate_.close();
  (void)list().add({put_file("a"), put_file("b")});
  kill();
  EXPECT_THAT(on_disk(), ElementsAre("a", "b"));
}

TEST_F(RecallListTest, GoesOnAfterAKillWithWhatHadNotCome) {
  gate_.close();
  const WantedContent first = put_file("a"), second = put_file("b");
  (void)list().add({first, second});
  kill();
  (void)list();
  wait_until_nothing_is_on_disk();
  EXPECT_TRUE(cache_->contains({.number = 0, .size = first.size, .hash = first.hash}));
  EXPECT_TRUE(cache_->contains({.number = 0, .size = second.size, .hash = second.hash}));
}

TEST_F(RecallListTest, GoesOnAfterAnOrderlyEndToo) {
  gate_.close();
  (void)list().add({put_file("a")});
  gate_.wait_until_the_drive_stands_there();
  list_.reset();
  EXPECT_THAT(on_disk(), ElementsAre("a"));
}

TEST_F(RecallListTest, WhatIsCancelledIsNotAskedForAgain) {
  gate_.close();
  const WantedContent first = put_file("a"), second = put_file("b"), third = put_file("c");
  std::vector<std::string> came;
  const auto batch = list().add({first, second}, into(came));
  (void)list().add({third});
  EXPECT_TRUE(list().cancel(batch));
  EXPECT_THAT(on_disk(), ElementsAre("c"));
  EXPECT_THAT(came, IsEmpty());
}

TEST_F(RecallListTest, WhatAnotherBatchWantsTooIsNotGivenUp) {
  gate_.close();
  const WantedContent file = put_file("a");
  std::vector<std::string> stopped, other;
  (void)list().add({file});
  const auto batch = list().add({file}, into(stopped));
  (void)list().add({file}, into(other));
  gate_.wait_until_the_drive_stands_there();
  EXPECT_TRUE(list().cancel(batch));
  EXPECT_THAT(on_disk(), ElementsAre("a", "a"));
  gate_.open();
  wait_for(other, 1);
  EXPECT_THAT(other, ElementsAre("a"));
  EXPECT_THAT(stopped, IsEmpty());
  wait_until_nothing_is_on_disk();
}

TEST_F(RecallListTest, ARequestThatWasCancelledByItsNumberIsOffTheDisk) {
  gate_.close();
  (void)list().add({put_file("a"), put_file("b")});
  gate_.wait_until_the_drive_stands_there();
  while (recall().queue().size() < 2) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(list().cancel(recall().queue().back().id));
  EXPECT_FALSE(list().cancel(recall::RequestId{4711}));
  kill();
  EXPECT_THAT(on_disk(), testing::SizeIs(1));
}

TEST_F(RecallListTest, WhenAllWereCancelledNoneIsOnTheDisk) {
  gate_.close();
  (void)list().add({put_file("a"), put_file("b")});
  gate_.wait_until_the_drive_stands_there();
  EXPECT_EQ(list().cancel_all(), 2U);
  kill();
  EXPECT_THAT(on_disk(), IsEmpty());
}

TEST_F(RecallListTest, WhileTheCatalogCannotBeAskedNothingIsGivenUp) {
  const WantedContent first = put_file("a"), second = put_file("b"), third = put_file("c");
  {
    catalog::Database state = catalog::open_state(state_);
    (void)catalog::Wanted(state).add(std::vector{first, second, third});
  }
  failing_ = "b";
  fails_ = 1;
  try_again_ = std::chrono::milliseconds(1);
  (void)list();
  wait_until_nothing_is_on_disk();
  for (const WantedContent& wanted : {first, second, third}) {
    EXPECT_TRUE(cache_->contains({.number = 0, .size = wanted.size, .hash = wanted.hash}));
  }
  EXPECT_EQ(fails_, 0);
}

TEST_F(RecallListTest, CancellingAllTellsAll) {
  gate_.close();
  std::vector<std::string> came;
  (void)list().add({put_file("a"), put_file("b")}, into(came));
  EXPECT_EQ(list().cancel_all(), 2U);
  wait_for(came, 2);
  EXPECT_THAT(came, testing::UnorderedElementsAre("a failed", "b failed"));
  gate_.open();
  wait_until_nothing_is_on_disk();
}

TEST_F(RecallListTest, WhatFailsForGoodIsTold) {
  const Bytes bytes = test::pattern(1000, 7);
  const recall::Extent bad = world_.write_one("A", bytes);
  world_.damage(bad, 500);
  std::vector<std::string> came;
  (void)list().add({wanted(know(bytes, {bad}), "bad")}, into(came));
  wait_for(came, 1);
  EXPECT_THAT(came, ElementsAre("bad failed"));
  wait_until_nothing_is_on_disk();
}

// A tree of any size on a medium that is on its shelf.
class RecallListAwayTest : public RecallListTest {
 protected:
  RecallListAwayTest() {
    options_.most_away = 2;
    try_again_ = std::chrono::milliseconds(1);
  }
  void take_out() { shelf_ = world_.library().take_out("A"); }
  void put_in() {
    const std::lock_guard lock(mutex_);
    world_.library().put_in(std::move(shelf_));
  }
  WantedContent put_elsewhere(const std::string& path) {
    return wanted(put("B", test::pattern(1000, ++seed_)), path);
  }
  void wait_until_only_these_are_left(const std::vector<WantedContent>& away) {
    while (on_disk().size() != away.size()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void expect_cached(const std::vector<WantedContent>& all) {
    for (const WantedContent& each : all) {
      EXPECT_TRUE(cache_->contains({.number = 0, .size = each.size, .hash = each.hash}))
          << each.path;
    }
  }
  std::unique_ptr<tapeio::MemoryMedium> shelf_;
};

TEST_F(RecallListAwayTest, WaitsForItsMediumAndHoldsUpNothingThatIsHere) {
  std::vector<WantedContent> away;
  for (const char* path : {"a", "b", "c", "d", "e"}) {
    away.push_back(put_file(path));
  }
  const WantedContent here = put_elsewhere("here");
  take_out();
  (void)list().add(away);
  (void)list().add({here});
  wait_until_only_these_are_left(away);
  EXPECT_THAT(on_disk(), ElementsAre("a", "b", "c", "d", "e"));
  put_in();
  wait_until_nothing_is_on_disk();
  expect_cached(away);
  EXPECT_EQ(list().behind(), 0U);
}

TEST_F(RecallListAwayTest, WaitsForItOverTheEndOfTheProcess) {
  const std::vector<WantedContent> away{put_file("a"), put_file("b"), put_file("c")};
  const WantedContent here = put_elsewhere("here");
  take_out();
  (void)list().add(away);
  kill();
  (void)list().add({here});
  wait_until_only_these_are_left(away);
  put_in();
  wait_until_nothing_is_on_disk();
  expect_cached(away);
}

TEST_F(RecallListAwayTest, WhoeverWaitsForItIsToldAtOnce) {
  const WantedContent away = put_file("a");
  take_out();
  std::vector<std::string> came;
  (void)list().add({away}, into(came));
  wait_for(came, 1);
  EXPECT_THAT(came, ElementsAre("a failed"));
  wait_until_nothing_is_on_disk();
}

TEST_F(RecallListAwayTest, WhatWasPutOffIsCancelledWithTheRest) {
  const std::vector<WantedContent> away{put_file("a"), put_file("b"), put_file("c"), put_file("d")};
  const WantedContent here = put_elsewhere("here");
  take_out();
  (void)list().add(away);
  (void)list().add({here});
  wait_until_only_these_are_left(away);
  (void)list().cancel_all();
  wait_until_nothing_is_on_disk();
  put_in();
  EXPECT_FALSE(cache_->contains({.number = 0, .size = away[3].size, .hash = away[3].hash}));
}

TEST_F(RecallListTest, NothingIsGivenUpWhenTheProcessIsAboutToEnd) {
  gate_.close();
  const auto batch = list().add({put_file("a")});
  list().keep_all();
  EXPECT_FALSE(list().cancel(batch));
  EXPECT_THAT(on_disk(), ElementsAre("a"));
}

TEST_F(RecallListTest, DamagedRowsAndWhatTheCatalogForgotArePassedOver) {
  const WantedContent good = put_file("good"), gone = put_file("gone");
  {
    catalog::Database state = catalog::open_state(state_);
    catalog::Wanted rows(state);
    (void)rows.add(std::vector{gone});
    state.execute(
        "INSERT INTO state.wanted VALUES (NULL, 1, -5, NULL, x'61');"
        "INSERT INTO state.wanted VALUES (NULL, 1, 5, x'0102', x'62');"
        "INSERT INTO state.wanted VALUES (NULL, 0, 5, NULL, x'63')");
    (void)rows.add(std::vector{good});
  }
  forgotten_ = "gone";
  (void)list();
  wait_until_nothing_is_on_disk();
  EXPECT_TRUE(cache_->contains({.number = 0, .size = good.size, .hash = good.hash}));
}

TEST_F(RecallListTest, HoldsNoMoreThanItsBound) {
  catalog::Database state = catalog::open_state(state_);
  catalog::Wanted rows(state);
  (void)rows.add(std::vector{put_file("a")});
  const std::vector<WantedContent> many(static_cast<std::size_t>(catalog::Wanted::kMost),
                                        put_file("b"));
  try {
    (void)rows.add(many);
    FAIL() << "it takes more than it may";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::conflict);
  }
  EXPECT_EQ(rows.count(), 1);
}

}  // namespace
}  // namespace mixtape::service
