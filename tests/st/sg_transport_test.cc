// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/sg_transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <scsi/sg.h>

#include <cerrno>
#include <functional>
#include <memory>

#include "tests/support/errors.h"

// How answers of SG_IO are read.

namespace mixtape::test {
namespace {

using tapeio::scsi::Reply;
using tapeio::scsi::SgTransport;
using tapeio::scsi::Status;

class FakeSg final : public tapeio::DeviceFile {
 public:
  explicit FakeSg(std::function<int(sg_io_hdr&)> answer) : answer_(std::move(answer)) {}
  [[nodiscard]] std::string path() const override { return "/dev/sg-fake"; }
  [[nodiscard]] int open(int flags) override {
    return (flags & O_EXCL) != 0 && open_result == 0 ? 0 : open_result;
  }
  [[nodiscard]] ssize_t read(MutableBytes) override { return -EINVAL; }
  [[nodiscard]] ssize_t write(ByteView) override { return -EINVAL; }
  [[nodiscard]] int ioctl(unsigned long request, void* argument) override {
    return request == SG_IO ? answer_(*static_cast<sg_io_hdr*>(argument)) : -EINVAL;
  }
  int open_result = 0;

 private:
  std::function<int(sg_io_hdr&)> answer_;
};

Reply ask(std::function<int(sg_io_hdr&)> answer) {
  SgTransport transport(std::make_unique<FakeSg>(std::move(answer)));
  const std::array<std::uint8_t, 6> cdb{0x08, 0, 0, 2, 0, 0};
  Bytes buffer(512);
  return transport.execute({.cdb = cdb, .in = buffer});
}

TEST(SgTransport, DeviceOfAnotherProgramIsLocked) {
  auto device = std::make_unique<FakeSg>([](sg_io_hdr&) { return 0; });
  device->open_result = -EBUSY;
  EXPECT_EQ(error_of([&] { return SgTransport(std::move(device)).most_data(); }),
            ErrorCode::locked);
}

TEST(SgTransport, ResidualIsTakenOffAndNeverBelievedBeyondTheBuffer) {
  for (const auto& [residual, transferred] :
       {std::pair{0, 512u}, std::pair{100, 412u}, std::pair{512, 0u}, std::pair{600, 0u},
        std::pair{-5, 512u}}) {
    const Reply reply = ask([residual = residual](sg_io_hdr& io) {
      io.resid = residual;
      return 0;
    });
    EXPECT_EQ(reply.transferred, transferred) << residual;
  }
}

TEST(SgTransport, SenseComesWithACheckCondition) {
  const Reply reply = ask([](sg_io_hdr& io) {
    io.status = 0x02;
    io.driver_status = 0x08;  // "There is sense", which is no failure.
    io.sbp[0] = 0x70;
    io.sbp[2] = 0x80;
    io.sb_len_wr = 18;
    return 0;
  });
  EXPECT_EQ(reply.status, Status::check_condition);
  EXPECT_EQ(reply.sense_size, 18u);
  EXPECT_EQ(reply.sense[2], 0x80);
}

TEST(SgTransport, WhatTheHostAdapterReportsIsAnError) {
  for (const unsigned short host : {0x01, 0x03, 0x07, 0x0e}) {
    EXPECT_EQ(error_of([&] {
                return ask([host](sg_io_hdr& io) {
                  io.host_status = host;
                  return 0;
                });
              }),
              ErrorCode::io);
  }
  EXPECT_EQ(error_of([] {
              return ask([](sg_io_hdr& io) {
                io.driver_status = 0x06;
                return 0;
              });
            }),
            ErrorCode::io);
}

TEST(SgTransport, RefusalsOfTheKernelHaveTheirCodes) {
  EXPECT_EQ(error_of([] { return ask([](sg_io_hdr&) { return -ENODEV; }); }), ErrorCode::not_found);
  EXPECT_EQ(error_of([] { return ask([](sg_io_hdr&) { return -EPERM; }); }),
            ErrorCode::not_permitted);
}

TEST(SgTransport, MoreThanOneCommandTakesIsInvalid) {
  SgTransport transport(std::make_unique<FakeSg>([](sg_io_hdr&) { return 0; }));
  Bytes buffer(transport.most_data() + 1);
  const std::array<std::uint8_t, 6> cdb{0x08};
  EXPECT_EQ(error_of([&] { return transport.execute({.cdb = cdb, .in = buffer}); }),
            ErrorCode::invalid);
}

}  // namespace
}  // namespace mixtape::test
