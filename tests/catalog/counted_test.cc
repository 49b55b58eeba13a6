// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/counted.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <ctime>

#include "tests/catalog/catalog_fixture.h"

// What was counted is used again only while the catalog is what it was.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

class CountedTest : public CatalogTest {
 protected:
  // As if what was done to the catalog had been done so long ago.
  void pass(std::time_t seconds) { set_time_of_files(std::time(nullptr) - seconds); }
  void set_time_of_files(std::time_t time) {
    for (const char* ending : {"", "-wal"}) {
      std::filesystem::path file = machine.catalog_db;
      file += ending;
      const timespec then{.tv_sec = time, .tv_nsec = 0};
      const timespec times[] = {then, then};
      if (std::filesystem::exists(file)) {
        EXPECT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
      }
    }
  }
  auto known(const std::string& given = "") {
    return Counted(machine.database, "a count", given).known();
  }
  void keep(const std::string& given = "") {
    Counted(machine.database, "a count", given).keep({3, -4});
  }
};

TEST_F(CountedTest, ACountOfAnUnchangedCatalogIsKept) {
  pass(10);
  EXPECT_FALSE(known());
  keep();
  EXPECT_THAT(known(), Optional(ElementsAre(3, -4)));
  Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
  EXPECT_THAT(Counted(reader, "a count").known(), Optional(ElementsAre(3, -4)));
  EXPECT_FALSE(Counted(reader, "another count").known());
}

TEST_F(CountedTest, AReaderKeepsItToo) {
  pass(10);
  Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
  Counted(reader, "a count").keep({1});
  EXPECT_THAT(known(), Optional(ElementsAre(1)));
}

TEST_F(CountedTest, ItIsOfWhatItWasGiven) {
  pass(10);
  keep("two copies");
  EXPECT_FALSE(known("three copies"));
  EXPECT_TRUE(known("two copies"));
}

TEST_F(CountedTest, AnyChangeOfTheCatalogEndsIt) {
  pass(10);
  keep();
  (void)machine.add_medium("MX1");
  EXPECT_FALSE(known()) << "a moment later";
  pass(9);
  EXPECT_FALSE(known()) << "and long after";
}

TEST_F(CountedTest, OneThatTookLongerThanTheNextChangeIsNotKept) {
  pass(10);
  Counted counted(machine.database, "a count");
  (void)machine.add_medium("MX1");
  counted.keep({1});
  pass(9);
  EXPECT_FALSE(known());
}

TEST_F(CountedTest, WhatChangedJustNowMayChangeAgainAtTheSameTime) {
  (void)machine.add_medium("MX1");
  keep();
  EXPECT_FALSE(known());
}

TEST_F(CountedTest, ATransactionAndAReaderUnderWaySeeTheirOwnCatalog) {
  pass(10);
  keep();
  {
    Transaction transaction(machine.database);
    EXPECT_FALSE(known());
  }
  Statement rows(machine.database, "SELECT key FROM meta");
  ASSERT_TRUE(rows.step());
  EXPECT_FALSE(known());
  rows.reset();
  EXPECT_TRUE(known());
}

TEST_F(CountedTest, TotalsAndVerificationsAreThoseOfNowHoweverOftenTheyAreAsked) {
  const MediumId medium = machine.add_medium("MX1");
  for (std::uint64_t files = 1; files <= 3; ++files) {
    const Job job = machine.begin();
    machine.add_file(job, "file " + std::to_string(files), "word " + std::to_string(files));
    machine.write_all(job, medium);
    pass(static_cast<std::time_t>(10 * files));
    for (int time = 0; time < 2; ++time) {
      Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
      EXPECT_EQ(Tree(reader).totals().files, files);
      const auto verified = Ledger(reader).last_verified();
      ASSERT_EQ(verified.size(), 1U);
      EXPECT_EQ(verified.front().copies, files);
    }
  }
}

// What is asked while another writes is answered, and then kept or not: it never waits for him.
TEST_F(CountedTest, KeepingDoesNotWaitForAWriter) {
  constexpr std::chrono::seconds kHangs(10);  // A statement that may wait does for longer.
  const MediumId medium = machine.add_medium("MX1");
  const Job job = machine.begin();
  machine.add_file(job, "a", "A");
  machine.write_all(job, medium);
  pass(10);
  Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
  const auto kept = [&] {
    Statement rows(reader, "SELECT count(*) FROM state.counted");
    rows.step();
    return rows.integer(0);
  };
  const auto ask = [&] {
    EXPECT_EQ(Tree(reader).totals().files, 1U);
    EXPECT_EQ(Ledger(reader).last_verified().size(), 1U);
    Ledger(reader).needs([](const std::string&) { return 1U; }, [](const Medium&) { return ""; },
                         [](const Ledger::Need& need) {
                           ADD_FAILURE() << need.path;
                           return true;
                         },
                         {}, {.most_wanted = 1});
  };
  {
    const Transaction writer(machine.database);
    const auto begun = std::chrono::steady_clock::now();
    ask();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, kHangs);
    EXPECT_EQ(kept(), 0);
  }
  ask();
  EXPECT_EQ(kept(), 3);
}

