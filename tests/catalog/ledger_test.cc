// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/ledger.h"

#include <limits>

#include "engine/catalog/rows.h"
#include "tests/catalog/catalog_fixture.h"

// Jobs, media, bundles, hashes.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class LedgerTest : public CatalogTest {
 protected:
  MediumId medium = machine.add_medium("MX1");
};

// --- Jobs

TEST_F(LedgerTest, JobsNeverStartInTheSameSecond) {
  const Job one = ledger.begin_job(JobKind::backup, "backup", 100);
  const Job two = ledger.begin_job(JobKind::backup, "backup", 100);
  const Job three = ledger.begin_job(JobKind::flush, "flush", 100);
  EXPECT_THAT((std::vector{one.started_s, two.started_s, three.started_s}),
              ElementsAre(100, 101, 102));
  EXPECT_NE(one.uuid, two.uuid);
}

TEST_F(LedgerTest, OnlyFinishedJobsAreSnapshots) {
  const Job one = machine.begin();
  const Job two = machine.begin();
  ledger.finish_job(two.id, machine.now);
  ASSERT_THAT(tree.snapshots(), SizeIs(1));
  EXPECT_EQ(tree.snapshots().front().uuid, two.uuid);
  EXPECT_EQ(tree.snapshot_at(two.started_s)->id, two.id);
  EXPECT_FALSE(tree.snapshot_at(one.started_s));
  EXPECT_EQ(tree.job_at(two.started_s + 1000)->id, two.id);
  EXPECT_FALSE(tree.job_at(two.started_s - 1));
}

TEST_F(LedgerTest, JobThatLeftSomethingCannotBeDropped) {
  const Job one = machine.begin();
  const PathId path = machine.add_file(one, "a", "A");
  EXPECT_EQ(code_thrown_by([&] { ledger.drop_job(one.id); }), ErrorCode::conflict);
  const Job two = machine.begin();
  ledger.end_version(two.id, path);
  const Job three = machine.begin();
  ledger.drop_job(three.id);
  EXPECT_THAT(tree.snapshots(), IsEmpty());
}

TEST_F(LedgerTest, AProposedJobIsThereFromItsFirstVersionOnOrWhenItIsEntered) {
  const auto jobs = [&] {
    Statement count(machine.database, "SELECT count(*) FROM job");
    count.step();
    return count.integer(0);
  };
  const Job before = machine.begin();
  Transaction transaction(machine.database);
  const auto propose = [&] {
    return ledger.propose_job(JobKind::backup, "backup", before.started_s);
  };
  const Job idle = propose();
  EXPECT_EQ(jobs(), 1);
  ledger.drop_job(idle.id);
  const Job next = propose();
  EXPECT_EQ(next.id, idle.id);
  EXPECT_GT(next.started_s, before.started_s);
  machine.add_file(next, "a", "A");
  EXPECT_EQ(jobs(), 2);
  ledger.enter_job(next.id);
  EXPECT_EQ(jobs(), 2);
  const Job copies = propose();
  ledger.enter_job(copies.id);
  EXPECT_EQ(jobs(), 3);
  ledger.finish_job(copies.id, before.started_s + 5);
  transaction.commit();
  EXPECT_EQ(code_thrown_by([&] { ledger.drop_job(next.id); }), ErrorCode::conflict);
}

