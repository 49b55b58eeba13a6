// SPDX-License-Identifier: Apache-2.0
#include "tests/recall/recall_fixture.h"

// Whoever does not want to wait any more goes at once, and disturbs nobody.

namespace mixtape::recall {
namespace {

TEST_F(RecallTest, ACancelledReadIsAnsweredAtOnceAndTheTapeStops) {
  const Content content = put("A", test::pattern(8 * MiB, 19));
  const Bytes small = test::pattern(10, 20);
  const Content next = put("B", small);
  gate_.close();
  auto answer = start_read(content, 7 * MiB, 10);
  gate_.wait_until_the_drive_stands_there();
  recall().cancel(last_ticket_);
  EXPECT_EQ(answer.get().error, ErrorCode::cancelled);
  world_.trace().clear();
  gate_.open();
  EXPECT_EQ(read(next).bytes, small);
  EXPECT_LE(world_.trace().bytes_read(), 8 * TapeWorld::kRecord);
}

TEST_F(RecallTest, ACancelledReaderDoesNotDisturbAnother) {
  const Bytes bytes = test::pattern(2 * MiB, 21);
  const Content content = put("A", bytes);
  gate_.close();
  auto stays = start_read(content, MiB, 10);
  auto goes = start_read(content, MiB, 10);
  recall().cancel(last_ticket_);
  EXPECT_EQ(goes.get().error, ErrorCode::cancelled);
  gate_.open();
  EXPECT_EQ(stays.get().bytes, Bytes(bytes.begin() + MiB, bytes.begin() + MiB + 10));
}

TEST_F(RecallTest, CancellingARequestCancelsAllWhoWaitForIt) {
  const Content content = put("A", test::pattern(MiB, 22));
  gate_.close();
  auto first = start_read(content, 0, 10), second = start_read(content, 5, 10);
  const RequestId id = recall().queue().front().id;
  EXPECT_TRUE(recall().cancel(id));
  EXPECT_FALSE(recall().cancel(id));
  EXPECT_EQ(first.get().error, ErrorCode::cancelled);
  EXPECT_EQ(second.get().error, ErrorCode::cancelled);
  gate_.open();
}

// He may be between two reads: his next one must not ask for it again.
TEST_F(RecallTest, WhoReadsWhatIsCancelledIsMarkedWhetherOrNotHeWaitsJustThen) {
  const Content content = put("A", test::pattern(MiB, 23)), other = put("A", test::pattern(9, 24));
  const CancelMark first = recall().watch_cancel(content), second = recall().watch_cancel(content);
  const CancelMark of_another = recall().watch_cancel(other);
  gate_.close();
  auto answer = start_read(content, 0, 10);
  EXPECT_TRUE(recall().cancel(recall().queue().front().id));
  EXPECT_TRUE(*first);
  EXPECT_TRUE(*second);
  EXPECT_FALSE(*of_another);
  EXPECT_FALSE(*recall().watch_cancel(content));
  gate_.open();
  EXPECT_EQ(read(content, 0, 10).bytes.size(), 10U);
}

TEST_F(RecallTest, OnlyWhoCancelsARequestMarksItsReaders) {
  const Content content = put("A", test::pattern(MiB, 25));
  const CancelMark mark = recall().watch_cancel(content);
  gate_.close();
  auto signalled = start_read(content, 0, 10);
  recall().cancel(last_ticket_);
  EXPECT_EQ(signalled.get().error, ErrorCode::cancelled);
  auto unmounted = start_read(content, 0, 10);
  gate_.open();
  recall_.reset();
  EXPECT_FALSE(*mark);
}

TEST_F(RecallTest, GivingUpWhatWasFetchedDisturbsNobodyWhoReadsIt) {
  const Bytes bytes = test::pattern(MiB, 26);
  const Content content = put("A", bytes);
  const CancelMark mark = recall().watch_cancel(content);
  gate_.close();
  std::promise<std::optional<ErrorCode>> fetched;
  const RequestId id = recall().fetch(content, "a file", [&](ByteView, auto error) {
    fetched.set_value(answer_of({}, error).error);
  });
  auto reads = start_read(content, 0, bytes.size());
  recall().give_up_fetches(id);
  EXPECT_EQ(fetched.get_future().get(), ErrorCode::cancelled);
  gate_.open();
  EXPECT_EQ(reads.get().bytes, bytes);
  EXPECT_FALSE(*mark);
}

TEST(CancelMarksTest, ThoseThatNobodyHoldsTakeNoRoom) {
  CancelMarks marks;
  const CancelMark held = marks.of(-1);
  for (std::int64_t content = 0; content < 100'000; ++content) {
    (void)marks.of(content);
  }
  EXPECT_LE(marks.size(), 64U);
  marks.cancelled(-1);
  EXPECT_TRUE(*held);
}

TEST_F(RecallTest, AThousandParkedReadsAreCancelledWhenItIsDestroyed) {
  std::vector<Content> contents;
  for (std::uint64_t i = 0; i < 10; ++i) {
    contents.push_back(put("A", test::pattern(500'000, i)));
  }
  gate_.close();
  std::vector<std::future<Answer>> answers;
  for (std::size_t i = 0; i < 1000; ++i) {
    answers.push_back(start_read(contents[i % 10], i * 400, 400));
  }
  gate_.wait_until_the_drive_stands_there();
  std::thread destroyer([&] { recall_.reset(); });
  for (auto& answer : answers) {
    EXPECT_EQ(answer.get().error, ErrorCode::cancelled);
  }
  gate_.open();
  destroyer.join();
}

TEST_F(RecallTest, EveryCompletionRunsExactlyOnceInACancelStorm) {
  std::vector<Content> contents;
  for (std::uint64_t i = 0; i < 5; ++i) {
    contents.push_back(put("A", test::pattern(300'000, i)));
  }
  (void)recall();
  constexpr int kThreads = 4, kReads = 250;
  std::vector<std::atomic<int>> completions(kThreads * kReads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kReads; ++i) {
        const int read = t * kReads + i;
        const auto ticket = recall_->read(
            contents[static_cast<std::size_t>(read % 5)], static_cast<std::uint64_t>(read) * 250,
            5000, "a file",
            [&, read](ByteView, auto) { ++completions[static_cast<std::size_t>(read)]; });
        if (i % 3 != 0) {
          recall_->cancel(ticket);
        }
        if (i % 50 == 0) {
          for (const QueueEntry& entry : recall_->queue()) {
            (void)recall_->cancel(entry.id);
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  recall_.reset();
  EXPECT_TRUE(std::all_of(completions.begin(), completions.end(),
                          [](const std::atomic<int>& count) { return count == 1; }));
}

}  // namespace
}  // namespace mixtape::recall
