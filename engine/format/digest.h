// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>

#include "tapeio/bytes.h"

// BLAKE2b-256, the name of a content: what `b2sum -l 256` prints.

namespace mixtape::format {

using Digest = std::array<std::byte, 32>;

class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();
  void update(ByteView bytes);
  [[nodiscard]] Digest finish();  // The hasher starts anew afterwards.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Digest digest_of(ByteView bytes);

}  // namespace mixtape::format
