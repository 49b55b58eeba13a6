// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/tree.h"

#include <fnmatch.h>

#include <set>
#include <thread>

#include "tests/catalog/catalog_fixture.h"

// Listings, names, walks, searches, bundles, totals.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TreeTest : public CatalogTest {
 protected:
  std::vector<std::string> listed(View view, std::string_view path) {
    std::vector<std::string> names;
    tree.list(view, *tree.find_path(path), [&](const Entry& entry) {
      names.push_back(entry.name);
      return true;
    });
    return names;
  }
  std::vector<std::string> listed_in(BundleId bundle, std::string_view path) {
    std::vector<std::string> names;
    const auto at = tree.find_path(path);
    tree.list_bundle(bundle, at ? *at : PathId{1'000'000}, [&](const Entry& entry) {
      names.push_back(entry.name);
      const auto again = tree.lookup_bundle(bundle, *at, entry.name);
      EXPECT_TRUE(again && again->version.key == entry.version.key);
      return true;
    });
    return names;
  }
  std::vector<std::string> found(std::string_view pattern) {
    std::vector<std::string> paths;
    tree.find(pattern, [&](const std::string& path, const Version&) {
      paths.push_back(path);
      return true;
    });
    return paths;
  }

  MediumId medium = machine.add_medium("MX1");
};

TEST_F(TreeTest, EmptyCatalogShowsNothing) {
  EXPECT_THAT(machine.shown(), IsEmpty());
  EXPECT_FALSE(tree.at({}, kRootPath));
  EXPECT_FALSE(tree.find_path("a"));
  EXPECT_EQ(tree.find_path(""), kRootPath);
  EXPECT_FALSE(tree.lookup({}, kRootPath, "a"));
  EXPECT_EQ(tree.totals().files, 0u);
}

TEST_F(TreeTest, LookupAndListAgreeInEveryView) {
  std::vector<View> views{{}};
  for (const char* word : {"A", "BB", "CCC"}) {
    const Job job = machine.begin();
    machine.add_file(job, "d/changes", word);
    machine.add_file(job, "d/only " + std::string(word), "only " + std::string(word));
    machine.write_all(job, medium);
    views.push_back({job.id});
  }
  const PathId d = *tree.find_path("d");
  for (const View& view : views) {
    std::size_t count = 0;
    tree.list(view, d, [&](const Entry& entry) {
      ++count;
      const auto again = tree.lookup(view, d, entry.name);
      EXPECT_TRUE(again);
      EXPECT_EQ(again->version.key, entry.version.key);
      EXPECT_EQ(again->version.inode, entry.version.inode);
      EXPECT_EQ(again->version.metadata, entry.version.metadata);
      return true;
    });
    EXPECT_EQ(count, view.as_of ? 1 + static_cast<std::size_t>(&view - views.data()) : 4u);
  }
}

TEST_F(TreeTest, ListStopsWhenToldTo) {
  const Job job = machine.begin();
  for (const char* path : {"a/1", "b/2", "c/3"}) {
    machine.add_file(job, path, path);
  }
  std::size_t seen = 0;
  tree.list({}, kRootPath, [&](const Entry&) { return ++seen < 2; });
  EXPECT_EQ(seen, 2u);
}

TEST_F(TreeTest, CallbacksMayAskTheSameTreeForAnythingButAListing) {
  const Job job = machine.begin();
  machine.add_file(job, "a/b/c", "A");
  machine.write_all(job, medium);
  std::vector<std::string> seen;
  tree.list({}, kRootPath, [&](const Entry& a) {
    tree.walk({}, a.version.key.path, [&](const std::string& path, const Version&) {
      seen.push_back(path);
      return tree.lookup({}, a.version.key.path, "b").has_value();
    });
    return true;
  });
  EXPECT_THAT(seen, ElementsAre("a", "a/b", "a/b/c"));
}

TEST_F(TreeTest, ListsInByteOrderWhateverWasWrittenFirst) {
  const Job job = machine.begin();
  for (const char* name : {"d/b", "d/a", "d/B", "d/a b", "d/\xff", "d/aa"}) {
    machine.add_file(job, name, name);
  }
  machine.write_all(job, medium);
  EXPECT_THAT(listed({}, "d"), ElementsAre("B", "a", "a b", "aa", "b", "\xff"));
}

TEST_F(TreeTest, EveryPathHasItsNameAgainAlsoInALargeDirectory) {
  const Job job = machine.begin();
  // More than are read ahead at once, and asked for in an order that is not theirs.
  constexpr std::size_t kFiles = 5000;
  for (std::size_t file = 0; file < kFiles; ++file) {
    machine.add_file(job, "deep/down/" + std::to_string(file), "same");
  }
  machine.write_all(job, medium);
  for (std::size_t file = 0; file < kFiles; ++file) {
    const std::string name = std::to_string(file * 7 % kFiles);
    const std::string path = "deep/down/" + name;
    const PathId id = *tree.find_path(path);
    ASSERT_EQ(tree.name_of(id), name);
    ASSERT_EQ(tree.path_of(id), path);
  }
  EXPECT_EQ(tree.name_of(*tree.find_path("deep/down")), "down");
  EXPECT_THROW((void)tree.path_of(PathId{1'000'000}), Error);
}

