// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "tapeio/bytes.h"
#include "tapeio/unique_fd.h"

// A file on disk as memory, to be handed to the kernel without a copy of ours in between.
//
// This process must not touch the bytes itself: a disk that fails would kill it. The kernel,
// copying them into a reply, gets an error instead.

namespace mixtape::fusefs {

class Mapping {
 public:
  // nullptr when the system has no room for it, or the file is not `size` long.
  static std::unique_ptr<Mapping> of(const tapeio::UniqueFd& file, std::uint64_t size);
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  // The range, brought into memory; empty when the disk cannot give it.
  [[nodiscard]] ByteView range(std::uint64_t offset, std::size_t size) const;

 private:
  Mapping(std::byte* begin, std::uint64_t size) : begin_(begin), size_(size) {}
  std::byte* begin_;
  std::uint64_t size_;
};

}  // namespace mixtape::fusefs
