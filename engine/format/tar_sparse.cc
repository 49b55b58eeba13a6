// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "engine/format/tar_fields.h"
#include "tapeio/error.h"

// GNU sparse format 1.0: the count of extents, then offset and size of each, one decimal number a
// line, padded with NULs to a block; the data of the extents follow. Format: archaeology/tar.md,
// "Sparse files"

namespace mixtape::format {
namespace {

// Decimal digits of the largest number, and its line feed.
constexpr std::size_t kMaxLine = 20 + 1;

std::size_t line_size(std::uint64_t number) {
  std::array<char, kMaxLine> digits;
  return static_cast<std::size_t>(std::to_chars(digits.begin(), digits.end(), number).ptr -
                                  digits.begin()) +
         1;
}

// GNU tar makes a file as long as the end of its last extent: a hole at the end needs an empty one
// there.
bool needs_end_marker(const std::vector<SparseExtent>& extents, std::uint64_t real_size) {
  return extents.empty() || extents.back().offset + extents.back().size < real_size;
}

// GNU tar reads the data of each extent in whole blocks, Python and bsdtar without gaps: they agree
// as long as only the last extent ends inside a block.
void check_extents(const std::vector<SparseExtent>& extents, std::uint64_t real_size) {
  if (extents.size() > kMaxSparseExtents) {
    throw Error(ErrorCode::invalid,
                "sparse file has more than " + std::to_string(kMaxSparseExtents) + " extents");
  }
  std::uint64_t end = 0;
  for (const SparseExtent& extent : extents) {
    const bool inside = extent.offset <= real_size && extent.size <= real_size - extent.offset;
    if (end % kTarBlock != 0 || extent.offset % kTarBlock != 0 || extent.offset < end ||
        extent.size == 0 || !inside) {
      throw Error(ErrorCode::invalid,
                  "extents of a sparse file must be whole blocks of it, in order");
    }
    end = extent.offset + extent.size;
  }
}

template <typename Put>
void for_each_number(const std::vector<SparseExtent>& extents, std::uint64_t real_size, Put put) {
  const bool marker = needs_end_marker(extents, real_size);
  put(extents.size() + (marker ? 1 : 0));
  for (const SparseExtent& extent : extents) {
    put(extent.offset);
    put(extent.size);
  }
  if (marker) {
    put(real_size);
    put(std::uint64_t{0});
  }
}

}  // namespace

std::vector<SparseExtent> whole_blocks(const std::vector<SparseExtent>& extents,
                                       std::uint64_t real_size) {
  std::vector<SparseExtent> blocks;
  for (const SparseExtent& extent : extents) {
    const std::uint64_t from = extent.offset / kTarBlock * kTarBlock;
    const std::uint64_t to = std::min(round_up(extent.offset + extent.size, kTarBlock), real_size);
    if (!blocks.empty() && blocks.back().offset + blocks.back().size >= from) {
      blocks.back().size = to - blocks.back().offset;
    } else {
      blocks.push_back({from, to - from});
    }
  }
  return blocks;
}

std::uint64_t sparse_map_size(const std::vector<SparseExtent>& extents, std::uint64_t real_size) {
  check_extents(extents, real_size);
  std::uint64_t size = 0;
  for_each_number(extents, real_size, [&](std::uint64_t number) { size += line_size(number); });
  return round_up(size, kTarBlock);
}

Bytes encode_sparse_map(const std::vector<SparseExtent>& extents, std::uint64_t real_size) {
  Bytes map(sparse_map_size(extents, real_size));
  auto* at = reinterpret_cast<char*>(map.data());
  char* const end = at + map.size();
  for_each_number(extents, real_size, [&](std::uint64_t number) {
    at = std::to_chars(at, end, number).ptr;
    *at++ = '\n';
  });
  return map;
}

std::size_t SparseMap::take(ByteView stored) {
  std::size_t taken = 0;
  for (; taken < stored.size() && !is_whole(); ++taken, ++size_) {
    const char byte = static_cast<char>(stored[taken]);
    if (numbers_left_ == 0) {
      continue;  // What pads the last block.
    }
    if (byte == '\n') {
      take_line();
      line_.clear();
    } else if (line_.size() + 1 == kMaxLine) {
      throw Error(ErrorCode::corrupt, "sparse map of a tar member has a line that is too long");
    } else {
      line_ += byte;
    }
  }
  return taken;
}

void SparseMap::take_line() {
  std::uint64_t number = 0;
  const char* const end = line_.data() + line_.size();
  const auto [stop, error] = std::from_chars(line_.data(), end, number);
  if (error != std::errc{} || stop != end) {
    throw Error(ErrorCode::corrupt, "sparse map of a tar member has a line that is no number");
  }
  --numbers_left_;
  if (!std::exchange(counted_, true)) {
    if (number > kMaxSparseExtents + 1) {
      throw Error(ErrorCode::corrupt, "sparse map of a tar member names too many extents");
    }
    numbers_left_ = 2 * number;
  } else if (!offset_) {
    offset_ = number;
  } else {
    const std::uint64_t offset = *std::exchange(offset_, std::nullopt);
    if (offset < end_ || offset > real_size_ || number > real_size_ - offset) {
      throw Error(ErrorCode::corrupt, "sparse map of a tar member leaves its file");
    }
    end_ = offset + number;
    if (number > 0) {
      extents_.push_back({offset, number});
    }
  }
}

void TarReader::read_sparse_map(std::uint64_t real_size) {
  SparseMap map(real_size);
  Bytes block(kTarBlock);
  while (!map.is_whole()) {
    if (stored_left_ < kTarBlock) {
      throw Error(ErrorCode::corrupt, "sparse map of a tar member does not end");
    }
    read_exactly(block);
    stored_left_ -= kTarBlock;
    map.take(block);
  }
  extents_ = map.extents();
}

}  // namespace mixtape::format
