// SPDX-License-Identifier: Apache-2.0
#include "engine/service/repack.h"

#include <algorithm>

#include "engine/service/media.h"
#include "engine/service/media_state.h"
#include "engine/service/restore.h"
#include "engine/service/verify.h"
#include "tapeio/lto/sim_library.h"
#include "tests/format/shell.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// What is alive on a medium goes to others, and the medium is retired.

namespace mixtape::service {
namespace {

using catalog::MediumState;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RepackTest : public ServiceTest {
 protected:
  RepackTest() {
    configure("record_size = '64 KiB'\n");
    write("a", "alpha");
    write("b", "beta, longer");
    EXPECT_THAT(media_of(back_up().written), ElementsAre("MX0001"));
    reopen();
  }
  RepackResult repack_now(const std::string& label = "MX0001",
                          std::optional<std::uint64_t> budget = {}, bool dry_run = false) {
    RepackRequest request;
    request.label = label;
    request.budget_bytes = budget;
    request.dry_run = dry_run;
    request.command = "mixtape repack " + label;
    RepackResult result = repack(context(), request, reporter_);
    EXPECT_FALSE(std::filesystem::exists(home() / "scratch" / "repack"));
    return result;
  }
  static std::vector<std::string> media_of(const archive::WriteOutcome& outcome) {
    std::vector<std::string> labels;
    for (const archive::MediumUse& use : outcome.media) {
      labels.push_back(use.label);
    }
    return labels;
  }
  MediumState state(std::string_view label = "MX0001") {
    return context().ledger.medium(label)->state;
  }
  std::vector<std::string> media_with(catalog::ContentId content) {
    std::vector<std::string> labels;
    for (const catalog::CopyPlace& place : context().ledger.places(content)) {
      labels.push_back(place.medium.label);
    }
    return labels;
  }
  std::vector<std::string> media_with(std::string_view name) {
    return media_with(latest(path_of(name)).value().content.value());
  }
  void verify_now(const std::string& label) {
    VerifyRequest request;
    request.media = {label};
    EXPECT_EQ(verify(context(), request, reporter_).media.at(0).good, 2U);
  }
  enum class Where { beginning, middle };
  // A byte of the archive with this file on this medium.
  void spoil(std::string_view name, std::string_view medium, Where where = Where::middle) {
    for (const catalog::CopyPlace& place :
         context().ledger.places(latest(path_of(name)).value().content.value())) {
      if (place.medium.label == medium) {
        const std::string number = std::to_string(place.bundle.index_file + 1);
        const std::filesystem::path archive =
            home() / "library" / medium /
            (std::string(4 - number.size(), '0') + number + ".archive.tar.age");
        std::string bytes = test::read_text(archive);
        const std::size_t at =
            where == Where::middle ? bytes.size() / 2 : place.bundle.archive_header.size() + 100;
        bytes[at] = static_cast<char>(~bytes[at]);
        test::write_text(archive, bytes);
      }
    }
  }
  // What comes back when this medium is nowhere any more.
  std::uint64_t restored_without(const std::string& medium) {
    std::filesystem::rename(home() / "library" / medium, directory_ / ("gone-" + medium));
    reopen();
    RestoreRequest request;
    request.to = directory_ / "out";
    request.paths = {source().string()};
    return restore(context(), request, reporter_).files;
  }
};

// --- What goes

TEST_F(RepackTest, WhatIsAliveGoesToAnotherMediumAndTheMediumIsRetired) {
  const RepackResult result = repack_now();
  EXPECT_EQ(result.files, 2U);
  EXPECT_EQ(result.bytes, 17U);
  EXPECT_EQ(result.batches, 1U);
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_THAT(media_of(result.written), ElementsAre("MX0002"));
  EXPECT_THAT(result.left, IsEmpty());
  EXPECT_TRUE(result.retired);
  EXPECT_EQ(state(), MediumState::retired);
  EXPECT_THAT(media_with("a"), ElementsAre("MX0002", "MX0001"));
  EXPECT_EQ(restored_without("MX0001"), 2U);
  EXPECT_EQ(test::read_text(directory_ / "out" / path_of("a")), "alpha");
}

TEST_F(RepackTest, EveryVersionThatHistoryShowsSurvives) {
  const auto first = latest(path_of("a"))->content.value();
  write("a", "alpha, second version");
  (void)back_up();
  const auto second = latest(path_of("a"))->content.value();
  write("a", "alpha, third version");
  remove("b");
  const auto gone = latest(path_of("b"))->content.value();
  (void)back_up();
  EXPECT_EQ(repack_now().files, 4U);
  for (const catalog::ContentId content : {first, second, gone}) {
    EXPECT_THAT(media_with(content), Contains("MX0002"));
  }
  EXPECT_TRUE(repack_now().was_retired);
}

TEST_F(RepackTest, OfOnePathTheLatestVersionStandsLastForWhoHasOnlyTar) {
  write("a", "alpha, second version");
  (void)back_up();
  const std::vector<catalog::Version> versions =
      context().tree.history(latest(path_of("a"))->key.path);
  ASSERT_THAT(versions, SizeIs(2));
  (void)repack_now();
  if (!format::test::installed("age")) {
    GTEST_SKIP() << "age is not installed";
  }
  std::vector<std::string> told;
  std::vector<std::filesystem::path> archives;
  for (const auto& file : std::filesystem::directory_iterator(home() / "library" / "MX0002")) {
    if (file.path().string().ends_with(".archive.tar.age")) {
      archives.push_back(file.path());
    }
  }
  std::ranges::sort(archives);
  const std::filesystem::path out = directory_ / "plain";
  std::filesystem::create_directory(out);
  for (const std::filesystem::path& archive : archives) {
    const format::test::Ran ran = format::test::run(
        "cat '" + (home() / "keys").string() + "'/*.identity > '" + (directory_ / "ids").string() +
        "' && age -d -i '" + (directory_ / "ids").string() + "' '" + archive.string() +
        "' | tar x -C '" + out.string() + "'");
    ASSERT_EQ(ran.status, 0) << ran.output;
    told.push_back(test::read_text(out / path_of("a")));
  }
  EXPECT_THAT(told, ElementsAre("alpha", "alpha, second version"));
}

TEST_F(RepackTest, WhatOtherMediaHoldAsThePolicyAsksForIsNotWrittenAgain) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)find_medium(context(), "MX0001");
  write("c", "only on the first");
  ASSERT_THAT(media_of(back_up().written), SizeIs(1));
  const std::string with_c = media_with("c").front();
  const RepackResult result = repack_now(with_c);
  EXPECT_EQ(result.files, 1U);
  EXPECT_TRUE(result.retired);
  EXPECT_THAT(media_with("c"), SizeIs(2));
}

