// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fusefs/mount.h"
#include "tests/fusefs/archive_world.h"

// A world that is mounted, used the way any program uses a file system. Skips where this machine
// cannot mount.

namespace mixtape::fusefs {

class MountTest : public testing::Test {
 protected:
  void SetUp() override {
    const tapeio::UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!device.valid()) {
      GTEST_SKIP() << "/dev/fuse cannot be opened: " << std::generic_category().message(errno);
    }
    try {
      mount.emplace(options(), sources());
    } catch (const Error& error) {
      if (error.code() == ErrorCode::not_permitted) {
        GTEST_SKIP() << error.what();
      }
      throw;
    }
    server = std::jthread([this] { mount->run(); });
  }
  void TearDown() override {
    if (mount) {
      mount->stop();
      server.join();
    }
  }

  [[nodiscard]] virtual MountOptions options() const {
    return {.mountpoint = mountpoint.path(), .home = world.directory.path()};
  }
  [[nodiscard]] virtual Sources sources() { return world.sources(); }
  [[nodiscard]] std::string at(const std::string& path) const { return mountpoint / path; }

  // A descriptor that fails the test when it cannot be had.
  [[nodiscard]] tapeio::UniqueFd open(const std::string& path, int flags,
                                      mode_t mode = 0644) const {
    tapeio::UniqueFd fd(::open(at(path).c_str(), flags | O_CLOEXEC, mode));
    EXPECT_TRUE(fd.valid()) << path << ": " << std::generic_category().message(errno);
    return fd;
  }
  static std::string read_all(const tapeio::UniqueFd& fd, std::size_t limit = 1 << 20) {
    std::string text(limit, '\0');
    const ssize_t got = ::pread(fd.get(), text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return got < 0 ? "errno " + std::to_string(errno) : text;
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    return read_all(open(path, O_RDONLY));
  }
  void write(const std::string& path, const std::string& text, int flags = O_TRUNC) const {
    const tapeio::UniqueFd fd = open(path, O_WRONLY | O_CREAT | flags);
    EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] struct stat status(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(::lstat(at(path).c_str(), &status), 0) << path;
    return status;
  }
  // The errno of what must fail.
  template <typename Result>
  static int failure(Result result) {
    EXPECT_LT(result, 0);
    return errno;
  }

  // What a shell command prints; the mount's root is its working directory.
  [[nodiscard]] std::string run(const std::string& command) const {
    const std::string line = "cd '" + mountpoint.path().string() + "' && { " + command + "; } 2>&1";
    FILE* pipe = ::popen(line.c_str(), "r");
    std::string output;
    std::array<char, 4096> part{};
    while (const std::size_t got = std::fread(part.data(), 1, part.size(), pipe)) {
      output.append(part.data(), got);
    }
    const int result = ::pclose(pipe);
    return result == 0 ? output : output + "exit status " + std::to_string(WEXITSTATUS(result));
  }
  // A process that reads a file; give it signals.
  [[nodiscard]] pid_t start_cat(const std::string& path) const {
    const std::string file = at(path);
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl("/bin/cat", "cat", file.c_str(), nullptr);
      ::_exit(127);
    }
    return child;
  }
  // The signal that ended a process, 0 when it ended by itself.
  static int end_of(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  ArchiveWorld world;
  test::TempDir mountpoint;
  std::optional<Mount> mount;
  std::jthread server;
};

}  // namespace mixtape::fusefs
