// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tapeio/bytes.h"

// pax extended header records, "LENGTH KEYWORD=VALUE\n" each, for the writer and the reader of
// archives.
//
// Format: archaeology/tar.md, "pax records"; our own keyword: archaeology/tape-format.md, "Archive"
// Errors: throws Error{corrupt} for malformed records, Error{unsupported} for older sparse formats.

namespace mixtape::format {

inline constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
inline constexpr std::string_view kSameContent = "MIXTAPE.same-content";
// Linux lists an inode's attributes in at most 64 KiB, and "user.x" with its NUL takes seven bytes.
inline constexpr std::size_t kMaxXattrs = 64 * KiB / 7;

// One record whose keyword and value each come in two pieces, so that nothing need be joined to
// write it.
struct PaxRecord {
  std::string_view keyword, keyword_tail;
  std::string_view value, value_tail;
};
std::size_t pax_record_size(const PaxRecord& record);
// Writes exactly pax_record_size bytes and returns where they end.
char* put_pax_record(char* at, const PaxRecord& record);

// An attribute's name in a keyword, where '=' would end it: GNU tar's %25 for '%' and %3D for '='.
std::string escape_xattr_name(std::string_view name);

// "[-]SECONDS.NANOSECONDS".
struct PaxTime {
  char text[32];
  std::size_t size;
  [[nodiscard]] std::string_view view() const { return {text, size}; }
};
PaxTime pax_time(std::int64_t time_ns);

// What pax records say about a member; they outrank its ustar fields.
struct PaxAttributes {
  std::optional<std::string> path, link_path, owner, group;
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> uid, gid;
  std::optional<std::int64_t> mtime_ns;
  std::optional<std::string> sparse_name;
  std::optional<std::uint64_t> sparse_size;
  bool sparse_major = false, sparse_minor = false;  // Both seen: sparse format 1.0.
  bool same_content = false;
  std::vector<std::pair<std::string, std::string>> xattrs;

  // Takes the records in; later ones outrank earlier ones, an empty value takes a keyword back.
  void apply(ByteView records);

 private:
  void apply_record(std::string_view keyword, std::string_view value);
  void apply_sparse(std::string_view keyword, std::string_view value);
  void apply_xattr(std::string_view escaped_name, std::string_view value);
};

}  // namespace mixtape::format
