// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/scan.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/archive/scan_fixture.h"

// What a scan finds, as far as the catalog and the disk decide it; roots and rules are in
// scan_roots_test.

namespace mixtape::archive {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr auto kFresh = ChangeKind::fresh;
constexpr auto kContent = ChangeKind::content;
constexpr auto kMetadata = ChangeKind::metadata;
constexpr auto kEnded = ChangeKind::ended;

TEST_F(ScanTest, FindsNothingInATreeThatDidNotChange) {
  write("a", "1");
  write("d/b", "2");
  backup();
  EXPECT_THAT(changes(), IsEmpty());
}

// S-02: paths are stored absolute, without the leading slash.
TEST_F(ScanTest, StoresPathsWithoutALeadingSlash) {
  write("a", "1");
  backup();
  EXPECT_TRUE(tree_.find_path(tree.string().substr(1) + "/a"));
}

// S-03: nothing is written to the catalog before everything was walked; the scan itself never
// writes.
TEST_F(ScanTest, AStoppedScanLeavesTheCatalogUntouched) {
  write("a", "1");
  write("d/b", "2");
  backup();
  const std::int64_t versions = count("version");
  write("a", "changed");
  write("e", "new");
  request.after_listing = [&](const std::string&) { reporter.stopping.request_stop(); };
  EXPECT_THROW(backup(), Error);
  EXPECT_EQ(count("version"), versions);
}

// S-05: both lists are compared byte by byte.
TEST_F(ScanTest, ComparesNamesInByteOrder) {
  const std::vector<std::string> names{"\x01",      "A",    "B",        "Z",    "_",    "a",
                                       "aa",        "a-b",  "a.b",      "\x7f", "\x80", "\xc3\xa9",
                                       "e\xcc\x81", "\xff", "\xff\xff", "a\nb"};
  for (const std::string& name : names) {
    write(name, name);
  }
  backup();
  EXPECT_THAT(changes(), IsEmpty());
  remove("\x80");
  write("a!", "new");
  EXPECT_THAT(changes(),
              UnorderedElementsAre(Pair("", kMetadata), Pair("\x80", kEnded), Pair("a!", kFresh)));
}

// S-06: a random pair of lists against sets.
TEST_F(ScanTest, AgreesWithSetsOnRandomTrees) {
  std::mt19937 random(7);
  const auto name_of = [](unsigned number) {
    const std::string leaf =
        std::string(1, static_cast<char>(1 + number * 13 % 46)) + std::to_string(number);
    return number % 3 == 0 ? "d" + std::to_string(number % 4) + "/" + leaf : leaf;
  };
  std::map<std::string, std::string> disk;
  for (int round = 0; round < 12; ++round) {
    std::map<std::string, std::string> before = disk;
    for (int step = 0; step < 40; ++step) {
      const std::string name = name_of(random() % 60);
      if (random() % 3 == 0) {
        disk.erase(name);
        remove(name);
      } else {
        disk[name] = std::string(1 + random() % 9, static_cast<char>('a' + random() % 26));
        write(name, disk[name]);
        set_mtime(name, 1'000'000 + round * 1000 + step);
      }
    }
    std::set<std::string> fresh, ended, kept;
    for (const auto& [name, text] : disk) {
      (before.contains(name) ? kept : fresh).insert(name);
    }
    for (const auto& [name, text] : before) {
      if (!disk.contains(name)) {
        ended.insert(name);
      }
    }
    std::set<std::string> found_fresh, found_ended;
    for (const auto& [name, kind] : changes()) {
      if (name.empty() || (name.size() == 2 && name[0] == 'd')) {
        continue;  // Directories.
      }
      if (kind == kFresh) {
        found_fresh.insert(name);
      } else if (kind == kEnded) {
        found_ended.insert(name);
      } else {
        EXPECT_TRUE(kept.contains(name)) << name;
      }
    }
    EXPECT_EQ(found_fresh, fresh);
    EXPECT_EQ(found_ended, ended);
    backup();
    for (const auto& [name, text] : disk) {
      const auto version = newest(name);
      ASSERT_TRUE(version) << name;
      EXPECT_EQ(version->size, text.size()) << name;
    }
  }
}

// S-07: each compared field alone makes a file one to be read again.
TEST_F(ScanTest, EachComparedFieldAloneIsAChange) {
  write("a", "12345");
  set_mtime("a", 1000, 5);
  backup();
  set_mtime("a", 1001, 5);  // Seconds.
  EXPECT_THAT(changes(), Contains(Pair("a", kContent)));
  set_mtime("a", 1000, 6);  // Nanoseconds.
  EXPECT_THAT(changes(), Contains(Pair("a", kContent)));
  write("a", "123456");  // Size.
  set_mtime("a", 1000, 5);
  EXPECT_THAT(changes(), Contains(Pair("a", kContent)));
  write("copy", "12345");  // Inode.
  set_mtime("copy", 1000, 5);
  rename("copy", "a");
  EXPECT_THAT(changes(), Contains(Pair("a", kContent)));
}

TEST_F(ScanTest, DeviceAndReadabilityInTheStampAreCompared) {
  write("a", "12345");
  backup();
  const auto path = *tree_.find_path(path_of("a"));
  const catalog::SourceStamp truth = *sources_.stamp(path);
  for (catalog::SourceStamp stamp :
       {catalog::SourceStamp{truth.device + 1, truth.inode, truth.ctime_ns, true},
        catalog::SourceStamp{truth.device, truth.inode, truth.ctime_ns, false}}) {
    sources_.set_stamp(path, stamp);
    EXPECT_THAT(changes(), UnorderedElementsAre(Pair("a", kContent)));
  }
}

// the stamp counts mounts; no number of a device is in it.
TEST_F(ScanTest, ARenumberedDiskIsNoChange) {
  write("a", "12345");
  backup();
  EXPECT_LT(stamp("a")->device, 10U);
}

TEST_F(ScanTest, AnEditThatPutsTheTimeBackIsFoundByItsCtime) {
  write("a", "12345");
  set_mtime("a", 1000);
  backup();
  test::write_text(tree / "a", "54321");
  set_mtime("a", 1000);
  EXPECT_THAT(changes(), UnorderedElementsAre(Pair("a", kContent)));
  request.ignore_ctime = true;
  EXPECT_THAT(changes(), UnorderedElementsAre(Pair("a", ChangeKind::stamp)));
}

TEST_F(ScanTest, AChangeOfModeOrXattrsAloneWantsNoContent) {
  write("a", "12345");
  backup();
  ASSERT_EQ(chmod((tree / "a").c_str(), 0600), 0);
  EXPECT_THAT(changes(), UnorderedElementsAre(Pair("a", kMetadata)));
  backup();
  if (setxattr((tree / "a").c_str(), "user.tag", "x", 1, 0) == 0) {
    EXPECT_THAT(changes(), UnorderedElementsAre(Pair("a", kMetadata)));
  }
}

TEST_F(ScanTest, AFileThatChangedJustNowIsLookedAtAgain) {
  write("a", "12345");
  struct stat st {};
  ASSERT_EQ(stat((tree / "a").c_str(), &st), 0);
  request.now_ns = st.st_ctim.tv_sec * 1'000'000'000LL;
  backup();
  EXPECT_THAT(changes(), Contains(Pair("a", kContent)));
  request.now_ns = std::numeric_limits<std::int64_t>::max();
  backup();
  EXPECT_THAT(changes(), IsEmpty());
}

// S-08, extended: what is neither file nor directory has versions too, except sockets.
TEST_F(ScanTest, RecordsEveryTypeButSockets) {
  write("file", "1");
  make_directory("directory");
  ASSERT_EQ(symlink("nowhere", (tree / "link").c_str()), 0);
  ASSERT_EQ(mkfifo((tree / "fifo").c_str(), 0600), 0);
  const int server = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = (tree / "socket").string();
  ASSERT_LT(name.size(), sizeof(address.sun_path));
  std::copy(name.begin(), name.end(), address.sun_path);
  ASSERT_EQ(bind(server, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_THAT(changes(), UnorderedElementsAre(Pair("", kFresh), Pair("file", kFresh),
                                              Pair("directory", kFresh), Pair("link", kFresh),
                                              Pair("fifo", kFresh)));
  EXPECT_THAT(reporter.notes, Contains(HasSubstr("socket")));
  close(server);
  backup();
  EXPECT_EQ(newest("link")->metadata.symlink_target, "nowhere");
  EXPECT_TRUE(S_ISFIFO(newest("fifo")->metadata.mode));
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(ScanTest, ASymlinkToADirectoryIsNotFollowed) {
  write("d/a", "1");
  ASSERT_EQ(symlink("d", (tree / "link").c_str()), 0);
  const Changes found = changes();
  EXPECT_TRUE(found.contains("link"));
  EXPECT_FALSE(found.contains("link/a"));
}

TEST_F(ScanTest, ASymlinkWithAnotherTargetIsAChange) {
  ASSERT_EQ(symlink("one", (tree / "link").c_str()), 0);
  backup();
  std::filesystem::remove(tree / "link");
  ASSERT_EQ(symlink("two", (tree / "link").c_str()), 0);
  backup();
  EXPECT_EQ(newest("link")->metadata.symlink_target, "two");
}

TEST_F(ScanTest, AFileInThePlaceOfADirectoryEndsWhatWasInIt) {
  write("x/deep/a", "1");
  backup();
  remove("x");
  write("x", "a file now");
  EXPECT_THAT(changes(), UnorderedElementsAre(Pair("", kMetadata), Pair("x", kContent),
                                              Pair("x/deep", kEnded), Pair("x/deep/a", kEnded)));
  backup();
  EXPECT_FALSE(present("x/deep/a"));
  remove("x");
  write("x/b", "2");
  backup();
  EXPECT_TRUE(S_ISDIR(newest("x")->metadata.mode));
  EXPECT_TRUE(present("x/b"));
  EXPECT_FALSE(present("x/deep"));
}

// S-09: a file that vanishes between listing and stat.
TEST_F(ScanTest, AFileThatVanishesDuringTheWalkIsNoError) {
  write("a", "1");
  write("d/b", "2");
  backup();
  request.after_listing = [&](const std::string&) { remove("a"); };
  EXPECT_THAT(changes(), Contains(Pair("a", kEnded)));
  EXPECT_THAT(reporter.problems, IsEmpty());
}

TEST_F(ScanTest, ADirectoryThatVanishesDuringTheWalkIsNoError) {
  write("d/b", "2");
  request.after_listing = [&](const std::string& path) {
    if (path == path_of("d")) {
      remove("d");
    }
  };
  backup();
  EXPECT_THAT(reporter.problems, IsEmpty());
}

// S-10, S-11, X-03: an unreadable file is reported, stamped, and blocks nothing.
TEST_F(ScanTest, AnUnreadableFileIsReportedAndTheOthersGoOn) {
  for (int i = 0; i < 20; ++i) {
    write("f" + std::to_string(i), std::to_string(i));
  }
  backup();
  const std::uint64_t old_size = newest("f7")->size;
  write("f7", "changed and closed");
  write("f8", "changed");
  write("g", "new and closed");
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  ASSERT_EQ(chmod((tree / "f7").c_str(), 0), 0);
  ASSERT_EQ(chmod((tree / "g").c_str(), 0), 0);
  std::optional<Scan> scanned;
  {
    const WithoutPrivileges nobody;
    request.scratch = std::filesystem::temp_directory_path();
    scanned.emplace(scan_now());
  }
  EXPECT_THAT(changes_in(*scanned), Contains(Pair("f7", ChangeKind::unreadable)));
  EXPECT_EQ(scanned->unreadable.count(), 2U);
  EXPECT_THAT(reporter.problems, Contains(HasSubstr("f7: Permission denied")));
  record_now(*scanned, hash(*scanned));
  EXPECT_FALSE(stamp("f7")->readable);
  EXPECT_EQ(newest("f7")->size, old_size);
  EXPECT_EQ(newest("f8")->size, 7U);
  EXPECT_FALSE(newest("g"));
  // Readable again, it is taken although nothing else changed.
  backup();
  EXPECT_EQ(newest("f7")->size, 18U);
  EXPECT_TRUE(present("g"));
}

// S-15, X-02: an unreadable directory is one error, and nothing below it counts as deleted.
TEST_F(ScanTest, NothingBelowAnUnreadableDirectoryCountsAsDeleted) {
  write("d/a", "1");
  write("d/e/b", "2");
  write("z", "3");
  backup();
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  ASSERT_EQ(chmod((tree / "d").c_str(), 0), 0);
  remove("z");
  std::optional<Scan> scanned;
  {
    const WithoutPrivileges nobody;
    request.scratch = std::filesystem::temp_directory_path();
    scanned.emplace(scan_now());
  }
  EXPECT_THAT(changes_in(*scanned),
              UnorderedElementsAre(Pair("", kMetadata), Pair("d", kMetadata), Pair("z", kEnded)));
  EXPECT_EQ(scanned->unreadable.count(), 1U);
  ASSERT_EQ(chmod((tree / "d").c_str(), 0755), 0);
}

// a stat that fails in another way than "not there" or "not allowed". A directory that can be
// listed but not searched fails for each name.
TEST_F(ScanTest, NamesThatCannotBeLookedAtAreTroubleAndNotDeletions) {
  write("d/a", "1");
  backup();
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  ASSERT_EQ(chmod((tree / "d").c_str(), 0744), 0);
  std::optional<Scan> scanned;
  {
    const WithoutPrivileges nobody;
    request.scratch = std::filesystem::temp_directory_path();
    scanned.emplace(scan_now());
  }
  EXPECT_FALSE(changes_in(*scanned).contains("d/a"));
  EXPECT_EQ(scanned->unreadable.count(), 1U);
  ASSERT_EQ(chmod((tree / "d").c_str(), 0755), 0);
}

TEST_F(ScanTest, GivesADirectorysFilesBeforeItsSubdirectories) {
  write("b/x", "1");
  write("a/y", "1");
  write("c", "1");
  make_directory("a/z");
  const Scan scanned = scan_now();
  ChangeReader reader(scanned.changes);
  Change change;
  std::vector<std::string> order;
  while (reader.next(change)) {
    order.push_back(change.path);
  }
  const std::vector<std::string> expected{path_of(""),    path_of("c"),   path_of("a"),
                                          path_of("a/y"), path_of("a/z"), path_of("b"),
                                          path_of("b/x")};
  EXPECT_EQ(order, expected);
}

TEST_F(ScanTest, CountsWhatItLookedAt) {
  write("a", "123");
  write("d/b", "4567");
  ASSERT_EQ(symlink("a", (tree / "l").c_str()), 0);
  const Scan scanned = scan_now();
  EXPECT_EQ(scanned.files, 2U);
  EXPECT_EQ(scanned.bytes, 7U);
  EXPECT_EQ(scanned.directories, 2U);
  EXPECT_EQ(scanned.others, 1U);
}

TEST_F(ScanTest, ADirectoryDeeperThanItCanGoIsTroubleAndNoCrash) {
  std::string deep = "d";
  for (int i = 0; i < 520; ++i) {
    deep += "/d";
  }
  make_directory(deep);
  const Scan scanned = scan_now();
  EXPECT_EQ(scanned.unreadable.count(), 1U);
}

}  // namespace
}  // namespace mixtape::archive
