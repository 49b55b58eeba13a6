// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/counted.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>

#include "tests/catalog/catalog_fixture.h"

// What was counted is used again only while the catalog is what it was.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::Optional;

class CountedTest : public CatalogTest {
 protected:
  // As if what was done to the catalog had been done so long ago.
  void pass(std::time_t seconds) {
    for (const char* ending : {"", "-wal"}) {
      std::filesystem::path file = machine.catalog_db;
      file += ending;
      const timespec then{.tv_sec = std::time(nullptr) - seconds, .tv_nsec = 0};
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

}  // namespace
}  // namespace mixtape::catalog
