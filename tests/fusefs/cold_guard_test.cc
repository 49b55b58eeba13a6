// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cold_guard.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace mixtape::fusefs {
namespace {

using std::chrono::milliseconds;

// Thread numbers stand for programs of these names.
std::optional<Process> invented(pid_t thread) {
  switch (thread) {
    case 1:
      return Process{1, "cp"};
    case 2:
      return Process{2, "tracker-miner-f"};
    case 3:
      return Process{3, "rsync"};
    default:
      return std::nullopt;
  }
}

class ColdGuardTest : public testing::Test {
 protected:
  const ColdGuard::Clock::time_point now_ = ColdGuard::Clock::now();
};

TEST_F(ColdGuardTest, WhoIsOnNoListIsTreatedAsTheMountSays) {
  ColdGuard guard({.reads = ColdReads::queue, .never_for = {"file"}, .always_for = {"rsync"}},
                  invented);
  EXPECT_EQ(guard.judge(1, 1, now_).reads, ColdReads::queue);
  EXPECT_EQ(guard.judge(99, 1, now_).reads, ColdReads::queue);
}

TEST_F(ColdGuardTest, ANameIsComparedAsFarAsTheKernelKeepsIt) {
  ColdGuard guard({.never_for = {"tracker-miner-fs-3"}}, invented);
  EXPECT_EQ(guard.judge(2, 1, now_).reads, ColdReads::never);
  EXPECT_EQ(guard.judge(1, 1, now_).reads, ColdReads::block);
}

TEST_F(ColdGuardTest, WhoMayAlwaysMayAlsoWhereNobodyElseMay) {
  ColdGuard guard({.reads = ColdReads::never, .never_for = {"rsync"}, .always_for = {"rsync"}},
                  invented);
  EXPECT_EQ(guard.judge(3, 1, now_).reads, ColdReads::block);
}

TEST_F(ColdGuardTest, WhoAsksForTooManyFilesInASecondIsRefusedAndNamedOnce) {
  ColdGuard guard({.files_per_second = 2}, invented);
  EXPECT_FALSE(guard.judge(1, 10, now_).too_many);
  EXPECT_FALSE(guard.judge(1, 11, now_).too_many);
  // More reads of the same files are no more files.
  EXPECT_FALSE(guard.judge(1, 10, now_).too_many);
  const auto third = guard.judge(1, 12, now_ + milliseconds(10));
  EXPECT_TRUE(third.too_many);
  EXPECT_TRUE(third.say_so);
  EXPECT_EQ(third.who.name, "cp");
  EXPECT_FALSE(guard.judge(1, 13, now_ + milliseconds(20)).say_so);
  // Another process has a second of its own, and so has the next second.
  EXPECT_FALSE(guard.judge(3, 12, now_).too_many);
  EXPECT_FALSE(guard.judge(1, 12, now_ + milliseconds(1000)).too_many);
}

TEST_F(ColdGuardTest, WhoGoesOnIsNotNamedEverySecondAndAgainAfterAQuietOne) {
  ColdGuard guard({.files_per_second = 1}, invented);
  int told = 0;
  const auto ask = [&](int second, int files) {
    for (int file = 0; file < files; ++file) {
      told += guard.judge(1, second * 100 + file, now_ + std::chrono::seconds(second)).say_so;
    }
  };
  ask(0, 5);
  ask(1, 5);
  ask(2, 5);
  EXPECT_EQ(told, 1);
  ask(3, 1);
  ask(4, 5);
  EXPECT_EQ(told, 2);
}

TEST_F(ColdGuardTest, ManyProcessesTakeNoMoreMemoryThanAThousand) {
  ColdGuard guard({.files_per_second = 1}, [](pid_t thread) { return Process{thread, "sh"}; });
  for (pid_t process = 1; process < 100'000; ++process) {
    EXPECT_FALSE(guard.judge(process, process, now_).too_many);
  }
}

TEST(ProcessOf, AThreadBelongsToItsProcess) {
  const auto self = process_of(::gettid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->id, ::getpid());
  EXPECT_EQ(self->name, std::string(program_invocation_short_name).substr(0, 15));
  EXPECT_FALSE(process_of(0));
  EXPECT_FALSE(process_of(-5));
}

}  // namespace
}  // namespace mixtape::fusefs
