// SPDX-License-Identifier: Apache-2.0
#include "engine/service/flush.h"
#include "tests/service/crash_fixture.h"

// A flush may be killed, or the disk be full or fail, at any moment: take, record, write, commit,
// adopt. What was staged is then staged still, or on a medium; what too few media have is on this
// disk; and the next flush completes it.

namespace mixtape::service {
namespace {

class FlushCrashTest : public ServiceCrashTest {
 protected:
  // The bytes of a staged file on this disk, wherever they are.
  bool on_disk(const std::string& path, const std::string& text) {
    const std::filesystem::path top = staging().tree().parent_path();
    std::vector<std::filesystem::path> places{staging().tree()};
    for (const auto& entry : std::filesystem::directory_iterator(top / "flushing")) {
      places.push_back(entry.path());
    }
    const bool staged = std::ranges::any_of(places, [&](const std::filesystem::path& place) {
      return std::filesystem::exists(place / path) && test::read_text(place / path) == text;
    });
    const auto shown = latest(path);
    return staged || (shown && cached(*shown) == text);
  }
  bool staged(const std::string& path, const std::string& text) {
    const std::filesystem::path file = staging().tree() / path;
    return std::filesystem::exists(file) && test::read_text(file) == text;
  }

  void expect_nothing_lost() {
    const std::vector<std::string> written = readable(all_);
    EXPECT_TRUE(std::ranges::find(written, "old/x") != written.end());
    for (const auto& [path, text] : all_) {
      EXPECT_TRUE(on_disk(path, text)) << path;
      EXPECT_TRUE(staged(path, text) || std::ranges::find(written, path) != written.end()) << path;
    }
  }

  void expect_done() {
    expect_all_there(all_);
    EXPECT_TRUE(std::filesystem::is_empty(staging().tree()));
    EXPECT_TRUE(std::filesystem::is_empty(staging().tree().parent_path() / "flushing"));
    std::uint64_t bytes = 0;
    for (const auto& [path, text] : all_) {
      EXPECT_EQ(cached(*latest(path)), text) << path;
      bytes += text.size();
    }
    EXPECT_EQ(context().workspace.cache().usage().pinned_bytes, bytes);
    EXPECT_FALSE(flush_now().job);
  }

  const Texts all_{{"old/x", "flushed before"},
                   {"old/y", "one more beside it"},
                   {"new/deep/z", std::string(70'000, 'z')}};
};

TEST_P(FlushCrashTest, LosesNothingAndIsCompletedByTheNextOne) {
  configure("copies = 2\nrecord_size = '64 KiB'\n");
  stage("old/x", all_.at("old/x"));
  (void)flush_now();
  stage("old/y", all_.at("old/y"));
  stage("new/deep/z", all_.at("new/deep/z"));
  everywhere(
      GetParam(), [this] { (void)flush_now(); }, [this] { expect_nothing_lost(); },
      [this] { expect_done(); });
}

INSTANTIATE_TEST_SUITE_P(Each, FlushCrashTest, testing::ValuesIn(test::kFates), test::fate_of_case);

}  // namespace
}  // namespace mixtape::service
