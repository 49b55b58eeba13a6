// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/medium_choice.h"

#include <gtest/gtest.h>

#include <vector>

namespace mixtape::recall {
namespace {

using namespace std::chrono_literals;

class MediumChoiceTest : public testing::Test {
 protected:
  // A cartridge with requests of a megabyte that have all waited so long.
  MediumWork& cartridge(const std::string& label, std::size_t requests,
                        std::chrono::seconds waited) {
    works_.push_back({.label = label,
                      .moves = true,
                      .requests = requests,
                      .bytes = requests * 1'000'000,
                      .aged = static_cast<double>(requests) * aged(waited),
                      .oldest = waited});
    return works_.back();
  }
  std::string next() {
    const auto chosen = choose_medium(works_, 15min);
    return chosen ? works_[*chosen].label : "none";
  }

  std::vector<MediumWork> works_;
};

TEST_F(MediumChoiceTest, OfNothingIsNothing) {
  EXPECT_EQ(next(), "none");
}

TEST_F(MediumChoiceTest, TheMountThatServesMoreIsFirst) {
  cartridge("A", 2, 60s);
  cartridge("B", 20, 10s);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WhatTakesLongIsPutOff) {
  cartridge("A", 10, 10s).bytes = 3'000'000'000'000;
  cartridge("B", 5, 10s);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WaitingCountsTwiceAsMuchEveryHalfHour) {
  EXPECT_DOUBLE_EQ(aged(30min), 2);
  EXPECT_DOUBLE_EQ(aged(0s), 1);
  EXPECT_GT(aged(24h * 365 * 10), 1e20);  // And stays a number.
}

TEST_F(MediumChoiceTest, ALoadedCartridgeSparesAMount) {
  cartridge("A", 5, 10s);
  cartridge("B", 4, 10s).loaded = true;
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WhoHasWaitedTooLongIsNextHoweverLittleHeWants) {
  cartridge("A", 1000, 14min);
  cartridge("B", 1, 15min);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, OfThoseTheOneWhoHasWaitedLongestIs) {
  cartridge("A", 1000, 16min);
  cartridge("B", 1, 17min);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, DisksAreReadInTheOrderOfArrivalAndBeforeCartridgesThatMayWait) {
  cartridge("A", 1000, 14min);
  cartridge("B", 1000, 10s).moves = false;
  cartridge("C", 1, 20s).moves = false;
  EXPECT_EQ(next(), "C");
}

}  // namespace
}  // namespace mixtape::recall
