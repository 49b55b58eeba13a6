// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>

#include "engine/service/forget.h"
#include "engine/service/restore.h"
#include "tests/service/service_fixture.h"

namespace mixtape::service {
namespace {

class DryRunTest : public ServiceTest {
 protected:
  // What a dry run must leave alone: rows that claim something, media, staged files.
  [[nodiscard]] std::map<std::string, std::string> state() {
    std::map<std::string, std::string> state;
    for (const char* table : {"job", "version", "content", "copy", "bundle", "medium"}) {
      state[table] = std::to_string(count(table));
    }
    for (const char* directory : {"library", "staging"}) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(home() / directory)) {
        state[entry.path()] = entry.is_regular_file() ? test::read_text(entry.path()) : "";
      }
    }
    return state;
  }
};

TEST_F(DryRunTest, OfARestoreCountsWhatARestoreMakesHoweverOftenItIsNamed) {
  write("d/a", "first");
  write("d/b", "second");
  std::filesystem::create_hard_link(source("d/a"), source("d/c"));
  std::filesystem::create_symlink("a", source("d/link"));
  std::filesystem::create_directory(source("d/empty"));
  back_up();
  RestoreRequest request;
  request.paths = {source("d").string(), source("d").string() + "/", source("d/a").string()};
  request.to = (directory_ / "out").string();
  request.dry_run = true;
  const RestoreResult dry = restore(context(), request, reporter_);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "out"));
  request.dry_run = false;
  const RestoreResult made = restore(context(), request, reporter_);
  EXPECT_EQ(dry.files, made.files);
  EXPECT_EQ(dry.bytes, made.bytes);
  EXPECT_EQ(dry.links, made.links);
  EXPECT_EQ(dry.symlinks, made.symlinks);
  EXPECT_EQ(dry.directories, made.directories);
  EXPECT_EQ(made.directories, 2U);
}

TEST_F(DryRunTest, OfAFlushHasItsNumbersAndChangesNothing) {
  write("known", "on a medium already");
  back_up();
  stage("home/me/a", "first");
  stage("home/me/d/b", "second");
  stage("copy", "on a medium already");
  const auto before = state();
  const FlushResult dry = flush(context(), "mixtape flush --dry-run", reporter_, true);
  EXPECT_EQ(state(), before);
  EXPECT_FALSE(dry.job);
  EXPECT_TRUE(dry.still_staged);

  const FlushResult wet = flush_now();
  EXPECT_EQ(dry.files, wet.files);
  EXPECT_EQ(dry.bytes, wet.bytes);
  EXPECT_EQ(dry.recorded.fresh, wet.recorded.fresh);
  EXPECT_EQ(dry.recorded.duplicates, wet.recorded.duplicates);
  EXPECT_EQ(dry.written.files, 2U);
  EXPECT_EQ(dry.written.files, wet.written.files);
  EXPECT_EQ(dry.written.bytes, wet.written.bytes);
}

TEST_F(DryRunTest, OfAForgetCountsWhatWouldLeaveAndLeavesItThere) {
  write("d/a", "first");
  write("d/b", "second");
  back_up();
  const auto before = state();
  const ForgetResult dry = forget(context(), {path_of("d")}, "mixtape forget", reporter_, true);
  EXPECT_EQ(dry.paths, 3U);
  EXPECT_EQ(state(), before);
  EXPECT_TRUE(latest(path_of("d/a")));

  EXPECT_EQ(forget(context(), {path_of("d")}, "mixtape forget", reporter_).paths, 3U);
  EXPECT_FALSE(latest(path_of("d/a")));
}

}  // namespace
}  // namespace mixtape::service
