// SPDX-License-Identifier: Apache-2.0
#include "tests/support/dying_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <iostream>

#include "tests/support/death.h"

namespace mixtape::test {
namespace {

std::atomic<std::int64_t> commits_left = -1;

int before_commit(void* /*unused*/) {
  if (commits_left-- == 0) {
    die();
  }
  return 0;
}

int watch(sqlite3* database, char** /*error*/, const void* /*functions*/) {
  sqlite3_commit_hook(database, before_commit, nullptr);
  return SQLITE_OK;
}

}  // namespace

bool dies(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 0;
    try {
      work();
    } catch (const std::exception& error) {
      std::cerr << "it threw: " << error.what() << std::endl;
      status = 1;
    }
    ::_exit(status);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  const bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(died || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << "status " << status;
  return died;
}

void die_before_commit(std::uint64_t number) {
  commits_left = static_cast<std::int64_t>(number);
  // SQLite takes every entry point under one type.
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch));
}

}  // namespace mixtape::test
