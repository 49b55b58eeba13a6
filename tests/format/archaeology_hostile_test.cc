// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/format/readme_fixture.h"

// An index is encrypted to a public key, so anybody can make one. Whatever it says, and whatever is
// in OUT already, recover.sh changes nothing beside OUT.

namespace mixtape::format::test {
namespace {

using testing::HasSubstr;

class HostileIndex : public ReadmeCommands {
 protected:
  void SetUp() override {
    ReadmeCommands::SetUp();
    write_text(victim_ / "empty", "must stay");
    fs::permissions(victim_ / "empty", fs::perms::owner_read);
    fs::create_directories(out_);
    ASSERT_EQ(follow("From a disk: these texts").status, 0);
  }

  // Names, modes, sizes, times, targets and bytes.
  std::string beside_out() {
    return run("cd " + word(directory_.path()) +
               " && find here victim -path here/out -prune -o -printf '%p %m %s %T@ %l\\n' && "
               "cat victim/*")
        .output;
  }

  Ran restore() {
    const std::string before = beside_out();
    const Ran script = in_empty_directory("sh recover.sh restore \"$MEDIUM\" \"$KEY\" out");
    EXPECT_EQ(beside_out(), before);
    return script;
  }

  fs::path victim_ = directory_ / "victim";
  fs::path out_ = here_ / "out";
};

TEST_F(HostileIndex, WithZeroBytesBehindDotsIsRefused) {
  forge_index("UPDATE name SET name = x'2e2e00' WHERE name = CAST('home' AS BLOB)");
  const Ran script = restore();
  EXPECT_NE(script.status, 0);
  EXPECT_THAT(script.output, HasSubstr("names that no file can have"));
  EXPECT_TRUE(fs::is_empty(out_));
}

TEST_F(HostileIndex, WithNamesThatAreTextIsRefused) {
  for (const char* name : {"'..'", "'.'", "''", "'a/../../ESCAPED'", "'/'"}) {
    forge_index(
        "CREATE TABLE loose AS SELECT * FROM name; DROP TABLE name;"
        "ALTER TABLE loose RENAME TO name;"
        "UPDATE name SET name = " +
        std::string(name) + " WHERE parent = 0");
    EXPECT_THAT(restore().output, HasSubstr("names that no file can have")) << name;
    EXPECT_TRUE(fs::is_empty(out_));
  }
}

TEST_F(HostileIndex, InAnotherEncodingIsRefused) {
  const std::string index = word(newest_plain_index());
  const Ran ran = in_empty_directory("{ echo \"PRAGMA encoding = 'UTF-16le';\"; sqlite3 " + index +
                                     " .dump; } | sqlite3 utf16 && mv utf16 " + index);
  ASSERT_EQ(ran.status, 0) << ran.output;
  seal_index();
  const Ran script = restore();
  EXPECT_NE(script.status, 0);
  EXPECT_THAT(script.output, HasSubstr("not one that Mixtape has written"));
}

TEST_F(HostileIndex, WithAFileBelowALinkLeavesTheLinksTargetAlone) {
  const std::string like = "SELECT path FROM name WHERE name = CAST(";
  forge_index(
      "INSERT INTO name VALUES (0, CAST('a' AS BLOB), 1000), (1000, CAST('empty' AS BLOB), 1001);"
      "INSERT INTO version SELECT 1000, first_job, NULL, NULL, 0, attribute, mtime FROM version"
      " WHERE path = (" +
      like +
      "'link' AS BLOB));"
      "INSERT INTO version SELECT 1001, first_job, NULL, NULL, 0, attribute, mtime FROM version"
      " WHERE path = (" +
      like +
      "'empty' AS BLOB) AND parent <> 1000);"
      "INSERT INTO symlink SELECT 1000, first_job, CAST(" +
      word(victim_) +
      " AS BLOB)"
      " FROM version WHERE path = 1000");
  const Ran script = restore();
  EXPECT_NE(script.status, 0);
  EXPECT_THAT(script.output, HasSubstr("NOT RESTORED: a/empty"));
  EXPECT_EQ(read_text(out_ / kPhoto), std::string(100'000, 'p'));
}

TEST_F(HostileIndex, WithALinkThatLooksLikeAnOptionMakesThatLink) {
  const std::string target = "-t" + victim_.string();
  forge_index("UPDATE symlink SET target = CAST(" + word(target) + " AS BLOB)");
  const Ran script = restore();
  EXPECT_EQ(script.status, 0) << script.output;
  EXPECT_EQ(fs::read_symlink(out_ / "home/anna/Photos/link"), target);
}

TEST_F(HostileIndex, AndLinksOfAnEarlierRestoreAreReplacedNotFollowed) {
  fs::create_directories(out_ / "home/anna/Photos");
  fs::create_symlink(victim_ / "empty", out_ / "home/anna/Photos/empty");
  fs::create_symlink(victim_ / "empty", out_ / kPhoto);
  fs::create_symlink(victim_ / "new", out_ / "home/anna/Photos/pipe");
  const Ran script = restore();
  EXPECT_EQ(script.status, 0) << script.output;
  EXPECT_EQ(read_text(out_ / "home/anna/Photos/empty"), "");
  EXPECT_EQ(read_text(out_ / kPhoto), std::string(100'000, 'p'));
  EXPECT_TRUE(fs::is_fifo(fs::symlink_status(out_ / "home/anna/Photos/pipe")));
}

TEST_F(HostileIndex, AndADirectoryThatBecameALinkIsMadeAnew) {
  fs::create_directories(out_ / "home/anna");
  fs::create_directory_symlink(victim_, out_ / "home/anna/Photos");
  const Ran script = restore();
  EXPECT_EQ(script.status, 0) << script.output;
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(out_ / "home/anna/Photos")));
  EXPECT_EQ(read_text(out_ / kPhoto), std::string(100'000, 'p'));
}

TEST_F(HostileIndex, GivesNobodyTheRightsOfAnother) {
  forge_index("UPDATE attribute SET mode = mode | 3584 WHERE mode >> 12 = 8");
  const std::string before = beside_out();
  const std::string tar = run("command -v tar").output;
  const Ran script =
      with_programs({{"id", "#!/bin/sh\necho 1000\n"},
                     {"tar", "#!/bin/sh\nstat -L -c 'while written %a' /proc/$$/fd/1 >&2\nexec " +
                                 tar.substr(0, tar.size() - 1) + " \"$@\"\n"}},
                    "sh recover.sh restore \"$MEDIUM\" \"$KEY\" out");
  EXPECT_EQ(script.status, 0) << script.output;
  EXPECT_EQ(beside_out(), before);
  EXPECT_THAT(script.output, HasSubstr("while written 600"));
  struct stat status {};
  ASSERT_EQ(lstat((out_ / kPhoto).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 01644U);
}

}  // namespace
}  // namespace mixtape::format::test
