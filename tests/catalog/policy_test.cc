// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <random>
#include <set>

#include "tests/catalog/catalog_fixture.h"

// Which files need more copies.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PolicyTest : public CatalogTest {
 protected:
  // Found by a walk of everything, and by one of what the contents say has to be looked at.
  std::vector<std::string> needed(std::uint32_t wanted) {
    std::vector<std::string> lines = needed(wanted, {});
    EXPECT_EQ(needed(wanted, {.most_wanted = wanted}), lines);
    return lines;
  }
  std::vector<std::string> needed(std::uint32_t wanted, const CopyScope& scope) {
    std::vector<std::string> lines;
    asked_ = 0;
    ledger.needs(
        [&](const std::string&) {
          ++asked_;
          return wanted;
        },
        [](const Medium& one) { return one.location; },
        [&](const Ledger::Need& need) {
          std::string on;
          for (const MediumId id : need.on) {
            on += " " + ledger.medium(id)->label;
          }
          lines.push_back(need.path + " " + std::to_string(need.missing) + on);
          return true;
        },
        {}, scope);
    return lines;
  }
  int asked_ = 0;  // How many files needed() looked at last.
};

// A hundred directories of ten files on one medium, and one more file.
TEST_F(PolicyTest, OnlyDirectoriesThatLeadToANeedAreLookedAt) {
  const MediumId one = machine.add_medium("MX1");
  const Job job = machine.begin();
  std::vector<ContentId> contents;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = std::to_string(i);
    machine.add_file(job, "top/" + std::to_string(i / 10) + "/" + name, "word " + name);
    contents.push_back(machine.content("word " + name));
  }
  machine.write(job, one, contents);
  EXPECT_THAT(needed(1, {}), IsEmpty());
  EXPECT_EQ(asked_, 1000);
  EXPECT_THAT(needed(1, {.most_wanted = 1}), IsEmpty());
  EXPECT_EQ(asked_, 0);
  const PathId late = machine.add_file(job, "top/37/late", "late");
  EXPECT_THAT(needed(1, {.most_wanted = 1}), ElementsAre("top/37/late 1"));
  EXPECT_EQ(asked_, 11);
  EXPECT_THAT(needed(1, {.beside = std::vector{late}}), ElementsAre("top/37/late 1"));
  EXPECT_EQ(asked_, 11);
  EXPECT_THAT(needed(1, {.beside = std::vector<PathId>()}), IsEmpty());
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(needed(2, {.most_wanted = 2}).size(), 1001u);
}

TEST_F(PolicyTest, WrittenCopiesOnDistinctMediaCount) {
  const MediumId one = machine.add_medium("MX1"), two = machine.add_medium("MX2");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  machine.add_file(job, "b", "B");
  machine.add_file(job, "d/c", "C");
  EXPECT_THAT(needed(2), ElementsAre("a 2", "b 2", "d/c 2"));
  machine.write(job, one, {machine.content("A"), machine.content("B")});
  machine.write(job, one, {machine.content("A")});
  machine.write(job, two, {machine.content("B")});
  machine.plan(job, two, {machine.content("A")});
  EXPECT_THAT(needed(2), ElementsAre("a 1 MX1", "d/c 2"));
  EXPECT_THAT(needed(1), ElementsAre("d/c 1"));
}

TEST_F(PolicyTest, MediaOfOneDomainCountOnce) {
  const MediumId one = machine.add_medium("MX1", "house"), two = machine.add_medium("MX2", "house"),
                 three = machine.add_medium("MX3", "bank");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  machine.write(job, one, {machine.content("A")});
  machine.write(job, two, {machine.content("A")});
  EXPECT_THAT(needed(2), ElementsAre("a 1 MX1 MX2"));
  machine.write(job, three, {machine.content("A")});
  EXPECT_THAT(needed(2), IsEmpty());
}

// "PATH missing crowded" of what the policy finds lacking for two copies that have to lie apart.
class PlacesTest : public PolicyTest {
 protected:
  std::vector<std::string> lacking() {
    std::vector<std::string> lines = lacking({});
    EXPECT_EQ(lacking({.most_wanted = 2}), lines);
    return lines;
  }
  std::vector<std::string> lacking(const CopyScope& scope) {
    std::vector<std::string> lines;
    ledger.needs([](const std::string&) { return 2u; }, [](const Medium&) { return ""; },
                 [&](const Ledger::Need& need) {
                   lines.push_back(need.path + " " + std::to_string(need.missing) + " " +
                                   std::to_string(need.crowded));
                   return true;
                 },
                 {.of = [](const Medium& one) { return one.location; },
                  .must_differ = [](const std::string& path) { return path == "a"; }},
                 scope);
    return lines;
  }
  MediumId with_copies(const std::string& label, const std::string& place) {
    const MediumId medium = machine.add_medium(label, place);
    machine.write(job_, medium, {machine.content("A")});
    return medium;
  }
  PlacesTest() { machine.add_file(job_, "a", "A"); }
  const Job job_ = machine.begin();
};

