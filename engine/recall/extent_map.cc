// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/extent_map.h"

#include <algorithm>

#include "engine/format/age_stream.h"
#include "tapeio/error.h"
#include "tapeio/tape_drive.h"

namespace mixtape::recall {

namespace {

using format::kChunk;
using format::kSealedChunk;

// Far beyond any medium, and low enough that no sum below can wrap around.
constexpr std::uint64_t kMaxPlain = std::uint64_t{1} << 56;

[[noreturn]] void impossible(const Archive& archive, const char* why) {
  throw Error(ErrorCode::corrupt,
              "locate in an archive on medium " + archive.medium_label + ": " + why);
}

void check(const Archive& archive) {
  if (archive.record_size == 0 || archive.record_size > tapeio::kMaxRecordSize) {
    impossible(archive, "impossible record size");
  }
  if (archive.header.size() <= format::kAgeNonceSize ||
      archive.header.size() > format::kMaxAgeHeader + format::kAgeNonceSize) {
    impossible(archive, "impossible age header");
  }
  if (archive.plain_bytes > kMaxPlain || archive.first_block > kMaxPlain) {
    impossible(archive, "impossible length");
  }
}

}  // namespace

std::uint64_t chunks_in(const Archive& archive) {
  return std::max<std::uint64_t>(1, (archive.plain_bytes + kChunk - 1) / kChunk);
}

std::size_t plain_in_chunk(const Archive& archive, std::uint64_t chunk) {
  return std::min<std::uint64_t>(kChunk, archive.plain_bytes - chunk * kChunk);
}

ReadPlan plan_read(const Archive& archive, PlainRange range) {
  check(archive);
  if (range.size == 0 || range.offset >= archive.plain_bytes ||
      range.size > archive.plain_bytes - range.offset) {
    impossible(archive, "the range is not inside the archive");
  }
  const std::uint64_t preamble = archive.header.size();
  const std::uint64_t sealed = preamble + archive.plain_bytes + 16 * chunks_in(archive);
  ReadPlan plan;
  plan.first_chunk = range.offset / kChunk;
  plan.end_chunk = (range.offset + range.size - 1) / kChunk + 1;
  const std::uint64_t begin = preamble + plan.first_chunk * kSealedChunk;
  const std::uint64_t end = std::min(preamble + plan.end_chunk * kSealedChunk, sealed);
  plan.first_record = begin / archive.record_size;
  plan.end_record = (end - 1) / archive.record_size + 1;
  plan.skip_in_record = begin % archive.record_size;
  plan.skip_in_chunk = range.offset % kChunk;
  return plan;
}

Spot spot_in(const Archive& archive, std::uint64_t offset) {
  const ReadPlan plan = plan_read(archive, {.offset = offset, .size = 1});
  return {.block = archive.first_block + plan.first_record, .offset = offset};
}

Spot spot_of(const Extent& extent) {
  return spot_in(extent.archive, extent.data_offset);
}

}  // namespace mixtape::recall