TEST_F(LedgerTest, AProposalEndsWithItsTransaction) {
  {
    Transaction given_up(machine.database);
    (void)ledger.propose_job(JobKind::backup, "never", 1'700'000'000);
  }
  const Job job = machine.begin();
  ledger.enter_job(job.id);
  machine.add_file(job, "a", "A");
  Statement command(machine.database, "SELECT command FROM job");
  ASSERT_TRUE(command.step());
  EXPECT_EQ(command.text(0), "backup");
  EXPECT_FALSE(command.step());
}

TEST_F(LedgerTest, CrashSettlesPlansAndJobsOnce) {
  const Job empty = machine.begin();
  const Job busy = machine.begin();
  machine.add_file(busy, "a", "A");
  const BundleId bundle = machine.plan(busy, medium, {machine.content("A")});
  EXPECT_EQ(ledger.settle_unfinished(), 1u);
  EXPECT_EQ(ledger.bundle(bundle)->state, BundleState::abandoned);
  EXPECT_THAT(ledger.copies_in(bundle), IsEmpty());
  ASSERT_THAT(tree.snapshots(), SizeIs(1));
  EXPECT_EQ(tree.snapshots().front().finished_s, busy.started_s);
  EXPECT_FALSE(tree.snapshot_at(empty.started_s));
  EXPECT_EQ(ledger.settle_unfinished(), 0u);
}

TEST_F(LedgerTest, NoJobFollowsOneWhoseNumberIsTheLast) {
  (void)machine.begin();
  const auto renumber = [&](std::int64_t to) {
    Statement(machine.database, "UPDATE job SET id = ?").bind(1, to).run();
  };
  renumber(kMaxJobs - 1);
  EXPECT_EQ(machine.begin().id, JobId{kMaxJobs});
  EXPECT_EQ(code_thrown_by([&] { (void)machine.begin(); }), ErrorCode::corrupt);
  Statement(machine.database, "DELETE FROM job WHERE id = ?").bind(1, kMaxJobs).run();
  machine.database.execute("PRAGMA ignore_check_constraints = ON");  // As damage does.
  renumber(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(code_thrown_by([&] { (void)machine.begin(); }), ErrorCode::corrupt);
}

TEST_F(LedgerTest, SequenceGrows) {
  const std::uint64_t first = ledger.next_sequence();
  EXPECT_GT(ledger.next_sequence(), first);
}

// --- Media

TEST_F(LedgerTest, AClosingIndexThatWasNeverBegunHereIsNotOwn) {
  const MediumId one = machine.add_medium("MX7");
  EXPECT_TRUE(ledger.may_be_own_closing_index(one, 5)) << "nothing is known of it";
  ledger.begin_closing_index(one, 5);
  ledger.end_closing_index(one, 5, 0);
  EXPECT_TRUE(ledger.may_be_own_closing_index(one, 5));
  EXPECT_FALSE(ledger.may_be_own_closing_index(one, 4));
  EXPECT_FALSE(ledger.may_be_own_closing_index(one, 6));
  ledger.begin_closing_index(one, 9);
  EXPECT_TRUE(ledger.may_be_own_closing_index(one, 9)) << "it may have come to its end";
  EXPECT_TRUE(ledger.may_be_own_closing_index(one, 5)) << "or not have begun";
  EXPECT_FALSE(ledger.may_be_own_closing_index(one, 6));
}

TEST_F(LedgerTest, AClosingIndexEndsNoNewsThatCameAfterItWasExported) {
  const MediumId one = machine.add_medium("MX7");
  ledger.add_news();
  const std::int64_t told = ledger.news();
  ledger.add_news();
  ledger.end_closing_index(one, 5, told);
  EXPECT_TRUE(ledger.has_news());
  ledger.end_closing_index(one, 6, ledger.news());
  EXPECT_FALSE(ledger.has_news());
  ledger.add_news();
  ledger.end_closing_index(one, 7, told);
  EXPECT_TRUE(ledger.has_news()) << "no number comes again";
  ledger.end_closing_index(one, 8, ledger.news());
  ledger.end_closing_index(one, 9, ledger.news());
  EXPECT_FALSE(ledger.has_news());
}

TEST_F(LedgerTest, LabelsAndUuidsOfMediaAreUnique) {
  EXPECT_EQ(code_thrown_by([&] { machine.add_medium("MX1"); }), ErrorCode::conflict);
  const MediumId other = machine.add_medium("MX2");
  EXPECT_EQ(code_thrown_by([&] { ledger.set_medium_label(other, "MX1"); }), ErrorCode::conflict);
  ledger.set_medium_label(other, "MX2");
  ledger.set_medium_label(other, "MX3");
  EXPECT_EQ(ledger.medium("MX3")->id, other);
  EXPECT_FALSE(ledger.medium("MX2"));
}

TEST_F(LedgerTest, MediaKeepWhatTheyAreTold) {
  ledger.set_medium_state(medium, MediumState::full);
  ledger.set_medium_location(medium, "shelf B");
  ledger.set_medium_capacity(medium, 123);
  const Medium row = *ledger.medium(medium);
  EXPECT_EQ(row.state, MediumState::full);
  EXPECT_EQ(row.location, "shelf B");
  EXPECT_EQ(row.capacity_bytes, 123u);
  EXPECT_EQ(row.uuid, uuid_of("MX1"));
  EXPECT_EQ(code_thrown_by([&] { ledger.set_medium_location(MediumId{99}, ""); }),
            ErrorCode::not_found);
}

// --- Bundles

TEST_F(LedgerTest, NothingIsACopyBeforeItsBundleIsWritten) {
  const Job job = machine.begin();
  const ContentId content = machine.content("A");
  const BundleId bundle = machine.plan(job, medium, {content});
  EXPECT_THAT(ledger.places(content), IsEmpty());
  EXPECT_THAT(ledger.bundles(medium), IsEmpty());
  ledger.commit_bundle(bundle, machine.outcome(1));
  ASSERT_THAT(ledger.places(content), SizeIs(1));
  const CopyPlace place = ledger.places(content).front();
  EXPECT_EQ(place.copy.data_offset, 512u);
  EXPECT_EQ(place.copy.stored_size, 1u);
  EXPECT_FALSE(place.copy.sparse);
  EXPECT_EQ(place.bundle.archive_block, 77u);
  EXPECT_EQ(place.bundle.archive_header, Bytes(200, std::byte{7}));
  EXPECT_EQ(place.medium.label, "MX1");
}

TEST_F(LedgerTest, BundleNumbersFollowTheLastWrittenOne) {
  const Job job = machine.begin();
  const BundleId one = machine.write(job, medium, {machine.content("A")});
  const BundleId lost = machine.plan(job, medium, {machine.content("B")});
  EXPECT_EQ(ledger.bundle(lost)->number, 2u);
  ledger.abandon_bundle(lost);
  const BundleId two = machine.write(job, medium, {machine.content("B")});
  EXPECT_EQ(ledger.bundle(one)->number, 1u);
  EXPECT_EQ(ledger.bundle(two)->number, 2u);
  EXPECT_EQ(ledger.bundle(ledger.bundle(two)->uuid)->id, two);
}

TEST_F(LedgerTest, BundleIsCommittedOrAbandonedOnce) {
  const Job job = machine.begin();
  const BundleId bundle = machine.write(job, medium, {machine.content("A")});
  EXPECT_EQ(code_thrown_by([&] { ledger.commit_bundle(bundle, machine.outcome(1)); }),
            ErrorCode::conflict);
  EXPECT_EQ(code_thrown_by([&] { ledger.abandon_bundle(bundle); }), ErrorCode::conflict);
  EXPECT_THAT(ledger.copies_in(bundle), SizeIs(1));
}

TEST_F(LedgerTest, EntriesBehindAnEarlyEndDoNotExist) {
  for (const std::int64_t off_by : {-1, 0, 1}) {
    const Job job = machine.begin();
    const std::string mark = std::to_string(off_by);
    const std::vector<ContentId> contents{machine.content("first" + mark),
                                          machine.content("second" + mark)};
    const BundleId bundle = machine.plan(job, medium, contents);
    Ledger::Outcome outcome = machine.outcome(2);
    const std::uint64_t end = Machine::kMember + 512 + ("second" + mark).size();
    outcome.plain_bytes_written = end + static_cast<std::uint64_t>(off_by);
    ledger.commit_bundle(bundle, outcome);
    EXPECT_THAT(ledger.places(contents[0]), SizeIs(1));
    EXPECT_THAT(ledger.places(contents[1]), SizeIs(off_by < 0 ? 0 : 1));
    EXPECT_EQ(ledger.bundle(bundle)->plain_bytes, outcome.plain_bytes_written);
  }
}

TEST_F(LedgerTest, FileThatChangedWhileItWasWrittenIsNoCopy) {
  const Job job = machine.begin();
  machine.add_file(job, "a", "changed");
  const ContentId content = machine.content("changed");
  const BundleId bundle = machine.plan(job, medium, {content});
  Ledger::Outcome outcome = machine.outcome(1);
  outcome.bad = {content};
  ledger.commit_bundle(bundle, outcome);
  EXPECT_THAT(ledger.places(content), IsEmpty());
  EXPECT_THAT(machine.shown(), IsEmpty());
  ASSERT_THAT(ledger.copies_in(bundle), SizeIs(1));
  EXPECT_EQ(ledger.copies_in(bundle).front().state, CopyState::bad);
}

TEST_F(LedgerTest, CopiesComeByOffsetAlsoAfterOlderContents) {
  const Job job = machine.begin();
  const ContentId a = machine.content("A"), b = machine.content("B"), c = machine.content("C");
  const BundleId bundle = machine.write(job, medium, {c, a, b});
  std::vector<ContentId> order;
  for (const Copy& copy : ledger.copies_in(bundle)) {
    order.push_back(copy.content);
  }
  EXPECT_THAT(order, ElementsAre(c, a, b));
}

TEST_F(LedgerTest, SparseMembersKeepTheirStoredSize) {
  const Job job = machine.begin();
  const ContentId content = machine.content("sparse", 1'000'000);
  Bundle bundle;
  bundle.uuid = uuid_of("sparse bundle");
  bundle.medium = medium;
  bundle.job = job.id;
  Copy copy;
  copy.content = content;
  copy.member_offset = 1536;
  copy.data_offset = 4096;
  copy.stored_size = 4608;
  copy.sparse = true;
  const BundleId id = ledger.plan_bundle(bundle, {copy});
  const Copy row = ledger.copies_in(id).front();
  EXPECT_TRUE(row.sparse);
  EXPECT_EQ(row.stored_size, 4608u);
  EXPECT_EQ(row.member_offset, 1536u);
  EXPECT_EQ(row.data_offset, 4096u);
}

TEST_F(LedgerTest, PlacesPreferMediaInUseAndSkipLostOnesAndBadCopies) {
  const MediumId second = machine.add_medium("MX2"), third = machine.add_medium("MX3"),
                 fourth = machine.add_medium("MX4");
  const Job job = machine.begin();
  const ContentId content = machine.content("A");
  for (const MediumId id : {medium, second, third}) {
    machine.write(job, id, {content});
  }
  const BundleId bad = machine.write(job, fourth, {content});
  ledger.set_medium_state(medium, MediumState::retired);
  ledger.set_medium_state(second, MediumState::lost);
  ledger.mark_damaged(content, bad, 4000, "it is damaged");
  std::vector<std::string> labels;
  for (const CopyPlace& place : ledger.places(content)) {
    labels.push_back(place.medium.label);
  }
  EXPECT_THAT(labels, ElementsAre("MX3", "MX1"));
  ledger.mark_verified(content, bad, 4242);
  EXPECT_EQ(ledger.places(content)[1].medium.label, "MX4");
  EXPECT_EQ(ledger.places(content)[1].copy.verified_s, 4242);
  EXPECT_EQ(code_thrown_by([&] { ledger.mark_verified(ContentId{99}, bad, 1); }),
            ErrorCode::not_found);
}

TEST_F(LedgerTest, DamageIsKnownPerCopyWithTimeAndWordsUntilTheCopyIsVerified) {
  const MediumId second = machine.add_medium("MX2");
  const Job job = machine.begin();
  const ContentId content = machine.content("A");
  const BundleId spoilt = machine.write(job, medium, {content});
  machine.write(job, second, {content});
  EXPECT_THAT(ledger.damaged(content), IsEmpty());
  for (const Ledger::LastVerified& each : ledger.last_verified()) {
    EXPECT_EQ(each.damaged, 0u);
  }
  ledger.mark_damaged(content, spoilt, 4000, "chunk 7 is damaged");
  ASSERT_THAT(ledger.damaged(content), SizeIs(1));
  const Ledger::Damaged damaged = ledger.damaged(content).front();
  EXPECT_EQ(damaged.place.medium.id, medium);
  EXPECT_EQ(damaged.place.bundle.id, spoilt);
  EXPECT_EQ(damaged.found_s, 4000);
  EXPECT_EQ(damaged.found, "chunk 7 is damaged");
  for (const Ledger::LastVerified& each : ledger.last_verified()) {
    EXPECT_EQ(each.damaged, each.medium == medium ? 1u : 0u);
    EXPECT_EQ(each.last_found_s, each.medium == medium ? 4000 : 0);
  }
  ledger.mark_verified(content, spoilt, 5000);
  EXPECT_THAT(ledger.damaged(content), IsEmpty());
  EXPECT_THAT(ledger.places(content), SizeIs(2));
  EXPECT_EQ(code_thrown_by([&] { ledger.mark_damaged(ContentId{99}, spoilt, 1, ""); }),
            ErrorCode::not_found);
}

TEST_F(LedgerTest, ADamagedCopyIsReadOnlyWhereThereIsNoOther) {
  const MediumId second = machine.add_medium("MX2");
  const Job job = machine.begin();
  const ContentId content = machine.content("A");
  const BundleId one = machine.write(job, medium, {content});
  const BundleId two = machine.write(job, second, {content});
  const auto read_from = [&] {
    std::vector<BundleId> bundles;
    for (const CopyPlace& place : ledger.places_to_read(content)) {
      bundles.push_back(place.bundle.id);
    }
    return bundles;
  };
  ledger.mark_damaged(content, one, 4000, "");
  EXPECT_THAT(read_from(), ElementsAre(two));
  ledger.mark_damaged(content, two, 4001, "");
  EXPECT_THAT(ledger.places(content), IsEmpty());
  EXPECT_THAT(read_from(), ElementsAre(one, two));
}

TEST_F(LedgerTest, ManyContentsAreFoundInOneGoWhereEachOfThemIs) {
  const MediumId second = machine.add_medium("MX2"), lost = machine.add_medium("MX3");
  const Job job = machine.begin();
  std::vector<ContentId> all;
  for (int i = 0; i < 60; ++i) {
    all.push_back(machine.content("content " + std::to_string(i), 1 + i));
  }
  const auto some = [&](int of) {
    std::vector<ContentId> chosen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i % of == 0) {
        chosen.push_back(all[i]);
      }
    }
    return chosen;
  };
  const BundleId one = machine.write(job, medium, some(2));
  machine.write(job, second, some(3));
  machine.write(job, lost, some(5));
  machine.write(job, medium, some(7));
  ledger.set_medium_state(lost, MediumState::lost);
  ledger.set_medium_state(medium, MediumState::retired);
  ledger.mark_damaged(all[6], one, 4000, "");
  ledger.mark_damaged(all[8], one, 4000, "");  // It has no other copy.
  // Neighbours, single ones, ones that no bundle holds, and none at all.
  for (const auto& wanted : {all, some(2), some(11), some(59), std::vector{all[1]}, {}}) {
    std::vector<std::pair<ContentId, BundleId>> expected, found;
    for (const ContentId content : wanted) {
      for (const CopyPlace& place : ledger.places_to_read(content)) {
        expected.emplace_back(content, place.bundle.id);
      }
    }
    ledger.places_to_read(wanted, [&](std::size_t which, const CopyPlace& place) {
      EXPECT_EQ(place.copy.content, wanted[which]);
      EXPECT_EQ(place.copy.bundle, place.bundle.id);
      EXPECT_EQ(place.medium.id, place.bundle.medium);
      found.emplace_back(wanted[which], place.bundle.id);
    });
    EXPECT_EQ(found, expected);
  }
}

