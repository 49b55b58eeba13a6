// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "tapeio/bytes.h"

// The joints of both data paths: bytes pushed towards the tape, bytes pulled from it.

namespace mixtape {

// Takes bytes in order. `finish` writes the tail and may throw; a sink destroyed without `finish`
// has discarded its tail and must not be trusted.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(ByteView bytes) = 0;
  virtual void finish() = 0;
};

// Gives bytes in order. Returns how many were put at the front of `into`; 0 only at the end
// (or when `into` is empty). May return fewer than asked for.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::size_t read(MutableBytes into) = 0;
};

}  // namespace mixtape