TEST_F(RepackTest, AMediumOfWhichNothingIsAliveIsRetiredAtOnce) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)find_medium(context(), "MX0001");
  const RepackResult result = repack_now();
  EXPECT_EQ(result.files, 0U);
  EXPECT_EQ(result.batches, 0U);
  EXPECT_TRUE(result.retired);
}

TEST_F(RepackTest, CopiesThatNobodyReadDoNotTakeThePlaceOfAVerifiedOne) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)find_medium(context(), "MX0001");
  verify_now("MX0001");
  EXPECT_EQ(repack_now("MX0001", {}, /*dry_run=*/true).written.files, 2U);
  const RepackResult result = repack_now();
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_THAT(media_of(result.written), ElementsAre("MX0003"));
  EXPECT_TRUE(result.retired);
}

TEST_F(RepackTest, CopiesThatWereReadDo) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)find_medium(context(), "MX0001");
  verify_now("MX0001");
  verify_now("MX0002");
  EXPECT_EQ(repack_now().files, 0U);
}

TEST_F(RepackTest, OneThatIsRetiredAlreadyIsEmptiedAllTheSame) {
  (void)retire_medium(context(), "MX0001");
  const RepackResult result = repack_now();
  EXPECT_TRUE(result.was_retired);
  EXPECT_EQ(result.written.files, 2U);
}

// --- The disk between

