// SPDX-License-Identifier: Apache-2.0
#include "tools/map_drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace mixtape::tools {
namespace {

using service::MapStretch;
using testing::HasSubstr;
using testing::Not;

// An LTO-5 cartridge (80 wraps) with wraps of 72 blocks: a column of the text for each block.
service::TapeMap small_map() {
  constexpr std::uint64_t kBlocks = 80 * 72;
  service::TapeMap map{.medium = {},
                       .tape = recall::TapeModel::of_generation(5, kBlocks * MiB, MiB),
                       .capacity_blocks = kBlocks,
                       .stretches = {{MapStretch::What::index, 1, 0, 10},
                                     {MapStretch::What::archive, 1, 10, 100},
                                     {MapStretch::What::index, 2, 100, 104},
                                     {MapStretch::What::archive, 2, 104, 120}},
                       .reads = {},
                       .plan = {}};
  map.medium.label = "MX0001L5";
  return map;
}

std::vector<std::string> lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) {
    all.push_back(line);
  }
  return all;
}

TEST(MapText, EvenWrapsRunForwardOddOnesBack) {
  const auto rows = lines(map_text(small_map()));
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0], "medium MX0001L5, LTO-5, 2 bundles");
  EXPECT_EQ(rows[1], "   0 > " + std::string(10, 'i') + std::string(62, '='));
  // Blocks 72 to 120 from the right.
  EXPECT_EQ(rows[2], "   1 < " + std::string(24, '.') + std::string(16, '-') + std::string(4, 'i') +
                         std::string(28, '='));
  EXPECT_EQ(rows[3], "     78 wraps without data");
}

TEST(MapText, ReadsAreNumberedInTheirOrder) {
  service::TapeMap map = small_map();
  map.reads = {{"b", 90, 92}, {"a\n", 20, 21}};
  map.plan.done_s = {12, 30};
  map.plan.order = {1, 0};
  const auto rows = lines(map_text(map));
  EXPECT_EQ(rows[1].find('2'), 7u + 20);
  EXPECT_THAT(rows[2], HasSubstr("1"));
  EXPECT_THAT(map_text(map), HasSubstr("block 90  /b\n"));
  EXPECT_THAT(map_text(map), Not(HasSubstr("a\n\n")));
}

TEST(MapText, ALineIsOneRow) {
  service::TapeMap map = small_map();
  map.tape = recall::TapeModel(MiB);
  map.capacity_blocks = 240;
  const auto rows = lines(map_text(map));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].substr(7 + 36), std::string(36, '.'));
}

TEST(MapText, AMediumWithoutCapacityAndDataIsDrawnToo) {
  service::TapeMap map = small_map();
  map.tape = recall::TapeModel(MiB);
  map.capacity_blocks = 0;
  map.stretches.clear();
  EXPECT_THAT(map_text(map), HasSubstr("0 bundles"));
  EXPECT_THAT(map_svg(map), HasSubstr("</svg>"));
}

TEST(MapSvg, HasEachStretchAndTheWayOfTheHeadAndNoNameBreaksIt) {
  service::TapeMap map = small_map();
  map.reads = {{"<b>&\"\x01\xff", 90, 92}, {"a", 20, 21}};
  map.plan.done_s = {12, 30};
  map.plan.order = {1, 0};
  const std::string svg = map_svg(map);
  EXPECT_THAT(svg, HasSubstr("<title>bundle 2</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>/&lt;b&gt;&amp;"));
  EXPECT_THAT(svg, Not(HasSubstr("\x01")));
  // The beginning, then both reads from and to.
  const std::size_t at = svg.find("points=\"");
  ASSERT_NE(at, std::string::npos);
  const std::string points = svg.substr(at, svg.find("\"/>", at) - at);
  EXPECT_EQ(std::count(points.begin(), points.end(), ','), 5);
}

TEST(MapJson, SaysWhereEachReadLies) {
  service::TapeMap map = small_map();
  map.reads = {{"b", 90, 92}};
  map.plan.done_s = {12};
  const auto json = map_json(map);
  EXPECT_EQ(json["wraps"], 80);
  EXPECT_EQ(json["reads"][0]["wrap"], 1);
  EXPECT_NEAR(json["reads"][0]["along"].get<double>(), 1 - 18.0 / 72, 1e-6);
}

}  // namespace
}  // namespace mixtape::tools
