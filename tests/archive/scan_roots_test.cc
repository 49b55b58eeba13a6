// SPDX-License-Identifier: Apache-2.0
#include <sys/mount.h>
#include <unistd.h>

#include "engine/archive/scan.h"
#include "tests/archive/scan_fixture.h"

// Roots, rules, and what is never scanned.

namespace mixtape::archive {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class ScanRootsTest : public ScanTest {
 protected:
  std::vector<std::string> names(const Changes& found) {
    std::vector<std::string> list;
    for (const auto& [name, kind] : found) {
      list.push_back(name);
    }
    return list;
  }
  std::vector<std::string> found() { return names(changes()); }

  ErrorCode code_of_scan() {
    try {
      scan_now();
    } catch (const Error& error) {
      message = error.what();
      return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::io;
  }
  std::string message;
};

// S-01, X-02: an invalid root fails the whole scan with its name, before anything is walked.
TEST_F(ScanRootsTest, AMissingRootFailsTheScanWithItsName) {
  write("a", "1");
  bool walked = false;
  request.after_listing = [&](const std::string&) { walked = true; };
  request.roots.push_back(tree / "missing");
  EXPECT_EQ(code_of_scan(), ErrorCode::not_found);
  EXPECT_THAT(message, HasSubstr((tree / "missing").string()));
  EXPECT_FALSE(walked);
}

TEST_F(ScanRootsTest, WithoutRootsThereIsNothingToDo) {
  request.roots.clear();
  EXPECT_EQ(code_of_scan(), ErrorCode::invalid);
}

TEST_F(ScanRootsTest, AnUnreadableRootFailsTheScan) {
  make_directory("closed");
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(tree / "closed", std::filesystem::perms(0));
  request.roots = {tree / "closed"};
  const WithoutPrivileges nobody;
  EXPECT_EQ(code_of_scan(), ErrorCode::not_permitted);
}

TEST_F(ScanRootsTest, ARootMayBeASingleFile) {
  write("a", "1");
  write("b", "2");
  request.roots = {tree / "a"};
  EXPECT_THAT(found(), ElementsAre("a"));
  backup();
  EXPECT_THAT(found(), IsEmpty());
  write("a", "22");
  backup();
  EXPECT_EQ(newest("a")->size, 2U);
}

TEST_F(ScanRootsTest, ARootThatIsASymlinkIsResolvedOnce) {
  write("real/a", "1");
  ASSERT_EQ(symlink("real", (tree / "link").c_str()), 0);
  request.roots = {tree / "link"};
  EXPECT_THAT(found(), ElementsAre("real", "real/a"));
}

TEST_F(ScanRootsTest, ARelativeRootIsMadeAbsolute) {
  write("a", "1");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(tree);
  request.roots = {"."};
  EXPECT_THAT(found(), ElementsAre("", "a"));
  std::filesystem::current_path(before);
}

// S-16, X-10: overlapping and repeated roots give each file once.
TEST_F(ScanRootsTest, OverlappingRootsGiveEachFileOnce) {
  write("a", "1");
  write("d/b", "2");
  write("d/e/c", "3");
  request.roots = {tree / "d", tree, tree / "d/e/c", tree, tree / "d/"};
  const std::vector<std::string> expected{"", "a", "d", "d/b", "d/e", "d/e/c"};
  EXPECT_EQ(found(), expected);
  backup();
  remove("d/b");
  backup();
  EXPECT_FALSE(present("d/b"));
  EXPECT_TRUE(present("d/e/c"));
}

// S-17: "/" is a root like any other.
TEST_F(ScanRootsTest, TheRootOfAllDirectoriesWorks) {
  write("a", "1");
  request.roots = {"/"};
  request.rules = Rules({tree.string()}, {});
  EXPECT_THAT(found(), Contains("a"));
  backup();
  EXPECT_TRUE(present("a"));
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(ScanRootsTest, WhatAnotherRootBroughtIsNotEnded) {
  write("d/a", "1");
  backup();
  remove("d/a");
  request.roots = {tree / "d"};
  backup();
  EXPECT_TRUE(present("d/a"));
  request.roots = {tree};
  backup();
  EXPECT_FALSE(present("d/a"));
}

TEST_F(ScanRootsTest, ADiskThatIsNotMountedEndsNothing) {
  write("a", "1");
  backup();
  rename("", "../elsewhere");
  make_directory("");
  backup();
  backup();
  EXPECT_TRUE(present("a"));
  EXPECT_THAT(reporter.problems, Contains(HasSubstr("not mounted?")));
  // The very same directory may become empty.
  std::filesystem::remove(tree);
  std::filesystem::rename(tree.parent_path() / "elsewhere", tree);
  remove("a");
  EXPECT_THAT(changes(), Contains(testing::Pair("a", ChangeKind::ended)));
}

TEST_F(ScanRootsTest, ADiskBelowARootThatIsNotMountedEndsNothing) {
  make_directory("disk");
  if (mount("none", (tree / "disk").c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "mounting needs privileges";
  }
  write("disk/a", "1");
  backup();
  ASSERT_EQ(umount((tree / "disk").c_str()), 0);
  backup();
  backup();
  EXPECT_TRUE(present("disk/a"));
}

TEST_F(ScanRootsTest, WhatTheRulesLeaveOutIsNotTakenForDeleted) {
  write("keep/a", "1");
  write("cache/b", "2");
  backup();
  request.rules = Rules({}, {"**/cache"});
  remove("cache");
  backup();
  EXPECT_TRUE(present("cache/b"));
  request.rules = Rules();
  backup();
  EXPECT_FALSE(present("cache/b"));
}

TEST_F(ScanRootsTest, WithIncludesOnlyDirectoriesThatLeadToSomethingAreRecorded) {
  write("photos/2024/a.raw", "1");
  write("photos/2024/a.txt", "2");
  write("empty/b.txt", "3");
  request.rules = Rules({"**/*.raw"}, {});
  EXPECT_THAT(found(), UnorderedElementsAre("", "photos", "photos/2024", "photos/2024/a.raw"));
  backup();
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(ScanRootsTest, ExcludedDirectoriesAreNotEntered) {
  write("a", "1");
  write("cache/deep/b", "2");
  request.rules = Rules({}, {"**/cache"});
  std::vector<std::string> visited;
  request.after_listing = [&](const std::string& path) { visited.push_back(path); };
  EXPECT_THAT(found(), ElementsAre("", "a"));
  EXPECT_THAT(visited, ElementsAre(path_of("")));
}

TEST_F(ScanRootsTest, APatternThatIsNearlyAlwaysAMistakeIsMentioned) {
  write("a.tmp", "1");
  request.rules = Rules({}, {"*.tmp", "**/*.bak"});
  EXPECT_THAT(found(), Contains("a.tmp"));
  EXPECT_THAT(reporter.notes, ElementsAre(HasSubstr("'**/*.tmp'")));
}

TEST_F(ScanRootsTest, MixtapesOwnDirectoriesAreSkippedAndSaidToBe) {
  write("a", "1");
  write("home/catalog.db", "2");
  ASSERT_EQ(symlink("home", (tree / "alias").c_str()), 0);
  request.own = {{.path = tree / "alias", .what = "Mixtape's home"}};
  EXPECT_THAT(found(), UnorderedElementsAre("", "a", "alias"));
  EXPECT_THAT(reporter.notes, Contains("skipped " + (tree / "home").string() + ": Mixtape's home"));
  request.roots = {tree / "home"};
  EXPECT_EQ(code_of_scan(), ErrorCode::invalid);
  EXPECT_EQ(explain(request, tree / "home/catalog.db"),
            (tree / "home/catalog.db").string() + ": left out, " + (tree / "home").string() +
                " is Mixtape's home");
}

TEST_F(ScanRootsTest, PseudoFileSystemsAreRefusedAsRoots) {
  request.roots = {"/proc/self"};
  EXPECT_EQ(code_of_scan(), ErrorCode::invalid);
  EXPECT_THAT(message, HasSubstr("proc file system"));
}

TEST(SkipsTest, AMountInsideAPseudoFileSystemIsOneLikeAnyOther) {
  const Skips skips({}, "39 35 0:9 / /tmp rw - devtmpfs udev rw\n");
  const test::TempDir directory;
  const std::string path = std::filesystem::canonical(directory.path());
  if (!path.starts_with("/tmp/")) {
    GTEST_SKIP() << "temporary files are elsewhere";
  }
  EXPECT_EQ(skips.on_the_way_to(path)->path, "/tmp");
  const Skips inner(
      {}, "39 35 0:9 / /tmp rw - devtmpfs udev rw\n40 39 0:9 / " + path + " rw - tmpfs tmpfs rw\n");
  EXPECT_FALSE(inner.on_the_way_to(path));
  EXPECT_FALSE(inner.on_the_way_to(path + "/below"));
}

TEST(SkipsTest, ReadsTheMountTableAsTheKernelWritesIt) {
  const Skips skips({},
                    "36 35 98:0 / /mnt/my\\040tapes rw,noatime master:1 - fuse.mixtape mixtape rw\n"
                    "37 35 0:5 / /proc rw - proc proc rw\n"
                    "38 35 8:1 / /data rw shared:7 - ext4 /dev/sda1 rw\n"
                    "39 35 0:9 / /dev rw - devtmpfs udev rw\n"
                    "40 35 0:9 / /dev rw - ext4 /dev/sdb1 rw\n"
                    "garbage without anything\n\n41 - \n");
  EXPECT_EQ(skips.why("/mnt/my tapes", {}), "a mount of Mixtape");
  EXPECT_EQ(skips.why("/proc", {}), "a proc file system");
  EXPECT_EQ(skips.why("/data", {}), "");
  EXPECT_EQ(skips.why("/dev", {}), "");
  EXPECT_EQ(skips.why("/mnt", {}), "");
}

TEST_F(ScanRootsTest, OneFileSystemStaysOnTheFileSystemOfEachRoot) {
  make_directory("other");
  write("a", "1");
  if (mount("none", (tree / "other").c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "mounting needs privileges";
  }
  write("other/b", "2");
  EXPECT_THAT(found(), Contains("other/b"));
  backup();
  EXPECT_EQ(stamp("other/b")->device, stamp("a")->device + 1);
  request.one_file_system = true;
  remove("other/b");
  EXPECT_THAT(found(), IsEmpty());
  request.roots.push_back(tree / "other");
  EXPECT_THAT(found(), Contains("other/b"));
  umount((tree / "other").c_str());
}

// Staging: the set's directory stands for "/", nothing is compared and nothing ended.
TEST_F(ScanRootsTest, ASetOfStagingIsScannedAsTheRootOfAll) {
  write("home/me/a", "1");
  request.roots = {tree};
  request.base = tree;
  request.own = {{.path = directory.path(), .what = "Mixtape's home"}};
  const Scan scanned = scan(request, nullptr, reporter);
  EXPECT_THAT(names(changes_in(scanned)), ElementsAre("home", "home/me", "home/me/a"));
  EXPECT_EQ(scanned.on_disk("home/me/a"), (tree / "home/me/a").string());
}

}  // namespace
}  // namespace mixtape::archive
