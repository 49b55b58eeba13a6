// SPDX-License-Identifier: Apache-2.0
#include "tests/recall/recall_fixture.h"

// Damaged copies are replaced and told of; what is only out of reach is not called damaged.

namespace mixtape::recall {
namespace {

TEST_F(RecallTest, ADamagedCopyIsReplacedInTheMiddleAndReadersNoticeNothing) {
  const Bytes bytes = test::pattern(MiB, 6);
  const Extent bad = world_.write_one("A", bytes), good = world_.write_one("B", bytes);
  world_.damage(bad, 500'000);
  const Content content = know(bytes, {bad, good});
  EXPECT_EQ(read_in_pieces(content, 50'000), bytes);
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
  EXPECT_TRUE(cache_->contains(content));
}

TEST_F(RecallTest, ACopyWhereTheTapeIsBadIsReplacedAndCalledDamaged) {
  const Bytes bytes = test::pattern(MiB, 7), other = test::pattern(MiB, 8);
  const Extent bad = world_.write_one("A", bytes), good = world_.write_one("B", bytes);
  const Extent only = world_.write_one("A", other);
  world_.lose_blocks("A", {bad.archive.first_block + 3, only.archive.first_block + 3});
  EXPECT_EQ(read(know(bytes, {bad, good})).bytes, bytes);
  EXPECT_EQ(read(know(other, {only})).error, ErrorCode::bad_medium);
  EXPECT_EQ(damaged(), (std::vector<std::string>{"A", "A"}));
}

TEST_F(RecallTest, ADamagedCopyIsNoMissingMediumThoughAnotherOneIsAway) {
  const Bytes bytes = test::pattern(MiB, 6);
  const Extent bad = world_.write_one("A", bytes), away = world_.write_one("B", bytes);
  world_.damage(bad, 500'000);
  const auto shelf = world_.library().take_out("B");
  EXPECT_EQ(read(know(bytes, {bad, away})).error, ErrorCode::corrupt);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
}

TEST_F(RecallTest, ACopyThatNoArchiveCanHoldIsPassedOver) {
  const Bytes bytes = test::pattern(1000, 7);
  const Extent good = world_.write_one("A", bytes);
  Extent impossible = good;
  impossible.data_offset = ~std::uint64_t{0};
  EXPECT_EQ(read(know(bytes, {impossible, good})).bytes, bytes);
  EXPECT_EQ(read(know(test::pattern(1000, 8), {impossible})).error, ErrorCode::corrupt);
}

TEST_F(RecallTest, ACopyThatWasReadWholeAndHasItsHashIsTold) {
  const Content whole = put("A", test::pattern(MiB, 7));
  const Bytes bytes = test::pattern(MiB, 8);
  const Extent bad = world_.write_one("B", bytes), good = world_.write_one("C", bytes);
  world_.damage(bad, 500'000);
  const Content of_two_copies = know(bytes, {bad, good});
  const Bytes small = test::pattern(10, 9);
  const Content without_hash = know(small, {world_.write_one("D", small)}, false);
  for (const Content& content : {whole, of_two_copies, without_hash}) {
    EXPECT_EQ(fetch(content).error, std::nullopt);
  }
  recall_.reset();
  EXPECT_EQ(verified_, std::vector<std::string>{"A"});
}

TEST_F(RecallTest, WantOfDescriptorsIsNeitherDamageNorAMissingMedium) {
  const Bytes bytes = test::pattern(MiB, 7);
  const Content content = know(bytes, {world_.write_one("A", bytes), world_.write_one("B", bytes)});
  exhausted_ = Exhausted::reading;
  EXPECT_EQ(read(content).error, ErrorCode::exhausted);
  exhausted_ = Exhausted::looking;
  recall_.reset();
  EXPECT_EQ(read(content).error, ErrorCode::exhausted);
  EXPECT_TRUE(damaged().empty());
  exhausted_ = Exhausted::no;
  EXPECT_EQ(read(content).bytes, bytes);
}

TEST_F(RecallTest, WithEveryCopyDamagedTheReadFails) {
  const Bytes bytes = test::pattern(MiB, 8);
  const Extent first = world_.write_one("A", bytes), second = world_.write_one("B", bytes);
  world_.damage(first, 700'000);
  world_.damage(second, 800'000);
  const Content content = know(bytes, {first, second});
  EXPECT_EQ(read(content).error, ErrorCode::corrupt);
  EXPECT_EQ(damaged(), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(cache_->usage().entries, 0u);
  EXPECT_TRUE(recall().queue().empty());
}

TEST_F(RecallTest, WhenTheGoodCopiesFailThoseFoundDamagedBeforeAreTriedInTheSameRead) {
  const Bytes bytes = test::pattern(MiB, 9);
  const Extent bad = world_.write_one("A", bytes), before = world_.write_one("B", bytes);
  world_.damage(bad, 500'000);
  const Content content = know(bytes, {bad});
  found_damaged_[content.number] = {bad, before};
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
}

TEST_F(RecallTest, TheLastResortIsTriedOnce) {
  const Bytes bytes = test::pattern(MiB, 9);
  const Extent first = world_.write_one("A", bytes), before = world_.write_one("B", bytes);
  world_.damage(first, 500'000);
  world_.damage(before, 500'000);
  const Content content = know(bytes, {first});
  found_damaged_[content.number] = {first, before};
  EXPECT_EQ(read(content).error, ErrorCode::corrupt);
  EXPECT_EQ(damaged(), (std::vector<std::string>{"A", "B"}));
}

TEST_F(RecallTest, WithoutAnyCopyTheReadFails) {
  EXPECT_EQ(read(know(test::pattern(10, 1), {})).error, ErrorCode::corrupt);
}

TEST_F(RecallTest, ACopyWithAnotherHashIsNotKeptAndItsEndNotServed) {
  const Bytes bytes = test::pattern(300'000, 9), other = test::pattern(300'000, 10);
  const Extent wrong = world_.write_one("A", other), good = world_.write_one("B", bytes);
  const Content content = know(bytes, {wrong, good});
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
  const Content only_wrong = know(test::pattern(300'000, 11), {wrong});
  EXPECT_EQ(read(only_wrong, 299'999, 1).error, ErrorCode::corrupt);
  EXPECT_FALSE(cache_->contains(only_wrong));
}

TEST_F(RecallTest, AContentMixedFromTwoCopiesIsReadWholeBeforeACopyIsBlamed) {
  const Bytes bytes = test::pattern(MiB, 12);
  Bytes wrong_start = bytes;
  wrong_start[10] ^= std::byte{1};
  const Extent first = world_.write_one("A", wrong_start), second = world_.write_one("B", bytes);
  world_.damage(first, 500'000);
  const Content content = know(bytes, {first, second});
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
}

TEST_F(RecallTest, TheHashOfAContentWithoutOneIsTold) {
  const Bytes bytes = test::pattern(1000, 13);
  const Content content = know(bytes, {world_.write_one("A", bytes)}, false);
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_EQ(hashed_.at(content.number), format::digest_of(bytes));
  world_.trace().clear();
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_TRUE(world_.trace().operations().empty());
}

}  // namespace
}  // namespace mixtape::recall
