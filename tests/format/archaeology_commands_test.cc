// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/format/readme_fixture.h"

// The commands that README.txt tells a stranger, run as they stand there on a medium that is a
// directory, and recover.sh beside them.

namespace mixtape::format::test {
namespace {

using testing::HasSubstr;

TEST_F(ReadmeCommands, LeadFromTheFirstTapeFileToAllFiles) {
  const Ran texts = follow("From a disk: these texts");
  ASSERT_EQ(texts.status, 0) << texts.output;
  EXPECT_EQ(read_text(here_ / "README.txt"), readme_);

  const Ran index = follow("From a disk: the newest index");
  ASSERT_EQ(index.status, 0) << index.output;

  const Ran unpacked = follow("From a disk: a whole archive");
  ASSERT_EQ(unpacked.status, 0) << unpacked.output;
  EXPECT_EQ(read_text(here_ / "unpacked" / kPhoto), std::string(100'000, 'p'));
}

TEST_F(ReadmeCommands, AskTheIndexAndFindOneFileByItsPlace) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  ASSERT_EQ(follow("From a disk: the newest index").status, 0);
  const Ran answers = follow("Ask the index");
  EXPECT_EQ(answers.status, 0) << answers.output;
  EXPECT_THAT(answers.output, HasSubstr(std::string(kPhoto) + "|100000|2026-11-18"));
  EXPECT_THAT(answers.output, HasSubstr(std::string(kPhoto) + "|2026-11-18 "));
  EXPECT_THAT(answers.output, HasSubstr("|MX0001|2|"));

  const Ran found = follow("From a disk: one file by its place");
  ASSERT_EQ(found.status, 0) << found.output;
  EXPECT_EQ(read_text(here_ / "found"), std::string(100'000, 'p'));
}

TEST_F(ReadmeCommands, WithTheScriptListAndRestoreEverything) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  const Ran script = follow("With the script");
  ASSERT_EQ(script.status, 0) << script.output;
  EXPECT_THAT(script.output, HasSubstr(kPhoto));
  EXPECT_THAT(script.output, testing::Not(HasSubstr("DAMAGED")));
  EXPECT_THAT(script.output, testing::Not(HasSubstr("not on this medium")));
  EXPECT_EQ(read_text(here_ / "restored" / kPhoto), std::string(100'000, 'p'));
  EXPECT_FALSE(fs::exists(here_ / "restored/home/anna/Photos/empty"));

  const fs::path all = here_ / "everything" / "home/anna";
  EXPECT_EQ(read_text(all / "renamed\nphoto.raw"), std::string(100'000, 'p'));
  EXPECT_EQ(read_text(all / "Photos/\xff"), "not utf-8");
  EXPECT_EQ(read_text(all / "Photos/empty"), "");
  EXPECT_EQ(read_text(all / "Photos/sparse.img").substr(700'416, 6), "second");
  EXPECT_EQ(fs::read_symlink(all / "Photos/link"), "it's a target");
  EXPECT_TRUE(fs::is_fifo(all / "Photos/pipe"));
  struct stat status {};
  ASSERT_EQ(lstat((all / "Photos/empty").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'795'000'000);
  EXPECT_EQ(status.st_mtim.tv_nsec, 123'456'789);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
  ASSERT_EQ(lstat((all / "Photos").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
  EXPECT_EQ(status.st_mtim.tv_nsec, 123'456'789);
}

TEST_F(ReadmeCommands, LeadFromATapeToAllFiles) {
  const Ran all = with_tape(commands_below("From a tape: these texts", readme_) +
                            commands_below("From a tape: the newest index", readme_) +
                            commands_below("From a tape: a whole archive", readme_) +
                            commands_below("From a tape: one file by its place", readme_));
  ASSERT_EQ(all.status, 0) << all.output;
  EXPECT_EQ(read_text(here_ / "README.txt"), readme_);
  EXPECT_THAT(all.output, HasSubstr("SQLite format 3"));
  EXPECT_EQ(read_text(here_ / "unpacked" / kPhoto), std::string(100'000, 'p'));
  EXPECT_EQ(read_text(here_ / "found"), std::string(100'000, 'p'));
}

TEST_F(ReadmeCommands, OfAnInterruptedTapeLeadToTheIndexBeforeItsArchive) {
  fs::remove(medium_ / "0003.index.sqlite.age");
  std::string commands = commands_below("From a tape: the newest index", readme_);
  EXPECT_THAT(with_tape(commands).output, testing::Not(HasSubstr("SQLite format 3")));
  commands.replace(commands.find("bsfm 2"), 6, "bsfm 3");
  EXPECT_THAT(with_tape(commands).output, HasSubstr("SQLite format 3"));
}

class DumpedTape : public ReadmeCommands {
 protected:
  Ran dump(const std::string& trouble) {
    return with_tape(trouble + "\n" + commands_below("From a tape: all tape files", readme_));
  }
  [[nodiscard]] std::string dumped(int file) const {
    return read_text(here_ / "dumped" / std::to_string(file));
  }
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(here_ / "dumped"), fs::directory_iterator()));
  }
  const std::string archive_ = "0002.archive.tar.age";
};

TEST_F(DumpedTape, HasEachTapeFileUnderItsNumber) {
  const Ran ran = dump("");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, testing::Not(HasSubstr("tape file")));
  EXPECT_EQ(count(), 4u);
  EXPECT_EQ(dumped(2), read_text(medium_ / archive_));
}

TEST_F(DumpedTape, NamesTheTapeFileThatCannotBeReadToItsEndAndGoesOn) {
  for (const std::size_t good : {70'000u, 0u}) {
    fs::remove_all(here_ / "dumped");
    const Ran ran = dump("export BAD=2 GOOD=" + std::to_string(good));
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_THAT(ran.output, HasSubstr("tape file 2 was not copied whole\n"));
    EXPECT_EQ(count(), 4u);
    EXPECT_EQ(dumped(2), read_text(medium_ / archive_).substr(0, good)) << "what could be read";
    EXPECT_EQ(dumped(3), read_text(medium_ / "0003.index.sqlite.age"));
  }
}

TEST_F(DumpedTape, SaysWhereATapeIsStuck) {
  const Ran ran = dump("export BAD=2 STUCK=2 GOOD=70000");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("tape file 2 was not copied whole, nor what is behind it\n"));
  EXPECT_EQ(count(), 3u);
  EXPECT_EQ(dumped(2).size(), 70'000u);
}

TEST_F(ReadmeCommands, WithTheScriptATapeIsRestored) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  const Ran script = with_tape("sh recover.sh restore \"$TAPE\" \"$KEY\" out");
  ASSERT_EQ(script.status, 0) << script.output;
  EXPECT_EQ(read_text(here_ / "out" / kPhoto), std::string(100'000, 'p'));
  EXPECT_EQ(read_text(here_ / "out/home/anna/renamed\nphoto.raw"), std::string(100'000, 'p'));
}

TEST_F(ReadmeCommands, WithTheScriptAnInterruptedMediumIsRestoredFromItsBundleIndex) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  fs::rename(medium_ / "0003.index.sqlite.age", medium_ / "0003.index.sqlite.age.part");
  const Ran script = in_empty_directory("sh recover.sh restore \"$MEDIUM\" \"$KEY\" out");
  ASSERT_EQ(script.status, 0) << script.output;
  EXPECT_THAT(script.output, HasSubstr("the newest index is tape file 1"));
  EXPECT_EQ(read_text(here_ / "out" / kPhoto), std::string(100'000, 'p'));
}

TEST_F(ReadmeCommands, WithTheScriptSayWhatIsDamagedOrCannotBeOpened) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  const fs::path stranger = directory_ / "stranger.txt";
  write_identity_file(stranger, Identity::generate(), "stranger");
  const Ran closed = in_empty_directory("sh recover.sh list \"$MEDIUM\" " + word(stranger));
  EXPECT_NE(closed.status, 0);
  EXPECT_THAT(closed.output, HasSubstr("no index on"));
}

TEST_F(ReadmeCommands, WithTheScriptAndTheTarOfOtherSystemsAFileThatEndsWithAHoleIsWhole) {
  if (!installed("bsdtar")) {
    GTEST_SKIP() << "bsdtar is not installed";
  }
  const Ran script = with_programs({{"tar", "#!/bin/sh\nexec bsdtar \"$@\"\n"}},
                                   commands_below("From a disk: these texts", readme_) +
                                       "sh recover.sh restore \"$MEDIUM\" \"$KEY\" out");
  EXPECT_EQ(script.status, 0) << script.output;
  EXPECT_EQ(read_text(here_ / "out/home/anna/Photos/sparse.img").size(), MiB);
  EXPECT_EQ(read_text(here_ / "out" / kPhoto), std::string(100'000, 'p'));
}

// --- Damage, and what must not stop anything

TEST_F(ReadmeCommands, WithTheScriptADamagedArchiveDoesNotKeepTheOthersBack) {
  append_bundle({text_file("home/anna/Later/back\\nslash", "a"),
                 {link_to(MemberType::symlink, "home/anna/Later/link", "-not-an-option"), ""},
                 text_file("home/anna/Later/second", std::string(70'000, 's'))});
  std::string archive = read_text(medium_ / "0002.archive.tar.age");
  archive[archive.size() * 3 / 4] ^= 1;  // In the middle of the photo.
  write_text(medium_ / "0002.archive.tar.age", archive);

  const Ran script = restore_everything();
  EXPECT_NE(script.status, 0);
  EXPECT_THAT(script.output, HasSubstr("DAMAGED: tape file 2\n"));
  EXPECT_THAT(script.output, HasSubstr(std::string("DAMAGED: ") + kPhoto));
  EXPECT_THAT(script.output, HasSubstr("DAMAGED: home/anna/renamed?photo.raw"));
  EXPECT_THAT(script.output, HasSubstr("4 times something was damaged"));
  const fs::path all = here_ / "out" / "home/anna";
  EXPECT_EQ(read_text(all / "Later/back\\nslash"), "a");
  EXPECT_EQ(read_text(all / "Later/second"), std::string(70'000, 's'));
  EXPECT_EQ(fs::read_symlink(all / "Later/link"), "-not-an-option");

  // What stands in front of the damage, and what came of the rest, which nobody takes for whole.
  EXPECT_EQ(read_text(all / "Photos/\xff"), "not utf-8");
  EXPECT_FALSE(fs::exists(here_ / "out" / kPhoto));
  EXPECT_THAT(read_text((here_ / "out" / kPhoto).string() + ".damaged"),
              testing::StartsWith(std::string(10'000, 'p')));
}

TEST_F(ReadmeCommands, WithTheScriptAWrongHashIsDamage) {
  forge_index("UPDATE content SET hash = zeroblob(32) WHERE size = 9");
  const Ran script = restore_everything();
  EXPECT_NE(script.status, 0);
  EXPECT_THAT(script.output, HasSubstr("DAMAGED: home/anna/Photos/"));
  EXPECT_FALSE(fs::exists(here_ / "out" / "home/anna/Photos/\xff"));
  EXPECT_EQ(read_text(here_ / "out" / "home/anna/Photos/\xff.damaged"), "not utf-8");
}

TEST_F(ReadmeCommands, WithTheScriptNoFileIsTakenForTheRestOfADamagedOne) {
  append_bundle({text_file("home/anna/Photos/\xff.damaged", "a name like any other")});
  forge_index("UPDATE content SET hash = zeroblob(32) WHERE size = 9");
  EXPECT_NE(restore_everything().status, 0);
  const fs::path photos = here_ / "out" / "home/anna/Photos";
  EXPECT_EQ(read_text(photos / "\xff.damaged"), "a name like any other");
  EXPECT_EQ(read_text(photos / "\xff.damaged.damaged"), "not utf-8");
}

TEST_F(ReadmeCommands, WithTheScriptALostTapeFileDoesNotKeepTheOthersBack) {
  append_bundle({text_file("home/anna/Later/second", "s")});
  fs::remove(medium_ / "0002.archive.tar.age");
  const Ran script = restore_everything();
  EXPECT_NE(script.status, 0);
  EXPECT_THAT(script.output, HasSubstr("the newest index is tape file 5"));
  EXPECT_EQ(read_text(here_ / "out/home/anna/Later/second"), "s");
}

TEST_F(ReadmeCommands, WithTheScriptAPathIsFoundWhateverIsInIt) {
  append_bundle({text_file("home/anna/Later/back\\nslash", "a")});
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  const std::string restore = "sh recover.sh restore \"$MEDIUM\" \"$KEY\" out ";
  EXPECT_EQ(in_empty_directory(restore + word("/home/anna/Later/back\\nslash")).status, 0);
  EXPECT_EQ(read_text(here_ / "out" / "home/anna/Later/back\\nslash"), "a");
  const Ran nothing = in_empty_directory(restore + "home/nobody");
  EXPECT_NE(nothing.status, 0);
  EXPECT_THAT(nothing.output, HasSubstr("knows nothing named 'home/nobody'"));
}

}  // namespace
}  // namespace mixtape::format::test
