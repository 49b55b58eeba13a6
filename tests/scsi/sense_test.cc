// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/sense.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/scsi/drive_fixture.h"

namespace mixtape::tapeio::scsi {
namespace {

using test::fixed_sense;
using Octets = std::vector<std::uint8_t>;

TEST(Sense, FixedFormatTellsKeyCodeAndFlags) {
  const Sense sense = decode_sense(fixed_sense(0xe3, 0x11, 0x01));
  EXPECT_TRUE(sense.understood);
  EXPECT_FALSE(sense.deferred);
  EXPECT_EQ(sense.key, SenseKey::medium_error);
  EXPECT_TRUE(sense.is(0x11, 0x01));
  EXPECT_TRUE(sense.filemark && sense.end_of_medium && sense.incorrect_length);
}

TEST(Sense, InformationCountsOnlyWhenMarkedAsValid) {
  Octets bytes = fixed_sense(0x20, 0, 0);
  bytes[6] = 7;
  EXPECT_FALSE(decode_sense(bytes).information.has_value());
  bytes[0] |= 0x80;
  EXPECT_EQ(decode_sense(bytes).information, 7);
}

TEST(Sense, InformationIsNegativeForARecordLargerThanAskedFor) {
  Octets bytes = fixed_sense(0x20, 0, 0, 0xf0);
  bytes[3] = bytes[4] = bytes[5] = 0xff;
  bytes[6] = 0xfe;
  EXPECT_EQ(decode_sense(bytes).information, -2);
}

TEST(Sense, DescriptorFormatTellsTheSame) {
  const Octets bytes = {0x72, 0x00, 0x00, 0x01, 0,    0,    0,    16,   0x04, 0x02, 0,    0x80,
                        0x00, 0x0a, 0x80, 0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
  const Sense sense = decode_sense(bytes);
  EXPECT_TRUE(sense.understood);
  EXPECT_TRUE(sense.filemark);
  EXPECT_TRUE(sense.is(0x00, 0x01));
  EXPECT_EQ(sense.information, -2);
}

TEST(Sense, DeferredErrorsSayThatTheyAre) {
  EXPECT_TRUE(decode_sense(fixed_sense(0x03, 0x0c, 0x00, 0x71)).deferred);
  EXPECT_TRUE(decode_sense(Octets{0x73, 3, 0x0c, 0, 0, 0, 0, 0}).deferred);
}

TEST(Sense, ProgressIsAFractionAndOnlyWhereItIsOne) {
  Octets bytes = fixed_sense(0x02, 0x04, 0x07);
  bytes[15] = 0x80;
  bytes[16] = 0x40;
  ASSERT_TRUE(decode_sense(bytes).progress.has_value());
  EXPECT_DOUBLE_EQ(*decode_sense(bytes).progress, 0.25);
  bytes[2] = 0x05;  // An illegal request points at a field with these bytes.
  EXPECT_FALSE(decode_sense(bytes).progress.has_value());
}

TEST(Sense, CutAnywhereItIsNeverReadBehindItsEnd) {
  Octets descriptor = {0x72, 0x00, 0x00, 0x01, 0, 0, 0, 16, 0x04, 0x02, 0, 0x80,
                       0x00, 0x0a, 0x80, 0,    0, 0, 0, 0,  0,    0,    0, 1};
  Octets fixed = fixed_sense(0xe2, 0x04, 0x07, 0xf0);
  for (const Octets& whole : {descriptor, fixed}) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      // A copy of exactly this size, so that the sanitizer sees a step too far.
      const Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const Sense sense = decode_sense(cut);
      EXPECT_EQ(sense.information.has_value(), size >= (whole == fixed ? 7u : 24u)) << size;
    }
  }
}

TEST(Sense, LyingLengthsEndTheDescriptorsAndNothingElse) {
  const Octets endless = {0x72, 0x02, 0x3a, 0x00, 0, 0, 0, 0xff, 0x00, 0xff, 0x80, 0};
  EXPECT_TRUE(decode_sense(endless).is(0x3a, 0x00));
  const Octets short_said = {0x70, 0, 0x02, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0x3a, 0x00};
  EXPECT_TRUE(decode_sense(short_said).is(0x00, 0x00));
}

TEST(Sense, UnknownResponseCodesAreNotUnderstood) {
  EXPECT_FALSE(decode_sense(Octets{}).understood);
  EXPECT_FALSE(decode_sense(Octets(18, 0)).understood);
  EXPECT_FALSE(decode_sense(Octets(18, 0x7f)).understood);
}

TEST(Sense, NamesAreTheStandards) {
  EXPECT_EQ(name_of_additional(0x3a, 0x00), "medium not present");
  EXPECT_EQ(name_of_additional(0x04, 0x01), "logical unit is in process of becoming ready");
  EXPECT_EQ(name_of_additional(0x12, 0x34), "additional sense 12h/34h");
  EXPECT_EQ(name_of_additional(0x82, 0x34), "vendor-specific additional sense 82h/34h");
  EXPECT_EQ(to_string(decode_sense(fixed_sense(0x02, 0x3a, 0x00))),
            "not ready, medium not present (2h, 3Ah/00h)");
}

struct Meaning {
  std::uint8_t key, asc, ascq;
  Remedy remedy;
  ErrorCode code;
};

TEST(Sense, EachSituationHasItsRemedy) {
  constexpr Meaning kMeanings[] = {
      {0x0, 0x00, 0x02, Remedy::none, ErrorCode::io},
      {0x1, 0x11, 0x01, Remedy::none, ErrorCode::io},
      {0x2, 0x04, 0x01, Remedy::wait, ErrorCode::io},
      {0x2, 0x04, 0x07, Remedy::wait, ErrorCode::io},
      {0x2, 0x04, 0x02, Remedy::load, ErrorCode::no_medium},
      {0x2, 0x3a, 0x00, Remedy::fail, ErrorCode::no_medium},
      {0x2, 0x30, 0x03, Remedy::fail, ErrorCode::wrong_medium},
      {0x2, 0x30, 0x00, Remedy::fail, ErrorCode::wrong_medium},
      {0x3, 0x30, 0x02, Remedy::fail, ErrorCode::wrong_medium},
      {0x3, 0x11, 0x00, Remedy::fail, ErrorCode::bad_medium},
      {0x4, 0x44, 0x00, Remedy::fail, ErrorCode::io},
      {0x5, 0x20, 0x00, Remedy::fail, ErrorCode::unsupported},
      {0x5, 0x53, 0x02, Remedy::fail, ErrorCode::locked},
      {0x6, 0x28, 0x00, Remedy::exchanged, ErrorCode::no_medium},
      {0x6, 0x29, 0x00, Remedy::reset, ErrorCode::io},
      {0x6, 0x2a, 0x01, Remedy::again, ErrorCode::io},
      {0x6, 0x2a, 0x03, Remedy::fail, ErrorCode::locked},
      {0x7, 0x27, 0x00, Remedy::fail, ErrorCode::write_protected},
      {0x7, 0x30, 0x05, Remedy::fail, ErrorCode::write_protected},
      {0xd, 0x00, 0x02, Remedy::fail, ErrorCode::no_space},
  };
  for (const Meaning& meaning : kMeanings) {
    const Sense sense = decode_sense(fixed_sense(meaning.key, meaning.asc, meaning.ascq));
    const Advice advice = advice_for(sense);
    EXPECT_EQ(advice.remedy, meaning.remedy) << to_string(sense);
    EXPECT_EQ(advice.code, meaning.code) << to_string(sense);
    EXPECT_FALSE(advice.sentence.empty());
  }
}

TEST(Sense, EveryCombinationHasAName) {
  for (unsigned key = 0; key < 16; ++key) {
    for (unsigned asc = 0; asc < 256; ++asc) {
      for (unsigned ascq = 0; ascq < 256; ascq += 5) {
        const Sense sense =
            decode_sense(fixed_sense(static_cast<std::uint8_t>(key), static_cast<std::uint8_t>(asc),
                                     static_cast<std::uint8_t>(ascq)));
        EXPECT_FALSE(to_string(sense).empty());
        EXPECT_FALSE(advice_for(sense).sentence.empty());
      }
    }
  }
}

}  // namespace
}  // namespace mixtape::tapeio::scsi
