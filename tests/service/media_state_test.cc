// SPDX-License-Identifier: Apache-2.0
#include "engine/service/media_state.h"

#include "engine/catalog/snapshot.h"
#include "engine/service/last_index.h"
#include "engine/service/status.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"

// Media that do not count any more, and those that do again.

namespace mixtape::service {
namespace {

using catalog::MediumState;
using testing::IsEmpty;
using testing::SizeIs;

class MediaStateTest : public ServiceTest {
 protected:
  MediaStateTest() {
    write("a", "alpha");
    write("b", "beta, longer");
    EXPECT_EQ(back_up().written.media.at(0).label, "MX0001");
    reopen();
  }
  MediumState state(std::string_view label = "MX0001") {
    return context().ledger.medium(label)->state;
  }
  std::int64_t revision() {
    catalog::Statement query(context().database, "SELECT revision FROM medium");
    return query.step() ? query.integer(0) : -1;
  }
  std::vector<catalog::CopyPlace> places(std::string_view name) {
    return context().ledger.places(latest(path_of(name)).value().content.value());
  }
  // What somebody knows who finds nothing but this medium.
  MediumState state_as_told_on(const std::string& medium, std::string_view of) {
    const auto drive =
        context().workspace.libraries().find(medium)->load(tapeio::Library::Access::read);
    const auto found = read_last_index(*drive, read_label(*drive).value(),
                                       context().workspace.identities(), directory_ / "index");
    (void)catalog::recover_catalog({found.value()}, directory_ / "recovered.db");
    catalog::Database recovered = catalog::open_catalog(
        directory_ / "recovered.db", directory_ / "recovered-state.db", catalog::Access::write);
    return catalog::Ledger(recovered).medium(of)->state;
  }
};

TEST_F(MediaStateTest, WhatWasOnALostMediumIsWrittenToAnotherOne) {
  const StateChange change = lose_medium(context(), "MX0001");
  EXPECT_EQ(change.before, MediumState::active);
  EXPECT_EQ(change.lacking_files, 2U);
  EXPECT_EQ(change.lacking_bytes, 17U);
  EXPECT_EQ(change.only_here_files, 2U);
  EXPECT_THAT(places("a"), IsEmpty());
  const BackupResult next = back_up();
  EXPECT_EQ(next.written.files, 2U);
  EXPECT_EQ(next.written.media.at(0).label, "MX0002");
  EXPECT_EQ(lose_medium(context(), "MX0001").lacking_files, 0U);
}

TEST_F(MediaStateTest, ARetiredMediumCanStillBeRead) {
  const StateChange change = retire_medium(context(), "MX0001");
  EXPECT_EQ(change.lacking_files, 2U);
  EXPECT_EQ(change.only_here_files, 2U);
  EXPECT_THAT(places("a"), SizeIs(1));
  EXPECT_EQ(back_up().written.media.at(0).label, "MX0002");
  EXPECT_THAT(places("a"), SizeIs(2));
}

TEST_F(MediaStateTest, SayingItTwiceChangesNothing) {
  (void)retire_medium(context(), "MX0001");
  const std::int64_t before = revision();
  const StateChange again = retire_medium(context(), "MX0001");
  EXPECT_FALSE(again.changed());
  EXPECT_EQ(again.lacking_files, 2U);
  EXPECT_EQ(revision(), before);
  (void)find_medium(context(), "MX0001");
  EXPECT_FALSE(find_medium(context(), "MX0001").changed());
}

TEST_F(MediaStateTest, AFullMediumIsInUseAlready) {
  context().ledger.set_medium_state(context().ledger.medium("MX0001")->id, MediumState::full);
  EXPECT_FALSE(find_medium(context(), "MX0001").changed());
  EXPECT_EQ(state(), MediumState::full);
}

TEST_F(MediaStateTest, ADryRunSaysTheSameAndNotesNothing) {
  const StateChange dry = lose_medium(context(), "MX0001", /*dry_run=*/true);
  EXPECT_EQ(dry.after, MediumState::lost);
  EXPECT_EQ(dry.lacking_files, 2U);
  EXPECT_EQ(state(), MediumState::active);
  EXPECT_FALSE(context().ledger.has_news());
}

TEST_F(MediaStateTest, ALabelThatNobodyKnowsIsSaidToBeUnknown) {
  for (const auto change : {retire_medium, lose_medium, find_medium}) {
    EXPECT_EQ(test::error_of([&] { (void)change(context(), "MX0007", false); }),
              ErrorCode::not_found);
  }
}

TEST_F(MediaStateTest, WhatWasLostCountsAgainOnlyWhenItsLabelWasRead) {
  (void)lose_medium(context(), "MX0001");
  std::filesystem::rename(home() / "library/MX0001", directory_ / "MX0001");
  reopen();
  (void)find_medium(context(), "MX0001");
  EXPECT_THAT(places("a"), SizeIs(1));
  EXPECT_EQ(status_of(context()).under_copied_files, 2U);
  EXPECT_EQ(status_of(context()).unseen_files, 2U);
  EXPECT_THAT(copies_advice(status_of(context())), testing::HasSubstr("attach MX0001"));
  std::filesystem::rename(directory_ / "MX0001", home() / "library/MX0001");
  reopen();
  EXPECT_THAT(copies_advice(status_of(context())),
              testing::AllOf(testing::HasSubstr("looks at MX0001"),
                             testing::Not(testing::HasSubstr("attach"))))
      << "status sees that it is here";
  EXPECT_EQ(back_up().written.files, 0U);
  EXPECT_EQ(status_of(context()).under_copied_files, 0U);
}

TEST_F(MediaStateTest, WhatWasRetiredCountsAtOnceWhenItIsInUseAgain) {
  (void)retire_medium(context(), "MX0001");
  EXPECT_EQ(find_medium(context(), "MX0001").lacking_files, 0U);
  EXPECT_EQ(status_of(context()).under_copied_files, 0U);
}

TEST_F(MediaStateTest, TheNextRunTellsItOnAMediumThoughNothingElseHasChanged) {
  write("c", "gamma");
  (void)retire_medium(context(), "MX0001");
  ASSERT_EQ(back_up().written.media.at(0).label, "MX0002");
  (void)lose_medium(context(), "MX0001");
  reopen();
  EXPECT_FALSE(back_up().job);
  EXPECT_EQ(state_as_told_on("MX0002", "MX0001"), MediumState::lost);
  // Once is enough.
  EXPECT_THAT(back_up().written.media, IsEmpty());
}

TEST_F(MediaStateTest, AFlushOfNothingTellsItToo) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)find_medium(context(), "MX0001");
  (void)flush_now();
  EXPECT_EQ(state_as_told_on("MX0001", "MX0001"), MediumState::active);
}

