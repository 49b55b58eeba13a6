// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>

#include "engine/format/digest.h"
#include "engine/recall/cache.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

// Contents of which the cache has a part.

namespace mixtape::recall {
namespace {

TEST(PresentRanges, JoinsWhatTouchesAndTellsWhatIsMissing) {
  PresentRanges present;
  present.add({10, 20});
  present.add({30, 40});
  present.add({40, 50});
  EXPECT_EQ(present.ranges().size(), 2u);
  EXPECT_EQ(present.missing(0, 60), (ByteRange{0, 10}));
  EXPECT_EQ(present.missing(10, 60), (ByteRange{20, 30}));
  EXPECT_EQ(present.missing(25, 60), (ByteRange{25, 30}));
  EXPECT_EQ(present.missing(35, 60), (ByteRange{50, 60}));
  EXPECT_EQ(present.missing(35, 45), (ByteRange{45, 45}));
  present.add({15, 35});
  EXPECT_EQ(present.ranges().size(), 1u);
  EXPECT_EQ(present.bytes(), 40u);
  EXPECT_TRUE(present.has({10, 50}));
  EXPECT_FALSE(present.has({9, 50}));
  EXPECT_FALSE(present.has({10, 51}));
}

TEST(PresentRanges, ForgetsTheSmallestOfTheOthersWhereThereAreTooMany) {
  PresentRanges present;
  for (std::uint64_t i = 0; i < PresentRanges::kMost; ++i) {
    present.add({i * 100, i * 100 + (i == 7 ? 5 : 10)});
  }
  present.add({1'000'000, 1'000'001});
  EXPECT_EQ(present.ranges().size(), PresentRanges::kMost);
  EXPECT_FALSE(present.has({700, 705}));
  EXPECT_TRUE(present.has({1'000'000, 1'000'001}));
}

class CachePartTest : public testing::Test {
 protected:
  static constexpr std::size_t kSize = 5 * MiB;
  CachePartTest() { open(); }

  void open() {
    cache_.reset();
    cache_ = std::make_unique<Cache>(directory_ / "cache", limits_);
  }
  // The process is killed now: nothing more is written, and another one looks.
  void kill() {
    std::filesystem::remove_all(directory_ / "killed");
    std::filesystem::copy(directory_ / "cache", directory_ / "killed",
                          std::filesystem::copy_options::recursive);
    incoming_.reset();
    cache_.reset();
    std::filesystem::remove_all(directory_ / "cache");
    std::filesystem::rename(directory_ / "killed", directory_ / "cache");
    open();
  }
  Cache::Incoming& incoming() {
    if (!incoming_) {
      incoming_ = cache_->begin(content_);
    }
    return *incoming_;
  }
  void bring(std::uint64_t begin, std::uint64_t end) {
    incoming().seek(begin);
    incoming().write(ByteView(bytes_).subspan(begin, end - begin));
  }
  void leave() { incoming_.reset(); }
  void finish() {
    for (ByteRange gap = incoming().missing(0); gap.size() > 0; gap = incoming().missing(0)) {
      bring(gap.begin, gap.end);
    }
    EXPECT_EQ(incoming().commit(), *content_.hash);
    leave();
  }
  bool gives(std::uint64_t begin, std::uint64_t end) {
    Bytes got(end - begin);
    if (!cache_->read_part(content_, begin, got)) {
      return false;
    }
    EXPECT_TRUE(
        std::equal(got.begin(), got.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin)));
    return true;
  }
  Bytes whole() {
    const auto fd = cache_->open(content_);
    Bytes got(fd ? content_.size + 1 : 0);
    got.resize(fd ? tapeio::read_full(fd->get(), got, "entry") : 0);
    return got;
  }
  std::filesystem::path part_file() {
    return directory_ / "cache" / "incoming" / (to_hex(*content_.hash) + ".part");
  }
  std::size_t left_behind() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory_ / "cache" / "incoming"), {}));
  }

  test::TempDir directory_;
  CacheLimits limits_{.bytes = 200 * MiB};
  Bytes bytes_ = test::pattern(kSize, 1);
  Content content_{.number = 1, .size = kSize, .hash = format::digest_of(bytes_)};
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Cache::Incoming> incoming_;
};

