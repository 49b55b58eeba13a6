// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/service/forget.h"
#include "tests/service/crash_fixture.h"
#include "tests/service/release_fixture.h"

// A release dies at any of its changes on disk. What it deleted stays in `latest`; what it did not
// come to, and the next job still finds, belongs to its scan as before: when its owner deletes it
// himself later, the backup after that says so.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class ReleaseCrashTest : public ReleaseTest {
 protected:
  ReleaseCrashTest() {
    verify_all();
    reopen();
    ClaimsTest::copy_tree(home(), before_ / "home");
    ClaimsTest::copy_tree(source(), before_ / "source");
  }
  void bring_back() {
    reopen();
    for (const auto& [part, kept] :
         {std::pair(home(), before_ / "home"), std::pair(source(), before_ / "source")}) {
      fs::remove_all(part);
      ClaimsTest::copy_tree(kept, part);
    }
  }
  void delete_what_is_left(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      remove(name);
    }
  }

  const fs::path before_ = make_directory();

 private:
  fs::path make_directory() const {
    fs::create_directory(directory_ / "before");
    return directory_ / "before";
  }
};

TEST_F(ReleaseCrashTest, OnlyWhatItDeletedStaysInLatest) {
  test::CountedCases cases("release, deaths before changes on disk");
  std::uint64_t some = 0;
  bool met = true;
  for (std::uint64_t change = 0; met && !cases.is_hopeless(); ++change) {
    SCOPED_TRACE("killed before change " + std::to_string(change));
    bring_back();
    cases.run([&] {
      met = test::meets(test::Fate::killed, change, [&] { (void)release_all(); }).met;
      now_s_ += 1000;
      std::vector<std::string> left;
      for (const char* name : {"a", "b", "dir/c"}) {
        if (is_here(name)) {
          left.emplace_back(name);
        }
      }
      some += !left.empty() && left.size() < 3 ? 1 : 0;
      write("other", "so that there is something to scan");
      (void)back_up();
      delete_what_is_left(left);
      (void)back_up();
      for (const char* name : {"a", "b", "dir/c"}) {
        const bool was_left = std::ranges::find(left, name) != left.end();
        EXPECT_EQ(latest(path_of(name)).has_value(), !was_left) << name;
      }
    });
  }
  EXPECT_GT(some, 0U) << "it never died in the middle";
}

}  // namespace
}  // namespace mixtape::service
