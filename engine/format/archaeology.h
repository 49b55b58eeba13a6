// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tapeio/byte_stream.h"

// The first tape file of every medium: a plain tar with which a stranger, or this program with an
// empty catalog, can begin.
//
// It holds README.txt with this medium's own label and the commands that read the rest,
// mixtape-tape.json with the same for programs, and the format documents. They are part of the
// program's binary: nothing need be installed beside it. Programs and sources may follow them.
//
// Format:  archaeology/tape-format.md, "Archaeology"
// Units:   bytes.
// Threads: none; pure functions.
// Errors:  build throws Error{invalid} for a label that parse would refuse; parse throws
//          Error{unsupported} for a newer format, naming both versions, and Error{corrupt}; write
//          throws what a file's source does, and Error{conflict} for one that has become shorter.

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

// A file behind the texts: a program or a source.
struct ArchaeologyFile {
  std::string name;  // Relative, with slashes.
  std::uint64_t size = 0;
  bool executable = false;
  std::function<std::unique_ptr<ByteSource>()> open;
};

// The whole tape file, zero-padded to whole records, with the texts alone. `label.format` must be
// kTapeFormat.
Bytes build_archaeology(const MediumLabel& label);
// The same with the files behind the texts; does not call out.finish().
void write_archaeology(const MediumLabel& label, std::span<const ArchaeologyFile> files,
                       ByteSink& out);
// How many bytes a file takes there, its header included.
std::uint64_t archaeology_bytes(const ArchaeologyFile& file);

// Reads as far as mixtape-tape.json, which comes early.
MediumLabel parse_archaeology(ByteSource& in);

}  // namespace mixtape::format
