// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/service/release.h"
#include "engine/service/verify.h"
#include "tests/service/service_fixture.h"

// Three small source files that are backed up, and what their release comes to.

namespace mixtape::service {

class ReleaseTest : public ServiceTest {
 protected:
  ReleaseTest() {
    write("a", "alpha");
    write("b", "beta, longer");
    write("dir/c", "gamma");
    (void)back_up();
    reopen();
  }
  void verify_all() {
    for (const catalog::Medium& medium : context().ledger.media()) {
      if (medium.state != catalog::MediumState::lost) {
        VerifyRequest request;
        request.media = {medium.label};
        (void)verify(context(), request, reporter_);
      }
    }
  }
  ReleaseResult release_all(bool remove = true) {
    return release(context(), {.paths = {source().string()}, .remove = remove}, reporter_);
  }
  [[nodiscard]] bool is_here(std::string_view name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(source(name)));
  }
  static std::vector<std::string> names(const std::vector<ReleasedFile>& files) {
    std::vector<std::string> names;
    for (const ReleasedFile& file : files) {
      names.push_back(std::filesystem::path(file.path).filename());
    }
    return names;
  }
  // The same size and time, other content.
  void change_secretly(std::string_view name) {
    struct stat before {};
    ASSERT_EQ(::stat(source(name).c_str(), &before), 0);
    const int fd = ::open(source(name).c_str(), O_WRONLY);
    ASSERT_EQ(::pwrite(fd, "X", 1, 0), 1);
    const timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::futimens(fd, times), 0);
    ::close(fd);
  }
  // Why the only file that stays must stay; all others may go.
  std::string why_one_stays(std::string_view name) {
    const ReleaseResult result = release_all();
    EXPECT_THAT(result.refused, testing::SizeIs(1));
    EXPECT_TRUE(is_here(name));
    return result.refused.empty() ? "" : result.refused[0].why;
  }
};

}  // namespace mixtape::service
