// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tapeio/error.h"
#include "tapeio/unique_fd.h"
#include "tests/staging/staging_fixture.h"

// A mount that writes while flushes take, commit and give back.

namespace mixtape::staging {
namespace {

class SideBySideTest : public StagingFixture {
 protected:
  static constexpr std::size_t kSize = 1000;
  static constexpr int kFiles = 5;

  static std::string name(int file) { return "file" + std::to_string(file); }

  // As the mount does it.
  void write_whole(const std::string& path, char letter) {
    for (;;) {
      auto names = staging_->hold_names();
      struct stat before {};
      if (::stat(at(path).c_str(), &before) == 0 &&
          staging_->in_set(before.st_dev, before.st_ino)) {
        names.unlock();
        try {
          staging_->copy_up({path}, Staging::Bytes::drop);
        } catch (const Error& error) {
          // A flush took the name away first.
          EXPECT_EQ(error.code(), ErrorCode::not_found);
        }
        continue;
      }
      const tapeio::UniqueFd fd(::open(at(path).c_str(), O_WRONLY | O_CREAT, 0600));
      struct stat opened {};
      ASSERT_EQ(::fstat(fd.get(), &opened), 0);
      staging_->opened_for_writing(opened.st_dev, opened.st_ino);
      names.unlock();
      // In pieces, so that a set could hold half of it.
      const std::string half(kSize / 2, letter);
      for (const off_t offset : {off_t{0}, static_cast<off_t>(half.size())}) {
        EXPECT_EQ(::pwrite(fd.get(), half.data(), half.size(), offset),
                  static_cast<ssize_t>(half.size()));
      }
      staging_->closing_after_writing(opened.st_dev, opened.st_ino);
      staging_->closed_after_writing(opened.st_dev, opened.st_ino);
      return;
    }
  }

  // Every file of a set is whole.
  static std::map<std::string, std::string> whole_files(const std::filesystem::path& set) {
    std::map<std::string, std::string> files = files_below(set);
    for (const auto& [file, text] : files) {
      EXPECT_EQ(text, std::string(kSize, text.empty() ? '?' : text.front())) << file;
    }
    return files;
  }
};

TEST_F(SideBySideTest, ASetHoldsWholeFilesThatNeverChange) {
  std::atomic<bool> done = false;
  std::jthread mount([&] {
    for (char letter = 'a'; letter <= 'z'; ++letter) {
      for (int file = 0; file < kFiles; ++file) {
        write_whole(name(file), letter);
      }
    }
    done = true;
  });
  for (int flush = 0; !done; ++flush) {
    const std::string set_name = "job" + std::to_string(flush);
    const auto set = staging_->take(set_name);
    if (!set) {
      continue;
    }
    const auto taken = whole_files(*set);
    EXPECT_EQ(whole_files(*set), taken);
    if (flush % 2 == 0) {
      staging_->commit(set_name);
    } else {
      staging_->give_back(set_name);
    }
  }
  mount.join();
  // The last word on each file is in the set that takes it, or was taken.
  if (const auto set = staging_->take("last")) {
    for (const auto& [file, text] : whole_files(*set)) {
      EXPECT_EQ(text.front(), 'z') << file;
    }
    staging_->commit("last");
  }
  EXPECT_TRUE(tree().empty());
}

}  // namespace
}  // namespace mixtape::staging
