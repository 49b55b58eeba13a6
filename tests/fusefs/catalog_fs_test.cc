// SPDX-License-Identifier: Apache-2.0
#include "fusefs/catalog_fs.h"

#include <sys/stat.h>

#include <future>

#include "fusefs/names.h"
#include "fusefs/recall_walk.h"
#include "tests/fusefs/archive_world.h"

namespace mixtape::fusefs {
namespace {

using catalog::file_metadata;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class CatalogFsTest : public testing::Test {
 protected:
  std::optional<Found> find(const std::string& path) {
    Found at;
    at.node = Node::fixed(FixedNode::root).id();
    for (std::string_view rest = path; !rest.empty();) {
      const std::string name(rest.substr(0, rest.find('/')));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      const auto found = fs.lookup(at.node, name);
      if (!found) {
        return std::nullopt;
      }
      at = *found;
    }
    return at;
  }
  Found must_find(const std::string& path) {
    const auto found = find(path);
    EXPECT_TRUE(found.has_value()) << path;
    return found.value_or(Found{});
  }
  std::vector<std::string> names(const std::string& path) {
    std::vector<std::string> all;
    const Rows rows = fs.list(must_find(path).node);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      all.emplace_back(rows.at(row).name);
    }
    return all;
  }
  std::string word_at(const std::string& path) {
    const auto version = fs.version(must_find(path).node);
    return version && version->hash ? to_hex(*version->hash) : "";
  }
  static std::string word(const std::string& text) { return to_hex(catalog::hash_of(text)); }
  static std::string time(const catalog::Job& job) { return time_name(job.started_s); }

  ArchiveWorld world;
  Readers readers{world.open_catalog()};
  CatalogFs fs{readers, world.sources().texts};
};

TEST_F(CatalogFsTest, TheRootHasTheViews) {
  EXPECT_THAT(names(""),
              UnorderedElementsAre("latest", "history", "snapshots", "tapes", ".mixtape"));
}

TEST_F(CatalogFsTest, AnEmptyCatalogShowsEmptyViews) {
  for (const char* view : {"latest", "history", "snapshots"}) {
    EXPECT_THAT(names(view), IsEmpty()) << view;
    EXPECT_TRUE(S_ISDIR(must_find(view).attributes.mode)) << view;
  }
}

TEST_F(CatalogFsTest, LatestShowsTheNewestWrittenVersion) {
  world.job().file("home/a", "one").finish();
  world.job().file("home/a", "two").finish();
  EXPECT_EQ(word_at("latest/home/a"), word("two"));
  world.job().file("home/a", "three");
  EXPECT_EQ(word_at("latest/home/a"), word("two"));
}

TEST_F(CatalogFsTest, LatestForgetsWhatWentAway) {
  world.job().file("a", "one").file("b", "two").finish();
  world.job().end("a").finish();
  EXPECT_FALSE(find("latest/a").has_value());
  EXPECT_THAT(names("latest"), ElementsAre("b"));
}

TEST_F(CatalogFsTest, AttributesAreThoseOfTheVersion) {
  world.job().file("a", "12345").finish();
  const Attributes attributes = must_find("latest/a").attributes;
  EXPECT_EQ(attributes.size, 5U);
  EXPECT_EQ(attributes.blocks, 1U);
  EXPECT_EQ(attributes.uid, 1000U);
  EXPECT_EQ(attributes.mode, S_IFREG | 0644U);
  EXPECT_EQ(attributes.mtime_ns, file_metadata().mtime_ns);
}

TEST_F(CatalogFsTest, AFileHasOneNodeAndOneInodeInEveryView) {
  const auto job = world.job().file("d/a", "one").finish();
  const Found latest = must_find("latest/d/a");
  const Found snapshot = must_find("snapshots/" + time(job) + "/d/a");
  EXPECT_EQ(latest.node, snapshot.node);
  EXPECT_EQ(latest.attributes.inode, snapshot.attributes.inode);
  EXPECT_EQ(fs.get(latest.node).attributes.inode, latest.attributes.inode);
}

TEST_F(CatalogFsTest, ANewVersionIsANewNode) {
  world.job().file("a", "one").finish();
  const NodeId before = must_find("latest/a").node;
  world.job().file("a", "two").finish();
  EXPECT_NE(must_find("latest/a").node, before);
  EXPECT_EQ(fs.get(before).attributes.size, 3U);
}

TEST_F(CatalogFsTest, ListsInTapeOrderWithTheInodesThatLookupsGive) {
  world.job().file("z", "first").file("a", "second").file("m", "third").finish();
  EXPECT_THAT(names("latest"), ElementsAre("z", "a", "m"));
  const Rows rows = fs.list(must_find("latest").node);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Found found = must_find("latest/" + rows.at(row).name);
    EXPECT_EQ(rows.at(row).attributes.inode, found.attributes.inode);
    EXPECT_EQ(rows.at(row).node, found.node);
  }
}

