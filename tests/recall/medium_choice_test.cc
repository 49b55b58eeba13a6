// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/medium_choice.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "engine/recall/medium_stay.h"

// Which tape is next and how long it stays, as sentences about who waits for what.

namespace mixtape::recall {
namespace {

using namespace std::chrono_literals;

class MediumChoiceTest : public testing::Test {
 protected:
  static constexpr bool kReads = true, kQueued = false;
  static constexpr std::uint64_t kFile = 1'000'000;

  // A user wants so many files of a cartridge, and has waited so long for all of them.
  void wants(std::uint32_t user, std::size_t files, const std::string& label, Seconds waited,
             bool parked = kReads, std::uint64_t bytes = kFile) {
    for (std::size_t file = 0; file < files; ++file) {
      wanted_.emplace_back(label,
                           Want{.user = user, .parked = parked, .bytes = bytes, .waited = waited});
    }
  }
  // A disk: nothing has to be moved.
  void is_disk(const std::string& label) { disks_.push_back(label); }
  void is_loaded(const std::string& label) { loaded_ = label; }
  // So long ago the user was read for.
  void served(std::uint32_t user, Seconds ago) {
    last_served_.served({.user = user, .parked = true}, kNow - ago);
  }

  std::vector<MediumWork> works() {
    FairShare shares;
    for (const auto& [label, want] : wanted_) {
      shares.count(want);
    }
    std::map<std::string, MediumWork> by_label;
    for (const auto& [label, want] : wanted_) {
      MediumWork& work = by_label[label];
      work.label = label;
      work.loaded = label == loaded_;
      work.moves = std::find(disks_.begin(), disks_.end(), label) == disks_.end();
      add(work, want, shares, last_served_.neglected(want, kNow), {});
    }
    std::vector<MediumWork> works;
    for (const auto& [label, work] : by_label) {
      works.push_back(work);
    }
    find_due(works, 2min);
    return works;
  }
  std::string next() {
    const std::vector<MediumWork> all = works();
    const auto chosen = choose_medium(all);
    return chosen ? all[*chosen].label : "none";
  }
  // What becomes of the loaded tape, in a word: "go on", "wait", "keep", or the one that is next.
  std::string next_step(const Sweep& sweep) {
    const std::vector<MediumWork> all = works();
    const Step step = recall::next_step(all, sweep);
    switch (step.kind) {
      case Step::Kind::wait:
        return "wait";
      case Step::Kind::go_on:
        return "go on";
      case Step::Kind::keep:
        return "keep";
      case Step::Kind::begin:
        break;
    }
    return all[step.medium].label;
  }
  // Of a long sweep, mounted for so long; a mount takes two minutes.
  static Sweep sweep_of(Seconds since_mount) {
    return {.is_over = false, .left = 1h, .since_mount = since_mount, .mount_worth = 2min};
  }
  static Sweep ended(Seconds ago) {
    return {.is_over = true, .since_mount = 1h, .since_served = ago, .mount_worth = 2min};
  }

