// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_armor.h"

#include <gtest/gtest.h>

#include "tests/format/age_fixture.h"
#include "tests/support/patterns.h"

namespace mixtape::format::test {
namespace {

using mixtape::test::pattern;

constexpr std::string_view kBegin = "-----BEGIN AGE ENCRYPTED FILE-----\n";
constexpr std::string_view kEnd = "-----END AGE ENCRYPTED FILE-----\n";

std::string armored(ByteView bytes, std::size_t piece = SIZE_MAX) {
  MemorySink sink;
  ArmorWriter writer(sink);
  while (!bytes.empty()) {
    const std::size_t size = std::min(piece, bytes.size());
    writer.write(bytes.first(size));
    bytes = bytes.subspan(size);
  }
  writer.finish();
  return std::string(as_text(sink.content));
}

struct Unarmored {
  Bytes bytes;
  std::optional<AgeFailure> failure;
};

Unarmored unarmored(std::string_view text, std::size_t step = 1000) {
  MemorySource source(as_bytes(text), step);
  ArmorReader reader(source);
  Unarmored result;
  Bytes buffer(step);
  result.failure = failure_of([&] {
    while (const std::size_t size = reader.read(buffer)) {
      result.bytes.insert(result.bytes.end(), buffer.begin(),
                          buffer.begin() + static_cast<std::ptrdiff_t>(size));
    }
  });
  return result;
}

std::string in_armor(std::string_view lines) {
  return std::string(kBegin) + std::string(lines) + std::string(kEnd);
}

std::string with_crlf(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c == '\n' ? std::string("\r\n") : std::string(1, c);
  }
  return result;
}

const std::string kFullLine(64, 'A');

TEST(Armor, RoundTripsAroundLineBordersInStepsOfAnySize) {
  for (const std::size_t size : {0, 1, 2, 3, 47, 48, 49, 95, 96, 97, 5000}) {
    const Bytes bytes = pattern(size, size);
    const std::string text = armored(bytes);
    for (const std::size_t step : {1, 7, 48, 65, 10'000}) {
      EXPECT_EQ(armored(bytes, step), text);
      const Unarmored read = unarmored(text, step);
      EXPECT_EQ(read.failure, std::nullopt);
      EXPECT_EQ(read.bytes, bytes);
    }
  }
}

TEST(Armor, HasLinesOf64ColumnsAndNoEmptyOne) {
  EXPECT_EQ(armored(Bytes(48)), in_armor(kFullLine + "\n"));
  EXPECT_EQ(armored(Bytes(49)), in_armor(kFullLine + "\nAA==\n"));
}

TEST(Armor, MayHaveWindowsLineEndsNoLastOneAndWhiteSpaceAround) {
  const Bytes bytes = pattern(100);
  const std::string text = armored(bytes);
  for (const std::string& variant :
       {with_crlf(text), text.substr(0, text.size() - 1), " \t\r\n\n\n" + text + "\n\n \t\r",
        std::string(1023, '\n') + text, std::string(1024, '\n') + text,
        text + std::string(1024, ' ')}) {
    const Unarmored read = unarmored(variant);
    EXPECT_EQ(read.failure, std::nullopt) << variant;
    EXPECT_EQ(read.bytes, bytes);
  }
}

TEST(Armor, WithMoreWhiteSpaceAroundIsRefused) {
  const std::string text = armored(pattern(100));
  for (const std::string& variant : {std::string(1025, '\n') + text, text + std::string(1025, '\n'),
                                     std::string(2000, ' ') + "\n" + text}) {
    EXPECT_EQ(unarmored(variant).failure, AgeFailure::armor);
  }
}

TEST(Armor, ThatIsNearlyRightIsRefused) {
  const std::string good = in_armor(kFullLine + "\nAAAA\n");
  ASSERT_EQ(unarmored(good).failure, std::nullopt);
  for (const std::string& bad : {
           std::string(),
           std::string(kBegin),
           good.substr(0, good.size() - kEnd.size()),
           in_armor("\nAAAA\n"),
           in_armor("AAAA\n\n"),
           in_armor("AAAA\nAAAA\n"),
           in_armor(kFullLine + "AAAA\n"),
           in_armor("AAA\n"),
           in_armor("AB==\n"),
           in_armor("AA=\n=\n"),
           in_armor("AAAA \n"),
           in_armor(" AAAA\n"),
           in_armor("AA\rAA\n"),
           in_armor("AAAA\r\r\n"),
           in_armor("AA*A\n"),
           in_armor("AAAA\n=twTO\n"),
           in_armor("Version: 1\n\nAAAA\n"),
           good + "garbage",
           "garbage\n" + good,
           std::string("x") + good,
           " " + good,
           good.substr(0, good.size() - 1) + " \n",
           "-----BEGIN AGE ENCRYPTED FILE----- \nAAAA\n" + std::string(kEnd),
           "-----begin age encrypted file-----\nAAAA\n" + std::string(kEnd),
           "-----BEGIN AGE ENCRYPTED MESSAGE-----\nAAAA\n" + std::string(kEnd),
           std::string(kBegin) + "AAAA\n-----END AGE ENCRYPTED MESSAGE-----\n",
           std::string(kBegin) + "AAAA\n----- END AGE ENCRYPTED FILE -----\n",
           std::string(kBegin) + std::string(100'000, 'A'),
           good + good,
       }) {
    EXPECT_EQ(unarmored(bad).failure, AgeFailure::armor) << bad;
  }
}

TEST(Armor, GivesWhatStandsBeforeADefect) {
  const Unarmored read = unarmored(std::string(kBegin) + kFullLine + "\n" + kFullLine + "\n!\n");
  EXPECT_EQ(read.failure, AgeFailure::armor);
  EXPECT_EQ(read.bytes, Bytes(96));
}

TEST(ArmoredAgeFile, IsRecognisedUnlessOnlyBinaryIsAllowed) {
  const Identity identity = Identity::generate();
  const Recipient recipient = identity.recipient();
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, kChunk - 1, kChunk, kChunk + 1}) {
    const Bytes plain = pattern(size);
    const Bytes binary = sealed_file(make_preamble({&recipient, 1}), plain);
    const std::string text = armored(binary);
    for (const std::string& variant : {text, "\n \n" + with_crlf(text) + "\n"}) {
      const Opened opened = open_file(as_bytes(variant), with(identity), 5000, 777);
      EXPECT_EQ(opened.failure, std::nullopt);
      EXPECT_EQ(opened.plain, plain);
      EXPECT_EQ(open_file(as_bytes(variant), with(identity), 5000, 777, false).failure,
                AgeFailure::header);
    }
    EXPECT_EQ(open_file(binary, with(identity), 5000, 777).plain, plain);
  }
}

TEST(ArmoredAgeFile, WithGarbageAroundIsAnArmorFailure) {
  const Identity identity = Identity::generate();
  const Recipient recipient = identity.recipient();
  const std::string text = armored(sealed_file(make_preamble({&recipient, 1}), pattern(10)));
  EXPECT_EQ(open_file(as_bytes("garbage\n" + text), with(identity)).failure, AgeFailure::armor);
  EXPECT_EQ(open_file(as_bytes(text + "garbage\n"), with(identity)).failure, AgeFailure::armor);
  EXPECT_EQ(open_file(as_bytes("garbage\n"), with(identity)).failure, AgeFailure::header);
  EXPECT_EQ(open_file({}, with(identity)).failure, AgeFailure::header);
}

}  // namespace
}  // namespace mixtape::format::test