TEST_F(CatalogFsTest, ListsInTapeOrderWhatWasRenamedAndWhatIsThereTwice) {
  world.job().file("d/1", "first").file("d/2", "second").file("d/3", "third").finish();
  // The first one gets a name that sorts last, a copy of the second one that sorts first.
  world.job().end("d/1").file("d/9", "first").file("d/0", "second").file("d/4", "new").finish();
  EXPECT_THAT(names("latest/d"), ElementsAre("9", "2", "0", "3", "4"));
}

TEST_F(CatalogFsTest, WhatLiesInADirectoryComesBeforeItsSubdirectories) {
  world.job().file("d/z", "first").file("d/a/x", "second").file("d/b/x", "third").finish();
  EXPECT_THAT(names("latest/d"), ElementsAre("z", "a", "b"));
  // Also for those who sort by number, as cp does.
  const Rows rows = fs.list(must_find("latest/d").node);
  for (std::size_t row = 1; row < rows.size(); ++row) {
    EXPECT_LT(rows.at(row - 1).attributes.inode, rows.at(row).attributes.inode);
  }
}

TEST_F(CatalogFsTest, HardLinksShareInodeAndCount) {
  auto job = world.job();
  auto metadata = file_metadata();
  metadata.nlink = 2;
  const auto content = world.content("one");
  auto& ledger = world.machine.ledger;
  ledger.add_version(job.job.id, ledger.path("a"), metadata, content, catalog::kStagingRoot);
  ledger.add_version(job.job.id, ledger.path("b"), metadata, content, catalog::kStagingRoot,
                     catalog::VersionKey{ledger.path("a"), job.job.id});
  job.finish();
  EXPECT_EQ(must_find("latest/a").attributes.inode, must_find("latest/b").attributes.inode);
  EXPECT_EQ(must_find("latest/a").attributes.nlink, 2U);
}

TEST_F(CatalogFsTest, SnapshotsShowWhatEachJobLeft) {
  const auto first = world.job().file("a", "one").finish();
  const auto second = world.job().file("a", "two").file("b", "more").finish();
  EXPECT_THAT(names("snapshots"), ElementsAre(time(first), time(second)));
  EXPECT_THAT(names("snapshots/" + time(first)), ElementsAre("a"));
  EXPECT_EQ(word_at("snapshots/" + time(first) + "/a"), word("one"));
  EXPECT_EQ(word_at("snapshots/" + time(second) + "/a"), word("two"));
  EXPECT_FALSE(find("snapshots/20200101T000000Z").has_value());
  EXPECT_FALSE(find("snapshots/nonsense").has_value());
}

TEST_F(CatalogFsTest, OnlyWhatIsToldOfIsBelievedForLong) {
  const auto job = world.job().file("d/a", "one").finish();
  const std::string bundle = "tapes/MX0001/" + names("tapes/MX0001").front();
  EXPECT_EQ(must_find("latest/d").freshness, Freshness::forever);
  EXPECT_EQ(must_find("latest/d/a").freshness, Freshness::forever);
  EXPECT_EQ(must_find("history/d/a").freshness, Freshness::forever);
  for (const std::string& view : {"snapshots/" + time(job), bundle}) {
    EXPECT_EQ(must_find(view).freshness, Freshness::brief) << view;
    EXPECT_EQ(must_find(view + "/d").freshness, Freshness::brief) << view;
    EXPECT_EQ(must_find(view + "/d/a").freshness, Freshness::brief) << view;
  }
}

TEST_F(CatalogFsTest, AFileInHistoryIsADirectoryOfItsVersions) {
  const auto first = world.job().file("d/a.raw", "one").finish();
  const auto second = world.job().file("d/a.raw", "two").finish();
  const std::string one = time(first) + "-" + word("one").substr(0, 8) + ".raw";
  const std::string two = time(second) + "-" + word("two").substr(0, 8) + ".raw";
  EXPECT_THAT(names("history/d"), ElementsAre("a.raw"));
  EXPECT_THAT(names("history/d/a.raw"), ElementsAre(one, two));
  EXPECT_EQ(word_at("history/d/a.raw/" + one), word("one"));
  EXPECT_EQ(word_at("history/d/a.raw/" + two), word("two"));
}

