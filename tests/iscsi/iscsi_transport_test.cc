// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/iscsi_transport.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

#include "tapeio/error.h"
#include "tests/rigs/tgt_rig.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// The transport over a real connection to a target that is not ours.

namespace mixtape::test {
namespace {

using namespace std::chrono_literals;
using tapeio::scsi::Command;
using tapeio::scsi::IscsiTransport;
using tapeio::scsi::Reply;
using tapeio::scsi::Status;
using Cdb = std::array<std::uint8_t, 6>;

constexpr Cdb kTestUnitReady{0x00};
constexpr Cdb kRewind{0x01};

Cdb with_length(std::uint8_t operation, std::size_t size) {
  return {operation,
          0,
          static_cast<std::uint8_t>(size >> 16),
          static_cast<std::uint8_t>(size >> 8),
          static_cast<std::uint8_t>(size),
          0};
}

class IscsiTransportTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TgtRig::why_not(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    rig_ = std::make_unique<TgtRig>();
  }
  // The unit attentions of a new session are over.
  std::unique_ptr<IscsiTransport> ready_drive() {
    rig_->insert_blank(1, 64);
    auto transport = std::make_unique<IscsiTransport>(rig_->url(1, 1));
    for (int i = 0; i < 3; ++i) {
      static_cast<void>(transport->execute({.cdb = kTestUnitReady}));
    }
    return transport;
  }
  // The message of the Error, which must come within `limit`.
  template <typename Operation>
  std::string failure_within(std::chrono::seconds limit, Operation operation) {
    const auto begin = std::chrono::steady_clock::now();
    std::string message;
    try {
      operation();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::io);
      message = error.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, limit);
    EXPECT_EQ(message.find('\n'), std::string::npos) << "one sentence, one line";
    return message;
  }
  std::unique_ptr<TgtRig> rig_;
};

TEST_F(IscsiTransportTest, RecordsComeBackThroughTheCallersBuffer) {
  const auto drive = ready_drive();
  for (const std::size_t size : {1ul, 512ul, 256ul * KiB, 1ul * MiB, 4ul * MiB}) {
    const Bytes record = pattern(size, size);
    ASSERT_EQ(drive->execute({.cdb = kRewind}).status, Status::good);
    const Reply written = drive->execute({.cdb = with_length(0x0a, size), .out = record});
    ASSERT_EQ(written.status, Status::good);
    EXPECT_EQ(written.transferred, size);
    ASSERT_EQ(drive->execute({.cdb = kRewind}).status, Status::good);
    Bytes buffer(size);
    const Reply read = drive->execute({.cdb = with_length(0x08, size), .in = buffer});
    ASSERT_EQ(read.status, Status::good);
    EXPECT_EQ(read.transferred, size);
    EXPECT_EQ(buffer, record);
  }
}

TEST_F(IscsiTransportTest, FirstCommandAfterLoginHearsOfTheNewSession) {
  rig_->insert_blank(1, 64);
  IscsiTransport drive(rig_->url(1, 1));
  const Reply reply = drive.execute({.cdb = kTestUnitReady});
  ASSERT_EQ(reply.status, Status::check_condition);
  ASSERT_GE(reply.sense_size, 14u);
  EXPECT_EQ(reply.sense[2] & 0x0f, 0x06);
  EXPECT_EQ(reply.sense[12], 0x29);
}

TEST_F(IscsiTransportTest, SenseComesWholeWithTheFilemarkBit) {
  const auto drive = ready_drive();
  constexpr Cdb kWriteFilemark{0x10, 0, 0, 0, 1, 0};
  ASSERT_EQ(drive->execute({.cdb = kWriteFilemark}).status, Status::good);
  ASSERT_EQ(drive->execute({.cdb = kRewind}).status, Status::good);
  Bytes buffer(512);
  const Reply reply = drive->execute({.cdb = with_length(0x08, 512), .in = buffer});
  ASSERT_EQ(reply.status, Status::check_condition);
  ASSERT_GE(reply.sense_size, 14u);
  EXPECT_EQ(reply.sense[0] & 0x7f, 0x70);
  EXPECT_EQ(reply.sense[2] & 0x80, 0x80);
}

