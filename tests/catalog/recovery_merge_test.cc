// SPDX-License-Identifier: Apache-2.0
#include "tests/catalog/recovery_world.h"

// Two lives of one catalog, and catalogs of others, become one.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A catalog that was lost, recovered from an old medium and written further, meets its other life.
TEST_F(RecoveryTest, TwoLivesOfOneCatalogBecomeOneInTheOrderOfTheirJobs) {
  const MediumId medium = machine.add_medium("MX1");
  const Job one = machine.begin();
  machine.add_file(one, "p", "A");
  machine.add_file(one, "q", "Q");
  machine.write_all(one, medium);
  ledger.finish_job(one.id, machine.now);
  Machine other = reopened(recovered({closing(machine, "MX1")}));

  const auto live = [](Machine& in, std::int64_t at, std::string_view word, const char* label) {
    in.now = at;
    const MediumId another = in.add_medium(label);
    for (int i = 0; i < 2; ++i) {
      in.now += 100;
      const Job job = in.begin();
      in.add_file(job, "p", std::string(word) + std::to_string(i));
      in.add_file(job, "dir of " + std::string(label) + "/" + std::to_string(i), word);
      ledger_symlink(in, job, "link of " + std::string(label), job.started_s);
      in.write_all(job, another);
      in.ledger.finish_job(job.id, in.now);
    }
  };
  live(machine, one.started_s + 1000, "mine", "MX2");
  live(other, one.started_s + 1050, "theirs!", "MX3");
  const FoundIndex mine = closing(machine, "MX2"), theirs = closing(other, "MX3");
  const auto facts = all_facts(recovered({mine, theirs}));
  EXPECT_EQ(all_facts(recovered_one_by_one({mine, theirs})), facts);
  EXPECT_EQ(all_facts(recovered_one_by_one({theirs, mine})), facts);

  Machine both = reopened(recovered_one_by_one({theirs, mine, theirs}));
  EXPECT_EQ(check_catalog(both.database), "");
  std::vector<std::uint64_t> sizes;
  for (const Version& version : both.tree.history(*both.tree.find_path("p"))) {
    sizes.push_back(version.size);
  }
  EXPECT_THAT(sizes, ElementsAre(1, 5, 8, 5, 8));
  std::vector<std::int64_t> starts;
  for (const Job& job : both.tree.snapshots()) {
    starts.push_back(job.started_s);
  }
  EXPECT_TRUE(std::is_sorted(starts.begin(), starts.end()));
  EXPECT_EQ(starts.size(), 5u);
}

TEST_F(RecoveryTest, LaterChangeOfAMediumWins) {
  const MediumId medium = machine.add_medium("MX1");
  const FoundIndex before = closing(machine, "MX1");
  ledger.set_medium_location(medium, "the bank");
  ledger.set_medium_label(medium, "MX9");
  ledger.set_medium_state(medium, MediumState::retired);
  const FoundIndex after = closing(machine, "MX9");
  for (const auto& order : {std::vector{before, after}, std::vector{after, before}}) {
    Machine again = reopened(recovered_one_by_one(order));
    ASSERT_TRUE(again.ledger.medium("MX9"));
    EXPECT_EQ(again.ledger.medium("MX9")->location, "the bank");
    EXPECT_EQ(again.ledger.medium("MX9")->state, MediumState::retired);
    EXPECT_EQ(again.ledger.media().size(), 1u);
  }
}

// One life changes a medium often, the other one once, but later.
TEST_F(RecoveryTest, LaterInTimeIsNotWhoChangedItMoreOften) {
  const MediumId medium = machine.add_medium("MX1");
  const FoundIndex before = closing(machine, "MX1");
  for (int i = 0; i < 5; ++i) {
    ledger.set_medium_location(medium, "shelf " + std::to_string(i), 1000);
  }
  const FoundIndex often = closing(machine, "MX1");
  Machine other = reopened(recovered_one_by_one({before}));
  other.ledger.set_medium_state(other.ledger.medium("MX1")->id, MediumState::lost, 2000);
  const FoundIndex later = closing(other, "MX1");
  for (const auto& order : {std::vector{often, later}, std::vector{later, often}}) {
    Machine again = reopened(recovered_one_by_one(order));
    EXPECT_EQ(again.ledger.medium("MX1")->state, MediumState::lost);
  }
}

