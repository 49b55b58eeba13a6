// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "tapeio/byte_stream.h"

namespace mixtape::format {

// Bytes in memory, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(ByteView bytes) : rest_(bytes) {}
  std::size_t read(MutableBytes into) override {
    const std::size_t size = std::min(into.size(), rest_.size());
    std::copy_n(rest_.begin(), size, into.begin());
    rest_ = rest_.subspan(size);
    return size;
  }

 private:
  ByteView rest_;
};

}  // namespace mixtape::format
