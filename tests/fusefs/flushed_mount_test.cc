// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "tests/fusefs/mounted_world.h"
#include "tests/support/plain_user.h"

// staging/ behaves as a local disk file system while a flush takes from it, too.

namespace mixtape::fusefs {
namespace {

class FlushedMountTest : public MountTest {};

TEST_F(FlushedMountTest, AFileThatIsOpenForWritingIsNotTaken) {
  const tapeio::UniqueFd fd = open("staging/half", O_WRONLY | O_CREAT);
  ASSERT_EQ(::write(fd.get(), "ha", 2), 2);
  write("staging/whole", "whole");
  const auto set = world.staging.take("job1");
  ASSERT_TRUE(set.has_value());
  EXPECT_TRUE(std::filesystem::exists(*set / "whole"));
  EXPECT_FALSE(std::filesystem::exists(*set / "half"));
}

TEST_F(FlushedMountTest, AFileIsTakenRightAfterItsClose) {
  for (int i = 0; i < 50; ++i) {
    write("staging/a", "version " + std::to_string(i));
    const std::string set_name = "job" + std::to_string(i);
    const auto set = world.staging.take(set_name);
    ASSERT_TRUE(set.has_value());
    EXPECT_EQ(test::read_text(*set / "a"), "version " + std::to_string(i));
    world.staging.commit(set_name);
  }
}

TEST_F(FlushedMountTest, AMappingKeepsAFileOpenForWriting) {
  write("staging/a", "mapped");
  void* mapped = nullptr;
  {
    const tapeio::UniqueFd fd = open("staging/a", O_RDWR);
    mapped = ::mmap(nullptr, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(mapped, MAP_FAILED);
  }
  EXPECT_FALSE(world.staging.take("job1").has_value());
  ::munmap(mapped, 6);
  EXPECT_TRUE(world.staging.take("job2").has_value());
}

TEST_F(FlushedMountTest, ChangingATakenFileLeavesTheSetAlone) {
  write("staging/a", "taken");
  const tapeio::UniqueFd reader = open("staging/a", O_RDONLY);
  EXPECT_EQ(read_all(reader), "taken");
  const auto set = world.staging.take("job1");
  ASSERT_TRUE(set.has_value());
  write("staging/a", "+", O_APPEND);
  EXPECT_EQ(test::read_text(*set / "a"), "taken");
  EXPECT_EQ(text("staging/a"), "taken+");
  // One file for every descriptor, as on a disk.
  EXPECT_EQ(read_all(reader), "taken+");
  ASSERT_EQ(::chmod(at("staging/a").c_str(), 0600), 0);
  world.staging.commit("job1");
  EXPECT_EQ(text("staging/a"), "taken+");
}

TEST_F(FlushedMountTest, TruncatingAndChmoddingATakenFileLeavesTheSetAlone) {
  write("staging/a", "taken");
  write("staging/b", "taken");
  const auto set = world.staging.take("job1");
  ASSERT_TRUE(set.has_value());
  write("staging/a", "new", O_TRUNC);
  ASSERT_EQ(::chmod(at("staging/b").c_str(), 0600), 0);
  EXPECT_EQ(test::read_text(*set / "a"), "taken");
  struct stat taken {};
  ASSERT_EQ(::stat((*set / "b").c_str(), &taken), 0);
  EXPECT_EQ(taken.st_mode & 07777, 0644U);
}

TEST_F(FlushedMountTest, WhatACommitTookAwayIsGoneAndCanBeMadeAnew) {
  ASSERT_EQ(::mkdir(at("staging/d").c_str(), 0755), 0);
  write("staging/d/a", "one");
  EXPECT_EQ(text("staging/d/a"), "one");
  ASSERT_TRUE(world.staging.take("job1").has_value());
  world.staging.commit("job1");
  EXPECT_EQ(failure(::open(at("staging/d/a").c_str(), O_RDONLY)), ENOENT);
  EXPECT_EQ(run("mkdir -p staging/d && echo two > staging/d/a && cat staging/d/a"), "two\n");
}

TEST_F(FlushedMountTest, WhatACommitTookAwayIsGoneFromTheKernelsMemory) {
  ASSERT_EQ(run("mkdir -p staging/d/e staging/kept && echo 1 > staging/d/e/a && "
                "echo 2 > staging/kept/b && echo 3 > staging/top"),
            "");
  const tapeio::UniqueFd open_file = open("staging/kept/c", O_WRONLY | O_CREAT);
  EXPECT_EQ(status("staging/d/e/a").st_size, 2);
  EXPECT_EQ(status("staging/kept/b").st_size, 2);
  EXPECT_EQ(status("staging/top").st_size, 2);
  ASSERT_TRUE(world.staging.take("job1").has_value());
  world.staging.commit("job1");
  mount->changed({});
  EXPECT_EQ(failure(::access(at("staging/d").c_str(), F_OK)), ENOENT);
  EXPECT_EQ(failure(::access(at("staging/d/e/a").c_str(), F_OK)), ENOENT);
  EXPECT_EQ(failure(::access(at("staging/kept/b").c_str(), F_OK)), ENOENT);
  EXPECT_EQ(failure(::access(at("staging/top").c_str(), F_OK)), ENOENT);
  EXPECT_EQ(run("find staging"), "staging\nstaging/kept\nstaging/kept/c\n");
}

TEST_F(FlushedMountTest, AnOpenReaderOutlivesTheCommit) {
  write("staging/a", "still readable");
  const tapeio::UniqueFd reader = open("staging/a", O_RDONLY);
  ASSERT_TRUE(world.staging.take("job1").has_value());
  world.staging.commit("job1");
  EXPECT_EQ(read_all(reader), "still readable");
}

TEST_F(FlushedMountTest, AFileThatACommitIsTakingAwayIsStaleAndCanBeMadeAnew) {
  write("staging/a", "one");
  const tapeio::UniqueFd reader = open("staging/a", O_RDONLY);
  ASSERT_TRUE(world.staging.take("job1").has_value());
  world.staging.commit("job1", [&](const std::filesystem::path&) {
    EXPECT_EQ(failure(::fchmod(reader.get(), 0600)), ESTALE);
    write("staging/a", "two");
  });
  EXPECT_EQ(text("staging/a"), "two");
  EXPECT_EQ(read_all(reader), "one");
}

TEST_F(FlushedMountTest, ARemovedFileThatAFlushIsWritingIsNotChanged) {
  write("staging/a", "taken");
  const tapeio::UniqueFd reader = open("staging/a", O_RDONLY);
  const auto set = world.staging.take("job1");
  ASSERT_TRUE(set.has_value());
  ASSERT_EQ(::unlink(at("staging/a").c_str()), 0);
  EXPECT_EQ(failure(::fchmod(reader.get(), 0600)), ESTALE);
  EXPECT_EQ(std::filesystem::status(*set / "a").permissions(), std::filesystem::perms(0644));
}

// The mount belongs to somebody whom modes stop.
class PlainUsersMountTest : public FlushedMountTest {
 private:
  const test::PlainUser user_;
};

TEST_F(PlainUsersMountTest, ARefusedTruncationLeavesATakenFileAsItIs) {
  write("staging/a", "precious");
  ASSERT_EQ(::chmod(at("staging/a").c_str(), 0444), 0);
  ASSERT_TRUE(world.staging.take("job1").has_value());
  EXPECT_EQ(failure(::open(at("staging/a").c_str(), O_WRONLY | O_TRUNC)), EACCES);
  EXPECT_EQ(failure(::truncate(at("staging/a").c_str(), 0)), EACCES);
  EXPECT_EQ(failure(::open(at("staging/a").c_str(), O_WRONLY)), EACCES);
  EXPECT_EQ(text("staging/a"), "precious");
  ASSERT_EQ(::chmod(at("staging/a").c_str(), 0644), 0);
  ASSERT_EQ(::truncate(at("staging/a").c_str(), 0), 0);
  EXPECT_EQ(text("staging/a"), "");
}

TEST_F(FlushedMountTest, ADirectoryThatWasJustMadeIsStillThereAfterAFlush) {
  const tapeio::UniqueFd stands_in = [&] {
    EXPECT_EQ(::mkdir(at("staging/album").c_str(), 0755), 0);
    return open("staging/album", O_RDONLY | O_DIRECTORY);
  }();
  const auto set = world.staging.take("job1");
  ASSERT_TRUE(set.has_value());
  EXPECT_TRUE(std::filesystem::is_directory(*set / "album"));
  world.staging.commit("job1");
  mount->changed({});
  const tapeio::UniqueFd file(
      ::openat(stands_in.get(), "photo", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  EXPECT_TRUE(file.valid()) << std::generic_category().message(errno);
}

TEST_F(FlushedMountTest, ACompleteCopyOfAnEmptyDirectoryGoesWithItsFlush) {
  ASSERT_EQ(run("mkdir staging/empty && touch -d 2020-01-01 staging/empty"), "");
  ASSERT_TRUE(world.staging.take("job1").has_value());
  world.staging.commit("job1");
  mount->changed({});
  EXPECT_EQ(run("ls -A staging"), "");
}

TEST_F(FlushedMountTest, CopiesOfTreesDoNotFailWhileFlushesTakeThem) {
  const test::TempDir source;
  for (const char* file : {"a", "b", "deep/c", "deep/d", "deep/er/e", "other/f", "other/g"}) {
    test::write_text(source / (std::string("tree/") + file), file);
  }
  std::atomic<bool> done = false;
  std::jthread flushes([&] {
    for (int set = 0; set < 3; ++set) {
      const std::string set_name = "job" + std::to_string(set);
      if (world.staging.take(set_name)) {
        world.staging.commit(set_name);
        mount->changed({});
      }
    }
    done = true;
  });
  for (int copy = 0; !done && !HasFailure(); ++copy) {
    const std::string to = at("staging/copy") + std::to_string(copy);
    EXPECT_EQ(run("cp -r '" + (source / "tree").string() + "' '" + to + "'"), "");
  }
  flushes.join();
}

// Copies of taken files that do not end before the test says so.
class SlowCopyTest : public FlushedMountTest {
 protected:
  // More than the mount has threads.
  static constexpr int kFiles = 40;

  void SetUp() override {
    // Before the mount has threads that look at it.
    world.before_staged_change = [this] {
      std::unique_lock lock(mutex_);
      if (slow_) {
        ++copying_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return released_; });
      }
    };
    FlushedMountTest::SetUp();
    if (!mount) {
      return;
    }
    for (int file = 0; file < kFiles; ++file) {
      write("staging/" + std::to_string(file), "taken");
    }
    ASSERT_TRUE(world.staging.take("job1").has_value());
    const std::lock_guard lock(mutex_);
    slow_ = true;
  }
  void TearDown() override {
    release();
    FlushedMountTest::TearDown();
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  void wait_for_copies(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return copying_ >= count; });
  }
  [[nodiscard]] pid_t start_chmod(int file) const {
    const std::string path = at("staging/" + std::to_string(file));
    const pid_t child = ::fork();
    if (child == 0) {
      ::_exit(::chmod(path.c_str(), 0600) == 0 ? 0 : 1);
    }
    return child;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int copying_ = 0;
  bool slow_ = false;
  bool released_ = false;
};

TEST_F(SlowCopyTest, HoldsUpNobodyElse) {
  std::vector<pid_t> children;
  for (int file = 0; file < kFiles; ++file) {
    children.push_back(start_chmod(file));
  }
  wait_for_copies(4);
  while (mount->parked_changes() < kFiles - 4) {
    std::this_thread::yield();
  }
  EXPECT_EQ(text("staging/5"), "taken");
  write("staging/new", "written meanwhile");
  EXPECT_THAT(run("ls staging"), testing::HasSubstr("new"));
  release();
  for (const pid_t child : children) {
    EXPECT_EQ(end_of(child), 0);
  }
  for (int file = 0; file < kFiles; ++file) {
    EXPECT_EQ(status("staging/" + std::to_string(file)).st_mode & 07777, 0600U) << file;
  }
}

TEST_F(SlowCopyTest, IsNotWaitedForByAKilledProcessBehindIt) {
  std::vector<pid_t> copying;
  for (int file = 0; file < 4; ++file) {
    copying.push_back(start_chmod(file));
  }
  wait_for_copies(4);
  const pid_t waiting = start_chmod(4);
  while (mount->parked_changes() == 0) {
    std::this_thread::yield();
  }
  ASSERT_EQ(::kill(waiting, SIGKILL), 0);
  EXPECT_EQ(end_of(waiting), SIGKILL);
  release();
  for (const pid_t child : copying) {
    EXPECT_EQ(end_of(child), 0);
  }
  EXPECT_EQ(status("staging/4").st_mode & 07777, 0644U);
}

}  // namespace
}  // namespace mixtape::fusefs
