// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "engine/format/digest.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::recall {
namespace {

class CacheTest : public testing::Test {
 protected:
  static Content content_of(const Bytes& bytes, std::int64_t number = 1) {
    return {.number = number, .size = bytes.size(), .hash = format::digest_of(bytes)};
  }
  static Bytes bytes_of(std::uint64_t seed, std::size_t size = 1000) {
    return test::pattern(size, seed);
  }
  Cache& cache() {
    if (!cache_) {
      cache_ = std::make_unique<Cache>(directory_ / "cache",
                                       CacheLimits{.bytes = limit_, .unused_for = unused_for_});
    }
    return *cache_;
  }
  void reopen() { cache_.reset(); }

  Content put(const Bytes& bytes) {
    const Content content = content_of(bytes);
    const auto incoming = cache().begin(content);
    incoming->write(bytes);
    EXPECT_EQ(incoming->commit(), *content.hash);
    return content;
  }
  std::optional<Bytes> get(const Content& content) {
    const auto fd = cache().open(content);
    if (!fd) {
      return std::nullopt;
    }
    Bytes bytes(content.size + 1);
    bytes.resize(tapeio::read_full(fd->get(), bytes, "entry"));
    return bytes;
  }
  std::filesystem::path entry(const Content& content) {
    const std::string name = to_hex(*content.hash);
    return directory_ / "cache" / name.substr(0, 2) / name;
  }
  // As if the entry had last been used so long ago.
  void age(const Content& content, std::int64_t seconds) {
    const timespec times[2] = {{0, UTIME_OMIT}, {::time(nullptr) - seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, entry(content).c_str(), times, 0), 0);
  }
  std::size_t left_behind() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory_ / "cache" / "incoming"), {}));
  }
  static ErrorCode code_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::io;
  }

  test::TempDir directory_;
  std::uint64_t limit_ = 200 * MiB;
  std::chrono::seconds unused_for_{0};
  std::unique_ptr<Cache> cache_;
};

TEST_F(CacheTest, GivesBackWhatWasCommitted) {
  const Bytes bytes = bytes_of(1);
  EXPECT_EQ(get(put(bytes)), bytes);
}

TEST_F(CacheTest, KeepsEntriesForTheNextProcess) {
  const Bytes small = bytes_of(1), large = bytes_of(2, kHashedAtOpen + 1);
  const Content first = put(small), second = put(large);
  reopen();
  EXPECT_EQ(get(first), small);
  EXPECT_EQ(get(second), large);
}

TEST_F(CacheTest, ShowsNothingBeforeCommit) {
  const Bytes bytes = bytes_of(1);
  const Content content = content_of(bytes);
  const auto incoming = cache().begin(content);
  incoming->write(bytes);
  EXPECT_EQ(incoming->confirm(), *content.hash);
  EXPECT_FALSE(cache().contains(content));
}

TEST_F(CacheTest, ReadsBackWhatHasArrivedSoFar) {
  const Bytes bytes = bytes_of(1);
  const auto incoming = cache().begin(content_of(bytes));
  incoming->write(ByteView(bytes).first(600));
  Bytes back(300);
  EXPECT_EQ(incoming->read_back(200, back), 300u);
  EXPECT_TRUE(std::equal(back.begin(), back.end(), bytes.begin() + 200));
  EXPECT_EQ(incoming->read_back(500, back), 100u);
}

TEST_F(CacheTest, RefusesBytesWithAnotherHash) {
  Bytes bytes = bytes_of(1);
  const Content content = content_of(bytes);
  bytes[500] ^= std::byte{1};
  auto incoming = cache().begin(content);
  incoming->write(bytes);
  EXPECT_EQ(code_of([&] { (void)incoming->commit(); }), ErrorCode::corrupt);
  incoming.reset();
  EXPECT_FALSE(cache().contains(content));
  EXPECT_EQ(cache().usage().entries, 0u);
  EXPECT_EQ(left_behind(), 0u);
}

TEST_F(CacheTest, RefusesTooFewAndTooManyBytes) {
  const Bytes bytes = bytes_of(1);
  const auto shorter = cache().begin(content_of(bytes));
  shorter->write(ByteView(bytes).first(999));
  EXPECT_EQ(code_of([&] { (void)shorter->commit(); }), ErrorCode::corrupt);
  const auto longer = cache().begin(content_of(bytes));
  longer->write(bytes);
  EXPECT_EQ(code_of([&] { longer->write(ByteView(bytes).first(1)); }), ErrorCode::corrupt);
  EXPECT_EQ(code_of([&] { longer->write_zeros(1); }), ErrorCode::corrupt);
}

