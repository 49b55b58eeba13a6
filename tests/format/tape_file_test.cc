// SPDX-License-Identifier: Apache-2.0
#include "engine/format/tape_file.h"

#include <gtest/gtest.h>

#include "tapeio/files.h"
#include "tapeio/memory_drive.h"
#include "tapeio/records.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::format {
namespace {

constexpr std::size_t kRecord = 64 * KiB;

class TapeFileTest : public testing::Test {
 protected:
  TapeFileTest() { identities_.push_back(Identity::generate()); }

  // A padded, encrypted tape file on the medium; the head is at its beginning then.
  void write(const Bytes& plain, bool with_filemark = true) {
    const Recipient recipient = identities_.front().recipient();
    const AgePreamble preamble = make_preamble({&recipient, 1});
    padded_ = plain;
    padded_.resize(padded_plain_size(preamble.bytes.size(), plain.size(), kRecord));
    tapeio::RecordWriter records(drive_, kRecord);
    AgeEncryptor sealed(preamble, records);
    sealed.write(padded_);
    sealed.finish();
    if (with_filemark) {
      records.finish();
    }
    drive_.rewind();
  }
  TapeFile read(std::uint64_t limit = GiB) {
    return read_tape_file(drive_, kRecord, identities_, to(), limit);
  }
  std::filesystem::path to() { return directory_ / "index"; }

  test::TempDir directory_;
  std::vector<Identity> identities_;
  tapeio::MemoryMedium medium_;
  tapeio::MemoryDrive drive_{medium_};
  Bytes padded_;
};

TEST_F(TapeFileTest, ComesBackWholeAndTheHeadStandsBehindItsFilemark) {
  write(test::pattern(300'000));
  const TapeFile found = read();
  EXPECT_EQ(tapeio::read_file(to(), GiB), padded_);
  EXPECT_EQ(found.plain_bytes, padded_.size());
  EXPECT_EQ(found.sealed_bytes, medium_.used_bytes() / kRecord * kRecord);
  EXPECT_EQ(drive_.position(), (tapeio::Position{medium_.object_count(), 1}));
}

TEST_F(TapeFileTest, WithoutItsFilemarkIsCorruptAndLeavesNoFile) {
  write(test::pattern(300'000), false);
  EXPECT_EQ(test::error_of([&] { return read(); }), ErrorCode::corrupt);
  EXPECT_FALSE(std::filesystem::exists(to()));
}

TEST_F(TapeFileTest, LongerThanTheLimitIsRefused) {
  write(test::pattern(300'000));
  EXPECT_EQ(test::error_of([&] { return read(padded_.size() - 1); }), ErrorCode::corrupt);
  EXPECT_FALSE(std::filesystem::exists(to()));
  drive_.rewind();
  EXPECT_EQ(test::error_of([&] { return read(padded_.size()); }), std::nullopt);
}

TEST_F(TapeFileTest, DamagedIsCorruptAndLeavesNoFile) {
  write(test::pattern(300'000));
  medium_.corrupt_record(2, 100);
  EXPECT_EQ(test::error_of([&] { return read(); }), ErrorCode::corrupt);
  EXPECT_FALSE(std::filesystem::exists(to()));
}

TEST_F(TapeFileTest, OfSomebodyElseIsNotPermitted) {
  write(test::pattern(1000));
  identities_.clear();
  identities_.push_back(Identity::generate());
  EXPECT_EQ(test::error_of([&] { return read(); }), ErrorCode::not_permitted);
}

TEST_F(TapeFileTest, NeverReplacesAFile) {
  write(test::pattern(1000));
  test::write_text(to(), "precious");
  EXPECT_NE(test::error_of([&] { return read(); }), std::nullopt);
  EXPECT_EQ(test::read_text(to()), "precious");
}

}  // namespace
}  // namespace mixtape::format
