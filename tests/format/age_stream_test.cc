// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <thread>

#include "tests/format/age_fixture.h"
#include "tests/support/patterns.h"

namespace mixtape::format::test {
namespace {

using mixtape::test::pattern;

const Identity& identity() {
  static const Identity one = Identity::generate();
  return one;
}

const AgePreamble& preamble() {
  static const AgePreamble one = [] {
    const Recipient recipient = identity().recipient();
    return make_preamble({&recipient, 1});
  }();
  return one;
}

std::vector<std::size_t> sizes_around_chunks() {
  return {0,
          1,
          15,
          16,
          17,
          kChunk - 17,
          kChunk - 16,
          kChunk - 1,
          kChunk,
          kChunk + 1,
          kChunk + 16,
          kChunk + 17,
          2 * kChunk - 1,
          2 * kChunk,
          2 * kChunk + 1,
          3 * kChunk,
          200'000};
}

TEST(AgeStream, RoundTripsAroundChunkBordersInStepsOfAnySize) {
  for (const std::size_t size : sizes_around_chunks()) {
    const Bytes plain = pattern(size, size);
    const Bytes whole = sealed_file(preamble(), plain);
    for (const std::size_t step :
         {std::size_t{1000}, kChunk - 1, kChunk, kChunk + 1, kSealedChunk}) {
      EXPECT_EQ(sealed_file(preamble(), plain, step), whole) << size << " in pieces of " << step;
      const Opened opened = open_file(whole, with(identity()), step, step + 7);
      EXPECT_EQ(opened.failure, std::nullopt);
      EXPECT_EQ(opened.plain, plain) << size << " in steps of " << step;
    }
  }
}

TEST(AgeStream, RoundTripsByteByByte) {
  const Bytes plain = pattern(kChunk + 5);
  const Bytes whole = sealed_file(preamble(), plain, 1);
  EXPECT_EQ(open_file(whole, with(identity()), 1, 1).plain, plain);
}

TEST(AgeStream, HasTheSizeThatArithmeticSays) {
  for (const std::size_t size : sizes_around_chunks()) {
    const std::size_t header_and_nonce = preamble().bytes.size();
    const Bytes whole = sealed_file(preamble(), pattern(size));
    EXPECT_EQ(whole.size(), cipher_size(header_and_nonce, size));
    EXPECT_EQ(plain_size(header_and_nonce, whole.size()), size);
  }
}

TEST(AgeStream, CutAnywhereGivesOnlyWholeChunksAndAFailure) {
  const Bytes plain = pattern(2 * kChunk + 100);
  const Bytes whole = sealed_file(preamble(), plain);
  const std::size_t start = preamble().bytes.size();
  std::vector<std::size_t> cuts = {start, start + 1, start + 15, start + 16, start + 17};
  for (std::size_t chunk = 1; chunk <= 2; ++chunk) {
    for (const int delta : {-17, -16, -1, 0, 1, 15, 16, 17}) {
      cuts.push_back(start + chunk * kSealedChunk + static_cast<std::size_t>(delta));
    }
  }
  cuts.push_back(whole.size() - 1);
  for (const std::size_t cut : cuts) {
    const Opened opened = open_file(ByteView(whole).first(cut), with(identity()));
    EXPECT_EQ(opened.failure, AgeFailure::payload) << cut;
    const std::size_t released = (cut - start) / kSealedChunk * kChunk;
    EXPECT_EQ(opened.plain,
              Bytes(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(released)));
  }
}

TEST(AgeStream, FollowedByAnythingGivesAllAndAFailure) {
  for (const std::size_t size : {kChunk, 2 * kChunk}) {
    const Bytes plain = pattern(size);
    const Bytes whole = sealed_file(preamble(), plain);
    for (const std::size_t more : {std::size_t{1}, std::size_t{16}, kSealedChunk}) {
      const Opened opened = open_file(joined(whole, pattern(more)), with(identity()));
      EXPECT_EQ(opened.failure, AgeFailure::payload);
      EXPECT_EQ(opened.plain, plain);
    }
  }
}

TEST(AgeStream, WithAnEmptyLastChunkAfterOthersFails) {
  const Bytes plain = pattern(kChunk);
  Bytes file = preamble().bytes;
  Bytes box(kSealedChunk);
  seal_chunk(preamble().payload_key, 0, false, plain, box);
  file = joined(file, box);
  Bytes empty(16);
  seal_chunk(preamble().payload_key, 1, true, {}, empty);
  const Opened opened = open_file(joined(file, empty), with(identity()));
  EXPECT_EQ(opened.failure, AgeFailure::payload);
  EXPECT_EQ(opened.plain, plain);
}

TEST(AgeStream, WithAnyByteChangedNeverGivesAWrongByte) {
  Bytes file = sealed_file(preamble(), pattern(50));
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const std::byte flip : {std::byte{1}, std::byte{0x20}, std::byte{0x80}}) {
      file[at] ^= flip;
      const Opened opened = open_file(file, with(identity()));
      EXPECT_TRUE(opened.failure) << at;
      EXPECT_TRUE(opened.plain.empty()) << at;
      file[at] ^= flip;
    }
  }
}

TEST(AgeStream, FailsForGoodOnceItFailed) {
  Bytes file = sealed_file(preamble(), pattern(100));
  file.back() ^= std::byte{1};
  MemorySource source(file);
  AgeDecryptor decryptor(source, with(identity()));
  Bytes buffer(1000);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(failure_of([&] { (void)decryptor.read(buffer); }), AgeFailure::payload);
  }
}

