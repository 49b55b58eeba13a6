// SPDX-License-Identifier: Apache-2.0
#include "engine/service/status.h"
#include "engine/service/verify.h"
#include "tests/service/scan_fixture.h"

// What a scan could not read is not forgotten: whoever asks how things stand is told, and the next
// scan reads it again.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ScanLossesTest : public ScanTest {
 protected:
  // Three files of which the second lies in a damaged chunk, all indexes spoilt; the undamaged
  // medium is kept as `whole_`.
  void lose_b() {
    leave_three_files_without_indexes();
    fs::copy(shelf_, whole_, fs::copy_options::recursive);
    flip(files_of("archive", shelf_).front(), kInB);
  }
  void bring_back_the_whole_medium() {
    reopen();
    fs::remove_all(shelf_);
    fs::rename(whole_, shelf_);
  }
  Status status() { return status_of(context()); }

  const fs::path whole_ = directory_ / "whole";
};

TEST_F(ScanLossesTest, StatusNamesWhatWasLost) {
  lose_b();
  (void)scan();
  const Status now = status();
  ASSERT_EQ(now.losses.size(), 1U);
  const catalog::MediumLoss& loss = now.losses[0].loss;
  EXPECT_EQ(loss.medium, "MX0001");
  EXPECT_EQ(loss.files, 1U);
  EXPECT_THAT(loss.names, ElementsAre(path_of("b")));
  EXPECT_EQ(loss.gaps, 0U);
  EXPECT_THAT(loss.unopened, IsEmpty());
  EXPECT_EQ(loss.unread_index, 3U);
  EXPECT_THAT(now.losses[0].words, HasSubstr(path_of("b")));
  EXPECT_THAT(now.losses[0].advice, HasSubstr("recover --scan --library"));
  EXPECT_THAT(all_copied_text(now), HasSubstr("that is known"));
}

TEST_F(ScanLossesTest, AWholeMediumHasNone) {
  write("a", "words");
  back_up();
  lose_home();
  (void)recover_from(shelf_, true);
  EXPECT_THAT(status().losses, IsEmpty());
  EXPECT_THAT(all_copied_text(status()), Not(HasSubstr("known")));
}

TEST_F(ScanLossesTest, VerifyTellsTheSame) {
  lose_b();
  (void)scan();
  VerifyRequest request;
  request.media = {"MX0001"};
  const VerifyResult verified = verify(context(), request, reporter_);
  ASSERT_EQ(verified.media.size(), 1U);
  EXPECT_THAT(verified.media[0].troubles, Contains(status().losses[0].words));
}

TEST_F(ScanLossesTest, TheNextScanReadsAgainWhatWasLost) {
  lose_b();
  (void)scan();
  EXPECT_FALSE(latest(path_of("b")));
  bring_back_the_whole_medium();
  const RecoverResult again = scan();
  EXPECT_THAT(again.scanned, ElementsAre("MX0001"));
  EXPECT_EQ(restored("b"), pattern_text(500'000, 2));
  EXPECT_EQ(restored("a"), pattern_text(100'000, 1));
  EXPECT_EQ(count("bundle"), 1);
  EXPECT_EQ(count("job"), 1);
  const Status now = status();
  ASSERT_EQ(now.losses.size(), 1U) << "its index is still not to be read";
  EXPECT_EQ(now.losses[0].loss.files, 0U);
}

TEST_F(ScanLossesTest, AWorseDriveTakesNothingBack) {
  lose_b();
  (void)scan();
  flip(files_of("archive", shelf_).front(), 650'000);
  (void)scan();
  EXPECT_TRUE(latest(path_of("c"))) << "which the first scan read";
  ASSERT_EQ(status().losses.size(), 1U);
  EXPECT_THAT(status().losses[0].loss.names, ElementsAre(path_of("b")));
}

TEST_F(ScanLossesTest, ScansOfDifferentLossesAddUp) {
  lose_b();
  bring_back_the_whole_medium();
  flip(files_of("archive", shelf_).front(), 50'000);
  (void)scan();
  EXPECT_FALSE(latest(path_of("a")));
  flip(files_of("archive", shelf_).front(), 50'000);
  flip(files_of("archive", shelf_).front(), 350'000);
  (void)scan();
  EXPECT_EQ(restored("a"), pattern_text(100'000, 1));
  EXPECT_TRUE(latest(path_of("b"))) << "the first scan read it";
  EXPECT_EQ(restored("c"), pattern_text(100'000, 3));
  EXPECT_EQ(status().losses.at(0).loss.files, 0U);
  flip(files_of("archive", shelf_).front(), 350'000);
  EXPECT_EQ(restored("b"), pattern_text(500'000, 2));
}

TEST_F(ScanLossesTest, WhatIsBackedUpAgainIsNotCalledLost) {
  lose_b();
  (void)scan();
  back_up();
  const Status now = status();
  ASSERT_EQ(now.losses.size(), 1U);
  EXPECT_EQ(now.losses[0].loss.files, 0U);
  EXPECT_EQ(now.losses[0].loss.elsewhere, 1U);
}

TEST_F(ScanLossesTest, AnArchiveThatCannotBeOpenedIsReadAgainToo) {
  write("a", "first");
  back_up();
  write("b", "second");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  const fs::path first = files_of("archive", shelf_).front();
  flip(first, 60);
  (void)scan();
  EXPECT_FALSE(latest(path_of("a")));
  EXPECT_THAT(status().losses.at(0).loss.unopened, ElementsAre(2U));
  flip(first, 60);
  (void)scan();
  EXPECT_EQ(restored("a"), "first");
  EXPECT_EQ(restored("b"), "second");
  EXPECT_THAT(status().losses.at(0).loss.unopened, IsEmpty());
  VerifyRequest request;
  request.media = {"MX0001"};
  const VerifyResult verified = verify(context(), request, reporter_);
  EXPECT_EQ(verified.media.at(0).good, 2U) << "bundles in the order of the tape";
  EXPECT_EQ(verified.media.at(0).damaged, 0U);
}

TEST_F(ScanLossesTest, AnIndexThatTurnsUpSettlesThem) {
  write("a", pattern_text(100'000, 1));
  write("b", pattern_text(100'000, 2));
  back_up();
  lose_home();
  fs::copy(shelf_, whole_, fs::copy_options::recursive);
  spoil_indexes(shelf_);
  flip(files_of("archive", shelf_).front(), 70'000);
  (void)recover_from(shelf_, true);
  EXPECT_THAT(status().losses, Not(IsEmpty()));
  bring_back_the_whole_medium();
  (void)recover_from(shelf_, false);
  EXPECT_THAT(status().losses, IsEmpty());
}

TEST_F(ScanLossesTest, ARetiredMediumIsNotToldOf) {
  lose_b();
  (void)scan();
  context().ledger.set_medium_state(context().ledger.medium("MX0001")->id,
                                    catalog::MediumState::retired);
  EXPECT_THAT(status().losses, IsEmpty());
}

}  // namespace
}  // namespace mixtape::service
