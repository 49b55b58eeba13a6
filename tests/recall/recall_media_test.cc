// SPDX-License-Identifier: Apache-2.0
#include "tests/recall/recall_fixture.h"

// Media that are missing, in use, another one, or taken away.

namespace mixtape::recall {
namespace {

TEST_F(RecallTest, AMissingMediumIsAskedForOnceAndTheReadGoesOnWhenItAppears) {
  options_.wait_for_medium = std::chrono::hours(1);
  looks_until_there_ = 5;
  const Bytes bytes = test::pattern(1000, 14);
  const Content content = put("A", bytes);
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_EQ(asked_for_, std::vector<std::string>{"A"});
}

TEST_F(RecallTest, AMediumThatStaysAwayIsAnError) {
  const Content content = put("A", test::pattern(1000, 15));
  const auto shelf = world_.library().take_out("A");
  EXPECT_EQ(read(content).error, ErrorCode::no_medium);
  // Nobody would wait for it.
  EXPECT_TRUE(asked_for_.empty());
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallTest, ACopyOnAMediumThatIsThereIsPreferred) {
  const Bytes bytes = test::pattern(1000, 16);
  const Extent away = world_.write_one("A", bytes), here = world_.write_one("B", bytes);
  const auto shelf = world_.library().take_out("A");
  EXPECT_EQ(read(know(bytes, {away, here})).bytes, bytes);
  EXPECT_TRUE(asked_for_.empty());
}

class WhileAwayTest : public RecallTest {
 protected:
  std::future<Answer> leave(const Content& content) {
    auto promise = std::make_shared<std::promise<Answer>>();
    (void)recall().fetch(
        content, "a file",
        [promise](ByteView bytes, auto error) { promise->set_value(answer_of(bytes, error)); }, {},
        Recall::WhileAway::stay);
    return promise->get_future();
  }
  // Returns when recall knows where they lie.
  void wait_until_placed(std::size_t count) {
    const auto placed = [&] {
      const auto queue = recall().queue();
      return std::count_if(queue.begin(), queue.end(), [](const QueueEntry& entry) {
        return !entry.medium_label.empty() && !entry.here;
      });
    };
    while (static_cast<std::size_t>(placed()) < count) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
};

TEST_F(WhileAwayTest, WhatNobodyWaitsForStaysUntilItsMediumAppearsAndReadersAreToldAtOnce) {
  const Content content = put("A", test::pattern(1000, 44));
  auto shelf = world_.library().take_out("A");
  auto left = leave(content);
  wait_until_placed(1);
  EXPECT_EQ(read(content).error, ErrorCode::no_medium);
  EXPECT_EQ(fetch(content).error, ErrorCode::no_medium);
  EXPECT_EQ(recall().queue().size(), 1U);
  {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(asked_for_, std::vector<std::string>{"A"});
    world_.library().put_in(std::move(shelf));
  }
  EXPECT_EQ(left.get().error, std::nullopt);
  EXPECT_TRUE(cache_->contains(content));
}

TEST_F(WhileAwayTest, NoMoreStayThanMayAndWhatIsHereComesPastThem) {
  options_.most_away = 2;
  std::vector<std::future<Answer>> away;
  const Content here = put("B", test::pattern(1000, 45));
  std::vector<Content> contents;
  for (std::uint64_t i = 0; i < 5; ++i) {
    contents.push_back(put("A", test::pattern(1000, 50 + i)));
  }
  const auto shelf = world_.library().take_out("A");
  for (const Content& content : contents) {
    away.push_back(leave(content));
  }
  for (std::size_t i = 2; i < 5; ++i) {
    EXPECT_EQ(away[i].get().error, ErrorCode::no_medium);
  }
  EXPECT_EQ(leave(here).get().error, std::nullopt);
  EXPECT_EQ(recall().queue().size(), 2U);
  // Who is taken out makes room.
  recall().cancel(recall().queue().front().id);
  while (leave(contents[4]).wait_for(std::chrono::milliseconds(50)) !=
         std::future_status::timeout) {
  }
  EXPECT_EQ(recall().queue().size(), 2U);
}

TEST_F(WhileAwayTest, WhatIsHereAndCannotBeReadDoesNotStay) {
  const Content content = put("A", test::pattern(1000, 46));
  kept_back_ = "A";
  why_kept_ = ErrorCode::locked;
  EXPECT_EQ(leave(content).get().error, ErrorCode::locked);
}

TEST_F(RecallTest, OthersAreServedWhileAMediumIsMissing) {
  options_.wait_for_medium = std::chrono::hours(1);
  const Content missing = put("A", test::pattern(1000, 17));
  const Content here = put("B", test::pattern(1000, 18));
  const auto shelf = world_.library().take_out("A");
  auto waiting = start_read(missing, 0, 10);
  EXPECT_EQ(fetch(here).error, std::nullopt);
  EXPECT_EQ(recall().queue().size(), 1u);
  recall_.reset();
  EXPECT_EQ(waiting.get().error, ErrorCode::cancelled);
}

TEST_F(RecallTest, WhileEveryDriveIsInUseAReadWaitsAndNobodyIsAskedForTheMedium) {
  const Bytes bytes = test::pattern(1000, 19);
  const Content content = put("A", bytes);
  world_.library().add_medium("B", GiB);
  auto writer = world_.library().load("B", tapeio::Library::Access::write);
  auto waiting = start_read(content, 0, bytes.size());
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  EXPECT_EQ(recall().queue().size(), 1u);
  writer.reset();
  EXPECT_EQ(waiting.get().bytes, bytes);
  EXPECT_TRUE(asked_for_.empty());
}

TEST_F(RecallTest, WhileTheDriveOfOneCopyIsLentAnotherCopyIsRead) {
  const Bytes bytes = test::pattern(1000, 31);
  const Extent first = world_.write_one("A", bytes), second = world_.write_one("B", bytes);
  kept_back_ = "A";
  EXPECT_EQ(read(know(bytes, {first, second})).bytes, bytes);
  EXPECT_TRUE(asked_for_.empty());
}

TEST_F(RecallTest, AMediumThatAnotherProgramKeepsIsAnErrorThatSaysSo) {
  const Content content = put("A", test::pattern(1000, 32));
  kept_back_ = "A";
  why_kept_ = ErrorCode::locked;
  EXPECT_EQ(read(content).error, ErrorCode::locked);
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallTest, ACartridgeThatTurnedOutToBeAnotherIsNotLoadedAgainAndAgain) {
  options_.wait_for_medium = std::chrono::hours(1);
  options_.poll = std::chrono::milliseconds(1);
  const Content wrong = put("A", test::pattern(1000, 33));
  const Content missing = put("B", test::pattern(1000, 34));
  const auto shelf = world_.library().take_out("B");
  is_wrong_ = true;
  auto first = start_read(wrong, 0, 10);
  auto second = start_read(missing, 0, 10);
  const auto looks_for_the_missing = [&] {
    const std::lock_guard lock(mutex_);
    return looks_["B"];
  };
  while (looks_for_the_missing() < 20) {
    std::this_thread::yield();
  }
  EXPECT_EQ(wrong_loads_, 1);
  recall_.reset();
  EXPECT_EQ(first.get().error, ErrorCode::cancelled);
  EXPECT_EQ(second.get().error, ErrorCode::cancelled);
}

TEST_F(RecallTest, ACartridgeThatTurnsOutToBeAnotherIsNoDamage) {
  const Content content = put("A", test::pattern(1000, 20));
  is_wrong_ = true;
  EXPECT_TRUE(read(content).error.has_value());
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallTest, AMediumThatIsTakenAwayWhileARequestWaitsForItIsAnError) {
  const Content first = put("A", test::pattern(MiB, 30)), second = put("A", test::pattern(MiB, 31));
  const Content other = put("B", test::pattern(10, 32));
  gate_.close();
  (void)recall().fetch(first, "a file", [this](ByteView, auto) { gate_.close(); });
  gate_.wait_until_the_drive_stands_there();
  auto holds_the_drive = start_read(second, 0, MiB), waits = start_read(other, 0, 10);
  gate_.open();
  gate_.wait_until_the_drive_stands_there();
  const auto shelf = world_.library().take_out("B");
  gate_.open();
  EXPECT_EQ(holds_the_drive.get().error, std::nullopt);
  EXPECT_EQ(waits.get().error, ErrorCode::no_medium);
}

TEST_F(RecallTest, WhoIsServedFromAnotherLibraryWaitsForADriveOfTheFirstNoMore) {
  const Bytes bytes = test::pattern(1000, 41);
  const Extent first = world_.write_one("A", bytes), second = world_.write_one("B", bytes);
  move_to_other_library("A");
  other_library_.add_medium("W", GiB);
  const auto writer = other_library_.load("W", tapeio::Library::Access::write);
  const Content content = know(bytes, {first, second});
  gate_.close();
  auto reading = start_read(content, 0, bytes.size());
  gate_.wait_until_the_drive_stands_there();
  // He waits for bytes still, but for those of the other drive.
  EXPECT_FALSE(read_waits_in(other_library_));
  gate_.open();
  EXPECT_EQ(reading.get().bytes, bytes);
}

TEST_F(RecallTest, WhoseMediumCannotBeLoadedWaitsForADriveOfItsLibraryNoMore) {
  options_.wait_for_medium = std::chrono::hours(1);
  const Content wrong = put("A", test::pattern(1000, 42));
  const Content missing = put("B", test::pattern(1000, 43));
  const auto shelf = world_.library().take_out("B");
  move_to_other_library("A");
  other_library_.add_medium("W", GiB);
  auto writer = other_library_.load("W", tapeio::Library::Access::write);
  auto first = start_read(wrong, 0, 10);
  auto second = start_read(missing, 0, 10);
  while (!read_waits_in(other_library_)) {
    std::this_thread::yield();
  }
  is_wrong_ = true;
  writer.reset();
  // Both wait on for bytes.
  for (int looks = 0; read_waits_in(other_library_) && looks < 10'000; ++looks) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(read_waits_in(other_library_));
  recall_.reset();
  EXPECT_EQ(first.get().error, ErrorCode::cancelled);
  EXPECT_EQ(second.get().error, ErrorCode::cancelled);
}

TEST_F(RecallTest, WhileTheDrivesOfAllCopiesAreLentAReadWaitsForEachOfThem) {
  const Bytes bytes = test::pattern(1000, 44);
  const Extent first = world_.write_one("A", bytes), second = world_.write_one("B", bytes);
  move_to_other_library("A");
  other_library_.add_medium("W", GiB);
  world_.library().add_medium("V", GiB);
  auto writer = other_library_.load("W", tapeio::Library::Access::write);
  auto other_writer = world_.library().load("V", tapeio::Library::Access::write);
  auto reading = start_read(know(bytes, {first, second}), 0, bytes.size());
  while (!read_waits_in(other_library_) || !read_waits_in(world_.library())) {
    std::this_thread::yield();
  }
  // However often the worker looks: a job that makes room would go on at once otherwise.
  for (int looks = 0; looks < 100'000; ++looks) {
    ASSERT_TRUE(read_waits_in(other_library_) && read_waits_in(world_.library())) << looks;
    std::this_thread::yield();
  }
  other_writer.reset();
  EXPECT_EQ(reading.get().bytes, bytes);
}

}  // namespace
}  // namespace mixtape::recall
