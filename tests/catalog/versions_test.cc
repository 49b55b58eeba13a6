// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "engine/catalog/verifications.h"
#include "tests/catalog/catalog_fixture.h"

// What views show of versions.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class VersionsTest : public CatalogTest {
 protected:
  // A job that writes one version of a path, or its end when there is no word.
  Job job_with(std::string_view path, std::string_view word) {
    const Job job = machine.begin();
    if (word.empty()) {
      machine.end(job, path);
    } else {
      machine.add_file(job, path, word);
      machine.write_all(job, medium);
    }
    ledger.finish_job(job.id, ++machine.now);
    return job;
  }
  Version newest(std::string_view path) { return *ledger.newest(*tree.find_path(path)); }

  MediumId medium = machine.add_medium("MX1");
};

TEST_F(VersionsTest, UnwrittenVersionIsNeverShown) {
  const Job job = machine.begin();
  machine.add_file(job, "home/a", "aaa");
  EXPECT_THAT(machine.shown(), ElementsAre("home/"));
  EXPECT_THAT(tree.history(*tree.find_path("home/a")), IsEmpty());
  machine.write_all(job, medium);
  EXPECT_THAT(machine.shown(), ElementsAre("home/", "home/a 3"));
}

TEST_F(VersionsTest, JobThatDiesInTheMiddleLeavesTheOlderVersionVisible) {
  job_with("a", "old");
  const Job dead = machine.begin();
  machine.add_file(dead, "a", "newer");
  machine.plan(dead, medium, {machine.content("newer")});
  EXPECT_EQ(ledger.settle_unfinished(), 1u);
  EXPECT_THAT(machine.shown(), ElementsAre("a 3"));
  EXPECT_THAT(machine.shown({dead.id}), ElementsAre("a 3"));
  EXPECT_EQ(newest("a").size, 5u);
  EXPECT_FALSE(newest("a").written);
}

TEST_F(VersionsTest, ContentThatReturnsIsThreeVersionsOfTwoContents) {
  const Job one = job_with("p", "A");
  const Job two = job_with("p", "BB");
  job_with("p", "A");
  const auto history = tree.history(*tree.find_path("p"));
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].content, history[2].content);
  EXPECT_NE(history[0].inode, history[2].inode);
  EXPECT_THAT(machine.shown({one.id}), ElementsAre("p 1"));
  EXPECT_THAT(machine.shown({two.id}), ElementsAre("p 2"));
  EXPECT_THAT(machine.shown(), ElementsAre("p 1"));
}

TEST_F(VersionsTest, DeletedPathLeavesLatestAndStaysInItsSnapshots) {
  const Job one = job_with("p", "A");
  const Job two = job_with("other", "other");
  const Job three = job_with("p", "");
  EXPECT_THAT(machine.shown({one.id}), ElementsAre("p 1"));
  EXPECT_THAT(machine.shown({two.id}), ElementsAre("other 5", "p 1"));
  EXPECT_THAT(machine.shown({three.id}), ElementsAre("other 5"));
  EXPECT_THAT(machine.shown(), ElementsAre("other 5"));
  EXPECT_EQ(newest("p").last_job, two.id);
  EXPECT_EQ(tree.history(*tree.find_path("p")).size(), 1u);
}

TEST_F(VersionsTest, PathThatComesBackIsANewVersion) {
  job_with("p", "A");
  const Job gone = job_with("p", "");
  job_with("p", "A");
  EXPECT_THAT(machine.shown({gone.id}), IsEmpty());
  EXPECT_THAT(machine.shown(), ElementsAre("p 1"));
}

TEST_F(VersionsTest, EndOfAnUnwrittenVersionEndsTheOneBehindIt) {
  const Job one = job_with("p", "A");
  const Job dead = machine.begin();
  machine.add_file(dead, "p", "BB");
  ledger.finish_job(dead.id, ++machine.now);
  job_with("p", "");
  EXPECT_THAT(machine.shown(), IsEmpty());
  EXPECT_THAT(machine.shown({one.id}), ElementsAre("p 1"));
}

