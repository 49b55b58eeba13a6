// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/tape_map.h"

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::tapeio::lto {

TapeMap TapeMap::of(TapeDrive& drive) {
  TapeMap map;
  try {
    Bytes buffer(kMaxRecordSize);
    drive.rewind();
    // Tape files may begin with the filemark of an empty one.
    ReadResult first = drive.read_record(buffer);
    while (first.kind == ReadResult::Kind::filemark) {
      first = drive.read_record(buffer);
    }
    map.record_size_ = std::max<std::uint64_t>(first.size, 1);
    drive.rewind();
    while (drive.space_filemarks(1) == 1) {
      const std::uint64_t behind = drive.position().block;
      map.extend_to(behind - 1);
      map.append(kFilemarkOnTape);
    }
    map.extend_to(drive.position().block);
    drive.rewind();
  } catch (const Error&) {
    // Whoever reads it next meets the same failure, and is told.
    return {};
  }
  return map;
}

void TapeMap::append(std::uint64_t size, std::uint64_t count) {
  if (runs_.empty() || runs_.back().size != size) {
    runs_.push_back({end_block_, end_bytes_, size});
  }
  end_block_ += count;
  end_bytes_ += size * count;
  if (size != kFilemarkOnTape) {
    record_size_ = size;
  }
}

void TapeMap::truncate(std::uint64_t block) {
  if (block >= end_block_) {
    return;
  }
  end_bytes_ = bytes_before(block);
  end_block_ = block;
  while (!runs_.empty() && runs_.back().first_block >= block) {
    runs_.pop_back();
  }
}

void TapeMap::extend_to(std::uint64_t block) {
  if (block > end_block_) {
    append(record_size_, block - end_block_);
  }
}

std::uint64_t TapeMap::bytes_before(std::uint64_t block) const {
  if (block >= end_block_) {
    return end_bytes_;
  }
  const auto behind = std::upper_bound(
      runs_.begin(), runs_.end(), block,
      [](std::uint64_t wanted, const Run& run) { return wanted < run.first_block; });
  const Run& run = *std::prev(behind);
  return run.first_byte + (block - run.first_block) * run.size;
}

std::uint64_t TapeMap::block_at(std::uint64_t bytes) const {
  if (bytes >= end_bytes_) {
    return end_block_;
  }
  const auto behind = std::upper_bound(
      runs_.begin(), runs_.end(), bytes,
      [](std::uint64_t wanted, const Run& run) { return wanted < run.first_byte; });
  const Run& run = *std::prev(behind);
  return run.first_block + (bytes - run.first_byte) / run.size;
}

std::vector<std::uint64_t> TapeMap::ends_of_wraps(const CartridgeGeometry& geometry) const {
  std::vector<std::uint64_t> ends;
  if (end_block_ == 0) {
    return ends;
  }
  const std::uint32_t last_wrap = geometry.at(end_bytes_ - 1).wrap;
  for (std::uint32_t wrap = 0; wrap < last_wrap; ++wrap) {
    // The object that holds the wrap's last byte ends it, as the drive tells it by whole objects.
    const double last_byte = geometry.bytes_per_wrap() * (wrap + 1) - 1;
    ends.push_back(block_at(static_cast<std::uint64_t>(std::max(last_byte, 0.0))));
  }
  ends.push_back(end_block_ - 1);
  return ends;
}

}  // namespace mixtape::tapeio::lto
