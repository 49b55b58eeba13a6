// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tests/support/errors.h"

// What is waited for when a medium is not to be had, and what is not.

namespace mixtape::test {
namespace {

using tapeio::ForPeople;
using tapeio::Library;
using testing::ElementsAre;
using testing::IsEmpty;

// Has one medium, and never gives it out.
class ShutLibrary final : public Library {
 public:
  ShutLibrary(ErrorCode code, bool by_hand) : code_(code), by_hand_(by_hand) {}

  std::string url() const override { return "shut:"; }
  std::vector<tapeio::MediumSlot> media() override { return {}; }
  void add_medium(std::string_view, std::uint64_t) override {}
  using Library::load;
  std::unique_ptr<tapeio::TapeDrive> load(std::string_view, Access,
                                          const tapeio::LoadWatch&) override {
    throw Error(code_, "put tape A into the drive");
  }
  bool is_fed_by_hand() const override { return by_hand_; }

 private:
  const ErrorCode code_;
  const bool by_hand_;
};

// What somebody hears who has enough at the first word; and how it ended.
struct Heard {
  std::vector<std::string> words;
  std::optional<ErrorCode> end;
};

Heard load_from(ErrorCode code, bool by_hand, ForPeople for_people) {
  ShutLibrary library(code, by_hand);
  Heard heard;
  std::stop_source stop;
  const tapeio::LoadWatch watch{.stop = stop.get_token(), .tell = [&](const auto& wait) {
                                  heard.words.push_back(wait.what);
                                  stop.request_stop();
                                }};
  heard.end = error_of([&] {
    return tapeio::load_when_ready({.library = &library, .label = "A", .location = "shelf B"},
                                   Library::Access::read, watch, for_people);
  });
  return heard;
}

TEST(LoadWhenReady, ALentDriveIsWaitedForUntilAStop) {
  const Heard heard = load_from(ErrorCode::busy, false, ForPeople::fail);
  EXPECT_THAT(heard.words, ElementsAre("put tape A into the drive"));
  EXPECT_EQ(heard.end, ErrorCode::cancelled);
}

TEST(LoadWhenReady, WhatOtherProgramsAndComputersHoldIsNotWaitedFor) {
  const Heard heard = load_from(ErrorCode::locked, true, ForPeople::wait);
  EXPECT_THAT(heard.words, IsEmpty());
  EXPECT_EQ(heard.end, ErrorCode::locked);
}

TEST(LoadWhenReady, ATapeForADriveThatIsFedByHandIsAskedForWithItsPlace) {
  const Heard heard = load_from(ErrorCode::no_medium, true, ForPeople::wait);
  EXPECT_THAT(heard.words, ElementsAre("A (shelf B): put tape A into the drive"));
  EXPECT_EQ(heard.end, ErrorCode::cancelled);
}

TEST(LoadWhenReady, NobodyIsAskedWhereNobodyFeedsADriveOrNobodyIsThere) {
  for (const bool by_hand : {true, false}) {
    const Heard heard =
        load_from(ErrorCode::no_medium, by_hand, by_hand ? ForPeople::fail : ForPeople::wait);
    EXPECT_THAT(heard.words, IsEmpty());
    EXPECT_EQ(heard.end, ErrorCode::no_medium);
  }
}

}  // namespace
}  // namespace mixtape::test