// That no content is short of copies is kept, too.
class KeptNeedsTest : public CountedTest {
 protected:
  void SetUp() override {
    const Job job = machine.begin();
    machine.add_file(job, "a", "A");
    (void)machine.write(job, one, {machine.content("A")});
    on_two = machine.write(job, two, {machine.content("A")});
    hide_the_change();
    Counted(machine.database, "files").keep({});
    ASSERT_THAT(needed(2), IsEmpty()) << "and that is kept";
  }
  // As if the files of the catalog were the same before and after what was done.
  void hide_the_change() {
    machine.database.execute("PRAGMA main.wal_checkpoint(TRUNCATE)");
    set_time_of_files(1'700'000'000);
  }
  bool looks_unchanged() { return Counted(machine.database, "files").known().has_value(); }

  static std::string nowhere(const Medium&) { return ""; }
  static std::string at_home(const Medium&) { return "home"; }
  static std::string where_it_is_named(const Medium& medium) { return medium.label; }
  static bool everything(const std::string&) { return true; }

  // "path missing crowded", as a reader of its own is told.
  std::vector<std::string> needed(
      std::uint32_t wanted, const CopyPlaces& places = {},
      const std::function<std::string(const Medium&)>& domain = nowhere) {
    Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
    std::vector<std::string> lines;
    Ledger(reader).needs([&](const std::string&) { return wanted; }, domain,
                         [&](const Ledger::Need& need) {
                           lines.push_back(need.path + " " + std::to_string(need.missing) + " " +
                                           std::to_string(need.crowded));
                           return true;
                         },
                         places, {.most_wanted = wanted});
    return lines;
  }

  const MediumId one = machine.add_medium("MX1"), two = machine.add_medium("MX2");
  BundleId on_two{};
};

TEST_F(KeptNeedsTest, NothingIsLookedAtWhileTheFilesAreAsTheyWere) {
  machine.database.execute("DELETE FROM copy");
  hide_the_change();
  ASSERT_TRUE(looks_unchanged());
  EXPECT_THAT(needed(2), IsEmpty()) << "the copies were looked at";
  pass(10);
  EXPECT_THAT(needed(2), ElementsAre("a 2 0"));
}

TEST_F(KeptNeedsTest, ADamagedCopyEndsIt) {
  ledger.mark_damaged(machine.content("A"), on_two, 4000, "its hash is another");
  EXPECT_THAT(needed(2), ElementsAre("a 1 0")) << "a moment later";
  pass(10);
  EXPECT_THAT(needed(2), ElementsAre("a 1 0")) << "and long after";
}

TEST_F(KeptNeedsTest, AnAddedFileEndsItAndAnAddedCopyEndsItsNeed) {
  const Job job = machine.begin();
  machine.add_file(job, "b", "B");
  (void)machine.write(job, one, {machine.content("B")});
  pass(10);
  for (int time = 0; time < 2; ++time) {
    EXPECT_THAT(needed(2), ElementsAre("b 1 0")) << "a need is not kept";
  }
  (void)machine.write(job, two, {machine.content("B")});
  pass(9);
  EXPECT_THAT(needed(2), IsEmpty());
}

TEST_F(KeptNeedsTest, AMediumThatDoesNotCountEndsItAndOneThatIsFoundBringsItBack) {
  for (const MediumState state : {MediumState::lost, MediumState::retired}) {
    for (int time = 0; time < 2; ++time) {
      ledger.set_medium_state(two, state);
      hide_the_change();
      ASSERT_TRUE(looks_unchanged()) << "only the medium tells";
      EXPECT_THAT(needed(2), ElementsAre("a 1 0"));
      ledger.set_medium_state(two, MediumState::active);
      hide_the_change();
      EXPECT_THAT(needed(2), IsEmpty());
    }
  }
}

TEST_F(KeptNeedsTest, AMediumThatHasToBeSeenFirstEndsIt) {
  const Medium medium = ledger.medium(two).value();
  ledger.expect_label(medium);
  ASSERT_TRUE(looks_unchanged()) << "it is not in the catalog";
  EXPECT_THAT(needed(2), ElementsAre("a 1 0"));
  ledger.label_seen(medium);
  EXPECT_THAT(needed(2), IsEmpty());
}

TEST_F(KeptNeedsTest, AnotherRuleEndsIt) {
  EXPECT_THAT(needed(3), ElementsAre("a 1 0")) << "more copies";
  EXPECT_THAT(needed(2), IsEmpty());
  EXPECT_THAT(needed(2, {}, at_home), ElementsAre("a 1 0")) << "both media are on one device";
  EXPECT_THAT(needed(2, {.of = at_home, .must_differ = nullptr}), IsEmpty());
  EXPECT_THAT(needed(2, {.of = at_home, .must_differ = everything}), ElementsAre("a 0 1"))
      << "now they have to lie apart";
  EXPECT_THAT(needed(2, {.of = where_it_is_named, .must_differ = everything}), IsEmpty());
  EXPECT_THAT(needed(2, {.of = at_home, .must_differ = everything}), ElementsAre("a 0 1"))
      << "one was carried to the other";
}

}  // namespace
}  // namespace mixtape::catalog
