// SPDX-License-Identifier: Apache-2.0
#include "engine/service/repack.h"
#include "tests/service/crash_fixture.h"

// A repack may be killed, or the disk be full or fail, at any moment: while it reads a batch, while
// it writes it, between two batches, while it retires the medium. Everything is on a medium at any
// time, the medium is retired only when all is on another, and the next repack completes it.

namespace mixtape::service {
namespace {

class RepackCrashTest : public ServiceCrashTest {
 protected:
  [[nodiscard]] std::uint64_t death_stride() const override { return test::fate_step(); }
  RepackResult repack_now() {
    RepackRequest request;
    request.label = "MX0001";
    request.budget_bytes = 80'000;  // Two batches.
    request.command = "mixtape repack MX0001";
    return repack(context(), request, reporter_);
  }
  bool is_elsewhere(const std::string& path) {
    const auto shown = latest(path);
    return shown && std::ranges::any_of(context().ledger.places(shown->content.value()),
                                        [](const catalog::CopyPlace& place) {
                                          return place.medium.label != "MX0001";
                                        });
  }
  void expect_nothing_lost() {
    expect_all_there(all_);
    if (context().ledger.medium("MX0001")->state == catalog::MediumState::retired) {
      for (const auto& [path, text] : all_) {
        EXPECT_TRUE(is_elsewhere(path)) << path;
      }
    }
  }
  void expect_done() {
    expect_nothing_lost();
    EXPECT_EQ(context().ledger.medium("MX0001")->state, catalog::MediumState::retired);
    EXPECT_FALSE(std::filesystem::exists(home() / "scratch" / "repack"));
    EXPECT_EQ(repack_now().files, 0U) << "nothing is left to do";
  }

  const Texts all_{{"x", "of a few bytes"},
                   {"deep/y", std::string(70'000, 'y')},
                   {"deep/z", std::string(30'000, 'z')}};
};

TEST_P(RepackCrashTest, LosesNothingAndIsCompletedByTheNextOne) {
  configure("record_size = '64 KiB'\n");
  for (const auto& [path, text] : all_) {
    stage(path, text);
  }
  (void)flush_now();
  everywhere(
      GetParam(), [this] { (void)repack_now(); }, [this] { expect_nothing_lost(); },
      [this] { expect_done(); });
}

INSTANTIATE_TEST_SUITE_P(Each, RepackCrashTest, testing::ValuesIn(test::kFates),
                         test::fate_of_case);

}  // namespace
}  // namespace mixtape::service
