// SPDX-License-Identifier: Apache-2.0
#include "tests/support/witness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"

namespace mixtape::test {
namespace {

namespace fs = std::filesystem;

// What `timeout` ends with for what did not end by itself.
constexpr int kTimedOut = 124;

// The exit status; -1: none. Spawned, because a test under the sanitizers is dear to fork.
template <std::size_t kWords>
int run(const std::string (&words)[kWords], const fs::path& log) {
  char* arguments[kWords + 1] = {};
  for (std::size_t i = 0; i < kWords; ++i) {
    arguments[i] = const_cast<char*>(words[i].c_str());
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT,
                                     0600);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed != 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
    return -1;
  }
  return WEXITSTATUS(status);
}

}  // namespace

Witnessed witness(const fs::path& identity, const fs::path& medium, const fs::path& into) {
  const fs::path log = into / "log", out = into / "out";
  fs::create_directories(out);
  Witnessed found;
  found.ended = run(
      {"timeout", "60", MIXTAPE_WITNESS, "extract-all", "-i", identity, "-o", out, medium}, log);
  found.said = read_text(log);
  EXPECT_TRUE(found.ended >= 0 && found.ended < kTimedOut) << "unmixtape: " << found.ended;
  for (const auto& entry : fs::recursive_directory_iterator(out)) {
    if (entry.is_regular_file() && entry.path().extension() != ".damaged") {
      found.files[entry.path().lexically_relative(out)] = read_text(entry.path());
    }
  }
  fs::remove_all(into);
  return found;
}

}  // namespace mixtape::test
