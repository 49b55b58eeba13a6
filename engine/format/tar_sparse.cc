// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>

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

// Takes one line off `rest`; nullopt when it is not complete yet.
std::optional<std::uint64_t> take_number(std::string_view& rest) {
  const std::size_t end = rest.substr(0, kMaxLine).find('\n');
  if (end == std::string_view::npos) {
    if (rest.size() >= kMaxLine) {
      throw Error(ErrorCode::corrupt, "sparse map of a tar member has a line that is too long");
    }
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(rest.data(), rest.data() + end, number);
  if (error != std::errc{} || stop != rest.data() + end) {
    throw Error(ErrorCode::corrupt, "sparse map of a tar member has a line that is no number");
  }
  rest.remove_prefix(end + 1);
  return number;
}

// The longest map that is read: every line of a full one at its longest.
constexpr std::size_t kMaxMap = kMaxLine * (1 + 2 * (kMaxSparseExtents + 1));

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

std::optional<std::pair<std::vector<SparseExtent>, std::uint64_t>> decode_sparse_map(
    ByteView start, std::uint64_t real_size) {
  std::string_view rest = as_text(start);
  const auto count = take_number(rest);
  if (!count) {
    return std::nullopt;
  }
  if (*count > kMaxSparseExtents + 1) {
    throw Error(ErrorCode::corrupt, "sparse map of a tar member names too many extents");
  }
  std::vector<SparseExtent> extents;
  std::uint64_t end = 0;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto offset = take_number(rest);
    const auto size = offset ? take_number(rest) : std::nullopt;
    if (!size) {
      return std::nullopt;
    }
    if (*offset < end || *offset > real_size || *size > real_size - *offset) {
      throw Error(ErrorCode::corrupt, "sparse map of a tar member leaves its file");
    }
    end = *offset + *size;
    if (*size > 0) {
      extents.push_back({*offset, *size});
    }
  }
  const std::uint64_t map_size = round_up(start.size() - rest.size(), kTarBlock);
  if (map_size > start.size()) {
    return std::nullopt;
  }
  return std::pair(std::move(extents), map_size);
}

std::vector<SparseExtent> TarReader::read_sparse_map(std::uint64_t real_size) {
  Bytes map;
  std::uint64_t wanted_lines = 1;
  std::uint64_t lines = 0;
  while (lines < wanted_lines) {
    if (stored_left_ < kTarBlock || map.size() > kMaxMap) {
      throw Error(ErrorCode::corrupt, "sparse map of a tar member does not end");
    }
    map.resize(map.size() + kTarBlock);
    const MutableBytes block = MutableBytes(map).last(kTarBlock);
    read_exactly(block);
    stored_left_ -= kTarBlock;
    lines += static_cast<std::uint64_t>(std::count(block.begin(), block.end(), std::byte{'\n'}));
    if (map.size() == kTarBlock) {
      std::string_view rest = as_text(map);
      const std::uint64_t count = take_number(rest).value_or(0);
      if (count > kMaxSparseExtents + 1) {
        throw Error(ErrorCode::corrupt, "sparse map of a tar member names too many extents");
      }
      wanted_lines = 1 + 2 * count;
    }
  }
  auto decoded = decode_sparse_map(map, real_size);
  if (!decoded || decoded->second != map.size()) {
    throw Error(ErrorCode::corrupt, "sparse map of a tar member is malformed");
  }
  return std::move(decoded->first);
}

}  // namespace mixtape::format