TEST_F(TreeTest, EverShowsTheNewestWrittenVersionOfWhatWasThere) {
  const Job one = machine.begin();
  machine.add_file(one, "gone", "old");
  machine.add_file(one, "changed", "first");
  machine.write_all(one, medium);
  const Job two = machine.begin();
  machine.end(two, "gone");
  machine.add_file(two, "changed", "second");
  machine.write_all(two, medium);
  const Job three = machine.begin();
  machine.add_file(three, "changed", "unwritten");
  machine.add_file(three, "new", "unwritten");
  std::vector<std::string> seen;
  tree.ever(kRootPath, [&](const Entry& entry) {
    seen.push_back(entry.name);
    EXPECT_EQ(tree.newest(entry.version.key.path)->key, entry.version.key);
    EXPECT_EQ(entry.version.hash, hash_of(entry.name == "gone" ? "old" : "second"));
    return true;
  });
  EXPECT_THAT(seen, ElementsAre("changed", "gone"));
  EXPECT_FALSE(tree.newest(*tree.find_path("new")));
  EXPECT_THAT(tree.never_written(kRootPath), IsEmpty());
}

TEST_F(TreeTest, NamesTellWhatWasEverThere) {
  const Job one = machine.begin();
  machine.add_file(one, "both", "file");
  machine.add_file(one, "file", "file");
  machine.write_all(one, medium);
  const Job two = machine.begin();
  machine.add_file(two, "both/child", "child");
  machine.add_file(two, "unwritten", "unwritten");
  machine.end(two, "file");
  ledger.add_version(two.id, ledger.path("empty directory"), directory_metadata(), std::nullopt,
                     kStagingRoot);
  std::vector<std::string> names;
  tree.names(kRootPath, [&](const Tree::Name& name) {
    names.push_back(name.name + (name.has_children ? "/" : "") + (name.has_versions ? "*" : ""));
    return true;
  });
  EXPECT_THAT(names, ElementsAre("both/*", "empty directory", "file*", "unwritten"));
}

TEST_F(TreeTest, WalkVisitsFilesBeforeSubdirectoriesInByteOrder) {
  const Job job = machine.begin();
  for (const char* path : {"b/x", "a", "c", "B", "b/a/y", "b/c", "b-", "\xff", "a.d/z"}) {
    machine.add_file(job, path, path);
  }
  machine.write_all(job, medium);
  std::vector<std::string> paths;
  const auto note = [&](const std::string& path, const Version&) {
    paths.push_back(path);
    return true;
  };
  tree.walk({}, kRootPath, note);
  EXPECT_THAT(paths, ElementsAre("", "B", "a", "b-", "c", "\xff", "a.d", "a.d/z", "b", "b/c", "b/x",
                                 "b/a", "b/a/y"));
  paths.clear();
  tree.walk({}, *tree.find_path("b/a"), note);
  EXPECT_THAT(paths, ElementsAre("b/a", "b/a/y"));
  paths.clear();
  tree.walk({}, *tree.find_path("a"), note);
  EXPECT_THAT(paths, ElementsAre("a"));
}

TEST_F(TreeTest, FindMatchesLastComponentsOrWholePaths) {
  const Job job = machine.begin();
  for (const char* path : {"d/a.raw", "d/e/a.raw", "d/e/b.raw", "a.rawest"}) {
    machine.add_file(job, path, path);
  }
  machine.write_all(job, medium);
  machine.add_file(machine.begin(), "d/unwritten.raw", "unwritten");
  machine.end(machine.begin(), "d/a.raw");
  EXPECT_THAT(found("a.raw"), ElementsAre("d/a.raw", "d/e/a.raw"));
  EXPECT_THAT(found("*.raw"), ElementsAre("d/a.raw", "d/e/a.raw", "d/e/b.raw"));
  EXPECT_THAT(found("d/e/*"), ElementsAre("d/e/a.raw", "d/e/b.raw"));
  EXPECT_THAT(found("/d/?.raw"), ElementsAre("d/a.raw"));
  EXPECT_THAT(found("e"), ElementsAre("d/e"));
  EXPECT_THAT(found("nothing"), IsEmpty());
}

