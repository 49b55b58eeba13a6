// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tapeio/byte_stream.h"

// The first tape file of every medium: a plain tar with which a stranger, or this program with an
// empty catalog, can begin.
//
// It holds README.txt with this medium's own label and the commands that read the rest,
// mixtape-tape.json with the same for programs, and the format documents. They are part of the
// program's binary: nothing need be installed beside it.
//
// Format:  archaeology/tape-format.md, "Archaeology"
// Units:   bytes.
// Threads: none; pure functions.
// Errors:  build throws Error{invalid} for a label that parse would refuse; parse throws
//          Error{unsupported} for a newer format, naming both versions, and Error{corrupt}.

namespace mixtape::format {

// The version of everything on a medium, as tape-format.md defines it.
inline constexpr std::uint32_t kTapeFormat = 1;

// What a medium says about itself.
struct MediumLabel {
  std::uint32_t format = kTapeFormat;
  std::array<std::byte, 16> medium{};  // UUIDs.
  std::array<std::byte, 16> catalog{};
  std::string label;                    // As tapeio::Library::add_medium allows.
  std::uint64_t record_size = 0;        // 64 KiB to 4 MiB, a multiple of 512.
  std::vector<std::string> recipients;  // "age1..."; may be kept to oneself (empty).
  std::int64_t created_s = 0;           // Seconds since 1970.
  std::string program;                  // "mixtape 1.0.0"
  bool operator==(const MediumLabel&) const = default;
};

// The whole tape file, zero-padded to whole records. `label.format` must be kTapeFormat.
Bytes build_archaeology(const MediumLabel& label);

// Reads as far as mixtape-tape.json, which comes early.
MediumLabel parse_archaeology(ByteSource& in);

}  // namespace mixtape::format
