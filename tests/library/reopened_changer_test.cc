// SPDX-License-Identifier: Apache-2.0
#include "tapeio/reopened_changer.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace mixtape::test {
namespace {

using namespace std::chrono_literals;
using tapeio::Element;

// A changer behind a wire that the test cuts.
class ReopenedChangerTest : public testing::Test {
 protected:
  class Wired final : public tapeio::Changer {
   public:
    explicit Wired(ReopenedChangerTest& world) : world_(world), session_(world.session_) {}
    std::string name() const override { return "changer"; }
    std::vector<Element> elements() override {
      require_connection();
      if (world_.trouble_) {
        throw Error(*world_.trouble_);
      }
      return {{.address = 1}};
    }
    void move(std::uint16_t, std::uint16_t) override {
      require_connection();
      ++world_.moves_;
    }

   private:
    void require_connection() const {
      if (session_ != world_.session_) {
        throw Error(ErrorCode::io, "ask the changer: the connection was cut");
      }
    }
    ReopenedChangerTest& world_;
    const int session_;
  };

  void open(std::chrono::milliseconds left_alone) {
    changer_.emplace(
        [this]() -> std::unique_ptr<tapeio::Changer> {
          ++opened_;
          if (is_away_) {
            throw Error(ErrorCode::io, "log in to the changer: nobody answers");
          }
          return std::make_unique<Wired>(*this);
        },
        left_alone);
  }
  void cut() { ++session_; }
  std::optional<ErrorCode> error_asking() {
    return error_of([&] { return changer_->elements(); });
  }
  std::optional<ErrorCode> error_moving() {
    return error_of([&] {
      changer_->move(1, 2);
      return 0;
    });
  }

  int session_ = 0, opened_ = 0, moves_ = 0;
  bool is_away_ = false;
  std::optional<Error> trouble_;
  std::optional<tapeio::ReopenedChanger> changer_;
};

TEST_F(ReopenedChangerTest, AfterItsTargetWasStartedAnewItIsAskedAgain) {
  open(1h);
  cut();
  EXPECT_EQ(changer_->elements().size(), 1U);
  EXPECT_EQ(opened_, 2);
  cut();
  EXPECT_EQ(changer_->elements().size(), 1U) << "and each time anew";
}

TEST_F(ReopenedChangerTest, AMoveIsNotRepeatedAndTheNextQuestionGoesOn) {
  open(1h);
  cut();
  EXPECT_EQ(error_moving(), ErrorCode::io);
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(changer_->elements().size(), 1U);
  EXPECT_EQ(error_moving(), std::nullopt);
  EXPECT_EQ(moves_, 1);
}

TEST_F(ReopenedChangerTest, OneThatStaysAwayIsLeftAloneForAWhile) {
  open(1h);
  cut();
  is_away_ = true;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(error_asking(), ErrorCode::io);
    EXPECT_EQ(error_moving(), ErrorCode::io);
  }
  EXPECT_EQ(opened_, 2);
}

TEST_F(ReopenedChangerTest, AfterThatWhileItIsThereAgain) {
  open(0ms);
  cut();
  is_away_ = true;
  EXPECT_EQ(error_asking(), ErrorCode::io);
  is_away_ = false;
  EXPECT_EQ(changer_->elements().size(), 1U);
}

TEST_F(ReopenedChangerTest, WhatTheChangerItselfSaysIsNoLostConnection) {
  open(1h);
  trouble_ = Error(ErrorCode::locked, "ask the changer: another computer has reserved it");
  EXPECT_EQ(error_asking(), ErrorCode::locked);
  EXPECT_EQ(opened_, 1);
}

}  // namespace
}  // namespace mixtape::test
