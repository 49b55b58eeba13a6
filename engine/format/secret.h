// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "tapeio/bytes.h"

// Bytes that nobody else may see: locked in memory, wiped when destroyed, never copied, never
// logged.

namespace mixtape::format {

class Secret {
 public:
  explicit Secret(std::size_t size);  // Zeroes.
  static Secret copy_of(ByteView bytes);
  Secret(Secret&&) noexcept;
  Secret& operator=(Secret&&) noexcept;
  ~Secret();

  [[nodiscard]] ByteView view() const { return {data_, size_}; }
  [[nodiscard]] MutableBytes bytes() { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mixtape::format
