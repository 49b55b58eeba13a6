// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/job_items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/catalog/catalog.h"
#include "tests/archive/items.h"

namespace mixtape::archive {
namespace {

using test::empty_file_item;
using test::file_item;
using test::new_directory;
using test::symlink_item;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr catalog::MediumId kFirst{1};
constexpr catalog::MediumId kSecond{2};

catalog::Database new_catalog(const test::TempDir& directory) {
  catalog::create_catalog(directory / "catalog.db", "test");
  return catalog::open_catalog(directory / "catalog.db", directory / "state.db",
                               catalog::Access::write);
}

class JobItemsTest : public ::testing::Test {
 protected:
  JobItems make(std::vector<Item> items) { return JobItems(std::move(items), tree_); }

  static JobItems::Taker only(catalog::MediumId medium) {
    return {medium, [medium](catalog::MediumId other) { return other == medium; }};
  }

  static std::vector<std::string> paths(const JobItems& items) {
    std::vector<std::string> found;
    for (const Item& item : items.items()) {
      found.push_back(item.path);
    }
    return found;
  }

  static std::vector<std::string> wanted(const JobItems& items, catalog::MediumId medium) {
    std::vector<std::string> found;
    const std::vector<Want> wants = items.wants(only(medium));
    for (std::size_t i = 0; i < wants.size(); ++i) {
      if (wants[i] == Want::yes) {
        found.push_back(items.items()[i].path);
      }
    }
    return found;
  }

  static ArchivePlan plan(const JobItems& items, catalog::MediumId medium) {
    return plan_archive(
        items.items(), items.wants(only(medium)),
        {.room_bytes = GiB, .target_bytes = GiB, .record_size = MiB, .preamble_bytes = 184});
  }

  // As if the whole plan had been written and every file read well.
  static ArchiveResult all_well(const ArchivePlan& plan) {
    ArchiveResult result;
    result.plain_bytes = plan.plain_bytes;
    result.hashes.assign(plan.members.size(), format::Digest{});
    return result;
  }

