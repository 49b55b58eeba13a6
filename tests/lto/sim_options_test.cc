// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_options.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace mixtape::tapeio::lto {
namespace {

using test::error_of;

TEST(LtoOptions, PathAloneIsAnLto9LibraryAtFullSize) {
  const SimLibraryOptions options = parse_sim_options("/tapes");
  EXPECT_EQ(options.path, "/tapes");
  EXPECT_EQ(options.generation, 9u);
  EXPECT_EQ(options.drives, 1u);
  EXPECT_EQ(options.clock_speed, 0);
  EXPECT_EQ(options.nominal_bytes(), 18'000'000'000'000u);
  EXPECT_EQ(options.modelled_scale(), 1);
}

TEST(LtoOptions, EveryKeyIsTaken) {
  const SimLibraryOptions options = parse_sim_options(
      "/tapes,generation=7,drives=2,slots=8,clock=60,host=none,capacity=1.5GiB,scale=10,vary=no,"
      "first_load=45,clean_hours=1.5,clean_loads=20");
  EXPECT_EQ(options.generation, 7u);
  EXPECT_EQ(options.drives, 2u);
  EXPECT_EQ(options.slots, 8u);
  EXPECT_EQ(options.clock_speed, 60);
  EXPECT_FALSE(options.counts_host_time);
  EXPECT_EQ(options.nominal_bytes(), 1536 * MiB);
  EXPECT_EQ(options.modelled_scale(), 10);
  EXPECT_FALSE(options.capacity_varies);
  EXPECT_EQ(options.first_load_minutes, 45);
  EXPECT_EQ(options.clean_hours, 1.5);
  EXPECT_EQ(options.clean_loads, 20u);
  EXPECT_EQ(parse_sim_options("/t,clock=real").clock_speed, 1);
  EXPECT_EQ(parse_sim_options("/t,clock=virtual").clock_speed, 0);
}

TEST(LtoOptions, CapacityAloneScalesAndScaleAloneSetsTheCapacity) {
  EXPECT_DOUBLE_EQ(parse_sim_options("/t,capacity=18GB").modelled_scale(), 1000);
  EXPECT_EQ(parse_sim_options("/t,scale=1000").nominal_bytes(), 18'000'000'000u);
}

TEST(LtoOptions, WhatMakesNoSenseIsRefused) {
  for (const char* text : {"relative",
                           "",
                           "/t,generation",
                           "/t,generation=",
                           "/t,generation=x",
                           "/t,drives=0",
                           "/t,drives=65",
                           "/t,slots=-1",
                           "/t,clock=fast",
                           "/t,clock=0",
                           "/t,host=some",
                           "/t,scale=0",
                           "/t,scale=nan",
                           "/t,capacity=0",
                           "/t,capacity=1XB",
                           "/t,capacity=9999999TB",
                           "/t,first_load=-1",
                           "/t,clean_hours=often",
                           "/t,clean_loads=0",
                           "/t,speed=1",
                           "/t,",
                           "/t,,",
                           "/t,drives=1 "}) {
    EXPECT_EQ(error_of([&] { return parse_sim_options(text); }), ErrorCode::invalid) << text;
  }
  EXPECT_EQ(error_of([] { return parse_sim_options("/t,generation=4"); }), ErrorCode::unsupported);
}

}  // namespace
}  // namespace mixtape::tapeio::lto