  static constexpr Seconds kNow{1e6};
  std::vector<std::pair<std::string, Want>> wanted_;
  std::vector<std::string> disks_;
  std::string loaded_;
  LastServed last_served_;
};

TEST_F(MediumChoiceTest, OfNothingIsNothing) {
  EXPECT_EQ(next(), "none");
  EXPECT_EQ(next_step(ended(1h)), "wait");
}

TEST_F(MediumChoiceTest, TheMountThatServesMoreIsFirst) {
  wants(1, 2, "A", 60s);
  wants(1, 20, "B", 10s);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WhatTakesLongIsPutOff) {
  wants(1, 10, "A", 10s, kReads, 300'000'000'000);
  wants(1, 5, "B", 10s);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WaitingCountsTwiceAsMuchEveryHalfHour) {
  EXPECT_DOUBLE_EQ(aged(30min), 2);
  EXPECT_DOUBLE_EQ(aged(0s), 1);
  EXPECT_GT(aged(24h * 365 * 10), 1e20);  // And stays a number.
}

TEST_F(MediumChoiceTest, ALoadedCartridgeSparesAMount) {
  wants(1, 5, "A", 10s);
  wants(1, 4, "B", 10s);
  is_loaded("B");
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WhoseBoundHasJustTheTimeLeftThatItTakesIsNextHoweverLittleHeWants) {
  wants(1, 50, "A", 30s);
  wants(1, 1, "B", 10min);
  EXPECT_EQ(next(), "A");
  wants(1, 1, "B", 11min);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, TheMoreTapesAreWaitedForTheEarlierTheyAreDue) {
  wants(1, 1, "A", 6min);
  wants(1, 50, "B", 5min);
  EXPECT_EQ(next(), "B");
  wants(1, 1, "C", 5min);  // Three of four minutes each: the last would just be late.
  EXPECT_EQ(next(), "A");
}

TEST_F(MediumChoiceTest, WhatHasToBeReadBeforeHimCountsToo) {
  wants(1, 1, "A", 7min);
  wants(1, 30, "B", 5min);
  EXPECT_EQ(next(), "B");
  wants(1, 1, "A", 7min, kReads, 60'000'000'000);  // Another three minutes.
  EXPECT_EQ(next(), "A");
}

TEST_F(MediumChoiceTest, WhoComesLaterDoesNotMakeThoseDueWhoAreBeforeHim) {
  wants(1, 1, "A", 6min);
  wants(1, 10, "B", 5min);
  wants(1, 1, "C", 0s);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, OfThoseTheOneWhoHasWaitedLongestIs) {
  wants(1, 90, "A", 11min);
  wants(1, 1, "B", 12min);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WhatIsOnlyQueuedOnTheSameTapeDoesNotCountThere) {
  wants(1, 1, "A", 11min);
  wants(1, 1, "A", 5h, kQueued);
  wants(1, 1, "B", 12min);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, DisksAreReadInTheOrderOfArrivalAndBeforeCartridgesThatMayWait) {
  wants(1, 90, "A", 4min);
  wants(1, 5, "B", 10s);
  wants(1, 1, "C", 20s);
  is_disk("B");
  is_disk("C");
  EXPECT_EQ(next(), "C");
}

// --- Users

TEST_F(MediumChoiceTest, ManyOfOneUserDoNotOutweighOneOfAnother) {
  for (const std::size_t reads : {std::size_t{100}, std::size_t{10'000}}) {
    wanted_.clear();
    wants(1, reads, "A", 60s);
    wants(2, 1, "B", 10s);
    EXPECT_EQ(next(), "B") << reads;
  }
}

TEST_F(MediumChoiceTest, AFloodThatCanNeverBeInTimeDoesNotMakeOthersLate) {
  wants(1, 10'000, "A", 8h);
  wants(2, 1, "B", 11min);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, AReaderIsKnownToWaitOnlyForWhatItParked) {
  FairShare shares;
  shares.count({.user = 1, .reader = 7, .parked = true});
  shares.count({.user = 1, .reader = 8, .parked = false});
  shares.count({.user = 1, .reader = 0, .parked = true});
  EXPECT_TRUE(shares.is_waiting(7));
  EXPECT_FALSE(shares.is_waiting(8));
  EXPECT_FALSE(shares.is_waiting(0));
}

TEST_F(MediumChoiceTest, UsersWhoAreLateTakeTurns) {
  wants(1, 1, "A", 40min);
  wants(1, 1, "B", 35min);
  wants(2, 1, "C", 12min);
  EXPECT_EQ(next(), "A");
  served(1, 1min);  // He had his turn.
  EXPECT_EQ(next(), "C");
  served(2, 30s);
  EXPECT_EQ(next(), "A");
}

// --- What is only queued

TEST_F(MediumChoiceTest, WhatSomebodyWaitsForIsBeforeWhatIsOnlyQueued) {
  wants(1, 10'000, "A", 7h, kQueued);
  wants(1, 1, "B", 1s);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WhatIsQueuedIsDueWithinADay) {
  wants(1, 1, "A", 16h, kQueued);
  wants(1, 50, "B", 4min);
  EXPECT_EQ(next(), "A");
}

TEST_F(MediumChoiceTest, QueuedWorkThatIsWorthAMountIsBeforeWorkThatIsNot) {
  wants(1, 3, "A", 5h, kQueued);
  wants(1, 3, "B", 1min, kQueued, 200'000'000'000);
  EXPECT_EQ(next(), "B");
}

TEST_F(MediumChoiceTest, WhenNothingElseIsWantedALittleIsReadAtOnce) {
  wants(1, 1, "A", 0s, kQueued);
  EXPECT_EQ(next(), "A");
}

// --- How long the loaded tape stays

TEST_F(MediumChoiceTest, WhatIsPlannedIsReadWhileNobodyElseIsDue) {
  is_loaded("A");
  wants(1, 10, "A", 3min);
  wants(2, 50, "B", 4min);
  EXPECT_EQ(next_step(sweep_of(1h)), "go on");
}

TEST_F(MediumChoiceTest, ATapeIsReadForAMountsWorthBeforeItIsTakenForSomebodyDue) {
  is_loaded("A");
  for (const bool parked : {kReads, kQueued}) {
    wanted_.clear();
    wants(1, 10, "A", 3min, parked);
    wants(2, 1, "B", 11min);
    EXPECT_EQ(next_step(sweep_of(1min)), "go on") << parked;
    EXPECT_EQ(next_step(sweep_of(2min)), "B") << parked;
  }
}

TEST_F(MediumChoiceTest, WhatIsOnlyQueuedMakesWayForWhoHasWaitedAsLongAsAMountTakes) {
  is_loaded("A");
  wants(1, 100, "A", 5min, kQueued);
  wants(2, 1, "B", 119s);
  EXPECT_EQ(next_step(sweep_of(1h)), "go on");
  wants(2, 1, "B", 2min);
  EXPECT_EQ(next_step(sweep_of(1h)), "B");
  EXPECT_EQ(next_step(sweep_of(6min)), "go on");  // It has only just come.
  Sweep nearly_over = sweep_of(1h);
  nearly_over.left = 6min;
  EXPECT_EQ(next_step(nearly_over), "go on");
}

TEST_F(MediumChoiceTest, ATapeThatIsReadOnFromIsKeptForAMountsWorth) {
  is_loaded("A");
  wants(2, 1, "B", 1min);
  Sweep sweep = ended(1min);
  EXPECT_EQ(next_step(sweep), "B");
  sweep.is_read_on = true;
  EXPECT_EQ(next_step(sweep), "keep");
  sweep.since_served = 2min;
  EXPECT_EQ(next_step(sweep), "B");
}

TEST_F(MediumChoiceTest, ATapeThatSomebodyWaitedForIsKeptFromWhatIsOnlyQueued) {
  is_loaded("A");
  wants(2, 100, "B", 1h, kQueued);
  Sweep sweep = ended(1min);
  sweep.was_waited_for = true;
  EXPECT_EQ(next_step(sweep), "keep");
  wants(3, 1, "C", 0s);
  EXPECT_EQ(next_step(sweep), "C");
}

TEST_F(MediumChoiceTest, NothingIsKeptFromSomebodyDue) {
  is_loaded("A");
  wants(2, 1, "B", 11min);
  Sweep sweep = ended(0s);
  sweep.is_read_on = true;
  EXPECT_EQ(next_step(sweep), "B");
}

}  // namespace
}  // namespace mixtape::recall