TEST_F(CachePartTest, WhatHasComeIsReadWhileTheRestIsOnItsWay) {
  bring(MiB, 2 * MiB);
  EXPECT_TRUE(gives(MiB, 2 * MiB));
  EXPECT_TRUE(gives(MiB + 5, MiB + 6));
  EXPECT_FALSE(gives(MiB - 1, MiB + 1));
  EXPECT_FALSE(gives(2 * MiB - 1, 2 * MiB + 1));
  EXPECT_FALSE(cache_->contains(content_));
}

TEST_F(CachePartTest, ACancelledRecallIsCompletedByTheNextProcess) {
  bring(0, 2 * MiB);
  bring(3 * MiB, 4 * MiB);
  leave();
  open();
  EXPECT_TRUE(gives(3 * MiB, 4 * MiB));
  EXPECT_FALSE(cache_->contains(content_));
  EXPECT_EQ(incoming().missing(0), (ByteRange{2 * MiB, 3 * MiB}));
  EXPECT_EQ(incoming().missing(3 * MiB), (ByteRange{4 * MiB, 5 * MiB}));
  finish();
  EXPECT_EQ(whole(), bytes_);
  EXPECT_EQ(left_behind(), 0u);
  EXPECT_EQ(cache_->usage().bytes, kSize);
}

TEST_F(CachePartTest, WhatAKilledProcessHadListedIsThere) {
  limits_.list_every = std::chrono::milliseconds(0);
  open();
  bring(0, MiB);
  bring(3 * MiB, 4 * MiB);
  kill();
  EXPECT_TRUE(gives(0, MiB));
  EXPECT_TRUE(gives(3 * MiB, 4 * MiB));
  EXPECT_EQ(incoming().missing(0), (ByteRange{MiB, 3 * MiB}));
  finish();
  EXPECT_EQ(whole(), bytes_);
}

TEST_F(CachePartTest, NothingIsBelievedThatAKilledProcessHadNotListed) {
  limits_.list_every = std::chrono::hours(1);
  open();
  bring(0, 2 * MiB);
  leave();
  bring(2 * MiB, 3 * MiB);
  kill();
  EXPECT_TRUE(gives(0, 2 * MiB));
  EXPECT_FALSE(gives(2 * MiB, 2 * MiB + 1));
  finish();
  EXPECT_EQ(whole(), bytes_);
}

TEST_F(CachePartTest, NothingIsBelievedOfATornTable) {
  bring(0, 2 * MiB);
  leave();
  const auto length = std::filesystem::file_size(part_file());
  for (std::uint64_t place = kSize; place < length; place += 16) {
    // Both tables, wherever they begin.
    std::fstream file(part_file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(place + 8));
    file.put('x');
  }
  EXPECT_FALSE(gives(0, 10));
  open();
  EXPECT_EQ(left_behind(), 0u);
  finish();
  EXPECT_EQ(whole(), bytes_);
}

TEST_F(CachePartTest, NothingIsBelievedOfAFileThatWasCutOrIsAnothers) {
  bring(0, 2 * MiB);
  leave();
  std::filesystem::resize_file(part_file(), std::filesystem::file_size(part_file()) - 4096);
  EXPECT_FALSE(gives(0, 10));
  std::filesystem::remove(part_file());
  std::filesystem::create_symlink("/etc/passwd", part_file());
  EXPECT_FALSE(gives(0, 10));
  finish();
  EXPECT_EQ(whole(), bytes_);
}

