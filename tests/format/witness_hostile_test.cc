// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "tests/format/readme_fixture.h"

// An index is encrypted to a public key, so anybody can make one. Whatever it says, unmixtape,
// built with the sanitizers, writes nothing beside OUT, says in a sentence what is wrong, and ends.

namespace mixtape::format::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class HostileIndexForUnmixtape : public ReadmeCommands {
 protected:
  void SetUp() override {
    if (!installed("cc")) {
      GTEST_SKIP() << "there is no C compiler";
    }
    ReadmeCommands::SetUp();
    write_text(victim_ / "empty", "must stay");
    ASSERT_EQ(follow("From a disk: these texts").status, 0);
    // Clang's sanitizer sees more, such as steps of no length from a null pointer.
    ASSERT_EQ(in_empty_directory((installed("clang") ? "clang" : "cc") +
                                 std::string(" -std=c99 -g -fsanitize=address,undefined "
                                             "-fno-sanitize-recover=all -o unmixtape unmixtape.c"))
                  .status,
              0);
  }

  Ran unmixtape(const std::string& words) {
    const std::string before = run("cd " + word(victim_) + " && ls -lA --full-time").output;
    Ran ran = in_empty_directory(
        "export ASAN_OPTIONS=exitcode=99:detect_leaks=0 UBSAN_OPTIONS=exitcode=99\n"
        "timeout 60 ./unmixtape " +
        words);
    ran.status = WEXITSTATUS(ran.status);
    EXPECT_LT(ran.status, 99) << ran.output;
    EXPECT_EQ(run("cd " + word(victim_) + " && ls -lA --full-time").output, before);
    EXPECT_FALSE(fs::exists(here_ / "ESCAPED"));
    EXPECT_FALSE(fs::exists(directory_ / "ESCAPED"));
    return ran;
  }
  Ran restore() { return unmixtape("extract-all -i \"$KEY\" -o out \"$MEDIUM\""); }

  fs::path victim_ = directory_ / "victim";
  fs::path out_ = here_ / "out";
};

