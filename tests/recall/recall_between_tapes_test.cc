// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "engine/recall/fair_share.h"
#include "tests/recall/sim_recall_fixture.h"

// Which of several simulated tapes is in the only drive, and for how long.

namespace mixtape::recall {
namespace {

using namespace std::chrono_literals;

TEST_F(SimRecallTest, AThousandReadersOfFiveTapesMountEachOfThemOnce) {
  std::vector<Content> wanted;
  for (const char* label : {"MX0001L8", "MX0002L8", "MX0003L8", "MX0004L8", "MX0005L8"}) {
    const std::vector<Content> contents = write(label, 200);
    wanted.insert(wanted.end(), contents.begin(), contents.end());
  }
  open_library();
  std::size_t most_running = 0;
  on_answer_ = [&](const Content&) {
    // Asked while the worker is busy with one: what it has under way is all that is in memory.
    const std::lock_guard lock(mutex_);
    if (answered_.size() % 100 == 0) {
      const std::vector<QueueEntry> queue = recall().queue();
      most_running = std::max(
          most_running, static_cast<std::size_t>(std::count_if(
                            queue.begin(), queue.end(), [](const auto& e) { return e.running; })));
    }
  };
  read_together(some_of(wanted, wanted.size(), 7));
  EXPECT_EQ(answered_.size(), 1000u);
  EXPECT_EQ(mounts(), 5u);
  EXPECT_EQ(most_running, 1u);
}

TEST_F(SimRecallTest, OfSeveralCopiesTheOneIsReadThatSparesAMount) {
  const std::vector<Content> a = write("MX0001L8", 20);
  const std::vector<Content> b = write("MX0002L8", 20);
  copy({a.begin(), a.begin() + 10}, "MX0003L8");
  copy({b.begin(), b.begin() + 10}, "MX0004L8");
  // Each is preferred on a tape of its own, and all are on one that nothing is preferred on.
  std::vector<Content> wanted(a.begin(), a.begin() + 10);
  wanted.insert(wanted.end(), b.begin(), b.begin() + 10);
  copy(wanted, "MX0005L8");
  open_library();
  read_together(wanted);
  EXPECT_EQ(mounts(), 1u);
}

TEST_F(SimRecallTest, WhoReadsOnKeepsTheTapeFromThoseWhoMayWait) {
  const std::vector<Content> a = write("MX0001L8", 20);
  const std::vector<Content> b = write("MX0002L8", 1);
  open_library();
  // A reader of one file after the other, as cp is; each is asked for when the last one is there.
  options_.mount_worth = 10min;
  hold();
  std::vector<std::future<bool>> first = start_reads({a[0], a[1]});
  std::future<bool> other = start_read(b[0]);
  on_answer_ = [&](const Content& content) {
    if (content.number == a[0].number) {
      (void)start_read(a[2]);  // The tape is read on from.
    }
  };
  let_go();
  expect_right(std::move(first));
  for (std::size_t file = 3; file < 20; ++file) {
    ASSERT_TRUE(start_read(a[file]).get());
  }
  EXPECT_EQ(mounts(), 1u);
  EXPECT_EQ(other.wait_for(0s), std::future_status::timeout);
}

TEST_F(SimRecallTest, ATapeThatNobodyReadsOnFromIsNotKept) {
  const std::vector<Content> a = write("MX0001L8", 5);
  const std::vector<Content> b = write("MX0002L8", 5);
  open_library();
  options_.mount_worth = 10min;
  std::vector<Content> wanted = a;
  wanted.insert(wanted.end(), b.begin(), b.end());
  read_together(wanted);
  EXPECT_EQ(mounts(), 2u);
}

TEST_F(SimRecallTest, NobodyWaitsLongerThanHisPatienceForOneWhoReadsOnAndOn) {
  const std::vector<Content> a = write("MX0001L8", 100);
  const std::vector<Content> b = write("MX0002L8", 1);
  open_library();
  options_.patience = 0s;
  options_.mount_worth = 10min;
  // There is always another file wanted of the first tape.
  std::size_t next = 2, answers = 0;
  std::vector<std::future<bool>> reads;
  std::promise<void> all;
  on_answer_ = [&](const Content& content) {
    if (content.number != b[0].number && next < a.size()) {
      reads.push_back(start_read(a[next++]));
    }
    if (++answers == a.size() + 1) {
      all.set_value();
    }
  };
  hold();
  std::vector<std::future<bool>> first = start_reads({a[0], a[1], b[0]});
  let_go();
  expect_right(std::move(first));
  all.get_future().wait();
  expect_right(std::move(reads));
  // Those that waited with it, and no more.
  EXPECT_LE(std::find(answered_.begin(), answered_.end(), b[0].number) - answered_.begin(), 2);
}

TEST_F(SimRecallTest, AFloodOfOneUserIsReadAfterTheOneFileOfAnother) {
  const std::vector<Content> a = write("MX0001L8", kMostInteractive + 1);
  const std::vector<Content> b = write("MX0002L8", 1);
  open_library();
  hold();
  std::vector<std::future<bool>> reads;
  for (const Content& content : a) {
    reads.push_back(start_read(content, {.uid = 1}));
  }
  reads.push_back(start_read(b[0], {.uid = 2}));
  let_go();
  expect_right(std::move(reads));
  EXPECT_EQ(answered_before(b[0]), 0);
  EXPECT_EQ(mounts(), 2u);
}

TEST_F(SimRecallTest, WhatIsOnlyQueuedMakesWayForOneWhoWaits) {
  const std::vector<Content> a = write("MX0001L8", 200);
  const std::vector<Content> b = write("MX0002L8", 1);
  open_library();
  options_.mount_worth = 0ms;  // Changing tapes is cheap, so that it need not wait for long.
  std::future<bool> read;
  on_answer_ = [&](const Content& content) {
    if (content.number == a[0].number) {
      read = start_read(b[0]);
    }
  };
  hold();
  std::vector<std::future<bool>> queued = queue(a);
  let_go();
  expect_right(std::move(queued));
  ASSERT_TRUE(read.valid());
  EXPECT_TRUE(read.get());
  EXPECT_LT(answered_before(b[0]), 150);
  EXPECT_EQ(mounts(), 3u);
}

TEST_F(SimRecallTest, WhatIsOnlyQueuedIsReadOnWhileChangingTapesIsDear) {
  const std::vector<Content> a = write("MX0001L8", 50);
  const std::vector<Content> b = write("MX0002L8", 1);
  open_library();
  options_.mount_worth = 10min;
  std::future<bool> read;
  on_answer_ = [&](const Content& content) {
    if (content.number == a[0].number) {
      read = start_read(b[0]);
    }
  };
  hold();
  std::vector<std::future<bool>> queued = queue(a);
  let_go();
  expect_right(std::move(queued));
  EXPECT_TRUE(read.get());
  EXPECT_EQ(mounts(), 2u);
}

}  // namespace
}  // namespace mixtape::recall