TEST_F(PlacesTest, CopiesOnTwoMediaInOnePlaceAreEnoughCopiesInTooFewPlaces) {
  const MediumId one = with_copies("MX1", "house");
  EXPECT_THAT(lacking(), ElementsAre("a 1 0"));
  with_copies("MX2", "house");
  EXPECT_THAT(lacking(), ElementsAre("a 0 1"));
  ledger.set_medium_location(one, "bank");
  EXPECT_THAT(lacking(), IsEmpty());
}

TEST_F(PlacesTest, AThirdCopyElsewhereIsAsGood) {
  with_copies("MX1", "house");
  with_copies("MX2", "house");
  with_copies("MX3", "bank");
  EXPECT_THAT(lacking(), IsEmpty());
}

TEST_F(PlacesTest, WhatLiesNobodyKnowsWhereIsInNoOtherPlace) {
  const MediumId one = with_copies("MX1", "");
  const MediumId two = with_copies("MX2", "");
  EXPECT_THAT(lacking(), ElementsAre("a 0 1"));
  ledger.set_medium_location(one, "house");
  EXPECT_THAT(lacking(), ElementsAre("a 0 1"));
  ledger.set_medium_location(two, "bank");
  EXPECT_THAT(lacking(), IsEmpty());
}

TEST_F(PlacesTest, MediaThatDoNotCountAreInNoPlace) {
  with_copies("MX1", "house");
  with_copies("MX2", "house");
  ledger.set_medium_state(with_copies("MX3", "bank"), MediumState::retired);
  const MediumId unseen = with_copies("MX4", "castle");
  ledger.expect_label(*ledger.medium(unseen));
  EXPECT_THAT(lacking(), ElementsAre("a 0 1"));
}

TEST_F(PlacesTest, OnlyThePathsThatAskForItAreLookedAtSo) {
  machine.add_file(job_, "b", "A");
  with_copies("MX1", "house");
  with_copies("MX2", "house");
  EXPECT_THAT(lacking(), ElementsAre("a 0 1"));
}

TEST_F(PolicyTest, BadCopiesAndLostOrRetiredMediaDoNotCount) {
  const MediumId one = machine.add_medium("MX1"), two = machine.add_medium("MX2"),
                 three = machine.add_medium("MX3");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  const BundleId bad = machine.write(job, one, {machine.content("A")});
  machine.write(job, two, {machine.content("A")});
  machine.write(job, three, {machine.content("A")});
  ledger.mark_damaged(machine.content("A"), bad, 4000, "it is damaged");
  ledger.set_medium_state(two, MediumState::retired);
  ledger.set_medium_state(three, MediumState::lost);
  EXPECT_THAT(needed(1), ElementsAre("a 1 MX2"));
}

TEST_F(PolicyTest, TheMediaThatSpoiltACopyAreToldFromThoseThatGotABadOne) {
  const MediumId one = machine.add_medium("MX1"), two = machine.add_medium("MX2");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  const ContentId content = machine.content("A");
  const BundleId spoilt = machine.write(job, one, {content});
  const BundleId bad_from_the_start = machine.plan(job, two, {content});
  ledger.commit_bundle(bad_from_the_start, {.archive_block = 1,
                                            .plain_bytes_written = GiB,
                                            .written_s = 1,
                                            .hashes = {},
                                            .bad = {content}});
  const auto damaged_on = [&] {
    std::vector<MediumId> media;
    ledger.needs([](const std::string&) { return 2u; }, [](const Medium&) { return ""; },
                 [&](const Ledger::Need& need) {
                   media = need.damaged_on;
                   EXPECT_TRUE(need.spoilt);
                   return true;
                 });
    return media;
  };
  EXPECT_THAT(damaged_on(), IsEmpty());
  ledger.mark_damaged(content, spoilt, 4000, "its hash is another");
  EXPECT_THAT(damaged_on(), ElementsAre(one));
  ledger.mark_verified(content, spoilt, 5000);
  EXPECT_THAT(damaged_on(), IsEmpty());
}

