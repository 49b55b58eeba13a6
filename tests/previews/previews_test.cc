// SPDX-License-Identifier: Apache-2.0
#include "engine/previews/previews.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::previews {
namespace {

constexpr Limits kSmall{.head = 1000, .tail = 100, .total = 1 * MiB};

class PreviewsTest : public testing::Test {
 protected:
  test::TempDir directory_;
  const Bytes content_ = test::pattern(10'000, 1);
  const format::Digest hash_ = format::digest_of(content_);

  void keep(Previews& previews) const {
    previews.keep(hash_, content_.size(), ByteView(content_).first(1000),
                  ByteView(content_).last(100));
    previews.flush();
  }
  Bytes read(Previews& previews, std::uint64_t offset, std::size_t size) const {
    Bytes bytes(size);
    bytes.resize(previews.read(hash_, offset, bytes));
    return bytes;
  }
  Bytes part(std::size_t offset, std::size_t size) const {
    return {content_.begin() + static_cast<std::ptrdiff_t>(offset),
            content_.begin() + static_cast<std::ptrdiff_t>(offset + size)};
  }
};

TEST_F(PreviewsTest, WhatWasKeptIsThereAlsoForTheNextProcess) {
  {
    Previews first(directory_.path(), kSmall);
    keep(first);
    EXPECT_EQ(read(first, 0, 1000), part(0, 1000));
  }
  Previews previews(directory_.path(), kSmall);
  EXPECT_EQ(read(previews, 10, 20), part(10, 20));
  EXPECT_EQ(read(previews, 9'950, 20), part(9'950, 20));
  EXPECT_EQ(previews.usage().bytes, 1100u);
  EXPECT_EQ(previews.usage().contents, 1u);
}

TEST_F(PreviewsTest, ReadsEndWhereTheKnownEnds) {
  Previews previews(directory_.path(), kSmall);
  keep(previews);
  EXPECT_EQ(read(previews, 990, 20), part(990, 10));
  EXPECT_EQ(read(previews, 1000, 20), Bytes());
  EXPECT_EQ(read(previews, 9'899, 20), Bytes());
  EXPECT_EQ(read(previews, 9'990, 20), part(9'990, 10));
  EXPECT_EQ(read(previews, 10'000, 20), Bytes());
  EXPECT_EQ(read(previews, UINT64_MAX, 20), Bytes());
}

TEST_F(PreviewsTest, AContentThatIsKnownWholeIsReadAcrossItsTwoParts) {
  Previews previews(directory_.path(), kSmall);
  const Bytes small = part(0, 1050);
  const format::Digest hash = format::digest_of(small);
  previews.keep(hash, small.size(), ByteView(small).first(1000), ByteView(small).last(50));
  previews.flush();
  Bytes bytes(2000);
  bytes.resize(previews.read(hash, 900, bytes));
  EXPECT_EQ(bytes, part(900, 150));
}

TEST_F(PreviewsTest, AnotherContentIsNotKnown) {
  Previews previews(directory_.path(), kSmall);
  keep(previews);
  Bytes bytes(10);
  EXPECT_EQ(previews.read(format::digest_of(part(0, 1)), 0, bytes), 0u);
}

TEST_F(PreviewsTest, ADamagedEntryIsDroppedAndKeptAnew) {
  {
    Previews previews(directory_.path(), kSmall);
    keep(previews);
  }
  {
    catalog::Database database(directory_ / "previews.db", catalog::Database::Mode::read_write);
    database.execute("UPDATE preview SET head = zeroblob(1000)");
  }
  Previews previews(directory_.path(), kSmall);
  EXPECT_EQ(read(previews, 0, 10), Bytes());
  EXPECT_EQ(previews.usage().bytes, 0u);
  keep(previews);
  EXPECT_EQ(read(previews, 0, 10), part(0, 10));
}

TEST_F(PreviewsTest, AnEntryThatLiesAboutItsLengthIsNotBelieved) {
  {
    Previews previews(directory_.path(), kSmall);
    keep(previews);
  }
  {
    catalog::Database database(directory_ / "previews.db", catalog::Database::Mode::read_write);
    database.execute("UPDATE preview SET size = 5");
  }
  Previews previews(directory_.path(), kSmall);
  EXPECT_EQ(read(previews, 0, 10), Bytes());
}

TEST_F(PreviewsTest, AFileThatIsNoDatabaseIsMadeAnew) {
  test::write_text(directory_ / "previews.db", std::string(5000, 'x'));
  Previews previews(directory_.path(), kSmall);
  keep(previews);
  EXPECT_EQ(read(previews, 0, 10), part(0, 10));
}

TEST_F(PreviewsTest, NoMoreIsKeptThanTheLimitAllows) {
  Previews previews(directory_.path(), {.head = 1000, .tail = 100, .total = 2'500});
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Bytes bytes = test::pattern(1000, seed);
    previews.keep(format::digest_of(bytes), bytes.size(), bytes, {});
    previews.flush();
  }
  EXPECT_EQ(previews.usage().bytes, 2'000u);
  EXPECT_EQ(previews.usage().contents, 2u);
}

TEST_F(PreviewsTest, ALimitOfZeroKeepsNothingAndMakesNoFile) {
  Previews previews(directory_.path(), {.head = 1000, .tail = 100, .total = 0});
  keep(previews);
  EXPECT_EQ(read(previews, 0, 10), Bytes());
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(PreviewsTest, ADirectoryThatCannotBeUsedMeansThatNothingIsKnown) {
  Previews previews(directory_ / "nowhere", kSmall);
  keep(previews);
  EXPECT_EQ(read(previews, 0, 10), Bytes());
}

}  // namespace
}  // namespace mixtape::previews
