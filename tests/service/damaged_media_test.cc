// SPDX-License-Identifier: Apache-2.0
#include "tapeio/error.h"
#include "tests/service/scan_fixture.h"
#include "tests/support/errors.h"

// Media of which something is missing or does not fit: who they are is settled by what agrees, and
// what is left of them is read.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DamagedMediaTest : public ScanTest {
 protected:
  // Changes a digit of the uuid in the label of a medium.
  void damage_uuid(const std::string& label, int digits) {
    const fs::path file = shelf_ / label / "0000.archaeology.tar";
    std::string text = test::read_text(file);
    const std::size_t key = text.find("\"medium\"");
    ASSERT_NE(key, std::string::npos);
    const std::size_t uuid = text.find('"', key + 9) + 1;
    for (int i = 0; i < digits; ++i) {
      char& digit = text[uuid + 2 * static_cast<std::size_t>(i)];
      digit = digit == '7' ? '6' : '7';
    }
    test::write_text(file, text);
  }
  void two_archives() {
    write("a", "first");
    back_up();
    write("b", "second");
    back_up();
  }
};

TEST_F(DamagedMediaTest, ADamagedByteOfItsUuidIsSettledByTheIndexes) {
  write("a", "first");
  back_up();
  const catalog::Uuid uuid = context().ledger.medium("MX0001")->uuid;
  lose_home();
  damage_uuid("MX0001", 1);
  const RecoverResult result = recover_from(shelf_, false);
  EXPECT_THAT(result.read, ElementsAre("MX0001"));
  EXPECT_THAT(reporter_.problems,
              ElementsAre(AllOf(HasSubstr("a byte of tape file 0 is damaged"), HasSubstr("MX0001"),
                                HasSubstr("mixtape media retire MX0001"))));
  EXPECT_EQ(context().ledger.medium("MX0001")->uuid, uuid);
  EXPECT_EQ(restored("a"), "first");
}

TEST_F(DamagedMediaTest, IndexesOfAnotherMediumAreStillRefused) {
  write("a", "first");
  back_up();
  lose_home();
  damage_uuid("MX0001", 2);
  EXPECT_EQ(test::error_of([&] { (void)recover_from(shelf_, false); }), ErrorCode::not_found);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("another medium")));
}

TEST_F(DamagedMediaTest, AScanGoesOnWithoutAMissingTapeFile) {
  two_archives();
  lose_home();
  spoil_indexes(shelf_);
  fs::remove(files_of("archive", shelf_).front());
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("tape file 2 is missing")));
  EXPECT_FALSE(latest(path_of("a")));
  EXPECT_EQ(restored("b"), "second");
  const auto losses = told_losses(context());
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_THAT(losses[0].loss.unopened, ElementsAre(2U));
}

TEST_F(DamagedMediaTest, AMissingTapeFileThatTurnsUpIsScannedThen) {
  two_archives();
  lose_home();
  spoil_indexes(shelf_);
  const fs::path first = files_of("archive", shelf_).front();
  fs::rename(first, directory_ / "found later");
  (void)scan();
  ASSERT_TRUE(fs::exists(shelf_ / "MX0001/0002.lost")) << "its stand-in need not be taken away";
  fs::rename(directory_ / "found later", first);
  (void)scan();
  EXPECT_EQ(restored("a"), "first");
  EXPECT_EQ(restored("b"), "second") << "which stands at another address with the first one";
}

TEST_F(DamagedMediaTest, WhoseKeyDoesNotOpenItPutsNothingOnAMedium) {
  two_archives();
  lose_home();
  spoil_indexes(shelf_);
  fs::remove(files_of("archive", shelf_).front());
  format::write_identity_file(directory_ / "stranger", format::Identity::generate(), "");
  EXPECT_ANY_THROW((void)recover(
      {home(), url_of(shelf_), directory_ / "stranger", "mixtape recover", true}, reporter_));
  EXPECT_FALSE(fs::exists(shelf_ / "MX0001/0002.lost"));
}

TEST_F(DamagedMediaTest, AFileFarBehindTheOthersIsNoReasonToFillAMediumUp) {
  two_archives();
  lose_home();
  spoil_indexes(shelf_);
  test::write_text(shelf_ / "MX0001/2024.jpg", "a holiday");
  EXPECT_ANY_THROW((void)scan());
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("none of the medium's")));
  EXPECT_FALSE(fs::exists(shelf_ / "MX0001/0100.lost"));
}

TEST_F(DamagedMediaTest, NothingStandsInOnAWriteProtectedMedium) {
  two_archives();
  lose_home();
  spoil_indexes(shelf_);
  fs::remove(files_of("archive", shelf_).front());
  fs::permissions(shelf_ / "MX0001", fs::perms(0555));
  EXPECT_ANY_THROW((void)scan());
  fs::permissions(shelf_ / "MX0001", fs::perms(0755));
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("write-protected")));
  EXPECT_FALSE(fs::exists(shelf_ / "MX0001/0002.lost"));
}

TEST_F(DamagedMediaTest, ADirectoryWithSomethingElseInItDoesNotBecomeAHome) {
  two_archives();
  lose_home();
  fs::create_directory(home());
  test::write_text(home() / "photo", "mine");
  EXPECT_EQ(test::error_of([&] { (void)recover_from(shelf_, false); }), ErrorCode::conflict);
  EXPECT_NE(fs::status(home()).permissions(), fs::perms(0700));
  EXPECT_EQ(std::distance(fs::directory_iterator(home()), {}), 1);
}

TEST_F(DamagedMediaTest, WhereAnIndexTellsNothingStandsIn) {
  two_archives();
  lose_home();
  const std::vector<fs::path> indexes = files_of("index", shelf_);
  fs::remove(indexes.front());
  (void)recover_from(shelf_, true);
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_FALSE(fs::exists(shelf_ / "MX0001/0001.lost"));
  EXPECT_THAT(told_losses(context()), IsEmpty());
}

}  // namespace
}  // namespace mixtape::service
