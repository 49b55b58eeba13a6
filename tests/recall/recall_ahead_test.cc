// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "engine/recall/unread_ahead.h"
#include "tests/recall/sim_recall_fixture.h"

// Reading ahead on simulated LTO tapes, for readers of whom nobody knows what they ask for next.

namespace mixtape::recall {
namespace {

using tapeio::lto::SimKind;

class ReadAheadTest : public SimRecallTest {
 protected:
  // A record, and so a file, is 20 s of tape, as long as some locates: runs are counted in files.
  static constexpr std::size_t kLongestRun = 36;

  ReadAheadTest() { knows_what_follows_ = true; }

  // As a program would: opened in the cache, else read.
  void read_as_program(const Content& content) {
    (void)recall();
    if (cache_->open(content)) {
      recall_->used(content);
    } else {
      EXPECT_TRUE(start_read(content).get());
    }
  }
  void read_each(const std::vector<Content>& contents) {
    for (const Content& content : contents) {
      read_as_program(content);
    }
  }
  [[nodiscard]] std::size_t in_cache(const std::vector<Content>& contents) {
    return static_cast<std::size_t>(
        std::count_if(contents.begin(), contents.end(),
                      [&](const Content& content) { return cache_->contains(content); }));
  }
  // Readers side by side, each with a list of his own and one file at a time.
  void read_side_by_side(const std::vector<std::vector<Content>>& lists) {
    std::vector<std::thread> readers;
    (void)recall();
    for (const std::vector<Content>& list : lists) {
      readers.emplace_back([this, &list] { read_each(list); });
    }
    for (std::thread& reader : readers) {
      reader.join();
    }
  }
  static std::vector<std::vector<Content>> dealt(const std::vector<Content>& contents,
                                                 std::size_t readers) {
    std::vector<std::vector<Content>> lists(readers);
    for (std::size_t i = 0; i < contents.size(); ++i) {
      lists[i * readers / contents.size()].push_back(contents[i]);
    }
    return lists;
  }
  double moving_s() const { return locate_s() + library_->report().seconds_of(SimKind::transfer); }
};

TEST_F(ReadAheadTest, OneFileAloneCausesNoMore) {
  const std::vector<Content> contents = write("MX0001L8", 100);
  open_library();
  read_as_program(contents[40]);
  recall_.reset();  // Whatever it would still do is done.
  EXPECT_EQ(in_cache(contents), 1u);
}

TEST_F(ReadAheadTest, WhoReadsOnFindsWhatFollowsInTheCache) {
  const std::vector<Content> contents = write("MX0001L8", 200);
  open_library();
  read_as_program(contents[0]);
  read_as_program(contents[1]);
  // As he goes on more and more lies before him.
  std::size_t most_ahead = 0;
  for (std::size_t file = 2; file < 100; ++file) {
    read_as_program(contents[file]);
    most_ahead = std::max(most_ahead, in_cache(contents) - (file + 1));
  }
  EXPECT_GE(most_ahead, kLongestRun / 4);
  EXPECT_LE(library_->report().count_of(SimKind::locate), 1u);
}

TEST_F(ReadAheadTest, WhoStopsReadingLeavesNoMoreThanARunBehind) {
  const std::vector<Content> contents = write("MX0001L8", 400);
  open_library();
  for (std::size_t file = 0; file < 100; ++file) {
    read_as_program(contents[file]);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LE(in_cache(contents), 100 + 2 * kLongestRun);
}

TEST_F(ReadAheadTest, NothingIsReadAheadBeyondTheBudget) {
  const std::vector<Content> contents = write("MX0001L8", 200);
  options_.read_ahead_bytes = 4 * kFile;
  open_library();
  for (std::size_t file = 0; file < 50; ++file) {
    read_as_program(contents[file]);
    ASSERT_LE(in_cache(contents), file + 1 + 4);
  }
}

TEST_F(ReadAheadTest, WhatWasReadAheadIsNotEvictedBeforeItIsRead) {
  const std::vector<Content> contents = write("MX0001L8", 400);
  cache_limit_ = 40 * kFile;
  open_library();
  read_each(contents);
  // Each record was read once: none had to be fetched again.
  EXPECT_LE(library_->report().count_of(SimKind::locate), 1u);
}

TEST_F(ReadAheadTest, EightWhoReadOnInEightPlacesHaveLongRuns) {
  const std::vector<Content> contents = write("MX0001L8", 1600);
  options_.read_ahead_bytes = 800 * kFile;
  open_library();
  read_side_by_side(dealt(contents, 8));
  EXPECT_LE(library_->report().count_of(SimKind::locate), 200u);
}

TEST_F(ReadAheadTest, RequestsAllOverTheTapeThatGoOnReadItThroughOnce) {
  const std::vector<Content> contents = write("MX0001L8", 1600);
  open_library();
  const std::vector<Content> wanted = some_of(contents, 400, 5);
  read_side_by_side(dealt(wanted, 8));
  const double took_s = moving_s();

  open_library();
  (void)locate_s_of("MX0001L8", contents);
  // To read a file once more than needed is as dear here as a locate.
  EXPECT_LT(took_s, 1.2 * moving_s());
}

TEST_F(ReadAheadTest, AFewRequestsAllOverTheTapeAreServedOneByOne) {
  const std::vector<Content> contents = write("MX0001L8", 1600);
  open_library();
  read_each(some_of(contents, 20, 6));
  recall_.reset();
  EXPECT_LE(in_cache(contents), 25u);
}

TEST_F(ReadAheadTest, WhoWaitsElsewhereIsLetInWhileOthersReadOn) {
  const std::vector<Content> contents = write("MX0001L8", 1600);
  open_library();
  (void)recall();
  std::thread reader([&] { read_each({contents.begin(), contents.begin() + 800}); });
  EXPECT_TRUE(start_read(contents[1500]).get());
  reader.join();
  const auto at = std::find(answered_.begin(), answered_.end(), contents[1500].number);
  EXPECT_LT(at - answered_.begin(), 200);
}

TEST_F(ReadAheadTest, WhatIsBadAheadIsNoTroubleOfTheReader) {
  std::vector<Content> contents = write("MX0001L8", 100);
  // The catalog says another hash of one of them.
  Content& wrong = contents[20];
  bytes_[wrong.number][0] ^= std::byte{1};
  open_library();
  for (std::size_t file = 0; file < 100; ++file) {
    if (file != 20) {
      read_as_program(contents[file]);
    }
  }
  EXPECT_FALSE(cache_->contains(wrong));
}

TEST(UnreadAhead, CountsWhatNobodyOpened) {
  UnreadAhead unread([] {});
  unread.add(1, 10);
  unread.add(2, 20);
  unread.add(2, 20);
  EXPECT_EQ(unread.bytes(), 30u);
  unread.used(1);
  unread.used(1);
  unread.used(3);
  EXPECT_EQ(unread.bytes(), 20u);
}

TEST(UnreadAhead, WakesWhenHalfOfTheNewestRunWasOpened) {
  int woken = 0;
  UnreadAhead unread([&] { ++woken; });
  unread.add(1, 1);
  unread.begin_run();
  for (std::int64_t content = 2; content < 6; ++content) {
    unread.add(content, 1);
  }
  unread.used(1);
  unread.used(2);
  EXPECT_EQ(woken, 0);
  EXPECT_FALSE(unread.is_half_used());
  unread.used(4);
  unread.used(5);
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(unread.is_half_used());
}

TEST(UnreadAhead, WhatOldRunsLeftBehindTakesNoRoomForEver) {
  UnreadAhead unread([] {});
  for (std::int64_t run = 0; run < 1000; ++run) {
    unread.add(run, 1);
    unread.begin_run();
  }
  EXPECT_EQ(unread.bytes(), UnreadAhead::kRuns - 1);
}

}  // namespace
}  // namespace mixtape::recall