TEST_F(MediaStateTest, StatusNamesTheMediumThatDoesNotCountAndTheOneToWriteNext) {
  (void)retire_medium(context(), "MX0001");
  const Status status = status_of(context());
  ASSERT_THAT(status.uncounted, SizeIs(1));
  EXPECT_EQ(status.uncounted[0].medium.label, "MX0001");
  EXPECT_EQ(status.uncounted[0].files, 2U);
  ASSERT_FALSE(status.could_take.empty());
  EXPECT_EQ(status.could_take[0].medium.label, "MX0002");
  EXPECT_TRUE(status.could_take[0].here);
  EXPECT_EQ(status.could_take[0].bytes, 17U);
}

TEST_F(MediaStateTest, AMediumOnTheShelfIsNamedAsTheOneToLoadNext) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)lose_medium(context(), "MX0001");
  write("c", "gamma");
  (void)back_up();
  context().ledger.set_medium_location(context().ledger.medium("MX0002")->id, "shelf B");
  std::filesystem::rename(home() / "library", directory_ / "away");
  std::filesystem::create_directory(home() / "library");
  reopen();
  write("d", "delta");
  (void)back_up();
  const Status status = status_of(context());
  EXPECT_EQ(status.under_copied_files, 1U);
  ASSERT_THAT(status.could_take, SizeIs(1));
  EXPECT_EQ(status.could_take[0].medium.location, "shelf B");
  EXPECT_FALSE(status.could_take[0].here);
}

TEST_F(MediaStateTest, AMediumThatIsSmallerThanTheFileIsNotNamedAsTheOneToWriteNext) {
  for (const char* medium : {"MX0002", "MX0003"}) {
    std::filesystem::remove_all(home() / "library" / medium);
  }
  (void)add_medium(context(), "SMALL", {}, 4 * MiB);
  write("large", std::string(5 * MiB, 'x'));
  (void)back_up();
  (void)retire_medium(context(), "MX0001");
  const Status status = status_of(context());
  EXPECT_EQ(status.under_copied_files, 3U);
  ASSERT_THAT(status.could_take, SizeIs(1));
  EXPECT_EQ(status.could_take[0].medium.label, "SMALL");
  EXPECT_EQ(status.could_take[0].files, 2U) << "the large one is larger than it";
}

}  // namespace
}  // namespace mixtape::service
