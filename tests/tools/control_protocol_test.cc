// SPDX-License-Identifier: Apache-2.0
#include "tools/control_protocol.h"

#include <gtest/gtest.h>

#include <random>

#include "tapeio/error.h"

namespace mixtape::tools {
namespace {

ByteView body_of(const Bytes& frame) {
  return ByteView(frame).subspan(kFrameHeader);
}

TEST(ControlProtocol, ACommandLineArrivesAsItWasTypedWhateverBytesItHas) {
  Message sent = Message::of(Message::Kind::run);
  sent.invocation.arguments = {"backup", "a\nb", "\xff\xfe not utf-8", ""};
  sent.invocation.directory = "/some/where/\x80";
  const Bytes frame = encode_message(sent);
  EXPECT_EQ(frame_length(ByteView(frame).first(kFrameHeader)), frame.size() - kFrameHeader);
  const Message got = decode_message(body_of(frame));
  EXPECT_EQ(got.kind, Message::Kind::run);
  EXPECT_EQ(got.invocation.arguments, sent.invocation.arguments);
  EXPECT_EQ(got.invocation.directory, sent.invocation.directory);
}

TEST(ControlProtocol, ACommandSaysWhetherSomebodySitsAtATerminal) {
  for (const bool on_terminal : {true, false}) {
    Message sent = Message::of(Message::Kind::run);
    sent.invocation.on_terminal = on_terminal;
    EXPECT_EQ(decode_message(body_of(encode_message(sent))).invocation.on_terminal, on_terminal);
  }
}

TEST(ControlProtocol, WordsProgressAndStatusComeBack) {
  EXPECT_EQ(decode_message(
                body_of(encode_message(Message::of_text(Message::Kind::out, "\x01 bytes \xff"))))
                .text,
            "\x01 bytes \xff");
  Message progress = Message::of(Message::Kind::progress);
  progress.progress = {"write MX0001", 1, ~std::uint64_t{0}, 3, 4};
  const Message got = decode_message(body_of(encode_message(progress)));
  EXPECT_EQ(got.progress.phase, "write MX0001");
  EXPECT_EQ(got.progress.total_bytes, ~std::uint64_t{0});
  EXPECT_EQ(got.progress.part, std::nullopt);
  progress.progress = {.phase = "load medium MX0001", .part = 0.5};
  EXPECT_EQ(decode_message(body_of(encode_message(progress))).progress.part, 0.5);
  Message exit = Message::of(Message::Kind::exit);
  exit.status = 3;
  EXPECT_EQ(decode_message(body_of(encode_message(exit))).status, 3);
  EXPECT_EQ(decode_message(body_of(encode_message(Message::of(Message::Kind::stop)))).kind,
            Message::Kind::stop);
}

TEST(ControlProtocol, AFrameThatIsTooLongIsRefusedBeforeItIsRead) {
  std::byte header[kFrameHeader];
  store_big_endian(header, static_cast<std::uint32_t>(kMaxFrame));
  EXPECT_EQ(frame_length(header), kMaxFrame);
  store_big_endian(header, static_cast<std::uint32_t>(kMaxFrame + 1));
  EXPECT_THROW((void)frame_length(header), Error);
  store_big_endian(header, std::uint32_t{0});
  EXPECT_THROW((void)frame_length(header), Error);
}

TEST(ControlProtocol, AMessageThatNestsWithoutEndIsRefusedBeforeItIsBuilt) {
  // An array in an array, a map, a tag, an array without end, a text and bytes made of pieces.
  for (const int opener : {0x81, 0xa1, 0xc1, 0x9f, 0x7f, 0x5f}) {
    EXPECT_THROW((void)decode_message(Bytes(kMaxFrame, static_cast<std::byte>(opener))), Error)
        << opener;
  }
  Bytes maps;
  for (int level = 0; level < 100'000; ++level) {
    for (const int byte : {0xa1, 0x61, 0x78}) {
      maps.push_back(static_cast<std::byte>(byte));
    }
  }
  EXPECT_THROW((void)decode_message(maps), Error);
}

TEST(ControlProtocol, ALengthThatIsALieIsRefused) {
  for (const std::vector<int>& bytes : std::vector<std::vector<int>>{
           {0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
           {0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00},
           {0xa1, 0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'x'},
           {0xa1, 0x61}}) {
    Bytes body;
    for (const int byte : bytes) {
      body.push_back(static_cast<std::byte>(byte));
    }
    EXPECT_THROW((void)decode_message(body), Error);
  }
}

TEST(ControlProtocol, NestingDoesNotEatTheStack) {
  // Lists in lists, maps in maps, texts in pieces, bytes in pieces: a level for each byte or two.
  for (const std::string_view level : {"\x81", "\xa1\x61k", "\x9f", "\x7f", "\x5f", "\xc0"}) {
    std::string body = "\xa1\x63run";
    while (body.size() + level.size() <= kMaxFrame) {
      body += level;
    }
    EXPECT_THROW((void)decode_message(as_bytes(body)), Error);
  }
}

TEST(ControlProtocol, AStatusThatIsNoIntegerIsRefused) {
  // {"exit": 1e300}
  EXPECT_THROW((void)decode_message(as_bytes("\xa1\x64"
                                             "exit\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c")),
               Error);
}

TEST(ControlProtocol, DamagedFramesAreRefusedNotObeyed) {
  Message sent = Message::of(Message::Kind::run);
  sent.invocation.arguments = {"forget", "/home"};
  sent.invocation.directory = "/";
  const Bytes frame = encode_message(sent);
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    Bytes body(frame.begin() + kFrameHeader, frame.end());
    body.resize(1 + random() % body.size());
    body[random() % body.size()] = static_cast<std::byte>(random());
    try {
      (void)decode_message(body);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt);
    }
  }
}

}  // namespace
}  // namespace mixtape::tools