  test::TempDir directory_{test::TempDir::Place::memory};
  catalog::Database database_ = new_catalog(directory_);
  catalog::Tree tree_{database_};
  catalog::Ledger ledger_{database_};
  WriteOutcome outcome_;
};

TEST_F(JobItemsTest, ComeIntoArchiveOrderWithTheDirectoriesThatLeadToThem) {
  const JobItems items = make({file_item("b/c/f", 1, 1), file_item("a", 1, 2),
                               file_item("b/e", 1, 3), new_directory("b/c")});
  EXPECT_THAT(paths(items), ElementsAre("a", "b", "b/e", "b/c", "b/c/f"));
  EXPECT_THAT(wanted(items, kFirst), ElementsAre("a", "b/e", "b/c", "b/c/f"));
}

TEST_F(JobItemsTest, OfOnePathTheLaterStaysLastHoweverTheyCome) {
  std::mt19937 random(1);
  for (const int runs : {1, 2, 3, 4, 5, 40}) {
    std::vector<Item> given;
    for (int run = 0; run < runs; ++run) {
      std::vector<Item> items;
      for (int i = 0; i < 20; ++i) {
        const auto number = static_cast<std::int64_t>(given.size() + items.size() + 1);
        items.push_back(file_item("f" + std::to_string(random() % 50), 1, number));
      }
      std::ranges::stable_sort(items, archive_less);
      given.insert(given.end(), items.begin(), items.end());
    }
    std::vector<Item> expected = given;
    std::ranges::stable_sort(expected, archive_less);
    const JobItems items = make(given);
    ASSERT_EQ(items.items().size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(items.items()[i].content, expected[i].content) << runs << " runs, item " << i;
    }
  }
}

TEST_F(JobItemsTest, TheTopAndSocketsAreNotMembers) {
  Item socket = empty_file_item("socket");
  socket.metadata.mode = S_IFSOCK | 0600;
  EXPECT_THAT(paths(make({new_directory(""), socket, file_item("a", 1, 1)})), ElementsAre("a"));
}

TEST_F(JobItemsTest, OversizedAttributesStayInTheIndexOnly) {
  Item item = file_item("a", 1, 1);
  item.metadata.xattrs = {{"user.large", std::string(300 * KiB, 'x')}};
  EXPECT_THAT(make({item}).items()[0].metadata.xattrs, IsEmpty());
}

TEST_F(JobItemsTest, EachContentGoesToAsManyMediaAsAskedForAndToNoneTwice) {
  Item twice = file_item("a", 5, 1);
  twice.copies = 2;
  twice.hash = catalog::Hash{};
  Item elsewhere = file_item("b", 5, 2);
  elsewhere.on = {kFirst};
  elsewhere.hash = catalog::Hash{};
  JobItems items = make({twice, elsewhere});
  EXPECT_THAT(wanted(items, kFirst), ElementsAre("a"));
  const ArchivePlan first = plan(items, kFirst);
  items.take(first, all_well(first), kFirst, ledger_, outcome_);
  EXPECT_THAT(wanted(items, kFirst), IsEmpty());
  EXPECT_THAT(wanted(items, kSecond), ElementsAre("a", "b"));
  const ArchivePlan second = plan(items, kSecond);
  items.take(second, all_well(second), kSecond, ledger_, outcome_);
  EXPECT_EQ(outcome_.files, 3U);
  items.tell_left(GiB, outcome_);
  EXPECT_THAT(outcome_.no_room, IsEmpty());
}

TEST_F(JobItemsTest, WhatIsLeftIsCountedByContentAndCopy) {
  Item twice = file_item("a", 5, 1);
  Item same = file_item("b", 5, 1);
  twice.copies = same.copies = 2;
  twice.hash = same.hash = catalog::Hash{};
  JobItems items = make({twice, same, file_item("c", 100, 2), symlink_item("d", "a")});
  EXPECT_EQ(items.left().files, 3U);
  EXPECT_EQ(items.left().bytes, 110U);
  const ArchivePlan first = plan(items, kFirst);
  items.take(first, all_well(first), kFirst, ledger_, outcome_);
  EXPECT_EQ(items.left().bytes, 5U);
}

TEST_F(JobItemsTest, WhatTheCutLeftOutIsStillWanted) {
  Item early = file_item("a", 5, 1);
  Item late = file_item("b", 5, 2);
  early.hash = late.hash = catalog::Hash{};
  JobItems items = make({early, late, symlink_item("c", "a")});
  const ArchivePlan planned = plan(items, kFirst);
  ArchiveResult cut = all_well(planned);
  cut.plain_bytes = planned.members[1].data_end() - 1;
  items.take(planned, cut, kFirst, ledger_, outcome_);
  EXPECT_THAT(wanted(items, kFirst), ElementsAre("b", "c"));
}

TEST_F(JobItemsTest, ABadSourceIsNamedWithEveryPathOfItsContentAndNotTriedAgain) {
  Item one = file_item("a", 5, 1);
  Item other = file_item("b", 5, 1);
  one.copies = other.copies = 2;
  JobItems items = make({one, other});
  const ArchivePlan planned = plan(items, kFirst);
  ArchiveResult result = all_well(planned);
  result.faults.push_back({0, "vanished"});
  items.take(planned, result, kFirst, ledger_, outcome_);
  ASSERT_EQ(outcome_.bad.size(), 2U);
  EXPECT_EQ(outcome_.bad[1].path, "b");
  EXPECT_EQ(outcome_.bad[1].why, "vanished");
  EXPECT_THAT(wanted(items, kSecond), IsEmpty());
}

TEST_F(JobItemsTest, AKnownHashDecidesWhateverTheTimesSay) {
  Item item = file_item("a", 5, 1);
  item.hash = catalog::Hash{};
  JobItems items = make({item});
  const ArchivePlan planned = plan(items, kFirst);
  ArchiveResult touched = all_well(planned);
  touched.faults.push_back({0, "changed while it was written"});
  items.take(planned, touched, kFirst, ledger_, outcome_);
  EXPECT_THAT(outcome_.bad, IsEmpty());

  JobItems again = make({item});
  ArchiveResult other = all_well(planned);
  other.hashes[0]->front() = std::byte{1};
  again.take(planned, other, kFirst, ledger_, outcome_);
  EXPECT_EQ(outcome_.bad.size(), 1U);
}

}  // namespace
}  // namespace mixtape::archive