TEST_F(TreeTest, FindFindsTheSameWhateverThePatternBeginsWith) {
  const Job job = machine.begin();
  std::set<std::string> paths;
  for (const std::string path :
       {"IMG_1.raw", "IMF", "IM/G", "d/IMG_1.raw", "d/IMG_2.raw", "d/IMG/x", "d/x/IMG_1.raw",
        "d.x/IMG_1.raw", "\xff\xfe/\xff\xff", "\xff\xfe/a", "e/[a]", "e/a*b", "IMH"}) {
    machine.add_file(job, path, "word of " + path);
    for (std::string above = path; !above.empty();
         above.resize(above.rfind('/') == std::string::npos ? 0 : above.rfind('/'))) {
      paths.insert(above);
    }
  }
  machine.write_all(job, medium);
  for (const std::string pattern :
       {"IMG_1.raw",    "IMG*",   "IM?",   "*raw",           "?",        "[I]MG",  "\xff*",
        "\xff\xff",     "\\[a]",  "a\\*b", "nothing",        "*",        "d/IMG*", "d/IMG_1.raw",
        "d*/IMG_1.raw", "/d/x/*", "d/x",   "\xff\xfe/\xff*", "no/where", "IM/*",   "d/nothing*"}) {
    const std::string glob = pattern.starts_with('/') ? pattern.substr(1) : pattern;
    std::vector<std::string> expected;
    for (const std::string& path : paths) {
      const bool whole = pattern.find('/') != std::string::npos;
      const std::string name = whole ? path : path.substr(path.rfind('/') + 1);
      if (::fnmatch(glob.c_str(), name.c_str(), 0) == 0) {
        expected.push_back(path);
      }
    }
    EXPECT_THAT(found(pattern), testing::UnorderedElementsAreArray(expected)) << pattern;
  }
}

TEST_F(TreeTest, BundleShowsItsFilesAndTheWayToThem) {
  const Job one = machine.begin();
  machine.add_file(one, "home/me/a", "A");
  machine.add_file(one, "home/me/deep/b", "B");
  machine.add_file(one, "home/other/c", "C");
  const BundleId first = machine.write(one, medium, {machine.content("A"), machine.content("B")});
  const BundleId second = machine.write(one, medium, {machine.content("C")});
  const Job two = machine.begin();
  machine.add_file(two, "home/late/a", "A");
  EXPECT_THAT(listed_in(first, ""), ElementsAre("home"));
  EXPECT_THAT(listed_in(first, "home"), ElementsAre("me"));
  EXPECT_THAT(listed_in(first, "home/me"), ElementsAre("a", "deep"));
  EXPECT_THAT(listed_in(first, "home/other"), IsEmpty());
  EXPECT_THAT(listed_in(second, "home/me"), IsEmpty());
  EXPECT_THAT(listed_in(second, "home/other"), ElementsAre("c"));
  EXPECT_FALSE(tree.lookup_bundle(second, *tree.find_path("home/me"), "a"));
  EXPECT_THAT(listed_in(machine.plan(two, medium, {machine.content("A")}), ""), IsEmpty());
}

TEST_F(TreeTest, BundleShowsTheVersionItHoldsAlsoWhenItIsOldOrGone) {
  const Job one = machine.begin();
  machine.add_file(one, "a", "old");
  const BundleId bundle = machine.write_all(one, medium);
  const Job two = machine.begin();
  machine.add_file(two, "a", "newer");
  machine.write_all(two, medium);
  machine.end(machine.begin(), "a");
  EXPECT_EQ(tree.lookup_bundle(bundle, kRootPath, "a")->version.size, 3u);
}

TEST_F(TreeTest, ReadersOfManyThreadsSeeWholeCommitsWhileAWriterWrites) {
  constexpr int kRounds = 30;
  const auto read = [&] {
    Database database = open_catalog(machine.catalog_db, machine.state_db, Access::read);
    Tree mine(database);
    for (std::size_t seen = 0; seen < 2 * kRounds;) {
      std::size_t count = 0;
      mine.list({}, kRootPath, [&](const Entry&) { return ++count != 0; });
      EXPECT_EQ(count % 2, 0u) << "half of a commit";
      EXPECT_GE(count, seen);
      seen = count;
    }
  };
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back(read);
  }
  for (int round = 0; round < kRounds; ++round) {
    Transaction transaction(machine.database);
    const Job job = machine.begin();
    machine.add_file(job, "a" + std::to_string(round), "a" + std::to_string(round));
    machine.add_file(job, "b" + std::to_string(round), "b" + std::to_string(round));
    machine.write_all(job, medium);
    transaction.commit();
  }
}

TEST_F(TreeTest, TotalsFollowOwnChangesAndCommitsOfOthers) {
  const Job job = machine.begin();
  machine.add_file(job, "d/a", "A");
  machine.write_all(job, medium);
  Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
  Tree other(reader);
  EXPECT_EQ(other.totals().files, 1u);
  EXPECT_EQ(tree.totals().files, 1u);
  machine.add_file(job, "d/b", "BB");
  EXPECT_EQ(other.totals().files, 1u);
  machine.write_all(job, medium);
  EXPECT_EQ(tree.totals().files, 2u);
  const Tree::Totals totals = other.totals();
  EXPECT_EQ(totals.files, 2u);
  EXPECT_EQ(totals.bytes, 3u);
  EXPECT_EQ(totals.versions, 4u);  // Two files, d and the root.
  EXPECT_EQ(totals.contents, 2u);
}

}  // namespace
}  // namespace mixtape::catalog
