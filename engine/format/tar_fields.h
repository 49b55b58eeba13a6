// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/format/tar.h"

// The ustar header block and its fields, for the writer and the reader of archives.
//
// Format: archaeology/tar.md, "The header block"
// Errors: throws Error{corrupt} for numbers that are none or do not fit.

namespace mixtape::format {

struct UstarHeader {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_target[100];
  char magic[8];  // "ustar\0" "00" of POSIX, or "ustar  \0" of GNU, where there is no prefix.
  char owner[32];
  char group[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char unused[12];
};
static_assert(sizeof(UstarHeader) == kTarBlock);

inline constexpr std::string_view kPosixMagic{"ustar\00000", 8};
inline constexpr std::string_view kGnuMagic{"ustar  \0", 8};

// Octal with a closing NUL where the value fits, else two's complement with the top bit set
// ("base-256").
void put_number(std::span<char> field, std::int64_t value);
std::int64_t get_number(std::span<const char> field);
// Whether a field of `width` bytes holds the value in octal.
constexpr bool fits_octal(std::int64_t value, std::size_t width) {
  return value >= 0 && value < std::int64_t{1} << (3 * (width - 1));
}

// Up to the first NUL or the whole field.
std::string_view get_text(std::span<const char> field);

// Sum of the block's bytes with the checksum field taken as spaces.
std::uint32_t checksum_of(const UstarHeader& header);
void put_checksum(UstarHeader& header);

// An absolute name, or one with an empty, "." or ".." component, or a NUL.
bool is_plain_relative(std::string_view name);

// The text form of a POSIX ACL for SCHILY.acl.*, from the value of a system.posix_acl_* attribute;
// empty when that is none that Linux would write.
std::string acl_text(std::string_view attribute);

// The map of a sparse member, padded to blocks. Throws Error{invalid} unless the extents are
// non-empty, ascending, disjoint and inside `real_size`.
Bytes encode_sparse_map(const std::vector<SparseExtent>& extents, std::uint64_t real_size);
std::uint64_t sparse_map_size(const std::vector<SparseExtent>& extents, std::uint64_t real_size);

}  // namespace mixtape::format