// --- Hashes

TEST_F(LedgerTest, OnlyHashedContentsMakeASizeKnown) {
  const ContentId content = ledger.add_content(1234, std::nullopt);
  EXPECT_FALSE(ledger.size_known(1234));
  EXPECT_EQ(ledger.set_hash(content, hash_of("x")), content);
  EXPECT_TRUE(ledger.size_known(1234));
  EXPECT_EQ(ledger.find_content(1234, hash_of("x")), content);
  EXPECT_FALSE(ledger.find_content(1235, hash_of("x")));
  EXPECT_EQ(code_thrown_by([&] { (void)ledger.set_hash(content, hash_of("y")); }),
            ErrorCode::conflict);
}

TEST_F(LedgerTest, HashesThatShareTheirFirstBytesAreDifferent) {
  Hash one = hash_of("x"), two = one;
  two[31] ^= std::byte{1};
  const ContentId first = ledger.add_content(10, one), second = ledger.add_content(10, two);
  EXPECT_EQ(ledger.find_content(10, one), first);
  EXPECT_EQ(ledger.find_content(10, two), second);
}

TEST_F(LedgerTest, ContentsThatTurnOutEqualBecomeOne) {
  const Job job = machine.begin();
  const ContentId a = ledger.add_content(100, std::nullopt),
                  b = ledger.add_content(100, std::nullopt),
                  c = ledger.add_content(100, std::nullopt);
  const PathId path_b = machine.add_file(job, "b", b);
  machine.add_file(job, "a", a);
  machine.add_file(job, "c", c);
  ledger.add_version(job.id, ledger.path("link to b"), file_metadata(), b, kStagingRoot,
                     VersionKey{path_b, job.id});
  const BundleId bundle = machine.plan(job, medium, {a, b, c});
  Ledger::Outcome outcome = machine.outcome(3);
  outcome.hashes = {{c, hash_of("same")}, {b, hash_of("same")}, {a, hash_of("same")}};
  ledger.commit_bundle(bundle, outcome);
  EXPECT_THAT(ledger.copies_in(bundle), SizeIs(1));
  EXPECT_THAT(machine.shown(), ElementsAre("a 100", "b 100", "c 100", "link to b 100"));
  const auto at = [&](const char* path) { return *tree.at({}, *tree.find_path(path)); };
  EXPECT_EQ(at("a").content, a);
  EXPECT_EQ(at("b").content, a);
  EXPECT_EQ(at("c").content, a);
  EXPECT_EQ(at("b").inode, at("link to b").inode);
  EXPECT_NE(at("a").inode, at("b").inode);
  EXPECT_NE(at("b").inode, at("c").inode);
  EXPECT_EQ(at("b").inode / 4096, at("a").inode / 4096);
  EXPECT_EQ(check_catalog(machine.database), "");
}