TEST_F(CatalogFsTest, AListingOfHistorySparesTheLookupOfEachName) {
  world.job().file("d/a", "one").file("d/b", "two").finish();
  world.job().file("d/a", "three").end("d/b").finish();
  const Rows rows = fs.list(must_find("history/d").node);
  ASSERT_EQ(rows.size(), 2U);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    ASSERT_TRUE(rows.at(row).looked_up);
    const Found found = must_find("history/d/" + rows.at(row).name);
    EXPECT_EQ(rows.at(row).node, found.node);
    EXPECT_EQ(rows.at(row).attributes.mode, found.attributes.mode);
    EXPECT_EQ(rows.at(row).attributes.mtime_ns, found.attributes.mtime_ns);
    EXPECT_EQ(rows.at(row).attributes.inode, found.attributes.inode);
  }
}

TEST_F(CatalogFsTest, HistoryKeepsWhatLatestForgot) {
  const auto first = world.job().file("a", "one").finish();
  world.job().end("a").finish();
  EXPECT_THAT(names("history/a"), ElementsAre(time(first) + "-" + word("one").substr(0, 8)));
}

TEST_F(CatalogFsTest, HistoryDoesNotShowWhatNoMediumHolds) {
  world.job().file("a", "one");
  EXPECT_FALSE(find("history/a").has_value());
  EXPECT_THAT(names("history"), IsEmpty());
}

TEST_F(CatalogFsTest, AnEmptyDirectoryStandsInHistory) {
  world.job().add("empty", catalog::directory_metadata()).finish();
  EXPECT_THAT(names("history"), ElementsAre("empty"));
  EXPECT_THAT(names("history/empty"), IsEmpty());
}

TEST_F(CatalogFsTest, VersionsGiveWayToChildrenOfTheSameName) {
  const auto first = world.job().file("x", "one").finish();
  const std::string name = time(first) + "-" + word("one").substr(0, 8);
  world.job().end("x").file("x/" + name, "child").finish();
  EXPECT_THAT(names("history/x"), UnorderedElementsAre(name, name + "~2"));
  EXPECT_EQ(word_at("history/x/" + name + "~2"), word("one"));
  EXPECT_TRUE(S_ISDIR(must_find("history/x/" + name).attributes.mode));
}

TEST_F(CatalogFsTest, OnlyWhoMayReadAFileMayListItsVersions) {
  auto metadata = file_metadata();
  metadata.mode = S_IFREG | 0640;
  world.job().add("a", metadata, world.content("secret")).finish();
  EXPECT_EQ(must_find("history/a").attributes.mode, S_IFDIR | 0550U);
}

TEST_F(CatalogFsTest, ATapeShowsItsBundles) {
  world.job().file("d/a", "one").finish();
  world.job().file("d/b", "two").finish();
  EXPECT_THAT(names("tapes"), ElementsAre("MX0001"));
  const auto bundles = names("tapes/MX0001");
  ASSERT_EQ(bundles.size(), 2U);
  EXPECT_EQ(bundles[0], "0001-2023-11-14");
  EXPECT_THAT(names("tapes/MX0001/" + bundles[1] + "/d"), ElementsAre("b"));
  EXPECT_EQ(word_at("tapes/MX0001/" + bundles[0] + "/d/a"), word("one"));
  EXPECT_FALSE(find("tapes/MX0009").has_value());
  EXPECT_FALSE(find("tapes/MX0001/0003-2023-11-14").has_value());
}

TEST_F(CatalogFsTest, ControlFilesHoldTheTextsOfTheMoment) {
  EXPECT_EQ(fs.text(must_find(".mixtape/status.txt").node), "all is well\n");
  EXPECT_EQ(fs.text(must_find(".mixtape/queue.json").node), "[]\n");
  EXPECT_FALSE(fs.text(must_find("latest").node).has_value());
}

TEST_F(CatalogFsTest, TotalsAreCountedAnewWhenSomethingChanged) {
  world.job().file("a", "12345").finish();
  EXPECT_EQ(fs.totals().bytes, 5U);
  world.job().file("b", "123").finish();
  EXPECT_EQ(fs.totals().files, 1U);
  fs.forget_totals();
  EXPECT_EQ(fs.totals().files, 2U);
  EXPECT_EQ(fs.totals().bytes, 8U);
}

TEST_F(CatalogFsTest, SymlinksTellWhereTheyPoint) {
  world.job().add("link", catalog::symlink_metadata("/over/there")).finish();
  const Found link = must_find("latest/link");
  EXPECT_EQ(fs.read_link(link.node), "/over/there");
  EXPECT_EQ(link.attributes.size, 11U);
}

TEST_F(CatalogFsTest, ANodeThatLeftItsViewIsStale) {
  world.job().file("d/a", "one").finish();
  const NodeId directory = must_find("latest/d").node;
  world.job().end("d/a").end("d").finish();
  try {
    (void)fs.get(directory);
    FAIL();
  } catch (const Refusal& refusal) {
    EXPECT_EQ(refusal.error_number, ESTALE);
  }
}

