// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "engine/catalog/scanned.h"
#include "tests/catalog/recovery_world.h"

// What a scan of an archive told, and an index of the same archive: in any order, once or twice,
// the catalog is as if nobody had scanned.

namespace mixtape::catalog {
namespace {

constexpr std::uint64_t kMember = 1024;

class RecoveryScannedTest : public RecoveryTest {
 protected:
  // An archive like no other.
  static Bytes header_of(std::string_view word) {
    Bytes header(184, std::byte{7});
    const Uuid nonce = uuid_of(word);
    std::copy(nonce.begin(), nonce.end(), header.end() - sizeof(Uuid));
    return header;
  }
  struct Member {
    std::string path, word;
  };
  static void give_header(Machine& machine, BundleId bundle, std::string_view archive) {
    Statement(machine.database, "UPDATE main.bundle SET archive_header = ?2 WHERE id = ?1")
        .bind(1, number(bundle))
        .bind(2, header_of(archive))
        .run();
  }
  // A job of the machine that writes these files into an archive of their own.
  void write(MediumId medium, std::string_view archive, const std::vector<Member>& members) {
    const Job job = machine_.begin();
    std::vector<ContentId> contents;
    for (const Member& member : members) {
      machine_.add_file(job, member.path, member.word);
      contents.push_back(machine_.content(member.word));
    }
    give_header(machine_, machine_.write(job, medium, contents), archive);
    machine_.ledger.finish_job(job.id, machine_.now);
  }
  static std::vector<std::vector<FoundIndex>> either_order(const FoundIndex& index,
                                                           const FoundIndex& scan) {
    return {{index, scan}, {scan, index}};
  }
  static std::vector<Version> history_of(Machine& machine, std::string_view name) {
    const auto path = machine.tree.find_path(name);
    EXPECT_TRUE(path) << name;
    return path ? machine.tree.history(*path) : std::vector<Version>{};
  }
  static Medium medium_of(const Uuid& uuid, std::string_view label) {
    Medium medium;
    medium.uuid = uuid;
    medium.label = label;
    medium.kind = "dir";
    medium.record_size = 1 << 20;
    return medium;
  }
  FoundIndex scan_of(const Uuid& catalog, std::string_view label, std::string_view archive,
                     const std::vector<Member>& members) {
    return scan_of(catalog, uuid_of(label), label, archive, members);
  }
  FoundIndex scan_of(const Uuid& catalog, const Uuid& uuid, std::string_view label,
                     std::string_view archive, const std::vector<Member>& members) {
    ScannedMedium scanned(directory / ("scan-" + std::to_string(++scans_)), medium_of(uuid, label),
                          catalog, "recover --scan");
    scanned.begin({.header = header_of(archive),
                   .number = 1,
                   .tape_file = 2,
                   .first_block = 77,
                   .plain_bytes = kMember * (members.size() + 1)});
    std::uint64_t offset = 0;
    for (const Member& member : members) {
      scanned.add(member.path, file_metadata(),
                  ScannedMedium::Content{.size = member.word.size(),
                                         .hash = hash_of(member.word),
                                         .member_offset = offset,
                                         .data_offset = offset + 512,
                                         .stored_size = member.word.size()});
      offset += kMember;
    }
    (void)scanned.end(1000, 5'000'000'000);
    return scanned.finish(5'000'000'000);
  }

  Machine machine_ = Machine(directory.path(), "lost");
  int scans_ = 0;
};

TEST_F(RecoveryScannedTest, AloneItIsAsGoodAsAnIndex) {
  const FoundIndex scan =
      scan_of(uuid_of("catalog"), "MX1", "archive", {{"photos/a", "aaaa"}, {"photos/b", "bbb"}});
  Machine got = reopened(recovered({scan}));
  const auto path = got.tree.find_path("photos/a");
  ASSERT_TRUE(path);
  const auto version = got.tree.at({}, *path);
  ASSERT_TRUE(version);
  EXPECT_EQ(version->hash, hash_of("aaaa"));
  const std::vector<CopyPlace> places = got.ledger.places(*version->content);
  ASSERT_EQ(places.size(), 1U);
  EXPECT_EQ(places[0].bundle.archive_block, 77U);
  EXPECT_EQ(places[0].bundle.archive_header, header_of("archive"));
  EXPECT_TRUE(is_scanned(places[0].bundle));
}

TEST_F(RecoveryScannedTest, TwiceIsOnce) {
  const auto scan = [&] {
    return scan_of(uuid_of("catalog"), "MX1", "archive", {{"photos/a", "aaaa"}});
  };
  EXPECT_EQ(all_facts(recovered_one_by_one({scan(), scan()})), all_facts(recovered({scan()})));
}

TEST_F(RecoveryScannedTest, AnIndexOfTheSameArchiveTakesItsPlaceInAnyOrder) {
  write(machine_.add_medium("MX1"), "one", {{"photos/a", "aaaa"}, {"photos/b", "bbb"}});
  const FoundIndex index = closing(machine_, "MX1");
  const FoundIndex scan = scan_of(machine_.ledger.catalog_uuid(), "MX1", "one",
                                  {{"photos/a", "aaaa"}, {"photos/b", "bbb"}});
  const std::vector<std::string> truth = all_facts(recovered({index}));
  EXPECT_EQ(all_facts(recovered_one_by_one({index, scan})), truth);
  EXPECT_EQ(all_facts(recovered_one_by_one({scan, index})), truth);
  EXPECT_EQ(all_facts(recovered_one_by_one({scan, index, scan})), truth);
  EXPECT_EQ(all_facts(recovered({scan, index})), truth);
}

TEST_F(RecoveryScannedTest, AnotherCopyOfAKnownVersionIsACopyAndNoVersion) {
  write(machine_.add_medium("MX1"), "one", {{"photos/a", "aaaa"}});
  const FoundIndex index = closing(machine_, "MX1");
  const FoundIndex scan =
      scan_of(machine_.ledger.catalog_uuid(), "MX2", "two", {{"photos/a", "aaaa"}});
  for (const auto& order : either_order(index, scan)) {
    Machine got = reopened(recovered_one_by_one(order));
    const std::vector<Version> versions = history_of(got, "photos/a");
    ASSERT_EQ(versions.size(), 1U);
    EXPECT_EQ(got.ledger.places(*versions[0].content).size(), 2U);
  }
}

TEST_F(RecoveryScannedTest, WhatAnIndexOnlyPlannedTheScanHasRead) {
  const MediumId medium = machine_.add_medium("MX1");
  const Job job = machine_.begin();
  const ContentId unhashed = machine_.ledger.add_content(4, std::nullopt);
  machine_.add_file(job, "photos/a", unhashed);
  const BundleId bundle = machine_.plan(job, medium, {unhashed});
  give_header(machine_, bundle, "one");
  const FoundIndex index = index_of(machine_, IndexRole::bundle, "MX1", bundle);
  const FoundIndex scan =
      scan_of(machine_.ledger.catalog_uuid(), "MX1", "one", {{"photos/a", "aaaa"}});
  for (const auto& order : either_order(index, scan)) {
    Machine got = reopened(recovered_one_by_one(order));
    const std::vector<Version> versions = history_of(got, "photos/a");
    ASSERT_EQ(versions.size(), 1U);
    EXPECT_EQ(versions[0].hash, hash_of("aaaa"));
    const std::vector<CopyPlace> places = got.ledger.places(*versions[0].content);
    ASSERT_EQ(places.size(), 1U);
    EXPECT_FALSE(is_scanned(places[0].bundle));
  }
}

TEST_F(RecoveryScannedTest, WhatHappenedToAScannedVersionStaysWhenItGivesWay) {
  write(machine_.add_medium("MX1"), "one", {{"photos/a", "aaaa"}});
  const FoundIndex index = closing(machine_, "MX1");
  const std::filesystem::path to =
      recovered({scan_of(machine_.ledger.catalog_uuid(), "MX1", "one", {{"photos/a", "aaaa"}})});
  {
    Machine life = reopened(to);
    life.now = machine_.now + 1000;
    const Job later = life.begin(JobKind::forget);
    life.end(later, "photos/a");
    life.ledger.finish_job(later.id, life.now);
  }
  (void)recover_catalog({index}, to);
  Machine got = reopened(to);
  const auto path = got.tree.find_path("photos/a");
  ASSERT_TRUE(path);
  EXPECT_FALSE(got.tree.at({}, *path));
  EXPECT_EQ(got.tree.history(*path).size(), 1U);
}

std::vector<std::string> labels_of(const std::filesystem::path& file) {
  std::vector<std::string> labels;
  Database catalog(file, Database::Mode::read_only);
  Statement query(catalog, "SELECT label FROM medium ORDER BY label");
  while (query.step()) {
    labels.push_back(query.text(0));
  }
  return labels;
}

TEST_F(RecoveryScannedTest, AnotherLabelInPlainTextRenamesNoKnownMedium) {
  (void)machine_.add_medium("MX1");
  (void)machine_.add_medium("MX2");
  const FoundIndex index = closing(machine_, "MX1");
  const Uuid catalog = machine_.ledger.catalog_uuid();
  for (const char* label : {"AA1", "ZZ9", "MX2"}) {
    const FoundIndex scan = scan_of(catalog, uuid_of("MX1"), label, "one", {{"a", "aaaa"}});
    for (const auto& order : either_order(index, scan)) {
      EXPECT_EQ(labels_of(recovered_one_by_one(order)), (std::vector<std::string>{"MX1", "MX2"}))
          << label;
    }
  }
}

TEST_F(RecoveryScannedTest, AnotherMediumThatClaimsALabelDoesNotGetIt) {
  (void)machine_.add_medium("MX1");
  const FoundIndex index = closing(machine_, "MX1");
  for (const Uuid& uuid : {Uuid{}, uuid_of("another")}) {
    const FoundIndex scan =
        scan_of(machine_.ledger.catalog_uuid(), uuid, "MX1", "one", {{"a", "aaaa"}});
    Machine got = reopened(recovered_one_by_one({index, scan}));
    EXPECT_EQ(got.ledger.medium("MX1")->uuid, uuid_of("MX1"));
  }
}

TEST_F(RecoveryScannedTest, ACloneOfAMediumIsAnotherCopy) {
  write(machine_.add_medium("MX1"), "one", {{"photos/a", "aaaa"}});
  const FoundIndex index = closing(machine_, "MX1");
  const FoundIndex scan =
      scan_of(machine_.ledger.catalog_uuid(), "CLONE", "one", {{"photos/a", "aaaa"}});
  for (const auto& order : either_order(index, scan)) {
    Machine got = reopened(recovered_one_by_one(order));
    const std::vector<Version> versions = history_of(got, "photos/a");
    ASSERT_EQ(versions.size(), 1U);
    EXPECT_EQ(got.ledger.places(*versions[0].content).size(), 2U);
  }
}

// As repack writes what has several versions.
TEST_F(RecoveryScannedTest, ANameThatStandsTwiceInAnArchiveHasTwoVersions) {
  const FoundIndex scan =
      scan_of(uuid_of("catalog"), "MX1", "one",
              {{"a", "old"}, {"b/c", "cc"}, {"a", "new"}, {"a/below", "it is a directory"}});
  for (const auto& order : {std::vector{scan}, std::vector{scan, scan}}) {
    Machine got = reopened(recovered_one_by_one(order));
    std::vector<std::optional<Hash>> hashes;
    for (const Version& version : got.tree.history(*got.tree.find_path("a"))) {
      hashes.push_back(version.hash);
    }
    EXPECT_THAT(hashes, testing::IsSupersetOf(
                            {std::optional(hash_of("old")), std::optional(hash_of("new"))}));
    EXPECT_TRUE(S_ISDIR(got.tree.at({}, *got.tree.find_path("a"))->metadata.mode));
    EXPECT_TRUE(got.tree.at({}, *got.tree.find_path("a/below")));
    EXPECT_EQ(got.tree.history(*got.tree.find_path("b/c")).size(), 1U);
  }
}

TEST_F(RecoveryScannedTest, TheLaterMemberOfANameIsTheNewer) {
  Machine got = reopened(recovered(
      {scan_of(uuid_of("catalog"), "MX1", "one", {{"a", "old"}, {"z", "zz"}, {"a", "new"}})}));
  EXPECT_EQ(got.tree.at({}, *got.tree.find_path("a"))->hash, hash_of("new"));
  EXPECT_EQ(got.tree.history(*got.tree.find_path("a")).size(), 2U);
}

TEST_F(RecoveryScannedTest, AnOlderMemberNeverStandsInFrontOfWhatAnIndexTells) {
  write(machine_.add_medium("MX1"), "one", {{"a", "new"}});
  const FoundIndex index = closing(machine_, "MX1");
  const FoundIndex scan =
      scan_of(machine_.ledger.catalog_uuid(), "MX2", "two", {{"a", "old"}, {"a", "new"}});
  for (const auto& order : either_order(index, scan)) {
    Machine got = reopened(recovered_one_by_one(order));
    EXPECT_EQ(got.tree.at({}, *got.tree.find_path("a"))->hash, hash_of("new"));
  }
}

TEST_F(RecoveryScannedTest, AllJobsOfAnArchiveGiveWayToItsIndex) {
  machine_.now += 1000;  // At a time that no job of the scan has.
  const MediumId medium = machine_.add_medium("MX1");
  write(medium, "zero", {{"a", "old"}});
  write(medium, "one", {{"a", "new"}});
  const FoundIndex index = closing(machine_, "MX1");
  const FoundIndex scan =
      scan_of(machine_.ledger.catalog_uuid(), "MX1", "one", {{"a", "old"}, {"a", "new"}});
  const std::vector<std::string> truth = all_facts(recovered({index}));
  EXPECT_EQ(all_facts(recovered_one_by_one({scan, index})), truth);
  EXPECT_EQ(all_facts(recovered_one_by_one({index, scan})), truth);
}

TEST_F(RecoveryScannedTest, HardLinksWaitWithinABoundOfMemory) {
  constexpr std::size_t kLinks = 3000;
  ScannedMedium scanned(directory / "links", medium_of(uuid_of("MX1"), "MX1"), uuid_of("catalog"),
                        "recover --scan");
  scanned.begin({.header = header_of("one"),
                 .number = 1,
                 .tape_file = 2,
                 .first_block = 77,
                 .plain_bytes = 4 * kMember});
  scanned.add("file", file_metadata(),
              ScannedMedium::Content{.size = 4,
                                     .hash = hash_of("aaaa"),
                                     .member_offset = 0,
                                     .data_offset = 512,
                                     .stored_size = 4});
  Metadata large = file_metadata();
  large.xattrs = {{"user.large", std::string(60'000, 'x')}};
  for (std::size_t i = 0; i < kLinks; ++i) {
    ASSERT_TRUE(scanned.add_link("link" + std::to_string(i), large, "file"));
    ASSERT_LE(scanned.waiting_bytes(), ScannedMedium::kMostWaiting);
  }
  (void)scanned.end(1000, 5'000'000'000);
  Machine got = reopened(recovered({scanned.finish(5'000'000'000)}));
  const auto version_of = [&](const std::string& path) {
    return got.tree.at({}, *got.tree.find_path(path)).value();
  };
  const Version file = version_of("file");
  for (const char* link : {"link0", "link1500", "link2999"}) {
    EXPECT_EQ(version_of(link).hash, hash_of("aaaa")) << link;
    EXPECT_EQ(version_of(link).inode, file.inode) << link;
  }
}

}  // namespace
}  // namespace mixtape::catalog