TEST_F(CachePartTest, BytesThatAreNotTheContentNeverBecomeAnEntry) {
  bring(0, 2 * MiB);
  leave();
  {
    std::fstream file(part_file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file.put('x');
  }
  bring(2 * MiB, kSize);
  EXPECT_THROW((void)incoming().commit(), Error);
  leave();
  EXPECT_EQ(left_behind(), 0u);
  EXPECT_FALSE(cache_->contains(content_));
  finish();
  EXPECT_EQ(whole(), bytes_);
}

TEST_F(CachePartTest, ALastByteIsNotReadBeforeTheHashIsConfirmed) {
  bring(4 * MiB, kSize);
  EXPECT_TRUE(gives(kSize - 1, kSize));
  bring(0, 4 * MiB);
  EXPECT_FALSE(gives(kSize - 1, kSize));
  EXPECT_TRUE(gives(0, kSize - 1));
}

TEST_F(CachePartTest, HolesOfASparseContentAreKeptAsHoles) {
  std::fill(bytes_.begin() + MiB, bytes_.begin() + 3 * MiB, std::byte{0});
  content_.hash = format::digest_of(bytes_);
  bring(0, MiB);
  incoming().write_zeros(2 * MiB);
  leave();
  open();
  EXPECT_TRUE(gives(MiB, 3 * MiB));
  finish();
  EXPECT_EQ(whole(), bytes_);
}

TEST_F(CachePartTest, CountsAsMuchAsThereIsAndIsEvictedLikeAnyOther) {
  limits_.bytes = 8 * MiB;
  open();
  bring(0, 2 * MiB);
  leave();
  EXPECT_EQ(cache_->usage().bytes, 2 * MiB);
  open();
  EXPECT_EQ(cache_->usage().bytes, 2 * MiB);
  (void)cache_->begin({.number = 2, .size = 7 * MiB, .hash = {}});
  EXPECT_FALSE(gives(0, 10));
  EXPECT_EQ(cache_->usage().bytes, 0u);
  EXPECT_EQ(left_behind(), 0u);
}

TEST_F(CachePartTest, IsNotEvictedForItsOwnRest) {
  limits_.bytes = kSize;
  open();
  bring(0, 4 * MiB);
  leave();
  EXPECT_EQ(incoming().missing(0), (ByteRange{4 * MiB, kSize}));
  finish();
  EXPECT_EQ(whole(), bytes_);
}

TEST_F(CachePartTest, StaysWhileItIsPinned) {
  limits_.bytes = 8 * MiB;
  open();
  cache_->pin(content_, Pin::user);
  bring(0, 2 * MiB);
  leave();
  EXPECT_THROW((void)cache_->begin({.number = 2, .size = 7 * MiB, .hash = {}}), Error);
  EXPECT_TRUE(gives(0, 2 * MiB));
}

TEST_F(CachePartTest, GoesWhenItsContentComesAnotherWay) {
  bring(0, 2 * MiB);
  leave();
  test::write_text(directory_ / "staged", as_text(bytes_));
  cache_->adopt(directory_ / "staged", content_);
  EXPECT_EQ(left_behind(), 0u);
  EXPECT_EQ(cache_->usage().bytes, kSize);
}

TEST_F(CachePartTest, IsWrittenByOneAtATime) {
  bring(0, 2 * MiB);
  Cache other(directory_ / "cache", limits_);
  {
    const auto second = other.begin(content_);
    EXPECT_EQ(second->missing(0), (ByteRange{0, kSize}));
    second->write(ByteView(bytes_).first(10));
  }
  EXPECT_TRUE(gives(0, 2 * MiB));
  finish();
  EXPECT_EQ(whole(), bytes_);
}

// A disk of 8 MiB.
class FullDiskTest : public CachePartTest {
 protected:
  void SetUp() override {
    cache_.reset();
    if (::mount("mixtape-test", (directory_ / "cache").c_str(), "tmpfs", 0, "size=8m") != 0) {
      GTEST_SKIP() << "this user cannot mount";
    }
    mounted_ = true;
    open();
  }
  void TearDown() override {
    incoming_.reset();
    cache_.reset();
    if (mounted_) {
      ::umount2((directory_ / "cache").c_str(), MNT_DETACH);
    }
  }
  bool mounted_ = false;
};

TEST_F(FullDiskTest, OldEntriesGiveTheirPlaceBeforeTheDiskIsCalledFull) {
  const Bytes old = test::pattern(5 * MiB, 3);
  {
    const auto incoming =
        cache_->begin({.number = 2, .size = old.size(), .hash = format::digest_of(old)});
    incoming->write(old);
    (void)incoming->commit();
  }
  finish();
  EXPECT_EQ(whole(), bytes_);
}

TEST_F(FullDiskTest, LeavesNothingOfWhatDidNotFit) {
  bytes_ = test::pattern(12 * MiB, 4);
  content_ = {.number = 1, .size = bytes_.size(), .hash = format::digest_of(bytes_)};
  EXPECT_THROW(bring(0, 12 * MiB), Error);
  leave();
  EXPECT_EQ(left_behind(), 0u);
  EXPECT_EQ(cache_->usage().bytes, 0u);
  EXPECT_GT(std::filesystem::space(directory_ / "cache").available, 7 * MiB);
}

}  // namespace
}  // namespace mixtape::recall
