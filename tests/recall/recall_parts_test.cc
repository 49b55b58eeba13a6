// SPDX-License-Identifier: Apache-2.0
#include <sys/mount.h>

#include <fstream>

#include "engine/recall/content_fill.h"
#include "tests/recall/recall_fixture.h"

// Recalls that end before their content is whole, and what the next one makes of it.

namespace mixtape::recall {
namespace {

class RecallPartsTest : public RecallTest {
 protected:
  static constexpr std::uint64_t kSize = 8 * MiB;
  // A reader who wants the end of a content goes away when so many records were read.
  void leave_after(const Content& content, int records) {
    gate_.close(records);
    auto answer = start_read(content, content.size - 10, 10);
    gate_.wait_until_the_drive_stands_there();
    recall().cancel(last_ticket_);
    EXPECT_EQ(answer.get().error, ErrorCode::cancelled);
    gate_.open();
    // Whatever is served next, the other is over then.
    EXPECT_EQ(read(other_).error, std::nullopt);
  }
  void restart() {
    recall_.reset();
    world_.trace().clear();
    (void)recall();
  }
  Content other_ = put("A", test::pattern(10, 99));
  Bytes bytes_ = test::pattern(kSize, 31);
};

TEST_F(RecallPartsTest, TheNextRecallReadsOnlyWhatIsMissing) {
  const Content content = put("A", bytes_);
  leave_after(content, static_cast<int>(5 * MiB / TapeWorld::kRecord));
  restart();
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_LE(world_.trace().bytes_read(), 3 * MiB + 4 * TapeWorld::kRecord);
  EXPECT_EQ(read(content).bytes, bytes_);
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallPartsTest, ReadsWithinWhatIsThereMoveNoTape) {
  const Content content = put("A", bytes_);
  leave_after(content, static_cast<int>(5 * MiB / TapeWorld::kRecord));
  restart();
  EXPECT_EQ(read(content, 4 * MiB, 100).bytes,
            Bytes(bytes_.begin() + 4 * MiB, bytes_.begin() + 4 * MiB + 100));
  EXPECT_EQ(world_.trace().seeks(), 0u);
  EXPECT_TRUE(recall().queue().empty());
}

TEST_F(RecallPartsTest, HolesBetweenWhatIsThereAreFilled) {
  const Content content = put("A", bytes_);
  (void)recall();
  {
    const auto incoming = cache_->begin(content);
    for (const std::uint64_t begin : {2 * MiB, 5 * MiB}) {
      incoming->seek(begin);
      incoming->write(ByteView(bytes_).subspan(begin, 2 * MiB));
    }
  }
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_TRUE(cache_->contains(content));
  EXPECT_EQ(read(content).bytes, bytes_);
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallPartsTest, WhatTurnsOutWrongIsReadAgainAndNoCopyIsBlamed) {
  const Content content = put("A", bytes_);
  (void)recall();
  {
    const auto incoming = cache_->begin(content);
    incoming->write(test::pattern(2 * MiB, 32));
  }
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_EQ(read(content).bytes, bytes_);
  EXPECT_TRUE(damaged().empty());
}

// Reads that come while an earlier one left bytes see them, and the end only when it is right.
TEST_F(RecallPartsTest, AReaderGetsWhatIsThereAtOnceAndTheEndWhenItIsConfirmed) {
  const Content content = put("A", bytes_);
  leave_after(content, static_cast<int>(5 * MiB / TapeWorld::kRecord));
  restart();
  gate_.close();
  EXPECT_EQ(read(content, 0, 100).bytes, Bytes(bytes_.begin(), bytes_.begin() + 100));
  auto end = start_read(content, kSize - 1, 1);
  gate_.wait_until_the_drive_stands_there();
  EXPECT_EQ(recall().queue().front().done_bytes / MiB, 4u);
  gate_.open();
  EXPECT_EQ(end.get().bytes, Bytes(bytes_.end() - 1, bytes_.end()));
}

TEST_F(RecallPartsTest, WhatWasReadInTheMiddleStays) {
  const Content content = put("A", bytes_);
  (void)recall();
  WaitingRoom room;
  std::promise<void> answered;
  (void)room.park(content, 3 * MiB, 10, "a file", [&](ByteView bytes, const auto&) {
    EXPECT_EQ(Bytes(bytes.begin(), bytes.end()),
              Bytes(bytes_.begin() + 3 * MiB, bytes_.begin() + 3 * MiB + 10));
    answered.set_value();
  });
  const auto requests = room.wait_for_new(WaitingRoom::Clock::now());
  ASSERT_EQ(requests.size(), 1u);
  {
    WindowFill window(room, requests[0].id, 3 * MiB, std::chrono::milliseconds(0),
                      cache_->begin(content));
    window.write(ByteView(bytes_).subspan(3 * MiB, MiB));
  }
  answered.get_future().get();
  EXPECT_EQ(read(content, 3 * MiB + 5, 1000).bytes,
            Bytes(bytes_.begin() + 3 * MiB + 5, bytes_.begin() + 3 * MiB + 1005));
  EXPECT_EQ(world_.trace().seeks(), 0u);
}

// An entry that comes to no end: each write finds the disk full.
class FullIncoming final : public Cache::Incoming {
 public:
  [[nodiscard]] ByteRange missing(std::uint64_t from) const override { return {from, kEnd}; }
  void seek(std::uint64_t) override {}
  void write(ByteView) override { throw Error(ErrorCode::no_space, "write: the disk is full"); }
  void write_zeros(std::uint64_t) override {}
  EntryHash confirm() override { return {}; }
  EntryHash commit() override { return {}; }
  std::size_t read_back(std::uint64_t, MutableBytes) override { return 0; }
  void discard() override { discarded = true; }

  bool discarded = false;

 private:
  static constexpr std::uint64_t kEnd = 8 * MiB;
};

TEST_F(RecallPartsTest, AWindowTellsThatWhatItKeptIsLost) {
  const Content content = put("A", bytes_);
  WaitingRoom room;
  (void)room.park(content, 0, 10, "a file", [](ByteView, const auto&) {});
  const auto requests = room.wait_for_new(WaitingRoom::Clock::now());
  ASSERT_EQ(requests.size(), 1u);
  const auto incoming = std::make_shared<FullIncoming>();
  WindowFill window(room, requests[0].id, 0, std::chrono::milliseconds(0), incoming);
  EXPECT_FALSE(window.lost_part());
  window.write(ByteView(bytes_).first(1000));
  EXPECT_TRUE(window.lost_part());
  EXPECT_TRUE(incoming->discarded);
}

TEST_F(RecallPartsTest, OnAFullDiskReadersAreServedStraightThrough) {
  const std::filesystem::path cache = directory_ / "cache";
  std::filesystem::create_directory(cache);
  if (::mount("mixtape-test", cache.c_str(), "tmpfs", 0, "size=4m") != 0) {
    GTEST_SKIP() << "this user cannot mount";
  }
  const Content content = put("A", bytes_);
  EXPECT_EQ(read_in_pieces(content, 128 * KiB), bytes_);
  EXPECT_EQ(fetch(content).error, ErrorCode::no_space);
  EXPECT_EQ(cache_->usage().bytes, 0u);
  EXPECT_TRUE(std::filesystem::is_empty(cache / "incoming"));
  recall_.reset();
  cache_.reset();
  EXPECT_EQ(::umount2(cache.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace mixtape::recall
