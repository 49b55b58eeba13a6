// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tapeio/bytes.h"

// Where the bytes of a content lie on a medium: everything that one seek needs, as a value.

namespace mixtape::recall {

// The archive that holds it.
struct Archive {
  std::string medium_label;
  std::array<std::byte, 16> medium_uuid{};
  std::array<std::byte, 16> bundle_uuid{};
  std::uint64_t record_size = 0;
  std::uint64_t first_block = 0;  // Block address of the archive's first record.
  Bytes header;                   // age header and nonce.
  std::uint64_t plain_bytes = 0;  // Plaintext length of the archive.
};

// One copy of a content. Offsets count in the archive's plaintext.
struct Extent {
  Archive archive;
  std::uint64_t data_offset = 0;
  std::uint64_t stored_size = 0;
  bool sparse = false;  // The stored bytes begin with a GNU sparse 1.0 map.
};

// What is wanted: a content, named by its hash once it has one.
struct Content {
  std::int64_t number = 0;  // The catalog's content number.
  std::uint64_t size = 0;
  std::optional<std::array<std::byte, 32>> hash;
  bool operator==(const Content&) const = default;
};

}  // namespace mixtape::recall
