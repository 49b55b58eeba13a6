// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/format/age_keys.h"
#include "engine/recall/extent.h"
#include "tapeio/bytes.h"
#include "tapeio/tape_drive.h"

// What is whole of a damaged copy: each age chunk of 64 KiB authenticates by itself, so a bad
// record costs the chunks in it and nothing else.
//
// Units:   bytes of the content.
// Threads: none; the drive belongs to the caller, the head is anywhere afterwards.
// Errors:  throws what the drive throws when it is the drive that fails, and AgeError{no_match}.
// Cost:    a locate for each range, and where the drive stays at a bad record.

namespace mixtape::service {

// Bytes that could not be had, and why, medium by medium.
struct FileHole {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string why;
  bool operator==(const FileHole&) const = default;
};

// Receives the bytes of the content at an offset; throws to end it.
using SalvagedBytes = std::function<void(std::uint64_t offset, ByteView bytes)>;

// Reads what `missing` asks for (in order, apart from each other) of a content of `size` bytes from
// this copy. Returns what is still missing, with the reasons of before and of this copy. Zeros that
// a sparse copy does not store are not missing, and not given either.
[[nodiscard]] std::vector<FileHole> salvage(tapeio::TapeDrive& drive,
                                            std::span<const format::Identity> identities,
                                            const recall::Extent& copy, std::uint64_t size,
                                            const std::vector<FileHole>& missing,
                                            const SalvagedBytes& into);

}  // namespace mixtape::service
