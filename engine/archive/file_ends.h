// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "engine/format/digest.h"
#include "tapeio/bytes.h"

// The first and the last bytes of a file that is hashed piece by piece, for whoever wants to show
// what it is later without reading it again.
//
// Threads: values; ContentTap::seen is called on the threads that hash, several at once.

namespace mixtape::archive {

struct ContentEnds {
  format::Digest hash{};
  std::uint64_t size = 0;
  ByteView head, tail;  // The tail begins behind the head; valid while `seen` runs.
};

// What is wanted of each content that is written, and who wants it. Without `seen`: nothing.
struct ContentTap {
  std::size_t head = 0, tail = 0;
  std::function<void(const ContentEnds&)> seen;  // Must not wait.
};

class FileEnds {
 public:
  // Before the pieces of a file come in their order.
  void begin(const ContentTap& tap, std::uint64_t size) {
    const auto head = static_cast<std::size_t>(std::min<std::uint64_t>(tap.head, size));
    const auto tail = static_cast<std::size_t>(std::min<std::uint64_t>(tap.tail, size - head));
    size_ = size;
    at_ = 0;
    head_.assign(head, std::byte{0});  // Holes are zeros already.
    tail_.assign(tail, std::byte{0});
  }
  void take(ByteView piece) {
    copy(piece, 0, head_);
    copy(piece, size_ - tail_.size(), tail_);
    at_ += piece.size();
  }
  void skip_zeros(std::uint64_t count) { at_ += count; }
  void end(const ContentTap& tap, const format::Digest& hash) const {
    tap.seen({.hash = hash, .size = size_, .head = head_, .tail = tail_});
  }

 private:
  // What of the piece lies in the part of the file that begins there.
  void copy(ByteView piece, std::uint64_t begin, MutableBytes part) const {
    const std::uint64_t from = std::max(at_, begin);
    const std::uint64_t to = std::min(at_ + piece.size(), begin + part.size());
    if (from < to) {
      std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(from - at_), to - from,
                  part.begin() + static_cast<std::ptrdiff_t>(from - begin));
    }
  }

  std::uint64_t size_ = 0, at_ = 0;
  Bytes head_, tail_;
};

}  // namespace mixtape::archive