TEST_F(VersionsTest, NewestUnwrittenVersionIsReplacedWhenNoBundleKnowsIt) {
  job_with("p", "A");
  const Job two = machine.begin();
  machine.add_file(two, "p", "BB");
  const Job three = machine.begin();
  machine.add_file(three, "p", "CCC");
  EXPECT_FALSE(tree.version({*tree.find_path("p"), two.id}));
  machine.write(three, medium, {machine.content("CCC")});
  EXPECT_THAT(machine.shown(), ElementsAre("p 3"));
}

TEST_F(VersionsTest, UnwrittenVersionThatABundleKnowsIsKept) {
  const Job one = machine.begin();
  machine.add_file(one, "p", "A");
  machine.plan(one, medium, {machine.content("A")});
  const Job two = machine.begin();
  machine.add_file(two, "p", "BB");
  EXPECT_TRUE(tree.version({*tree.find_path("p"), one.id}));
}

TEST_F(VersionsTest, OneJobHasOneIdeaOfAPath) {
  const Job job = machine.begin();
  machine.add_file(job, "p", "A");
  machine.add_file(job, "p", "BB");
  machine.write_all(job, medium);
  EXPECT_THAT(machine.shown(), ElementsAre("p 2"));
  machine.end(job, "p");
  EXPECT_THAT(machine.shown(), IsEmpty());
  EXPECT_FALSE(ledger.newest(*tree.find_path("p")));
}

TEST_F(VersionsTest, OlderJobCannotAddBehindANewerOne) {
  const Job one = machine.begin();
  const Job two = machine.begin();
  machine.add_file(two, "p", "BB");
  EXPECT_EQ(code_thrown_by([&] { machine.add_file(one, "p", "A"); }), ErrorCode::conflict);
}

TEST_F(VersionsTest, EmptyFilesAndLinksAreShownWithoutAnyMedium) {
  const Job job = machine.begin();
  ledger.add_version(job.id, ledger.path("empty"), file_metadata(), std::nullopt, kStagingRoot);
  ledger.add_version(job.id, ledger.path("link"), symlink_metadata("a/b"), std::nullopt,
                     kStagingRoot);
  EXPECT_THAT(machine.shown(), ElementsAre("empty 0", "link 0"));
  EXPECT_EQ(newest("link").metadata.symlink_target, "a/b");
}

TEST_F(VersionsTest, MetadataSurviveAsTheyWere) {
  const Job job = machine.begin();
  Metadata metadata = file_metadata(-1);
  metadata.owner = "";
  metadata.group = "b\xc3\xbcro";
  metadata.nlink = 3;
  metadata.xattrs = {{"user.empty", ""}, {"user.note", std::string("\0\xff", 2)}};
  const RootId root = ledger.root("home/me");
  ledger.add_version(job.id, ledger.path("p"), metadata, machine.content("A"), root);
  EXPECT_EQ(newest("p").metadata, metadata);
  EXPECT_EQ(newest("p").origin, root);
  Metadata device = metadata;
  device.mode = S_IFCHR | 0600;
  device.device = 0xffff'ffff'ffff'ffff;
  ledger.add_version(job.id, ledger.path("device"), device, std::nullopt, root);
  EXPECT_EQ(newest("device").metadata, device);
}

// --- Directories that nobody scanned

