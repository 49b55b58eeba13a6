// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

// Which bytes of a content are there: a set of ranges. Pure bookkeeping: no files.
//
// Threads: none.
// Memory:  bounded: where there would be more than kMost ranges, the smallest of the others is
//          forgotten, and is fetched once more.

namespace mixtape::recall {

// The bytes [begin, end).
struct ByteRange {
  std::uint64_t begin = 0, end = 0;
  [[nodiscard]] std::uint64_t size() const { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

class PresentRanges {
 public:
  static constexpr std::size_t kMost = 2048;

  void add(ByteRange range);
  // An empty range is always there.
  [[nodiscard]] bool has(ByteRange range) const;
  // The first bytes at or behind `from` that are not there, cut at `size`; empty when there are
  // none.
  [[nodiscard]] ByteRange missing(std::uint64_t from, std::uint64_t size) const;
  [[nodiscard]] std::uint64_t bytes() const;
  // Ends by beginnings; apart from each other, none empty.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;
};

}  // namespace mixtape::recall