TEST(AgeStream, SaysItsEndAsOftenAsAsked) {
  const Bytes file = sealed_file(preamble(), pattern(100));
  MemorySource source(file);
  AgeDecryptor decryptor(source, with(identity()));
  Bytes buffer(1000);
  EXPECT_EQ(decryptor.read(buffer), 100U);
  EXPECT_EQ(decryptor.read(buffer), 0U);
  EXPECT_EQ(decryptor.read(buffer), 0U);
}

TEST(AgeStream, UsesNoNonceTwiceAlsoAfterAFailedWrite) {
  class FullDisk final : public ByteSink {
   public:
    void write(ByteView bytes) override {
      pieces.emplace_back(bytes.begin(), bytes.end());
      if (pieces.size() == 2) {
        throw Error(ErrorCode::no_space, "write: no space");
      }
    }
    void finish() override {}
    std::vector<Bytes> pieces;
  };
  FullDisk disk;
  AgeEncryptor encryptor(preamble(), disk);
  const Bytes zeros(2 * kChunk);
  EXPECT_EQ(error_of([&] { encryptor.write(zeros); }), ErrorCode::no_space);
  encryptor.finish();
  ASSERT_EQ(disk.pieces.size(), 3U);
  Bytes plain(disk.pieces[2].size() - 16);
  EXPECT_FALSE(try_open_chunk(preamble().payload_key, 0, true, disk.pieces[2], plain));
  EXPECT_TRUE(try_open_chunk(preamble().payload_key, 1, true, disk.pieces[2], plain));
}

TEST(AgeChunk, OpensInAnyOrderAndFromAnyThread) {
  const Bytes plain = pattern(20 * kChunk + 1234);
  const Bytes file = sealed_file(preamble(), plain);
  const std::uint64_t count = chunk_count(plain.size());
  std::vector<std::uint64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  Bytes opened(plain.size());
  const auto open_share = [&](std::size_t share) {
    for (std::size_t i = share; i < order.size(); i += 3) {
      const std::uint64_t chunk = order[i];
      const ByteView sealed =
          ByteView(file).subspan(preamble().bytes.size() + chunk * kSealedChunk);
      const std::size_t size = std::min(sealed.size(), kSealedChunk);
      open_chunk(preamble().payload_key, chunk, chunk + 1 == count, sealed.first(size),
                 MutableBytes(opened).subspan(chunk * kChunk, size - 16));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t share = 0; share < 3; ++share) {
      threads.emplace_back(open_share, share);
    }
  }
  EXPECT_EQ(opened, plain);
}