TEST_F(VersionsTest, ParentsAreMadeForWhatIsBelowThem) {
  const Job job = job_with("home/me/p", "A");
  EXPECT_THAT(machine.shown(), ElementsAre("home/", "home/me/", "home/me/p 1"));
  const auto home = tree.at({}, *tree.find_path("home"));
  ASSERT_TRUE(home);
  EXPECT_EQ(home->metadata.mode, std::uint32_t{S_IFDIR | 0755});
  EXPECT_EQ(home->size, 0u);
  EXPECT_EQ(home->metadata.mtime_ns, job.started_s * 1'000'000'000);
}

TEST_F(VersionsTest, MadeParentsGoWithTheirLastChild) {
  job_with("home/me/p", "A");
  job_with("home/other", "B");
  job_with("home/me/p", "");
  EXPECT_THAT(machine.shown(), ElementsAre("home/", "home/other 1"));
  job_with("home/other", "");
  EXPECT_THAT(machine.shown(), IsEmpty());
  EXPECT_FALSE(tree.at({}, kRootPath));
}

TEST_F(VersionsTest, MadeParentsGoWhenTheJobThatEmptiedThemDied) {
  job_with("home/me/p", "A");
  const Job dead = machine.begin();
  machine.end(dead, "home/me/p");
  EXPECT_THAT(machine.shown(), ElementsAre("home/", "home/me/"));
  Ledger(machine.database).settle_unfinished();
  EXPECT_THAT(machine.shown(), IsEmpty());
}

TEST_F(VersionsTest, ScannedDirectoryStaysWhenItIsEmpty) {
  const Job job = machine.begin();
  ledger.add_version(job.id, ledger.path("home"), directory_metadata(), std::nullopt, kStagingRoot);
  machine.add_file(job, "home/p", "A");
  ledger.finish_job(job.id, machine.now);
  job_with("home/p", "");
  EXPECT_THAT(machine.shown(), ElementsAre("home/"));
}

TEST_F(VersionsTest, ScanReplacesAMadeParent) {
  const Job job = machine.begin();
  machine.add_file(job, "home/p", "A");
  ledger.add_version(job.id, ledger.path("home"), directory_metadata(), std::nullopt, kStagingRoot);
  EXPECT_EQ(newest("home").metadata, directory_metadata());
}

TEST_F(VersionsTest, FileThatBecomesADirectoryGivesWay) {
  const Job one = job_with("p", "A");
  job_with("p/child", "B");
  EXPECT_THAT(machine.shown({one.id}), ElementsAre("p 1"));
  EXPECT_THAT(machine.shown(), ElementsAre("p/", "p/child 1"));
}

TEST_F(VersionsTest, DirectoryThatBecomesAFileInTheSameJobIsNotTakenForADirectory) {
  const Job one = machine.begin();
  machine.add_file(one, "p/a", "A");
  const Job two = machine.begin();
  machine.add_file(two, "p/b", "B");
  machine.add_file(two, "p", "file");
  machine.add_file(two, "p/c", "C");
  EXPECT_TRUE(S_ISDIR(newest("p").metadata.mode));
}

// --- Inode numbers

TEST_F(VersionsTest, InodesSortByWhereContentsWereFirstWritten) {
  const Job job = machine.begin();
  machine.add_file(job, "z", "first");
  machine.add_file(job, "a", "second");
  machine.write_all(job, medium);
  machine.add_file(job, "m", "first");
  std::map<std::uint64_t, std::string> names;
  tree.list({}, kRootPath, [&](const Entry& entry) {
    names[entry.version.inode] = entry.name;
    return true;
  });
  std::vector<std::string> sorted;
  for (const auto& [inode, name] : names) {
    sorted.push_back(name);
  }
  EXPECT_THAT(sorted, ElementsAre("z", "m", "a"));
}

TEST_F(VersionsTest, HardlinksShareAnInodeAndCopiesDoNot) {
  const Job job = machine.begin();
  const PathId a = machine.add_file(job, "a", "same");
  const VersionKey key{a, job.id};
  ledger.add_version(job.id, ledger.path("b"), file_metadata(), machine.content("same"),
                     kStagingRoot, key);
  machine.add_file(job, "c", "same");
  EXPECT_EQ(newest("a").inode, newest("b").inode);
  EXPECT_NE(newest("a").inode, newest("c").inode);
  EXPECT_EQ(newest("a").inode / 4096, newest("c").inode / 4096);
}

TEST_F(VersionsTest, HardlinksWithoutContentShareAnInodeToo) {
  const Job job = machine.begin();
  for (const char* name : {"a", "b", "c", "d"}) {
    const PathId path = ledger.path(name);
    const bool link = *name == 'b' || *name == 'c';
    const auto first =
        link ? std::optional(VersionKey{*tree.find_path(*name == 'b' ? "a" : "b"), job.id})
             : std::nullopt;
    ledger.add_version(job.id, path, symlink_metadata("t"), std::nullopt, kStagingRoot, first);
  }
  EXPECT_EQ(newest("a").inode, newest("b").inode);
  EXPECT_EQ(newest("a").inode, newest("c").inode);
  EXPECT_NE(newest("a").inode, newest("d").inode);
  EXPECT_GE(newest("a").inode, std::uint64_t{1} << 62);
}

TEST_F(VersionsTest, HardlinkToAnotherContentIsRefused) {
  const Job job = machine.begin();
  const VersionKey key{machine.add_file(job, "a", "same"), job.id};
  EXPECT_EQ(code_thrown_by([&] {
              ledger.add_version(job.id, ledger.path("b"), file_metadata(),
                                 machine.content("other"), kStagingRoot, key);
            }),
            ErrorCode::invalid);
}

TEST_F(VersionsTest, InodesStayUniqueBeyondTheOrdinalsOfOneContent) {
  const Job job = machine.begin();
  std::vector<std::uint64_t> inodes;
  Transaction transaction(machine.database);
  for (int i = 0; i < 4100; ++i) {
    const PathId path = machine.add_file(job, "p" + std::to_string(i), "same");
    inodes.push_back(ledger.newest(path)->inode);
  }
  const VersionKey last{*tree.find_path("p4099"), job.id};
  ledger.add_version(job.id, ledger.path("link"), file_metadata(), machine.content("same"),
                     kStagingRoot, last);
  transaction.commit();
  EXPECT_EQ(newest("link").inode, inodes.back());
  std::sort(inodes.begin(), inodes.end());
  EXPECT_EQ(std::unique(inodes.begin(), inodes.end()), inodes.end());
  EXPECT_GT(inodes.front(), 1u);
}

// --- Paths

TEST_F(VersionsTest, NamesAreAnyBytesButOneComponent) {
  const std::string odd = "\x01\xff\xc3 e\xcc\x81\n*";
  EXPECT_EQ(tree.path_of(ledger.path("a/" + odd + "/B")), "a/" + odd + "/B");
  EXPECT_NE(ledger.path("a"), ledger.path("A"));
  using namespace std::string_view_literals;
  for (const std::string_view bad : {""sv, "."sv, ".."sv, "a/b"sv, "a\0b"sv}) {
    EXPECT_EQ(code_thrown_by([&] { (void)ledger.child(kRootPath, bad); }), ErrorCode::invalid);
  }
}

TEST_F(VersionsTest, PathNumbersFindTheirParentsHoweverTheyWereGivenOut) {
  std::vector<std::string> paths;
  for (int i = 0; i < 300; ++i) {
    paths.push_back("d" + std::to_string(i % 7) + "/e" + std::to_string(i % 11) + "/" +
                    std::to_string(i));
    (void)ledger.path(paths.back());
  }
  for (const std::string& path : paths) {
    EXPECT_EQ(tree.path_of(*tree.find_path(path)), path);
  }
  EXPECT_EQ(check_catalog(machine.database), "");
  EXPECT_EQ(code_thrown_by([&] { (void)tree.path_of(PathId{1'000'000}); }), ErrorCode::not_found);
}

TEST_F(VersionsTest, RollbackForgetsWhatTheLedgerRemembered) {
  const Job job = machine.begin();
  {
    Transaction transaction(machine.database);
    machine.add_file(job, "dir/a", "lost");
  }
  const PathId found = machine.add_file(job, "other/b", "found");
  EXPECT_EQ(tree.path_of(found), "other/b");
  machine.write_all(job, medium);
  EXPECT_THAT(machine.shown(), ElementsAre("other/", "other/b 5"));
  EXPECT_EQ(check_catalog(machine.database), "");
}

TEST_F(VersionsTest, PathsWithAContentAreToldOnceHoweverOftenItCameBack) {
  PathId a{}, b{};
  for (const char* word : {"A", "B", "A", "C"}) {
    const Job job = machine.begin();
    a = machine.add_file(job, "a", word);
    b = machine.add_file(job, "b", "A");
    machine.write_all(job, machine.add_medium("T" + std::to_string(number(job.id))));
  }
  const ContentId in_both = machine.content("A"), in_a = machine.content("B");
  EXPECT_THAT(paths_with(machine.database, {in_both, in_a}),
              testing::UnorderedElementsAre(std::pair(in_both, a), std::pair(in_a, a),
                                            std::pair(in_both, b)));
}

}  // namespace
}  // namespace mixtape::catalog