TEST_F(HostileIndexForUnmixtape, GoodOnesAreReadFirstOfAll) {
  const Ran ran = restore();
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(read_text(out_ / kPhoto), std::string(100'000, 'p'));
  EXPECT_EQ(unmixtape("verify -i \"$KEY\" \"$MEDIUM\"").status, 0);
}

TEST_F(HostileIndexForUnmixtape, NamesThatLeadOutOfTheDirectoryAreLeftOut) {
  for (const char* name : {"x'2e2e'", "x'2e'", "x''", "x'612f2e2e2f2e2e2f45534341504544'", "x'2f'",
                           "x'2e2e00'", "'..'", "'../ESCAPED'"}) {
    forge_index(
        "CREATE TABLE loose AS SELECT * FROM name; DROP TABLE name;"
        "ALTER TABLE loose RENAME TO name;"
        "UPDATE name SET name = " +
        std::string(name) + " WHERE parent = 0");
    const Ran ran = restore();
    EXPECT_EQ(ran.status, 1) << name;
    EXPECT_THAT(ran.output, HasSubstr("a name that no file can have")) << name;
    EXPECT_FALSE(fs::exists(out_ / kPhoto));
  }
}

TEST_F(HostileIndexForUnmixtape, NamesThatAreNoBytesAreLeftOut) {
  fs::copy_file(newest_plain_index(), directory_ / "good");
  for (const char* name : {"NULL", "7"}) {
    fs::copy_file(directory_ / "good", newest_plain_index(), fs::copy_options::overwrite_existing);
    forge_index(
        "CREATE TABLE loose AS SELECT * FROM name; DROP TABLE name;"
        "ALTER TABLE loose RENAME TO name; UPDATE name SET name = " +
        std::string(name) + "; INSERT INTO name SELECT parent, name, path + 100 FROM name");
    const Ran ran = restore();
    EXPECT_EQ(ran.status, 1) << name;
    EXPECT_THAT(ran.output, HasSubstr("a name that no file can have")) << name;
  }
}

TEST_F(HostileIndexForUnmixtape, AnyTableMayBeEmpty) {
  fs::copy_file(newest_plain_index(), directory_ / "good");
  for (const std::string table : {"name", "version", "attribute", "symlink", "content", "copy",
                                  "bundle", "medium", "job", "path_run"}) {
    fs::copy_file(directory_ / "good", newest_plain_index(), fs::copy_options::overwrite_existing);
    forge_index("PRAGMA foreign_keys = OFF; DELETE FROM " + table);
    for (const char* words : {"list -i \"$KEY\" \"$MEDIUM\"", "verify -i \"$KEY\" \"$MEDIUM\"",
                              "extract-all -i \"$KEY\" -o out \"$MEDIUM\""}) {
      EXPECT_THAT(unmixtape(words).output, Not(HasSubstr("runtime error"))) << table << words;
    }
    fs::remove_all(out_);
  }
}

TEST_F(HostileIndexForUnmixtape, AFileBelowALinkIsRefused) {
  forge_index(
      "INSERT INTO name VALUES (0, CAST('a' AS BLOB), 1000), (1000, CAST('empty' AS BLOB), 1001);"
      "INSERT INTO version SELECT 1000, first_job, NULL, NULL, 0, attribute, mtime FROM version"
      " WHERE path = (SELECT path FROM name WHERE name = CAST('link' AS BLOB));"
      "INSERT INTO version SELECT 1001, first_job, NULL, NULL, 0, attribute, mtime FROM version"
      " WHERE path = (SELECT path FROM name WHERE name = CAST('empty' AS BLOB) AND parent <> 1000);"
      "INSERT INTO symlink SELECT 1000, first_job, CAST(" +
      word(victim_) + " AS BLOB) FROM version WHERE path = 1000");
  const Ran ran = restore();
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(read_text(victim_ / "empty"), "must stay");
  EXPECT_EQ(read_text(out_ / kPhoto), std::string(100'000, 'p'));
}

TEST_F(HostileIndexForUnmixtape, AContentThatIsNotItsHashIsNoFile) {
  forge_index("UPDATE content SET hash = zeroblob(32)");
  const Ran ran = restore();
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr("DAMAGED"));
  EXPECT_FALSE(fs::exists(out_ / kPhoto));
  EXPECT_EQ(unmixtape("verify -i \"$KEY\" \"$MEDIUM\"").status, 1);
}

TEST_F(HostileIndexForUnmixtape, ImpossibleNumbersEndInASentence) {
  fs::copy_file(newest_plain_index(), directory_ / "good");
  for (const char* sql : {
           "UPDATE copy SET block = 9223372036854775807",
           "UPDATE copy SET block = 18014398509481983, headers = 4503599627370495",
           "UPDATE copy SET headers = -1",
           "UPDATE copy SET stored = 9223372036854775807",
           "UPDATE copy SET stored = 0",
           "UPDATE content SET size = 9223372036854775807",
           "UPDATE bundle SET archive_header = zeroblob(70000)",
           "UPDATE bundle SET archive_header = x''",
           "UPDATE bundle SET index_file = 9223372036854775807",
           "UPDATE bundle SET medium = 77",
           "UPDATE version SET attribute = 4711",
           "UPDATE version SET node = 9223372036854775807",
           "UPDATE attribute SET xattrs = x'ffff' WHERE id = 1",
           "UPDATE attribute SET xattrs = x'0001610000' WHERE id = 1",
           "UPDATE attribute SET mode = 9223372036854775807 WHERE id = 1",
           "DELETE FROM medium",
           "DELETE FROM tape_file",
           "UPDATE tape_file SET tape_file = 1",
           "UPDATE symlink SET target = zeroblob(70000)",
           "UPDATE symlink SET target = x'610062'",
       }) {
    fs::copy_file(directory_ / "good", newest_plain_index(), fs::copy_options::overwrite_existing);
    forge_index("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;" +
                std::string(sql));
    fs::remove_all(out_);
    const Ran ran = restore();
    EXPECT_LE(ran.status, 13) << sql;
    EXPECT_THAT(ran.output, Not(HasSubstr("Sanitizer"))) << sql;
    unmixtape("verify -i \"$KEY\" \"$MEDIUM\"");
  }
}

TEST_F(HostileIndexForUnmixtape, APathWithTwoNamesIsRefusedBeforeTheTreeIsWalked) {
  // Two names in each of sixty directories lead to 2^60 places.
  forge_index(
      "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;"
      "INSERT INTO name SELECT min(parent), x'7a', 1000000 FROM name;"
      "WITH RECURSIVE level(at) AS (SELECT 1000000 UNION ALL SELECT at + 1 FROM level"
      " WHERE at < 1000060)"
      "INSERT INTO name SELECT at, x'61', at + 1 FROM level UNION ALL"
      " SELECT at, x'62', at + 1 FROM level;");
  EXPECT_THAT(unmixtape("list -i \"$KEY\" \"$MEDIUM\"").output, HasSubstr("a path with two names"));
}

TEST_F(HostileIndexForUnmixtape, WhatIsNoDatabaseIsRefusedInASentence) {
  const Ran ran = unmixtape("list -i \"$KEY\" -x \"$KEY\" \"$MEDIUM\"");
  EXPECT_NE(ran.status, 0);
  EXPECT_THAT(ran.output, HasSubstr("it is no SQLite database"));
}

TEST_F(HostileIndexForUnmixtape, OneOfANewerFormatIsRefusedByNumber) {
  forge_index("UPDATE tape_file SET format = 2");
  const Ran ran = restore();
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr("version 2, and this program knows versions up to 1"));
}

}  // namespace
}  // namespace mixtape::format::test