TEST_F(RecoveryTest, ForeignCatalogStandsUnderItsName) {
  live_a_life(machine);
  Machine other(directory.path(), "laptop");
  other.now = machine.now + 1000;
  const MediumId medium = other.add_medium("LT1");
  const Job job = other.begin();
  other.add_file(job, "home/me/a", "A");
  other.add_file(job, "home/you/b", "laptop only");
  other.write_all(job, medium);
  other.ledger.finish_job(job.id, other.now);
  const auto ours = machine.shown();
  const FoundIndex mine = closing(machine, "MX2"), foreign = closing(other, "LT1");

  const std::filesystem::path to = recovered({mine});
  for (int twice = 0; twice < 2; ++twice) {
    (void)recover_catalog({foreign}, to);
    Machine both = reopened(to);
    auto shown = both.shown();
    std::vector<std::string> below;
    std::erase_if(shown, [&](const std::string& line) {
      const bool is_foreign = line.starts_with("@laptop/");
      if (is_foreign) {
        below.push_back(line);
      }
      return is_foreign;
    });
    EXPECT_EQ(shown, ours);
    EXPECT_THAT(below,
                ElementsAre("@laptop/", "@laptop/home/", "@laptop/home/me/", "@laptop/home/me/a 1",
                            "@laptop/home/you/", "@laptop/home/you/b 11"));
    EXPECT_EQ(both.tree.find_path("@laptop/home/me/a").has_value(), true);
    EXPECT_EQ(both.ledger.places(both.content("A")).size(), 2u);
    EXPECT_EQ(check_catalog(both.database), "");
  }
}

TEST_F(RecoveryTest, MediaOfTwoCatalogsMayHaveOneLabel) {
  machine.add_medium("MX1");
  Machine other(directory.path(), "laptop");
  Medium same;
  same.uuid = uuid_of("another MX1");
  same.label = "MX1";
  same.kind = "dir";
  same.record_size = 1 << 20;
  (void)other.ledger.add_medium(same);
  const FoundIndex mine = closing(machine, "MX1");
  FoundIndex foreign = closing(other, "MX1");
  for (int twice = 0; twice < 2; ++twice) {
    Machine both = reopened(recovered_one_by_one({mine, foreign, foreign, mine}));
    const auto media = both.ledger.media();
    ASSERT_EQ(media.size(), 2u);
    const Medium& marked = media[0].label == "MX1" ? media[1] : media[0];
    EXPECT_THAT(marked.label, testing::MatchesRegex("MX1~[0-9a-f]{8}"));
    EXPECT_EQ(marked.uuid, same.uuid) << "another catalog's medium takes no name away";
  }
}

TEST_F(RecoveryTest, KnownMediumKeepsItsKindAndRecordSize) {
  const MediumId medium = machine.add_medium("MX1");
  const std::filesystem::path to = recovered({closing(machine, "MX1")});
  ledger.set_medium_location(medium, "the bank");
  const FoundIndex later = closing(machine, "MX1");
  Database(later.index, Database::Mode::read_write)
      .execute("PRAGMA journal_mode = MEMORY; UPDATE medium SET record_size = 65536, kind = 'lto'");
  (void)recover_catalog({later}, to);
  const Medium known = *reopened(to).ledger.medium("MX1");
  EXPECT_EQ(known.location, "the bank");
  EXPECT_EQ(known.record_size, 1u << 20);
  EXPECT_EQ(known.kind, "dir");
}

TEST_F(RecoveryTest, MediaThatWereNewAndNotSeenThemselvesAreUnseen) {
  machine.add_medium("MX1");
  machine.add_medium("MX2");
  const FoundIndex early = closing(machine, "MX1");
  machine.add_medium("MX3");
  const FoundIndex late = closing(machine, "MX2");
  const std::filesystem::path to = directory / "seen.db", state = directory / "seen-state.db";
  const auto unseen = [&] {
    std::vector<std::string> labels;
    for (const Medium& medium : reopened(to).ledger.unseen_media()) {
      labels.push_back(medium.label);
    }
    return labels;
  };
  (void)recover_catalog({early}, to, Seen{state, {uuid_of("MX1")}});
  EXPECT_THAT(unseen(), ElementsAre("MX2"));
  {
    Machine again = reopened(to);
    again.ledger.label_seen(*again.ledger.medium("MX2"));
  }
  (void)recover_catalog({late}, to, Seen{state, {}});
  EXPECT_THAT(unseen(), ElementsAre("MX3")) << "what was seen before stays seen";
  (void)recover_catalog({late}, to, Seen{state, {uuid_of("MX3")}});
  EXPECT_THAT(unseen(), IsEmpty());
}

TEST_F(RecoveryTest, AnotherCatalogChangesNoMediumThatIsKnown) {
  machine.add_medium("MX1", "shelf A");
  const FoundIndex mine = closing(machine, "MX1");
  Machine laptop(directory.path(), "laptop");
  laptop.add_medium("LT1");
  Machine both = reopened(recovered_one_by_one({closing(laptop, "LT1"), mine}));
  both.ledger.set_medium_location(both.ledger.medium("MX1")->id, "nowhere");
  both.ledger.set_medium_state(both.ledger.medium("MX1")->id, MediumState::lost);
  const std::filesystem::path to = recovered({mine});
  const Recovered merged = recover_catalog({closing(both, "LT1")}, to);
  EXPECT_THAT(merged.directories, ElementsAre("@laptop"));
  const Medium known = *reopened(to).ledger.medium("MX1");
  EXPECT_EQ(known.location, "shelf A");
  EXPECT_EQ(known.state, MediumState::active);
}

}  // namespace
}  // namespace mixtape::catalog