TEST_F(CatalogFsTest, EveryByteButSlashAndNulMayStandInAName) {
  std::string name;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') {
      name += static_cast<char>(byte);
    }
  }
  world.job().file(name, "one").finish();
  EXPECT_THAT(names("latest"), ElementsAre(name));
  EXPECT_EQ(word_at("latest/" + name), word("one"));
}

class XattrsTest : public CatalogFsTest {
 protected:
  std::optional<std::string> get(const std::string& path, const std::string& name) {
    return xattrs.get(must_find(path).node, name);
  }
  Xattrs xattrs{fs, readers, world.contents, world.sources().eta};
};

TEST_F(XattrsTest, AFileTellsWhereItsCopiesAre) {
  const auto job = world.job().file("a", "one").finish();
  EXPECT_EQ(get("latest/a", "user.mixtape.state"), "away");
  EXPECT_EQ(get("latest/a", "user.mixtape.hash"), word("one"));
  EXPECT_EQ(get("latest/a", "user.mixtape.copies"), "1");
  EXPECT_EQ(get("latest/a", "user.mixtape.media"), "MX0001");
  EXPECT_EQ(get("latest/a", "user.mixtape.location"), "MX0001 (shelf B)");
  EXPECT_EQ(get("latest/a", "user.mixtape.version"), time(job));
  EXPECT_EQ(get("latest/a", "user.mixtape.eta"), "42");
  EXPECT_EQ(get("latest/a", "user.mixtape.verified"), std::nullopt);
  world.machine.ledger.mark_verified(world.content("one"), catalog::BundleId{1}, 1'700'000'000);
  EXPECT_EQ(get("latest/a", "user.mixtape.verified"), "20231114T221320Z");
  EXPECT_EQ(world.contents.asked(), 0U);
}

TEST_F(XattrsTest, StateFollowsTheContent) {
  world.job().file("here", "one", true).file("queued", "two").file("lost", "three").finish();
  world.contents.fetch({catalog::number(world.content("two")), 3, {}}, "queued", {}, {});
  world.machine.ledger.mark_damaged(world.content("three"), catalog::BundleId{1}, 4000,
                                    "it is damaged");
  EXPECT_EQ(get("latest/here", "user.mixtape.state"), "here");
  EXPECT_EQ(get("latest/here", "user.mixtape.eta"), "0");
  EXPECT_EQ(get("latest/queued", "user.mixtape.state"), "queued");
  EXPECT_EQ(get("latest/lost", "user.mixtape.state"), "lost");
}

TEST_F(XattrsTest, OnlyTheVersionsOwnAreListed) {
  auto metadata = file_metadata();
  metadata.xattrs = {{"user.colour", "red"}};
  world.job().add("a", metadata, world.content("one")).finish();
  EXPECT_THAT(xattrs.list(must_find("latest/a").node), ElementsAre("user.colour"));
  EXPECT_EQ(get("latest/a", "user.colour"), "red");
  EXPECT_EQ(get("latest/a", "user.shape"), std::nullopt);
}

TEST_F(XattrsTest, AccessAttributesAreUnsupportedUntilAFileWithOneIsShown) {
  world.job().file("a", "one").finish();
  must_find("latest/a");
  EXPECT_TRUE(xattrs.unsupported("security.capability"));
  EXPECT_TRUE(xattrs.unsupported("system.posix_acl_access"));
  EXPECT_FALSE(xattrs.unsupported("user.colour"));
  auto metadata = file_metadata();
  metadata.xattrs = {{"system.posix_acl_access", "rw"}};
  world.job().add("b", metadata, world.content("two")).finish();
  (void)names("latest");
  EXPECT_FALSE(xattrs.unsupported("system.posix_acl_access"));
  EXPECT_EQ(get("latest/b", "system.posix_acl_access"), "rw");
  EXPECT_EQ(get("latest/a", "system.posix_acl_access"), std::nullopt);
}

TEST_F(CatalogFsTest, RecallingADirectoryQueuesItsFilesInTapeOrder) {
  world.job().file("d/z", "1").file("d/a", "22").file("d/sub/b", "333").file("e", "4444").finish();
  world.contents.put(catalog::number(world.content("22")), "22", true);
  RecallWalk walk(fs, readers, world.contents);
  std::promise<std::size_t> queued;
  walk.request(must_find("latest/d").node, [&](const std::exception_ptr& error) {
    EXPECT_EQ(error, nullptr);
    queued.set_value(world.contents.fetched().size());
  });
  EXPECT_EQ(queued.get_future().get(), 2U);
  EXPECT_THAT(world.contents.fetched(), ElementsAre("d/z", "d/sub/b"));
}

}  // namespace
}  // namespace mixtape::fusefs
