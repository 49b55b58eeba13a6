// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "tapeio/bytes.h"

// Where the bytes of a content go, in order: the cache, a restored file, a reader.

namespace mixtape::recall {

class ContentSink {
 public:
  virtual ~ContentSink() = default;
  virtual void write(ByteView bytes) = 0;
  // A hole of a sparse content; may stay one.
  virtual void write_zeros(std::uint64_t count) = 0;
};

}  // namespace mixtape::recall