TEST_F(LedgerTest, ShownVersionKeepsItsInodeWhenItsContentIsFoundElsewhere) {
  const Job job = machine.begin();
  machine.add_file(job, "a", "same");
  machine.write(job, medium, {machine.content("same")});
  const ContentId unhashed = ledger.add_content(4, std::nullopt);
  const PathId path = machine.add_file(job, "b", unhashed);
  machine.write(job, machine.add_medium("MX2"), {unhashed});
  const std::uint64_t inode = tree.at({}, path)->inode;
  EXPECT_EQ(ledger.set_hash(unhashed, hash_of("same")), machine.content("same"));
  EXPECT_EQ(tree.at({}, path)->inode, inode);
  EXPECT_EQ(tree.at({}, path)->content, machine.content("same"));
  EXPECT_THAT(ledger.places(machine.content("same")), SizeIs(2));
  EXPECT_GT(number(ledger.add_content(1, std::nullopt)), number(unhashed))
      << "a number was used twice";
}

TEST_F(LedgerTest, GoodCopyWinsWhenEqualContentsMeetInOneBundle) {
  const Job job = machine.begin();
  const ContentId a = ledger.add_content(4, std::nullopt),
                  b = ledger.add_content(4, hash_of("same"));
  const BundleId bundle = machine.plan(job, medium, {a, b});
  Ledger::Outcome outcome = machine.outcome(2);
  outcome.bad = {a};
  ledger.commit_bundle(bundle, outcome);
  EXPECT_EQ(ledger.set_hash(a, hash_of("same")), a);
  ASSERT_THAT(ledger.places(a), SizeIs(1));
  EXPECT_EQ(ledger.places(a).front().copy.member_offset, Machine::kMember);
}

TEST_F(LedgerTest, OfMediaLastReadInTheSameSecondTheOneThatWasNeverVerifiedIsDueFirst) {
  const MediumId one = machine.add_medium("MX8"), two = machine.add_medium("MX9");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  machine.add_file(job, "b", "B");
  const BundleId verified = machine.write(job, one, {machine.content("A")});
  const BundleId written = machine.write(job, two, {machine.content("B")});
  ledger.mark_verified(machine.content("A"), verified, ledger.bundle(written)->written_s.value());
  const auto due = ledger.last_verified();
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].oldest_s, due[1].oldest_s);
  EXPECT_EQ(due[0].medium, two);
}

}  // namespace
}  // namespace mixtape::catalog
