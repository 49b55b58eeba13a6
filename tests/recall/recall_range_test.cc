// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "engine/recall/content_fill.h"
#include "tests/recall/sim_recall_fixture.h"

// Parts of one large file on a simulated LTO tape: what of it is read, and when.

namespace mixtape::recall {
namespace {

class RangeTest : public SimRecallTest {
 protected:
  static constexpr std::uint64_t kRecords = 600;
  static constexpr std::size_t kPart = 4 * KiB;
  // A place in one record lies in one chunk, which ends in the next.
  static constexpr std::uint64_t kFewRecords = 6;

  Content write_large() {
    library_->add_medium("MX0001L8", kCapacity);
    const Bytes bytes = test::pattern(kRecords * kRecordOfTapes, 7);
    const std::vector<Extent> extents = write_archive(*library_, identity_, "MX0001L8", ++bundles_,
                                                      std::vector<ArchivedFile>{{bytes, {}}});
    open_library();
    return know(bytes, {extents[0]});
  }
  // The part there, and how many records had been read when it was answered.
  struct Answer {
    bool is_right = false;
    std::uint64_t records = 0;
  };
  std::future<Answer> start_part(
      const Content& content, std::uint64_t offset, std::function<void()> first = [] {}) {
    auto promise = std::make_shared<std::promise<Answer>>();
    (void)recall().read(
        content, offset, kPart, "a film",
        [this, promise, content, offset, first](ByteView bytes, const auto& error) {
          first();
          const ByteView all = bytes_.at(content.number);
          promise->set_value(
              {.is_right = !error && std::ranges::equal(bytes, all.subspan(offset, kPart)),
               .records = records()});
        });
    return promise->get_future();
  }
  std::uint64_t records() const { return library_->report().bytes_read / kRecordOfTapes; }
};

TEST_F(RangeTest, AFilmBeginsBeforeItIsAllThere) {
  const Content film = write_large();
  const Answer answer = start_part(film, 0).get();
  EXPECT_TRUE(answer.is_right);
  EXPECT_LE(answer.records, kFewRecords);
}

TEST_F(RangeTest, APartFarBehindTheBeginningFetchesItsRecordsOnly) {
  const Content film = write_large();
  const Answer answer = start_part(film, film.size - 20 * kRecordOfTapes).get();
  EXPECT_TRUE(answer.is_right);
  recall_.reset();  // Nobody reads on.
  EXPECT_LE(records(), kFewRecords);
}

TEST_F(RangeTest, SoDoSeveralPartsEachButForWhatIsKeptReadyBehindThem) {
  const Content film = write_large();
  for (const std::uint64_t part : {450U, 180U}) {
    EXPECT_TRUE(start_part(film, part * kRecordOfTapes).get().is_right);
  }
  recall_.reset();
  EXPECT_LE(records(), 2 * (kFewRecords + kWindow / kRecordOfTapes));
}

TEST_F(RangeTest, WhoWantsTheEndDoesNotWaitForTheMiddleThatIsBeingRead) {
  const Content film = write_large();
  std::future<Answer> end;
  const Answer begin =
      start_part(film, 0, [&] { end = start_part(film, film.size - kPart); }).get();
  EXPECT_TRUE(begin.is_right);
  const Answer answer = end.get();
  EXPECT_TRUE(answer.is_right);
  EXPECT_LE(answer.records, 2 * kFewRecords);
}

TEST_F(RangeTest, WhatWasBegunIsReadToItsEndAfterwardsAndKept) {
  const Content film = write_large();
  std::future<Answer> end;
  (void)start_part(film, 0, [&] { end = start_part(film, film.size - kPart); }).get();
  EXPECT_TRUE(end.get().is_right);
  EXPECT_TRUE(start_part(film, film.size / 2).get().is_right);
  EXPECT_TRUE(start_read(film).get());
  recall_.reset();
  EXPECT_TRUE(cache_->contains(film));
}

}  // namespace
}  // namespace mixtape::recall
