// SPDX-License-Identifier: Apache-2.0
#include "engine/service/media.h"
#include "engine/service/media_state.h"
#include "engine/service/repack.h"
#include "engine/service/status.h"
#include "tests/service/service_fixture.h"

// Repack where copies have to lie in different places.
//
// MX0001 stands in the study. The other library, on another disk, stands in the barn; what is
// carried away from there is noted to lie in the barn all the same.

namespace mixtape::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RepackPlacesTest : public ServiceTest {
 protected:
  RepackPlacesTest() {
    std::filesystem::create_directory(barn_);
    for (const char* medium : {"MX0002", "MX0003"}) {
      std::filesystem::remove_all(home() / "library" / medium);
    }
    ask_for(3);
    write("a", "alpha");
    add_to_barn("OTHER1");
    EXPECT_EQ(back_up().written.files, 2U);
    ask_for(2);
  }
  void ask_for(int copies, const std::string& barn = "barn") {
    configure(
        "copies = " + std::to_string(copies) +
        "\ndistinct_locations = ['**/a']\nlibraries = ['dir:library', 'dir:" + barn_.string() +
        "']\nlibrary_places = { 'dir:library' = 'study', 'dir:" + barn_.string() + "' = '" + barn +
        "' }\n");
    reopen();
  }
  void add_to_barn(const std::string& label) {
    (void)add_medium(context(), label, "dir:" + barn_.string(), {});
  }
  // OTHER1 goes to a shelf of the barn, where it is on no disk with what comes to the library.
  void put_away() {
    std::filesystem::rename(barn_ / "OTHER1", other_ / "OTHER1");
    reopen();
    move_medium(context(), "OTHER1", "barn");
    add_to_barn("OTHER2");
  }
  void make_second_copy_in_the_barn() {
    put_away();
    ask_for(3);
    EXPECT_EQ(back_up().written.media.at(0).label, "OTHER2");
    ask_for(2);
  }
  RepackResult repack_now(bool dry_run = false) {
    RepackRequest request;
    request.label = "MX0001";
    request.dry_run = dry_run;
    request.budget_bytes = 5;  // One file at a time.
    return repack(context(), request, reporter_);
  }

  const test::TempDir other_{test::TempDir::Place::memory};  // Another disk.
  const std::filesystem::path barn_ = other_ / "library";
};

TEST_F(RepackPlacesTest, TheOnlyCopyInAPlaceIsAliveHoweverManyLieElsewhere) {
  make_second_copy_in_the_barn();
  for (const bool dry_run : {true, false}) {
    const RepackResult result = repack_now(dry_run);
    EXPECT_EQ(result.files, 1U);
    EXPECT_EQ(result.written.files, 0U);
    EXPECT_EQ(result.left_files, 1U);
    ASSERT_THAT(result.left, SizeIs(1));
    EXPECT_EQ(result.left[0].path, path_of("a"));
    EXPECT_THAT(result.left[0].why, HasSubstr("another place than its other copies"));
    EXPECT_FALSE(result.retired);
  }
  EXPECT_EQ(context().ledger.medium("MX0001")->state, catalog::MediumState::active);
  EXPECT_EQ(status_of(context()).crowded_files, 0U);
}

TEST_F(RepackPlacesTest, ItGoesToAMediumThatLiesApart) {
  make_second_copy_in_the_barn();
  (void)add_medium(context(), "MX0007", "dir:library", {});
  EXPECT_EQ(repack_now(/*dry_run=*/true).written.files, 1U);
  const RepackResult result = repack_now();
  ASSERT_THAT(result.written.media, SizeIs(1));
  EXPECT_EQ(result.written.media[0].label, "MX0007");
  EXPECT_THAT(result.left, IsEmpty());
  EXPECT_TRUE(result.retired);
  EXPECT_EQ(status_of(context()).crowded_files, 0U);
}

TEST_F(RepackPlacesTest, ACopyThatIsLackingIsNotWrittenBesideTheOther) {
  put_away();
  for (const bool dry_run : {true, false}) {
    const RepackResult result = repack_now(dry_run);
    EXPECT_EQ(result.written.files, 0U);
    EXPECT_EQ(result.left_files, 1U);
    EXPECT_FALSE(result.retired);
  }
}

TEST_F(RepackPlacesTest, WhatFindsNoPlaceDoesNotKeepTheNextFromGoing) {
  write("b", "beta");
  EXPECT_EQ(back_up().written.files, 2U);
  put_away();
  const RepackResult result = repack_now();
  EXPECT_EQ(result.files, 2U);
  EXPECT_EQ(result.written.files, 1U);
  ASSERT_THAT(result.left, SizeIs(1));
  EXPECT_EQ(result.left[0].path, path_of("a"));
}

TEST_F(RepackPlacesTest, WhatLiesInOnePlaceAnywayHindersNothing) {
  ask_for(2, "study");
  (void)add_medium(context(), "MX0007", "dir:library", {});
  ASSERT_EQ(status_of(context()).crowded_files, 1U);
  EXPECT_EQ(repack_now(/*dry_run=*/true).left_files, 0U);
  const RepackResult result = repack_now();
  EXPECT_EQ(result.written.files, 1U);
  EXPECT_TRUE(result.retired);
}

}  // namespace
}  // namespace mixtape::service
