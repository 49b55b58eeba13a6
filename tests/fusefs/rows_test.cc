// SPDX-License-Identifier: Apache-2.0
#include "fusefs/rows.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace mixtape::fusefs {
namespace {

constexpr std::uint64_t kTopBit = std::uint64_t{1} << 63;
constexpr std::uint64_t kWithoutContent = std::uint64_t{1} << 62;

Rows rows_of(const std::vector<std::uint64_t>& inodes) {
  Rows rows;
  for (const std::uint64_t inode : inodes) {
    rows.add("name", NodeId{}, inode, 0100644);
  }
  return rows;
}

// Where the row with an inode number stands among these.
std::uint64_t place_in(const std::vector<std::uint64_t>& inodes, std::uint64_t inode) {
  const Rows rows = rows_of(inodes);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (rows.at(row).attributes.inode == inode) {
      return rows.place(row);
    }
  }
  ADD_FAILURE() << inode << " is not there";
  return 0;
}

TEST(RowsTest, PlacesGrowAndFitIntoAnOffset) {
  for (const auto& inodes : std::vector<std::vector<std::uint64_t>>{
           {0, 1, 2, 4096, 4097, kWithoutContent, kTopBit - 1},
           {4096, 4096, 4096, 4097, kWithoutContent, kWithoutContent, kWithoutContent + 1},
           {kTopBit + 5, kTopBit + kWithoutContent, 7, kTopBit, 1}}) {
    const Rows rows = rows_of(inodes);
    std::uint64_t last = Rows::kDots;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      EXPECT_GT(rows.place(row), last);
      EXPECT_LT(rows.place(row), kTopBit);
      EXPECT_EQ(rows.behind(rows.place(row)), row + 1);
      EXPECT_EQ(rows.behind(rows.place(row) - 1), row);
      last = rows.place(row);
    }
  }
}

TEST(RowsTest, APlaceMeansTheSameInEachListing) {
  for (const std::uint64_t inode : {std::uint64_t{8192}, kWithoutContent + 77}) {
    const std::uint64_t place = place_in({4096, 4097, 5000, inode, kTopBit - 1}, inode);
    EXPECT_EQ(place_in({4097, 4097, inode, inode + 1}, inode), place);
    EXPECT_EQ(place_in({inode}, inode), place);
  }
}

TEST(RowsTest, NamesOfOneFileDoNotMoveTheNextFile) {
  std::vector<std::uint64_t> inodes(100, 4096);
  inodes.push_back(4097);
  EXPECT_EQ(place_in(inodes, 4097), place_in({4097}, 4097));
}

TEST(RowsTest, BehindAPlaceThatIsGoneComesTheNextRow) {
  const std::uint64_t gone = place_in({4096, 4097, 4098}, 4097);
  const Rows rows = rows_of({4096, 4098});
  EXPECT_EQ(rows.behind(gone), 1U);
  EXPECT_EQ(rows.behind(Rows::kDots), 0U);
  EXPECT_EQ(rows.behind(kTopBit), 2U);
}

// Rows of all kinds, numbers up and down, names that share much and nothing.
std::vector<Row> many_rows(std::size_t count) {
  std::vector<Row> all;
  std::mt19937_64 random(7);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t number = random();
    Row row{.name = i % 5 == 0 ? std::string(1 + number % 255, 'x') : "file" + std::to_string(i),
            .node = NodeId(i % 3 == 0 ? number : i),
            .inode = i % 7 == 0 ? number : (number % count) * 4096,
            .mode = i % 11 == 0   ? S_IFDIR | 0750U
                    : i % 13 == 0 ? S_IFBLK | 0600U
                                  : S_IFREG | 0644U,
            .looked_up = i % 4 != 0,
            .attributes = {}};
    row.attributes.inode = row.inode;
    row.attributes.mode = row.mode;
    if (row.looked_up) {
      row.attributes.nlink = static_cast<std::uint32_t>(1 + number % 3);
      row.attributes.uid = static_cast<std::uint32_t>(number);
      row.attributes.gid = static_cast<std::uint32_t>(i / 40);
      (S_ISBLK(row.mode) ? row.attributes.device : row.attributes.size) = number >> (number % 64);
      row.attributes.blocks = blocks_of(row.attributes.size);
      row.attributes.mtime_ns = static_cast<std::int64_t>(random());
      row.attributes.atime_ns = row.attributes.ctime_ns = row.attributes.mtime_ns;
    }
    all.push_back(row);
  }
  return all;
}

Rows pack(const std::vector<Row>& all) {
  Rows rows;
  for (const Row& row : all) {
    if (row.looked_up) {
      rows.add(row.name, row.node, row.attributes);
    } else {
      rows.add(row.name, row.node, row.inode, row.mode);
    }
  }
  return rows;
}

void expect_equal(const Row& found, const Row& row) {
  EXPECT_EQ(found.name, row.name);
  EXPECT_EQ(found.node, row.node);
  EXPECT_EQ(found.inode, row.inode);
  EXPECT_EQ(found.mode, row.mode);
  EXPECT_EQ(found.looked_up, row.looked_up);
  EXPECT_EQ(found.attributes.inode, row.attributes.inode);
  EXPECT_EQ(found.attributes.mode, row.attributes.mode);
  EXPECT_EQ(found.attributes.nlink, row.attributes.nlink);
  EXPECT_EQ(found.attributes.uid, row.attributes.uid);
  EXPECT_EQ(found.attributes.gid, row.attributes.gid);
  EXPECT_EQ(found.attributes.device, row.attributes.device);
  EXPECT_EQ(found.attributes.size, row.attributes.size);
  EXPECT_EQ(found.attributes.blocks, row.attributes.blocks);
  EXPECT_EQ(found.attributes.mtime_ns, row.attributes.mtime_ns);
  EXPECT_EQ(found.attributes.ctime_ns, row.attributes.ctime_ns);
  EXPECT_EQ(found.attributes.atime_ns, row.attributes.atime_ns);
}

TEST(RowsTest, RowsAreAsTheyWereAddedReadInAnyOrder) {
  const std::vector<Row> all = many_rows(20'000);
  const Rows rows = pack(all);
  Rows::Reader forward(rows);
  Rows::Reader anywhere(rows);
  std::mt19937_64 random(8);
  for (std::size_t row = 0; row < all.size(); ++row) {
    expect_equal(forward.at(row), all[row]);
    EXPECT_EQ(rows.is_directory(row), all[row].looked_up && S_ISDIR(all[row].mode));
    const std::size_t other = random() % all.size();
    expect_equal(anywhere.at(other), all[other]);
    // Twice, backwards, and across the ends of what is packed together.
    expect_equal(anywhere.at(other), all[other]);
    const std::size_t before = other - std::min<std::size_t>(other, random() % 20);
    expect_equal(anywhere.at(before), all[before]);
  }
}

TEST(RowsTest, TapeOrderIsThatOfNumbersAndOfNamesWithinOne) {
  std::vector<Row> all = many_rows(20'000);
  // Nothing of the catalog's has the top bit here, so that places are in the order of numbers.
  for (Row& row : all) {
    row.inode = row.attributes.inode = row.inode % 3000 * 4096;
  }
  Rows rows = pack(all);
  rows.sort_by_inode();
  std::ranges::stable_sort(all, {}, &Row::inode);
  Rows::Reader reader(rows);
  for (std::size_t row = 0; row < all.size(); ++row) {
    expect_equal(reader.at(row), all[row]);
    EXPECT_EQ(rows.behind(rows.place(row)), row + 1);
  }
}

}  // namespace
}  // namespace mixtape::fusefs