TEST_F(IscsiTransportTest, UnitsOfATargetAreListed) {
  IscsiTransport changer(rig_->url(1, 3));
  EXPECT_EQ(tapeio::scsi::logical_units(changer), (std::vector<unsigned>{0, 1, 2, 3}));
}

TEST_F(IscsiTransportTest, PasswordOpensAndIsNeverShown) {
  IscsiTransport drive(rig_->url(2, 1, "mix%tape-of-mixtape@"));
  EXPECT_EQ(drive.name(), rig_->url(2, 1));
}

TEST_F(IscsiTransportTest, WrongPasswordIsRefusedAndNeverShown) {
  const std::string url = rig_->url(2, 1, "mix%wrong-password-@");
  try {
    IscsiTransport drive(url);
    FAIL() << "the target let us in";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_permitted) << error.what();
    EXPECT_EQ(std::string(error.what()).find("wrong-password"), std::string::npos);
  }
}

TEST_F(IscsiTransportTest, MissingPasswordIsRefused) {
  EXPECT_EQ(error_of([&] { return IscsiTransport(rig_->url(2, 1)).most_data(); }),
            ErrorCode::not_permitted);
}

TEST_F(IscsiTransportTest, UnknownNameOfATargetIsNotFound) {
  std::string url = rig_->url(1, 1);
  url.replace(url.find(":t1"), 3, ":t7");
  EXPECT_EQ(error_of([&] { return IscsiTransport(url).most_data(); }), ErrorCode::not_found);
}

TEST_F(IscsiTransportTest, RefusedConnectionIsOneSentenceAtOnce) {
  const std::string url = rig_->url(1, 1);
  rig_->kill();
  EXPECT_NE(failure_within(5s, [&] { IscsiTransport drive(url); }).find("Connection refused"),
            std::string::npos);
}

TEST_F(IscsiTransportTest, TargetKilledBetweenCommandsIsOneSentenceAndStaysSo) {
  const auto drive = ready_drive();
  rig_->kill();
  const auto ask = [&] { static_cast<void>(drive->execute({.cdb = kTestUnitReady})); };
  EXPECT_NE(failure_within(5s, ask).find("connection"), std::string::npos);
  EXPECT_NE(failure_within(1s, ask).find("connection"), std::string::npos);
}

TEST_F(IscsiTransportTest, TargetKilledInTheMiddleOfACommandIsOneSentence) {
  const auto drive = ready_drive();
  rig_->freeze();
  std::jthread killer([&] {
    std::this_thread::sleep_for(300ms);
    rig_->kill();
  });
  const Bytes record = pattern(4 * MiB, 1);
  const auto write = [&] {
    static_cast<void>(drive->execute({.cdb = with_length(0x0a, record.size()), .out = record}));
  };
  EXPECT_NE(failure_within(10s, write).find("connection was cut"), std::string::npos);
}

TEST_F(IscsiTransportTest, SilentTargetEndsTheCommandAtItsTimeout) {
  const auto drive = ready_drive();
  rig_->freeze();
  Bytes buffer(512);
  const auto read = [&] {
    static_cast<void>(
        drive->execute({.cdb = with_length(0x08, 512), .in = buffer, .timeout = 500ms}));
  };
  EXPECT_NE(failure_within(5s, read).find("no answer within 500 ms"), std::string::npos);
}

TEST(IscsiUrl, NonsenseIsInvalidAndDoesNotShowAPassword) {
  for (const char* url : {"iscsi://", "iscsi://user%secret@host", "nonsense"}) {
    try {
      IscsiTransport drive(url);
      FAIL() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid) << error.what();
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace mixtape::test
