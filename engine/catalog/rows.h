// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// How rows become values and back: shared by all that read versions. Private to this room.
//
// Threads: none; belongs to its connection.

namespace mixtape::catalog {

[[nodiscard]] Uuid new_uuid();
// Throws Error{corrupt} when a value of another length stands in the row.
[[nodiscard]] Uuid uuid_from(ByteView bytes);
[[nodiscard]] Hash hash_from(ByteView bytes);

// Attribute sets store xattrs as: u16 name length, name, u32 value length, value; big endian, in
// order.
[[nodiscard]] std::string encode_xattrs(const decltype(Metadata::xattrs)& xattrs);
[[nodiscard]] decltype(Metadata::xattrs) decode_xattrs(ByteView bytes);

// --- Inode numbers
// A content's versions have the numbers content * kNodesPerContent + node. Others lie in a range of
// their own, made of path and job. The column `node` holds the ordinal, or, from kNodesPerContent
// on, the whole number: of a hardlink to a version without content, of a version whose content was
// found to be another's.
inline constexpr std::uint64_t kNodesPerContent = 4096;
inline constexpr int kJobBits = 23;
inline constexpr std::uint64_t kInodesWithoutContent = std::uint64_t{1} << 62;
inline constexpr std::int64_t kMaxJobs = (std::int64_t{1} << kJobBits) - 1;
inline constexpr std::int64_t kMaxPaths = std::int64_t{1} << (62 - kJobBits - 1);
[[nodiscard]] std::uint64_t inode_without_content(std::int64_t path, std::int64_t first_job);

// In `meta`, before the uuid of each medium whose end is open (Ledger::set_open_end).
inline constexpr std::string_view kOpenEnd = "open end ";
// Likewise the sequence of its closing index as this catalog last wrote or recovered it, and of the
// one that may be there instead because it was begun (Ledger::begin_closing_index).
inline constexpr std::string_view kOwnClosing = "closing index ";
inline constexpr std::string_view kBegunClosing = "begun closing index ";

// In `meta`, how often there was something that no closing index told (Ledger::add_news); below 0
// when one tells all of it.
inline constexpr std::string_view kNews = "news";

// A row of `version` joined with its content.
struct VersionRow {
  std::int64_t path = 0;
  std::int64_t first_job = 0;
  std::int64_t last_job = 0;  // kOpen: not ended.
  std::int64_t content = 0;   // 0: none.
  std::int64_t node = 0;
  std::int64_t attribute = 0;
  std::int64_t mtime = 0;
  std::int64_t size = 0;
  Hash hash{};
  bool hashed = false;
  bool written = true;

  static constexpr std::int64_t kOpen = std::numeric_limits<std::int64_t>::max();
  [[nodiscard]] bool open() const { return last_job == kOpen; }
  [[nodiscard]] std::uint64_t inode() const;
};

// The columns of a VersionRow, for queries that call the version `v` and the content `c`.
inline constexpr std::string_view kVersionColumns =
    " v.path, v.first_job, v.last_job, v.content, v.node, v.attribute, v.mtime, c.size, c.hash,"
    " c.written ";
inline constexpr std::string_view kVersionTables =
    " version v LEFT JOIN content c ON c.id = v.content ";
[[nodiscard]] VersionRow read_row(const Statement& statement, int first_column);

// Makes whole versions of rows. Attribute sets are few and remembered.
class VersionReader {
 public:
  explicit VersionReader(Database& database);

  [[nodiscard]] Version version(const VersionRow& row);
  [[nodiscard]] std::uint32_t mode(const VersionRow& row) { return attribute(row).metadata.mode; }
  [[nodiscard]] bool is_directory(const VersionRow& row);
  // Made by the catalog for a directory that nobody scanned.
  [[nodiscard]] bool is_synthetic(const VersionRow& row) { return attribute(row).synthetic; }

 private:
  struct Attribute {
    Metadata metadata;
    RootId origin{};
    bool synthetic = false;
  };
  const Attribute& attribute(const VersionRow& row);

  Database& database_;
  Statement attribute_;
  Statement symlink_;
  std::unordered_map<std::int64_t, Attribute> attributes_;
  std::uint64_t rollbacks_ = 0;
};

[[nodiscard]] bool is_directory(std::uint32_t mode);
[[nodiscard]] bool is_symlink(std::uint32_t mode);

// What integrity_check cannot know: every path has one name, below the parent its run tells, and
// every version has its path and its content. In words; empty when all is well.
[[nodiscard]] std::string check_tree(Database& database);

// A statement's text out of pieces.
[[nodiscard]] std::string sql(std::initializer_list<std::string_view> pieces);

}  // namespace mixtape::catalog
