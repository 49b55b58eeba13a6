// SPDX-License-Identifier: Apache-2.0
#include "engine/service/copy_policy.h"
#include "engine/service/media.h"
#include "engine/service/media_state.h"
#include "engine/service/pins.h"
#include "engine/service/release.h"
#include "engine/service/status.h"
#include "engine/service/verify.h"
#include "tests/service/service_fixture.h"

// Copies that have to lie in different places: what is written, what status says, what may go.
//
// MX0001 is in a library that stands in the study; the other library, in which the next medium is,
// can be put into any place. Each lies on a disk of its own.

namespace mixtape::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PlacesTest : public ServiceTest {
 protected:
  PlacesTest() {
    std::filesystem::create_directory(barn_);
    settle_in("study", "study");
  }

  // Where the two libraries stand.
  void settle_in(const std::string& first, const std::string& second) {
    configure("copies = 2\ndistinct_locations = ['**']\nlibraries = ['dir:library', 'dir:" +
              barn_.string() + "']\nlibrary_places = { 'dir:library' = '" + first +
              "', 'dir:" + barn_.string() + "' = '" + second + "' }\n");
    reopen();
  }
  // One medium in each library, and a file on both.
  void make_two_copies() {
    keep_one_medium();
    (void)add_medium(context(), "OTHER1", "dir:" + barn_.string(), {});
    write("a", "alpha");
    EXPECT_EQ(back_up().written.files, 2U);
    reopen();
  }
  void keep_one_medium() {
    std::filesystem::remove_all(home() / "library" / "MX0002");
    std::filesystem::remove_all(home() / "library" / "MX0003");
  }
  void carry_away(const std::string& place) {
    std::filesystem::rename(barn_ / "OTHER1", other_ / "OTHER1");
    reopen();
    move_medium(context(), "OTHER1", place);
  }
  void verify_all() {
    VerifyRequest request;
    request.media = {"MX0001", "OTHER1"};
    (void)verify(context(), request, reporter_);
  }
  std::string why_it_stays() {
    const ReleaseResult result =
        release(context(), {.paths = {source().string()}, .remove = false}, reporter_);
    return result.refused.empty() ? "" : result.refused[0].why;
  }

  const test::TempDir other_{test::TempDir::Place::memory};  // Another disk.
  const std::filesystem::path barn_ = other_ / "library";
};

TEST_F(PlacesTest, StatusSaysWhichMediaAreTooNearAndThatNothingHasToBeWritten) {
  make_two_copies();
  const Status status = status_of(context());
  EXPECT_EQ(status.under_copied_files, 0U);
  EXPECT_EQ(status.crowded_files, 1U);
  EXPECT_EQ(status.crowded_bytes, 5U);
  ASSERT_THAT(status.crowded, SizeIs(1));
  EXPECT_EQ(status.crowded[0].place, "study");
  EXPECT_THAT(status.crowded[0].media, ElementsAre("MX0001", "OTHER1"));
}

TEST_F(PlacesTest, NoThirdCopyIsWrittenWhereCarryingAMediumHelps) {
  make_two_copies();
  (void)add_medium(context(), "MX0007", "", {});
  const BackupResult again = back_up();
  EXPECT_EQ(again.written.files, 0U);
  EXPECT_EQ(again.out_of_reach, 0U);
}

TEST_F(PlacesTest, AMediumThatIsCarriedAwayIsWhereItWasNotedToBe) {
  make_two_copies();
  carry_away("bank");
  EXPECT_EQ(status_of(context()).crowded_files, 0U);
  move_medium(context(), "OTHER1", "study");
  EXPECT_EQ(status_of(context()).crowded_files, 1U);
  move_medium(context(), "OTHER1", "");
  const Status status = status_of(context());
  ASSERT_THAT(status.crowded, SizeIs(1));
  EXPECT_EQ(status.crowded[0].place, "");
  EXPECT_THAT(status.crowded[0].media, ElementsAre("OTHER1"));
}

TEST_F(PlacesTest, OneThatIsHereIsWhereItsLibraryStandsWhateverWasNoted) {
  make_two_copies();
  move_medium(context(), "OTHER1", "bank");
  EXPECT_EQ(status_of(context()).crowded_files, 1U);
  settle_in("study", "barn");
  EXPECT_EQ(status_of(context()).crowded_files, 0U);
}

TEST_F(PlacesTest, LibrariesOfNoNotedPlaceAreInOne) {
  make_two_copies();
  configure("copies = 2\ndistinct_locations = true\nlibraries = ['dir:library', 'dir:" +
            barn_.string() + "']\n");
  reopen();
  const Status status = status_of(context());
  ASSERT_THAT(status.crowded, SizeIs(1));
  EXPECT_EQ(status.crowded[0].place, kHere);
}

TEST_F(PlacesTest, TheSecondCopyGoesToAnotherPlaceRatherThanToAMediumBesideTheFirst) {
  settle_in("study", "barn");
  (void)add_medium(context(), "ZZ0001", "dir:" + barn_.string(), {});
  write("a", "alpha");
  const BackupResult result = back_up();
  ASSERT_THAT(result.written.media, SizeIs(2));
  EXPECT_EQ(result.written.media[0].label, "MX0001");
  EXPECT_EQ(result.written.media[1].label, "ZZ0001");
  EXPECT_EQ(status_of(context()).crowded_files, 0U);
}

TEST_F(PlacesTest, ReleaseRefusesWhatLiesInOnePlace) {
  make_two_copies();
  verify_all();
  EXPECT_THAT(why_it_stays(), HasSubstr("in 1 of the 2 places that the policy asks for (study)"));
  carry_away("");
  EXPECT_THAT(why_it_stays(), HasSubstr("nobody noted where"));
  move_medium(context(), "OTHER1", "bank");
  EXPECT_EQ(why_it_stays(), "");
}

TEST_F(PlacesTest, WhatWasStagedStaysPinnedUntilItsCopiesLieApart) {
  keep_one_medium();
  (void)add_medium(context(), "OTHER1", "dir:" + barn_.string(), {});
  stage("a", "alpha");
  EXPECT_EQ(flush_now().pinned_files, 1U);
  carry_away("bank");
  release_pins(context());
  EXPECT_EQ(context().workspace.cache().usage().pinned_bytes, 0U);
}

TEST_F(PlacesTest, RetiringAMediumDoesNotCallFilesUnderCopiedThatOnlyLieTooNear) {
  make_two_copies();
  write("b", "beta");
  EXPECT_EQ(retire_medium(context(), "OTHER1", /*dry_run=*/true).lacking_files, 1U);
}

}  // namespace
}  // namespace mixtape::service
