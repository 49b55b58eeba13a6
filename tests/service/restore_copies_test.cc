// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <set>

#include "engine/service/media.h"
#include "engine/service/status.h"
#include "tests/service/restore_fixture.h"

// What is told of copies that are damaged or absent, what is read in their place, and what is
// noted of them.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class RestoreCopiesTest : public RestoreTest {
 protected:
  // Only a medium that is away counts as lying on another disk.
  void back_up_to_two_media() {
    back_up();
    fs::rename(medium("MX0001"), directory_ / "MX0001");
    configure("copies = 2\n");
    reopen();
    back_up();
    fs::rename(directory_ / "MX0001", medium("MX0001"));
    reopen();
  }
  [[nodiscard]] fs::path archive_file(const std::string& label) const {
    std::set<fs::path> archives;
    for (const auto& entry : fs::directory_iterator(medium(label))) {
      if (entry.path().string().find("archive") != std::string::npos) {
        archives.insert(entry.path());
      }
    }
    return *archives.begin();
  }
  void damage_at(off_t offset, const std::string& label = "MX0001") {
    const int fd = ::open(archive_file(label).c_str(), O_RDWR);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(::pwrite(fd, "damage", 6, offset), 6);
    ::close(fd);
  }
};

TEST_F(RestoreCopiesTest, WithTheContentDamagedEveryNameOfAFileIsTrouble) {
  write("a", as_text(test::pattern(300'000, 1)));
  fs::create_hard_link(source("a"), source("b"));
  back_up();
  damage_at(150'000);
  test::write_text(restored("a"), "old");
  const RestoreResult result = restore_all(Conflict::overwrite);
  EXPECT_EQ(result.trouble_count, 2u);
  EXPECT_EQ(result.files, 0u);
  EXPECT_EQ(test::read_text(restored("a")), "old");
  EXPECT_FALSE(fs::exists(restored("b")));
}

TEST_F(RestoreCopiesTest, NamesTheMediumThatIsNotHere) {
  write("a", "alpha");
  back_up();
  move_medium(context(), "MX0001", "shelf B");
  fs::remove_all(medium());
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 1u);
  EXPECT_THAT(result.troubles.front().why, HasSubstr("MX0001 (shelf B)"));
  ASSERT_EQ(result.media.size(), 1u);
  EXPECT_FALSE(result.media.front().here);
}

TEST_F(RestoreCopiesTest, ADamagedFileIsTroubleAndTheOthersComeBack) {
  write("a", as_text(test::pattern(300'000, 1)));
  write("b", as_text(test::pattern(300'000, 2)));
  write("c", as_text(test::pattern(300'000, 3)));
  back_up();
  damage_at(450'000);
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 1u);
  EXPECT_EQ(result.damaged_copies, 1u);
  EXPECT_EQ(result.troubles.front().path, source("b").relative_path());
  EXPECT_FALSE(fs::exists(restored("b")));
  EXPECT_EQ(test::read_text(restored("a")), test::read_text(source("a")));
  EXPECT_EQ(test::read_text(restored("c")), test::read_text(source("c")));
  EXPECT_TRUE(reporter_.problems.empty());  // Said once, by whoever shows the result.
  reopen();
  const RestoreResult later = restore_all();
  ASSERT_EQ(later.trouble_count, 1u);
  EXPECT_THAT(later.troubles.front().why, HasSubstr("the copy on medium MX0001"));
}

TEST_F(RestoreCopiesTest, EveryFileWithoutACopyToReadIsNamedAndTheOthersComeBack) {
  write("dir/a", as_text(test::pattern(300'000, 1)));
  write("dir/b", as_text(test::pattern(300'000, 2)));
  back_up();
  write("dir/c", "never written");
  fs::rename(home() / "library", directory_ / "away");
  reopen();
  ASSERT_FALSE(ServiceTest::back_up().written.no_room.empty());
  fs::rename(directory_ / "away", home() / "library");
  reopen();
  damage_at(450'000);
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.files, 1u);
  ASSERT_EQ(result.trouble_count, 2u);
  std::map<std::string, std::string> why;
  for (const RestoreTrouble& trouble : result.troubles) {
    why[fs::path(trouble.path).filename()] = trouble.why;
  }
  EXPECT_THAT(why["b"], HasSubstr("the copy on medium MX0001"));
  EXPECT_THAT(why["c"], HasSubstr("none has written it"));
  EXPECT_EQ(test::read_text(restored("dir/a")), test::read_text(source("dir/a")));
}

TEST_F(RestoreCopiesTest, ADamagedCopyIsWrittenAnewToAnotherMediumAndIsGoodAgainWhenItReadsWell) {
  write("a", as_text(test::pattern(300'000, 1)));
  write("b", "another");
  back_up();
  const std::string before = test::read_text(archive_file("MX0001"));
  damage_at(150'000);
  EXPECT_EQ(restore_all().damaged_copies, 1u);
  const catalog::ContentId content = version_of("a").content.value();
  ASSERT_EQ(context().ledger.damaged(content).size(), 1u);
  EXPECT_EQ(context().ledger.damaged(content).front().place.medium.label, "MX0001");
  EXPECT_THAT(context().ledger.damaged(content).front().found, HasSubstr("chunk"));
  EXPECT_EQ(status_of(context()).damaged_paths,
            std::vector<std::string>{source("a").relative_path().string()});
  ASSERT_EQ(status_of(context()).damaged.size(), 1u);
  back_up();
  ASSERT_EQ(context().ledger.places(content).size(), 1u);
  EXPECT_EQ(context().ledger.places(content).front().medium.label, "MX0002");
  EXPECT_EQ(status_of(context()).under_copied_files, 0u);
  EXPECT_EQ(status_of(context()).damaged.size(), 1u);
  // The damage was the drive's.
  test::write_text(archive_file("MX0001"), before);
  fs::remove_all(medium("MX0002"));
  {
    catalog::Statement(context().database, "UPDATE medium SET state = 3 WHERE label = 'MX0002'")
        .run();
  }
  fs::remove_all(out_);
  EXPECT_EQ(restore_all().trouble_count, 0u);
  EXPECT_TRUE(context().ledger.damaged(content).empty());
  EXPECT_EQ(context().ledger.places(content).front().medium.label, "MX0001");
}

TEST_F(RestoreCopiesTest, ADamagedCopyIsToldOnceAndTheOtherOneRead) {
  write("a", as_text(test::pattern(300'000, 1)));
  back_up_to_two_media();
  damage_at(150'000, "MX0001");
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 0u);
  EXPECT_EQ(result.damaged_copies, 1u);
  EXPECT_EQ(test::read_text(restored("a")), test::read_text(source("a")));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr("the copy on medium MX0001")));
  EXPECT_THAT(reporter_.problems, IsEmpty()) << "nothing that was asked for is missing";
}

TEST_F(RestoreCopiesTest, ACopyNotedAsDamagedIsReadWhenTheGoodOneTurnsOutDamaged) {
  write("a", as_text(test::pattern(300'000, 1)));
  back_up_to_two_media();
  const std::string before = test::read_text(archive_file("MX0001"));
  damage_at(150'000, "MX0001");
  EXPECT_EQ(restore_all().trouble_count, 0u);
  const catalog::ContentId content = version_of("a").content.value();
  ASSERT_EQ(context().ledger.damaged(content).size(), 1u);
  fs::remove_all(out_);
  test::write_text(archive_file("MX0001"), before);  // The damage was the drive's.
  damage_at(150'000, "MX0002");
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 0u);
  EXPECT_EQ(result.damaged_copies, 1u) << "none is read twice";
  EXPECT_EQ(test::read_text(restored("a")), test::read_text(source("a")));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr("the copy on medium MX0002")));
  ASSERT_EQ(context().ledger.damaged(content).size(), 1u);
  EXPECT_EQ(context().ledger.damaged(content).front().place.medium.label, "MX0002");
}

TEST_F(RestoreCopiesTest, AFileIsGivenUpWhenTheCopyNotedAsDamagedIsDamagedStill) {
  write("a", as_text(test::pattern(300'000, 1)));
  back_up_to_two_media();
  damage_at(150'000, "MX0001");
  EXPECT_EQ(restore_all().trouble_count, 0u);
  fs::remove_all(out_);
  damage_at(150'000, "MX0002");
  const RestoreResult result = restore_all();
  ASSERT_EQ(result.trouble_count, 1u);
  EXPECT_EQ(result.damaged_copies, 2u) << "each is read once";
  EXPECT_THAT(result.troubles.front().why, HasSubstr("the copy on medium MX0001"));
}

TEST_F(RestoreCopiesTest, TheMediumThatWouldHelpIsNamedWhenTheCopyHereIsDamaged) {
  write("a", as_text(test::pattern(300'000, 1)));
  back_up_to_two_media();
  damage_at(150'000, "MX0001");
  fs::remove_all(medium("MX0002"));
  const RestoreResult result = restore_all();
  ASSERT_EQ(result.trouble_count, 1u);
  EXPECT_THAT(result.troubles.front().why, HasSubstr("medium MX0002 is not here"));
  EXPECT_THAT(reporter_.problems, IsEmpty()) << "the result says it";
}

TEST_F(RestoreCopiesTest, NotesWhichCopiesWereReadWholeAndRightAndWhichWereNot) {
  write("a", "alpha");
  write("b", as_text(test::pattern(300'000, 2)));
  back_up();
  damage_at(150'000);
  EXPECT_EQ(restore_all().damaged_copies, 1u);
  const auto copies = context().ledger.copies_in(
      context().ledger.bundles(context().ledger.medium("MX0001")->id).front().id);
  ASSERT_EQ(copies.size(), 2u);
  for (const catalog::Copy& copy : copies) {
    const bool is_small = copy.content == version_of("a").content;
    EXPECT_TRUE(copy.verified_s.has_value());
    EXPECT_EQ(copy.state == catalog::CopyState::good, is_small);
  }
}

TEST_F(RestoreCopiesTest, AnArchiveThatNoKeyOpensDoesNotKeepTheOthersOfItsMediumAway) {
  const fs::path keys = home() / "keys";
  const auto change_keys_to = [&](const std::string& name) {
    reopen();
    for (const char* old : {"daily.identity", "recovery.identity"}) {
      fs::remove(keys / old);
    }
    const auto identity = format::Identity::generate();
    format::write_identity_file(keys / (name + ".identity"), identity, name);
    test::write_text(keys / "recipients", identity.recipient().text() + "\n");
  };
  change_keys_to("first");
  write("a", "of the first key");
  write("b", "of the first key, too");
  back_up();
  change_keys_to("second");
  write("z", "of the second key");
  back_up();
  reopen();
  fs::rename(keys / "first.identity", directory_ / "first.identity");
  const RestoreResult result = restore_all();
  EXPECT_EQ(test::read_text(restored("z")), "of the second key");
  EXPECT_EQ(result.files, 1u);
  EXPECT_EQ(result.trouble_count, 2u);
  EXPECT_EQ(result.damaged_copies, 0u);
  EXPECT_THAT(result.troubles.front().why, HasSubstr("none of your keys"));
  reopen();
  fs::rename(directory_ / "first.identity", keys / "first.identity");
  EXPECT_EQ(restore_all().trouble_count, 0u);
}

TEST_F(RestoreCopiesTest, APathThatWasNeverArchivedIsTrouble) {
  write("a", "alpha");
  back_up();
  RestoreRequest request;
  request.paths = {"/no/such/path", source("a").string()};
  request.to = (out_).string();
  const RestoreResult result = restore(context(), request, reporter_);
  EXPECT_EQ(result.trouble_count, 1u);
  EXPECT_EQ(result.files, 1u);
}

}  // namespace
}  // namespace mixtape::service