TEST_F(PolicyTest, CopiesOnMediaThatARecoveryToldOfCountOnceTheirLabelWasRead) {
  const MediumId one = machine.add_medium("MX1"), two = machine.add_medium("MX2");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  machine.write(job, one, {machine.content("A")});
  machine.write(job, two, {machine.content("A")});
  EXPECT_THAT(needed(2), IsEmpty());
  EXPECT_THAT(ledger.unseen_media(), IsEmpty());
  Statement(machine.database, "INSERT INTO state.unseen VALUES (?)").bind(1, uuid_of("MX2")).run();
  ASSERT_EQ(ledger.unseen_media().size(), 1u);
  EXPECT_THAT(needed(2), ElementsAre("a 1 MX1 MX2"));
  ledger.needs([](const std::string&) { return 3u; }, [](const Medium&) { return ""; },
               [](const Ledger::Need& need) {
                 EXPECT_EQ(need.missing, 2u);
                 EXPECT_EQ(need.unseen, 1u);
                 return true;
               });
  {
    Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
    Ledger(reader).label_seen(*ledger.medium("MX2"));
    EXPECT_THAT(needed(2), ElementsAre("a 1 MX1 MX2")) << "a reader writes nothing";
  }
  ledger.label_seen(*ledger.medium("MX2"));
  EXPECT_THAT(needed(2), IsEmpty());
}

TEST_F(PolicyTest, RenamedAndDuplicatedFilesNeedNothing) {
  const MediumId one = machine.add_medium("MX1");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  machine.write(job, one, {machine.content("A")});
  const Job later = machine.begin();
  machine.end(later, "a");
  machine.add_file(later, "moved", "A");
  machine.add_file(later, "again", "A");
  EXPECT_THAT(needed(1), IsEmpty());
}

TEST_F(PolicyTest, NewestUnwrittenVersionIsNeededBesideTheShownOne) {
  const MediumId one = machine.add_medium("MX1");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  machine.write(job, one, {machine.content("A")});
  machine.add_file(machine.begin(), "a", "BB");
  EXPECT_THAT(needed(1), ElementsAre("a 1"));
  EXPECT_THAT(needed(2), ElementsAre("a 1 MX1", "a 2"));
}

TEST_F(PolicyTest, DeletedFilesAndThoseWithoutBytesNeedNothing) {
  const Job job = machine.begin();
  machine.add_file(job, "gone", "A");
  ledger.add_version(job.id, ledger.path("empty"), file_metadata(), std::nullopt, kStagingRoot);
  machine.end(machine.begin(), "gone");
  EXPECT_THAT(needed(3), IsEmpty());
}

TEST_F(PolicyTest, NeedsAgreeWithCountingByHand) {
  std::mt19937 random(7);
  const auto pick = [&](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  std::vector<MediumId> media;
  for (int i = 0; i < 6; ++i) {
    media.push_back(machine.add_medium("MX" + std::to_string(i), "place " + std::to_string(i / 2)));
  }
  const Job job = machine.begin();
  std::map<std::string, std::string> words;
  std::map<std::string, std::set<std::string>> places;
  for (int i = 0; i < 60; ++i) {
    const std::string path = "d" + std::to_string(pick(4)) + "/" + std::to_string(i);
    words[path] = "word " + std::to_string(10 + pick(40));
    machine.add_file(job, path, words[path]);
  }
  for (int i = 0; i < 25; ++i) {
    const int medium = pick(6);
    std::set<ContentId> contents;
    for (int n = pick(8); n >= 0; --n) {
      const std::string word = "word " + std::to_string(10 + pick(40));
      contents.insert(machine.content(word));
      places[word].insert("place " + std::to_string(medium / 2));
    }
    machine.write(job, media[static_cast<std::size_t>(medium)], {contents.begin(), contents.end()});
  }
  for (const std::uint32_t wanted : {1u, 2u, 3u}) {
    std::map<std::string, std::uint32_t> expected, actual;
    for (const auto& [path, word] : words) {
      const std::uint32_t have = static_cast<std::uint32_t>(places[word].size());
      if (have < wanted) {
        expected[path] = wanted - have;
      }
    }
    for (const std::uint32_t most : {wanted, CopyScope::kAnyNumber}) {
      actual.clear();
      ledger.needs([&](const std::string&) { return wanted; },
                   [](const Medium& one) { return one.location; },
                   [&](const Ledger::Need& need) {
                     actual[need.path] = need.missing;
                     return true;
                   },
                   {}, {.most_wanted = most});
      EXPECT_EQ(actual, expected) << wanted;
    }
  }
}

}  // namespace
}  // namespace mixtape::catalog