TEST_F(RepackTest, BatchesFitIntoTheBudgetAndAreWrittenOneAfterTheOther) {
  for (const char* name : {"c", "d", "e"}) {
    write(name, std::string(100'000, *name));
  }
  (void)back_up();
  const RepackResult result = repack_now("MX0001", 150'000);
  EXPECT_EQ(result.batches, 3U);
  EXPECT_EQ(result.written.files, 5U);
  EXPECT_THAT(media_of(result.written), ElementsAre("MX0002"));
  EXPECT_EQ(result.written.media[0].bundles, 3U);
  EXPECT_TRUE(result.retired);
}

TEST_F(RepackTest, WhatIsLargerThanTheBudgetIsNamedAndKeepsTheMediumInUse) {
  write("large", std::string(100'000, 'l'));
  (void)back_up();
  const RepackResult result = repack_now("MX0001", 50'000);
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_FALSE(result.retired);
  EXPECT_EQ(state(), MediumState::active);
  EXPECT_EQ(result.left_files, 1U);
  EXPECT_EQ(result.left_bytes, 100'000U);
  ASSERT_THAT(result.left, SizeIs(1));
  EXPECT_EQ(result.left[0].path, path_of("large"));
  EXPECT_THAT(result.left[0].why, HasSubstr("--budget"));
}

TEST_F(RepackTest, WhatWasStoppedIsGoneOnWith) {
  write("c", std::string(100'000, 'c'));
  (void)back_up();
  reporter_.on_progress = [&] {
    if (media_with("a").size() == 2) {
      reporter_.stopping.request_stop();
    }
  };
  EXPECT_EQ(test::error_of([&] { (void)repack_now("MX0001", 100'000); }), ErrorCode::cancelled);
  EXPECT_FALSE(std::filesystem::exists(home() / "scratch" / "repack"));
  EXPECT_EQ(state(), MediumState::active);
  reporter_.on_progress = {};
  reporter_.stopping = std::stop_source();
  const RepackResult rest = repack_now();
  EXPECT_EQ(rest.files, 1U);
  EXPECT_TRUE(rest.retired);
}

TEST_F(RepackTest, SparseFilesStaySparse) {
  write("sparse", "beginning");
  std::filesystem::resize_file(source("sparse"), 8 * MiB);
  (void)back_up();
  EXPECT_LT(repack_now().written.media.at(0).archive_bytes, MiB);
}

// --- Damage

TEST_F(RepackTest, ADamagedCopyIsReadFromAnotherMedium) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  spoil("a", "MX0002");
  const RepackResult result = repack_now("MX0002");
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_THAT(media_of(result.written), ElementsAre("MX0003"));
  EXPECT_TRUE(result.retired);
  EXPECT_THAT(context().ledger.damaged(latest(path_of("a"))->content.value()), SizeIs(1));
  EXPECT_EQ(restored_without("MX0002"), 2U);
}

TEST_F(RepackTest, WhatIsDamagedEverywhereIsNamedAndTheRestGoes) {
  write("c", "gamma, in a bundle of its own");
  (void)back_up();
  spoil("c", "MX0001");
  const RepackResult result = repack_now();
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_FALSE(result.retired);
  EXPECT_THAT(result.left, ElementsAre(Field(&archive::ItemTrouble::path, path_of("c"))));
  EXPECT_THAT(result.left[0].why, HasSubstr("the copy on medium MX0001"));
  EXPECT_EQ(state(), MediumState::active);
}

TEST_F(RepackTest, ABatchOfWhichNothingIsGoodDoesNotKeepTheNextFromGoing) {
  for (const char* name : {"c", "d", "e"}) {
    write(name, std::string(300'000, *name));
    (void)back_up();
  }
  spoil("c", "MX0001", Where::beginning);
  for (int run = 0; run < 2; ++run) {
    const RepackResult result = repack_now("MX0001", 300'000);
    EXPECT_EQ(result.written.files, run == 0 ? 4U : 0U);
    EXPECT_EQ(result.left_files, 1U);
    ASSERT_THAT(result.left, SizeIs(1));
    EXPECT_EQ(result.left[0].path, path_of("c"));
    EXPECT_THAT(result.left[0].why, HasSubstr("the copy on medium MX0001"));
  }
}

TEST_F(RepackTest, WhereTheMediumFailsNothingIsLeftWithoutTheReason) {
  write("c", std::string(300'000, 'c'));
  (void)back_up();
  std::filesystem::rename(home() / "library" / "MX0001", directory_ / "away");
  reopen();
  const RepackResult result = repack_now("MX0001", 300'000);
  EXPECT_EQ(result.left_files, 3U);
  EXPECT_THAT(result.left, Each(Field(&archive::ItemTrouble::why, HasSubstr("medium MX0001: "))));
  EXPECT_THAT(reporter_.problems, SizeIs(1)) << "it is tried once";
}

// --- What does not go

TEST_F(RepackTest, NothingIsWrittenToTheMediumItself) {
  for (const char* other : {"MX0002", "MX0003"}) {
    std::filesystem::remove_all(home() / "library" / other);
  }
  reopen();
  const RepackResult result = repack_now();
  EXPECT_EQ(result.batches, 0U);
  EXPECT_FALSE(result.retired);
  EXPECT_EQ(result.left_files, 2U);
  EXPECT_THAT(result.left[0].why, HasSubstr("no other medium here can take all copies of it"));
  EXPECT_EQ(context().ledger.bundles(context().ledger.medium("MX0001")->id).size(), 1U);
}

TEST_F(RepackTest, ADryRunTellsTheSameNumbersAndChangesNothing) {
  write("large", std::string(100'000, 'l'));
  (void)back_up();
  const std::int64_t jobs = count("job");
  const RepackResult dry = repack_now("MX0001", 50'000, /*dry_run=*/true);
  EXPECT_EQ(count("job"), jobs);
  EXPECT_FALSE(dry.minutes) << "disks";
  const RepackResult done = repack_now("MX0001", 50'000);
  EXPECT_EQ(dry.files, done.files);
  EXPECT_EQ(dry.bytes, done.bytes);
  EXPECT_EQ(dry.batches, done.batches);
  EXPECT_EQ(dry.written.files, done.written.files);
  EXPECT_EQ(dry.written.bytes, done.written.bytes);
  EXPECT_EQ(media_of(dry.written), media_of(done.written));
  EXPECT_EQ(dry.left_files, done.left_files);
  EXPECT_EQ(dry.left_bytes, done.left_bytes);
  EXPECT_EQ(dry.retired, done.retired);
}

TEST_F(RepackTest, ALostMediumAndOneThatNobodyKnowsAreRefused) {
  EXPECT_EQ(test::error_of([&] { (void)repack_now("MX0009"); }), ErrorCode::not_found);
  (void)lose_medium(context(), "MX0001");
  EXPECT_EQ(test::error_of([&] { (void)repack_now(); }), ErrorCode::no_medium);
}

// --- Cartridges and one drive

class OneDriveTest : public ServiceTest {
 protected:
  OneDriveTest() : ServiceTest(test::TempDir::Place::memory) {
    std::filesystem::remove_all(home() / "library");
    std::filesystem::create_directory(home() / "library");
    configure("libraries = [\"sim:" + (home() / "library").string() +
              ",generation=5,drives=1,vary=no,host=none\"]\nrecord_size = \"64 KiB\"\n");
    for (const char* label : {"MX0001L5", "MX0002L5"}) {
      library().add_medium(label, 64 * MiB);
    }
    for (int file = 0; file < 40; ++file) {
      write("f" + std::to_string(file),
            as_text(test::pattern(60 * KiB, static_cast<std::uint64_t>(file))));
    }
    EXPECT_EQ(back_up().written.media.at(0).label, "MX0001L5");
    reopen();
  }
  tapeio::lto::SimLibrary& library() {
    return dynamic_cast<tapeio::lto::SimLibrary&>(*context().workspace.libraries().here().front());
  }
};

TEST_F(OneDriveTest, ABatchIsReadThenTheOtherCartridgeIsWritten) {
  RepackRequest request;
  request.label = "MX0001L5";
  request.dry_run = true;
  const RepackResult dry = repack(context(), request, reporter_);
  ASSERT_TRUE(dry.minutes);
  EXPECT_GT(*dry.minutes, 1);
  request.dry_run = false;
  const double before = library().report().seconds_of(tapeio::lto::SimKind::load);
  const RepackResult result = repack(context(), request, reporter_);
  const double loading = library().report().seconds_of(tapeio::lto::SimKind::load) - before;
  EXPECT_EQ(result.written.files, 40U);
  EXPECT_TRUE(result.retired);
  EXPECT_LE(loading, 2 * tapeio::lto::figures_of(5).load_s + 1) << "each is loaded once";
}

TEST_F(RepackTest, WhatAKilledOneLeftOnThisDiskGoesWithTheNextJob) {
  std::filesystem::create_directories(home() / "scratch/repack");
  test::write_text(home() / "scratch/repack/17", "the content of a file");
  write("new", "something to back up");
  (void)back_up();
  EXPECT_FALSE(std::filesystem::exists(home() / "scratch/repack"));
}

}  // namespace
}  // namespace mixtape::service
