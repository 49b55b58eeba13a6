// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/catalog/recovery_world.h"

// Catalogs out of indexes.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(RecoveryTest, NewestClosingIndexIsTheLostCatalogRowByRow) {
  live_a_life(machine);
  const FoundIndex found = closing(machine, "MX2");
  EXPECT_EQ(all_rows(recovered({found})), all_rows(machine.catalog_db));
}

TEST_F(RecoveryTest, RecoveredCatalogIsSoundAndCanBeWritten) {
  live_a_life(machine);
  const auto before = machine.shown();
  Machine again = reopened(recovered({closing(machine, "MX2")}));
  EXPECT_EQ(check_catalog(again.database), "");
  EXPECT_EQ(again.shown(), before);
  again.now = machine.now;
  const Job job = again.begin();
  again.add_file(job, "home/me/new", "new");
  again.write_all(job, again.ledger.medium("MX1")->id);
  EXPECT_EQ(again.shown().size(), before.size() + 1);
}

TEST_F(RecoveryTest, AnyOrderOfMediaGivesTheSameCatalog) {
  const MediumId media[] = {machine.add_medium("MX1"), machine.add_medium("MX2"),
                            machine.add_medium("MX3")};
  std::vector<FoundIndex> found;
  for (int round = 0; round < 3; ++round) {
    const Job job = machine.begin();
    machine.add_file(job, "same", std::string(static_cast<std::size_t>(round) + 1, 'x'));
    machine.add_file(job, "only " + std::to_string(round), "word " + std::to_string(round));
    machine.add_file(job, "dir/file",
                     ledger.add_content(1000 + static_cast<std::uint64_t>(round), std::nullopt));
    std::vector<ContentId> contents;
    Statement query(machine.database, "SELECT id FROM content WHERE written = 0 ORDER BY id");
    while (query.step()) {
      contents.push_back(ContentId{query.integer(0)});
    }
    const BundleId bundle = machine.plan(job, media[round], contents);
    found.push_back(index_of(machine, IndexRole::bundle, "MX" + std::to_string(round + 1), bundle));
    Ledger::Outcome outcome = machine.outcome(contents.size());
    outcome.hashes = {{contents.back(), hash_of("late " + std::to_string(round))}};
    ledger.commit_bundle(bundle, outcome);
    if (round > 0) {
      machine.end(job, "only " + std::to_string(round - 1));
      ledger.mark_verified(contents.front(), bundle, machine.now);
    }
    ledger.finish_job(job.id, ++machine.now);
    found.push_back(closing(machine, "MX" + std::to_string(round + 1)));
  }
  const auto truth = all_facts(machine.catalog_db);
  std::vector<std::size_t> order{0, 1, 2, 3, 4, 5};
  std::size_t permutations = 0;
  do {
    std::vector<FoundIndex> permuted;
    for (const std::size_t i : order) {
      permuted.push_back(found[i]);
    }
    if (++permutations % 80 == 1) {
      ASSERT_EQ(all_facts(recovered_one_by_one(permuted)), truth) << "permutation " << permutations;
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(RecoveryTest, BundleIndexAloneKnowsItsArchiveOnlyIfThatExists) {
  const MediumId medium = machine.add_medium("MX1");
  const Job job = machine.begin();
  const ContentId unhashed = ledger.add_content(100, std::nullopt);
  const ContentId cut = ledger.add_content(200, std::nullopt);
  machine.add_file(job, "hashed", "hashed");
  machine.add_file(job, "unhashed", unhashed);
  machine.add_file(job, "cut", cut);
  const BundleId bundle = machine.plan(job, medium, {machine.content("hashed"), unhashed, cut});
  FoundIndex found = index_of(machine, IndexRole::bundle, "MX1", bundle);

  found.archive_plain_bytes = 2 * Machine::kMember + 512;
  const std::filesystem::path to = fresh();
  const Recovered recovered_counts = recover_catalog({found}, to);
  EXPECT_EQ(recovered_counts.unhashed, 1u);
  Machine with_archive = reopened(to);
  EXPECT_THAT(with_archive.shown(), ElementsAre("hashed 6", "unhashed 100"));
  EXPECT_FALSE(with_archive.tree.lookup({}, kRootPath, "unhashed")->version.hash);
  const auto place = with_archive.ledger.places(unhashed);
  ASSERT_EQ(place.size(), 1u);
  EXPECT_EQ(place.front().bundle.archive_block, 77u);
  EXPECT_EQ(place.front().bundle.plain_bytes, found.archive_plain_bytes);
  EXPECT_TRUE(with_archive.tree.lookup_bundle(place.front().bundle.id, kRootPath, "hashed"));

  found.bundle_exists = false;
  Machine without = reopened(recovered({found}));
  EXPECT_THAT(without.shown(), IsEmpty());
  EXPECT_EQ(without.ledger.bundle(bundle)->state, BundleState::abandoned);
  EXPECT_EQ(check_catalog(without.database), "");
}

TEST_F(RecoveryTest, ClosingIndexBringsTheHashesOfWhatWasUnhashed) {
  const MediumId medium = machine.add_medium("MX1");
  const Job job = machine.begin();
  const ContentId first = ledger.add_content(100, std::nullopt);
  const ContentId twin = ledger.add_content(100, std::nullopt);
  machine.add_file(job, "a", first);
  machine.add_file(job, "b", twin);
  const BundleId bundle = machine.plan(job, medium, {first, twin});
  const FoundIndex planned = index_of(machine, IndexRole::bundle, "MX1", bundle);
  Ledger::Outcome outcome = machine.outcome(2);
  outcome.hashes = {{first, hash_of("same")}, {twin, hash_of("same")}};
  ledger.commit_bundle(bundle, outcome);
  const FoundIndex closed = closing(machine, "MX1");
  const auto truth = all_facts(machine.catalog_db);
  EXPECT_EQ(all_facts(recovered_one_by_one({planned, closed})), truth);
  EXPECT_EQ(all_facts(recovered_one_by_one({closed, planned})), truth);
}

TEST_F(RecoveryTest, FileThatWasBadFromTheStartIsNotBelievedToBeWritten) {
  const MediumId medium = machine.add_medium("MX1");
  const Job job = machine.begin();
  machine.add_file(job, "a", "changed");
  const BundleId bundle = machine.plan(job, medium, {machine.content("changed")});
  const FoundIndex planned = index_of(machine, IndexRole::bundle, "MX1", bundle);
  Ledger::Outcome outcome = machine.outcome(1);
  outcome.bad = {machine.content("changed")};
  ledger.commit_bundle(bundle, outcome);
  const FoundIndex closed = closing(machine, "MX1");
  const auto truth = all_facts(machine.catalog_db);
  EXPECT_EQ(all_facts(recovered_one_by_one({planned, closed})), truth);
  EXPECT_EQ(all_facts(recovered_one_by_one({closed, planned})), truth);
}

TEST_F(RecoveryTest, DoingItTwiceChangesNothing) {
  live_a_life(machine);
  const FoundIndex found = closing(machine, "MX2");
  EXPECT_EQ(all_facts(recovered_one_by_one({found, found, found})), all_facts(recovered({found})));
}

TEST_F(RecoveryTest, NothingFoundIsNotFound) {
  EXPECT_EQ(code_thrown_by([&] { (void)recover_catalog({}, fresh()); }), ErrorCode::not_found);
}

TEST_F(RecoveryTest, CatalogThatKnowsNothingIsReplaced) {
  live_a_life(machine);
  const std::filesystem::path to = fresh();
  create_catalog(to, "fresh after init");
  (void)recover_catalog({closing(machine, "MX2")}, to);
  EXPECT_EQ(all_rows(to), all_rows(machine.catalog_db));
}

TEST_F(RecoveryTest, LogOfALostCatalogIsNotPlayedIntoTheNewOne) {
  live_a_life(machine);
  const FoundIndex found = closing(machine, "MX2");
  const auto truth = all_rows(recovered({found}));
  machine.add_file(machine.begin(), "home/me/later", "later");
  const std::filesystem::path to = fresh();
  std::filesystem::copy_file(machine.catalog_db.string() + "-wal", to.string() + "-wal");
  (void)recover_catalog({found}, to);
  { Machine again = reopened(to); }
  EXPECT_EQ(all_rows(to), truth);
}

TEST_F(RecoveryTest, CatalogInUseIsNotReplaced) {
  live_a_life(machine);
  const FoundIndex found = closing(machine, "MX2");
  machine.database.execute("BEGIN IMMEDIATE");
  Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
  const auto before = all_rows(machine.catalog_db);
  machine.database.execute("ROLLBACK");
  Statement reading(reader, "SELECT * FROM job");
  Running running(reading);
  ASSERT_TRUE(reading.step());
  EXPECT_EQ(code_thrown_by([&] { (void)recover_catalog({found}, machine.catalog_db); }),
            ErrorCode::locked);
  EXPECT_EQ(all_rows(machine.catalog_db), before);
}

}  // namespace
}  // namespace mixtape::catalog
