// SPDX-License-Identifier: Apache-2.0
#include "fusefs/rows.h"

#include <gtest/gtest.h>

#include <cstdint>
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
    if (rows.attributes(row).inode == inode) {
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

}  // namespace
}  // namespace mixtape::fusefs
