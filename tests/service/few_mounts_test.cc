// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "engine/service/status.h"
#include "tapeio/lto/generation.h"
#include "tapeio/lto/sim_library.h"
#include "tests/service/service_fixture.h"

// Missing copies of files that are on several cartridges, written with one simulated drive: how
// often that mounts a cartridge.

namespace mixtape::service {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class FewMountsTest : public ServiceTest {
 protected:
  FewMountsTest() : ServiceTest(test::TempDir::Place::memory) {
    std::filesystem::remove_all(home() / "library");
    std::filesystem::create_directory(home() / "library");
    ask_for(1);
    for (int number = 1; number <= kCartridges; ++number) {
      library().add_medium(label(number), 64 * MiB);
    }
    // A file of its own on each of them; the last one stays in the drive.
    for (int number = 1; number <= kCartridges; ++number) {
      write("f" + std::to_string(number), "only on " + label(number));
      EXPECT_EQ(back_up().written.media.at(0).label, label(number));
      context().ledger.set_medium_state(context().ledger.medium(label(number))->id,
                                        catalog::MediumState::full);
    }
    for (int number = 1; number <= kCartridges; ++number) {
      context().ledger.set_medium_state(context().ledger.medium(label(number))->id,
                                        catalog::MediumState::active);
    }
  }
  static std::string label(int number) { return "MX000" + std::to_string(number) + "L5"; }
  void ask_for(int copies) {
    configure("libraries = [\"sim:" + (home() / "library").string() +
              ",generation=5,drives=1,vary=no,host=none\"]\nrecord_size = \"64 KiB\"\ncopies = " +
              std::to_string(copies) + "\n");
    context_.reset();  // The library goes on: what is in the drive stays there.
    if (workspace_) {
      context_ = std::make_unique<Context>(*workspace_, catalog::Access::write,
                                           [this] { return now_s_++; });
    }
  }
  tapeio::lto::SimLibrary& library() {
    return dynamic_cast<tapeio::lto::SimLibrary&>(*context().workspace.libraries().here().front());
  }
  long loads() {
    return std::lround(library().report().seconds_of(tapeio::lto::SimKind::load) /
                       tapeio::lto::figures_of(5).load_s);
  }
  static std::vector<std::string> media_of(const BackupResult& result) {
    std::vector<std::string> labels;
    for (const archive::MediumUse& use : result.written.media) {
      labels.push_back(use.label);
    }
    return labels;
  }

  static constexpr int kCartridges = 4;
};

TEST_F(FewMountsTest, WhatIsInTheDriveTakesAllItCanAndOneMoreCartridgeTheRest) {
  ask_for(2);
  EXPECT_EQ(status_of(context()).could_take.at(0).medium.label, label(kCartridges));
  const long before = loads();
  const BackupResult result = back_up();
  EXPECT_EQ(result.written.files, 4U);
  EXPECT_THAT(media_of(result), SizeIs(2));
  EXPECT_EQ(media_of(result).front(), label(4));
  EXPECT_EQ(loads() - before, 1);
  EXPECT_EQ(status_of(context()).under_copied_files, 0U);
}

TEST_F(FewMountsTest, EachCartridgeIsLoadedOnceHoweverManyCopiesAreMissing) {
  ask_for(4);
  const long before = loads();
  const BackupResult result = back_up();
  EXPECT_EQ(result.written.files, 12U);
  EXPECT_THAT(media_of(result), SizeIs(4));
  EXPECT_EQ(media_of(result).front(), label(4));
  EXPECT_EQ(loads() - before, 3) << "one was in the drive";
}

TEST_F(FewMountsTest, TheCartridgeThatMayTakeEverythingComesBeforeThoseThatMayTakeAPart) {
  context().ledger.set_medium_state(context().ledger.medium(label(4))->id,
                                    catalog::MediumState::full);
  remove("f3");
  remove("f4");
  ask_for(2);
  const BackupResult result = back_up();
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_THAT(media_of(result), ElementsAre(label(3)));
}

TEST_F(FewMountsTest, ADryRunTellsTheSameCartridgesInTheSameOrder) {
  ask_for(3);
  BackupRequest dry = request();
  dry.dry_run = true;
  const BackupResult told = backup(context(), dry, reporter_);
  EXPECT_EQ(media_of(told), media_of(back_up()));
}

}  // namespace
}  // namespace mixtape::service