TEST(AgeChunk, OpensOnlyInItsOwnPlace) {
  const Bytes plain = pattern(kChunk);
  Bytes sealed(kSealedChunk);
  seal_chunk(preamble().payload_key, 5, false, plain, sealed);
  Bytes opened(kChunk);
  for (const std::uint64_t index : {0ULL, 4ULL, 6ULL, 5ULL << 8, 5ULL << 56}) {
    EXPECT_FALSE(try_open_chunk(preamble().payload_key, index, false, sealed, opened));
  }
  EXPECT_FALSE(try_open_chunk(preamble().payload_key, 5, true, sealed, opened));
  EXPECT_EQ(opened, Bytes(kChunk));
  EXPECT_TRUE(try_open_chunk(preamble().payload_key, 5, false, sealed, opened));
  EXPECT_EQ(opened, plain);
}

TEST(AgeChunk, OfImpossibleSizeIsAPayloadFailure) {
  Bytes into(kChunk);
  for (const std::size_t size : {std::size_t{0}, std::size_t{15}, kSealedChunk + 1}) {
    EXPECT_EQ(failure_of([&] { open_chunk(preamble().payload_key, 0, true, Bytes(size), into); }),
              AgeFailure::payload);
  }
}

TEST(AgeSizes, CountChunksSoThatOnlyTheOnlyOneMayBeEmpty) {
  EXPECT_EQ(chunk_count(0), 1U);
  EXPECT_EQ(chunk_count(1), 1U);
  EXPECT_EQ(chunk_count(kChunk), 1U);
  EXPECT_EQ(chunk_count(kChunk + 1), 2U);
  EXPECT_EQ(chunk_count(18 * TiB), 18 * TiB / kChunk);
}

TEST(AgeSizes, KnowWhichCiphertextSizesCannotBe) {
  constexpr std::uint64_t kPreamble = 184;
  for (std::uint64_t size = 0; size < kPreamble + 16; ++size) {
    EXPECT_EQ(plain_size(kPreamble, size), std::nullopt);
  }
  for (std::uint64_t tail = 1; tail <= 16; ++tail) {
    EXPECT_EQ(plain_size(kPreamble, kPreamble + 2 * kSealedChunk + tail), std::nullopt);
  }
  EXPECT_EQ(plain_size(kPreamble, kPreamble + 16), 0U);
  EXPECT_EQ(plain_size(kPreamble, kPreamble + 2 * kSealedChunk), 2 * kChunk);
  EXPECT_EQ(plain_size(kPreamble, kPreamble + 2 * kSealedChunk + 17), 2 * kChunk + 1);
}

TEST(PaddedPlainSize, IsTheSmallestThatFillsWholeRecords) {
  for (const std::uint64_t record : {64 * KiB, 512 * KiB, 1 * MiB, 4 * MiB}) {
    for (const std::uint64_t head : {166U, 184U, 282U, 674U}) {
      for (std::uint64_t plain = 0; plain < 9 * MiB; plain += 65'521) {
        const std::uint64_t padded = padded_plain_size(head, plain, record);
        EXPECT_GE(padded, plain);
        EXPECT_EQ(cipher_size(head, padded) % record, 0U);
        EXPECT_LT(padded - plain, 2 * record);
        // One record less would not hold the plaintext, or be no age file at all.
        const auto less = plain_size(head, cipher_size(head, padded) - record);
        EXPECT_TRUE(!less || *less < plain);
      }
    }
  }
}

TEST(PaddedPlainSize, TakesAnotherRecordWhereTheLastChunkWouldHoldNothing) {
  // With records as long as a sealed chunk, a preamble of 1 to 16 bytes less than one leaves a tail
  // that is too short at every record border.
  for (std::uint64_t missing = 1; missing <= 16; ++missing) {
    const std::uint64_t head = 1 * MiB - 2 * kSealedChunk - missing;
    EXPECT_EQ(plain_size(head, 1 * MiB), std::nullopt);
    const std::uint64_t padded = padded_plain_size(head, 2 * kChunk - 5, 1 * MiB);
    EXPECT_EQ(cipher_size(head, padded), 2 * MiB);
  }
}

TEST(PaddedPlainSize, LeavesAloneWhatAlreadyFits) {
  const std::uint64_t exact = *plain_size(184, 5 * MiB);
  EXPECT_EQ(padded_plain_size(184, exact, 1 * MiB), exact);
  EXPECT_GT(padded_plain_size(184, exact + 1, 1 * MiB), exact + 1);
  EXPECT_EQ(padded_plain_size(184, exact - 1, 1 * MiB), exact);
}

}  // namespace
}  // namespace mixtape::format::test