TEST_F(CacheTest, KeepsHolesAsHoles) {
  Bytes bytes(8 * MiB);
  const Bytes data = bytes_of(1, 4096);
  std::copy(data.begin(), data.end(), bytes.begin() + 4 * MiB);
  const Content content = content_of(bytes);
  const auto incoming = cache().begin(content);
  incoming->write_zeros(4 * MiB);
  incoming->write(data);
  incoming->write_zeros(4 * MiB - 4096);
  (void)incoming->commit();
  EXPECT_EQ(get(content), bytes);
  struct stat status {};
  ASSERT_EQ(::stat(entry(content).c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, static_cast<blkcnt_t>(MiB));
}

TEST_F(CacheTest, TellsTheHashOfAContentThatHadNone) {
  const Bytes bytes = bytes_of(1);
  const Content unhashed{.number = 1, .size = bytes.size(), .hash = {}};
  const auto incoming = cache().begin(unhashed);
  incoming->write(bytes);
  EXPECT_EQ(incoming->commit(), format::digest_of(bytes));
  EXPECT_EQ(get(content_of(bytes)), bytes);
  EXPECT_FALSE(cache().contains(unhashed));
}

TEST_F(CacheTest, ReplacesAnEntryThatIsThereAlready) {
  const Bytes bytes = bytes_of(1);
  put(bytes);
  EXPECT_EQ(get(put(bytes)), bytes);
  EXPECT_EQ(left_behind(), 0u);
}

TEST_F(CacheTest, DropsAnEntryOfTheWrongSize) {
  const Content content = put(bytes_of(1, 2 * MiB));
  ASSERT_EQ(::truncate(entry(content).c_str(), 2 * MiB - 1), 0);
  EXPECT_FALSE(cache().contains(content));
  EXPECT_FALSE(std::filesystem::exists(entry(content)));
}

TEST_F(CacheTest, DropsWhatIsNoFile) {
  const Content content = put(bytes_of(1));
  std::filesystem::remove(entry(content));
  std::filesystem::create_directory(entry(content));
  EXPECT_FALSE(cache().contains(content));
  std::filesystem::create_symlink("/etc/passwd", entry(content));
  EXPECT_FALSE(cache().contains(content));
}

TEST_F(CacheTest, WhatCannotBeOpenedForWantOfDescriptorsIsNotAbsent) {
  const Content content = put(bytes_of(1));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_EQ(code_of([&] { (void)cache().open(content); }), ErrorCode::exhausted);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(get(content), bytes_of(1));
}

// What a crash may leave of an entry that was not flushed: the right size, other bytes.
TEST_F(CacheTest, DropsASmallEntryThatLostItsBytesInACrash) {
  const Content content = put(bytes_of(1));
  test::write_text(entry(content), std::string(1000, '\0'));
  reopen();
  EXPECT_FALSE(cache().contains(content));
}

TEST_F(CacheTest, VerifyDropsEveryDamagedEntryAndNamesIt) {
  const Content good = put(bytes_of(1, 2 * MiB)), bad = put(bytes_of(2, 2 * MiB));
  test::write_text(entry(bad), std::string(2 * MiB, 'x'));
  std::vector<std::string> dropped;
  cache().verify([&](const std::string& name) { dropped.push_back(name); });
  EXPECT_EQ(dropped, std::vector{to_hex(*bad.hash)});
  EXPECT_TRUE(cache().contains(good));
  EXPECT_FALSE(cache().contains(bad));
}

TEST_F(CacheTest, EvictsWhatWasNotUsedForLongest) {
  limit_ = 3000;
  const Content first = put(bytes_of(1)), second = put(bytes_of(2)), third = put(bytes_of(3));
  EXPECT_TRUE(cache().contains(first));
  put(bytes_of(4));
  EXPECT_FALSE(cache().contains(second));
  EXPECT_TRUE(cache().contains(first));
  EXPECT_TRUE(cache().contains(third));
  EXPECT_EQ(cache().usage().bytes, 3000u);
}

TEST_F(CacheTest, RemembersTheTimeOfUseForTheNextProcess) {
  limit_ = 2000;
  const Content first = put(bytes_of(1)), second = put(bytes_of(2));
  age(first, 7200);
  age(second, 3600);
  ASSERT_TRUE(cache().contains(first));
  reopen();
  put(bytes_of(3));
  EXPECT_TRUE(cache().contains(first));
  EXPECT_FALSE(cache().contains(second));
}

TEST_F(CacheTest, NeverEvictsWhatIsPinned) {
  limit_ = 2000;
  const Content pinned = put(bytes_of(1));
  cache().pin(pinned, Pin::copies);
  cache().sync_pins();
  reopen();
  put(bytes_of(2));
  put(bytes_of(3));
  EXPECT_TRUE(cache().contains(pinned));
  EXPECT_EQ(cache().usage().pinned_bytes, 1000u);
  cache().unpin(pinned, Pin::copies);
  age(pinned, 7200);
  reopen();
  put(bytes_of(4));
  EXPECT_FALSE(cache().contains(pinned));
}

TEST_F(CacheTest, SeesThePinsOfAnotherProcess) {
  limit_ = 2000;
  const Content first = put(bytes_of(1));
  put(bytes_of(2));
  Cache other(directory_ / "cache", {.bytes = limit_});
  other.pin(first, Pin::copies);
  put(bytes_of(3));
  EXPECT_TRUE(cache().contains(first));
}

TEST_F(CacheTest, ForgetsNoPinWhenTheLastLineIsTorn) {
  limit_ = 2000;
  const Content first = put(bytes_of(1)), second = put(bytes_of(2));
  cache().pin(first, Pin::copies);
  reopen();
  std::ofstream(directory_ / "cache" / "pins", std::ios::app) << "0123";
  cache().pin(second, Pin::copies);
  reopen();
  EXPECT_EQ(cache().usage().pinned_bytes, 2000u);
}

TEST_F(CacheTest, KeepsItsPinsWhenTheirFileIsRewritten) {
  const Content kept = put(bytes_of(1));
  cache().pin(kept, Pin::copies);
  for (std::uint64_t seed = 10; seed < 1100; ++seed) {
    const Content content = content_of(bytes_of(seed, 8));
    cache().pin(content, Pin::copies);
    cache().unpin(content, Pin::copies);
  }
  EXPECT_LT(std::filesystem::file_size(directory_ / "cache" / "pins"), 1100u * 65);
  reopen();
  EXPECT_EQ(cache().usage().pinned_bytes, 1000u);
}

TEST_F(CacheTest, RefusesWhatCannotFitAndEvictsNothingForIt) {
  limit_ = 2000;
  const Content first = put(bytes_of(1));
  for (std::uint64_t size : {2001, 1'000'000}) {
    EXPECT_EQ(code_of([&] { (void)cache().begin({.number = 9, .size = size, .hash = {}}); }),
              ErrorCode::no_space);
  }
  EXPECT_TRUE(cache().contains(first));
  EXPECT_NO_THROW((void)cache().begin({.number = 9, .size = 2000, .hash = {}}));
}

TEST_F(CacheTest, CountsWhatIsOnItsWayIn) {
  limit_ = 2000;
  const auto incoming = cache().begin({.number = 1, .size = 1500, .hash = {}});
  EXPECT_EQ(code_of([&] { (void)cache().begin({.number = 2, .size = 501, .hash = {}}); }),
            ErrorCode::no_space);
  EXPECT_NO_THROW((void)cache().begin({.number = 2, .size = 500, .hash = {}}));
}

TEST_F(CacheTest, RemovesWhatACrashLeftInIncoming) {
  test::write_text(directory_ / "cache" / "incoming" / "4711.1", "half");
  (void)cache();
  EXPECT_EQ(left_behind(), 0u);
}

TEST_F(CacheTest, AdoptsAFileWithoutCopyingAndPinsIt) {
  const Bytes bytes = bytes_of(1, 2 * MiB);
  const Content content = content_of(bytes);
  test::write_text(directory_ / "staged", as_text(bytes));
  limit_ = 10;  // The bytes are on the disk already, so the limit does not refuse them.
  cache().adopt(directory_ / "staged", content);
  EXPECT_EQ(std::filesystem::hard_link_count(directory_ / "staged"), 2u);
  EXPECT_EQ(cache().pinned(Pin::copies), std::vector{*content.hash});
  std::filesystem::remove(directory_ / "staged");
  EXPECT_EQ(get(content), bytes);
  EXPECT_EQ(cache().usage().pinned_bytes, 2 * MiB);
}

TEST_F(CacheTest, CopiesAFileThatCouldBeChangedUnderAnotherName) {
  const Bytes bytes = bytes_of(1, 2 * MiB);
  const Content content = content_of(bytes);
  test::write_text(directory_ / "staged", as_text(bytes));
  std::filesystem::create_hard_link(directory_ / "staged", directory_ / "other");
  cache().adopt(directory_ / "staged", content);
  test::write_text(directory_ / "other", "changed");
  EXPECT_EQ(get(content), bytes);
  EXPECT_EQ(left_behind(), 0u);
}

TEST_F(CacheTest, AdoptsOnlyAFileOfTheRightSize) {
  test::write_text(directory_ / "staged", "abc");
  const Content content = content_of(bytes_of(1, 4));
  EXPECT_EQ(code_of([&] { cache().adopt(directory_ / "staged", content); }), ErrorCode::corrupt);
  std::filesystem::create_symlink(directory_ / "staged", directory_ / "link");
  EXPECT_EQ(code_of([&] { cache().adopt(directory_ / "link", content); }), ErrorCode::corrupt);
}

TEST_F(CacheTest, DropsWhatNobodyUsedForTooLongButNothingThatIsPinned) {
  unused_for_ = std::chrono::days(7);
  const Content old = put(bytes_of(1)), young = put(bytes_of(2));
  const Content pinned = put(bytes_of(3)), wanted = put(bytes_of(4));
  cache().pin(pinned, Pin::copies);
  cache().pin(wanted, Pin::user);
  for (const Content& content : {old, pinned, wanted}) {
    age(content, 8 * 24 * 3600);
  }
  age(young, 6 * 24 * 3600);
  reopen();
  cache().expire();
  EXPECT_FALSE(cache().contains(old));
  EXPECT_TRUE(cache().contains(young));
  EXPECT_TRUE(cache().contains(pinned));
  EXPECT_TRUE(cache().contains(wanted));
}

TEST_F(CacheTest, DropsWhatASmallerLimitHasNoRoomFor) {
  const Content oldest = put(bytes_of(1)), pinned = put(bytes_of(2));
  const Content old = put(bytes_of(3)), young = put(bytes_of(4));
  cache().pin(pinned, Pin::user);
  age(oldest, 400);
  age(pinned, 300);
  age(old, 200);
  limit_ = 2000;
  reopen();
  cache().expire();
  EXPECT_FALSE(cache().contains(oldest));
  EXPECT_TRUE(cache().contains(pinned));
  EXPECT_FALSE(cache().contains(old));
  EXPECT_TRUE(cache().contains(young));
  limit_ = 0;
  reopen();
  cache().expire();
  EXPECT_TRUE(cache().contains(pinned));
  EXPECT_FALSE(cache().contains(young));
}

TEST_F(CacheTest, SaysByItsStatusAloneWhatItHas) {
  const Content content = put(bytes_of(1)), absent = content_of(bytes_of(2));
  reopen();
  // What a crash left of a small one shows when it is opened, not before.
  test::write_text(entry(content), std::string(content.size, '\0'));
  EXPECT_TRUE(cache().has(content));
  EXPECT_TRUE(cache().has(content));
  EXPECT_FALSE(cache().has(absent));
  EXPECT_FALSE(cache().has({.number = 1, .size = content.size + 1, .hash = content.hash}));
  EXPECT_FALSE(cache().has({.number = 1, .size = content.size, .hash = {}}));
  EXPECT_FALSE(cache().contains(content));
  EXPECT_FALSE(cache().has(content));
}

TEST_F(CacheTest, APinOfTheUserAndOneForCopiesAreTwo) {
  const Content content = put(bytes_of(1));
  cache().pin(content, Pin::copies);
  cache().pin(content, Pin::user);
  cache().unpin(content, Pin::copies);
  reopen();
  EXPECT_TRUE(cache().pinned(Pin::copies).empty());
  EXPECT_EQ(cache().pinned(Pin::user), std::vector{*content.hash});
  EXPECT_EQ(cache().usage().pinned_bytes, 1000u);
  cache().unpin(content, Pin::user);
  EXPECT_EQ(cache().usage().pinned_bytes, 0u);
}

}  // namespace
}  // namespace mixtape::recall
