// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/bytes.h"

// Where the objects of a medium that is a directory lie: names of tape files, the medium's
// description and the arithmetic of block addresses. Values only; docs/media.md is the layout in
// prose.

namespace mixtape::tapeio {

// "0007.archive.tar.age" is tape file 7; with ".part" behind it, it has no filemark yet.
struct TapeFileName {
  std::uint64_t number;
  bool unfinished;
};

// What `name` says; nullopt for a file that is not ours (four to nine digits, a dot and more are).
[[nodiscard]] std::optional<TapeFileName> parse_tape_file_name(std::string_view name);
// A hint of other characters than a-z 0-9 . , of more than 64, or one that would look unfinished,
// becomes "data": a name must not be able to leave the directory or hide a tape file.
[[nodiscard]] std::string tape_file_name(std::uint64_t number, std::string_view hint);

// The text file that makes a directory a medium.
struct MediumDescription {
  std::uint64_t capacity_bytes = 0;
  std::size_t record_size = 0;  // 0 as long as no record was ever written.
  bool operator==(const MediumDescription&) const = default;
};
inline constexpr char kMediumDescriptionName[] = "mixtape-medium";
[[nodiscard]] std::string encode(const MediumDescription& description);
// Error{corrupt} for what we cannot have written, Error{unsupported} for a later format.
[[nodiscard]] MediumDescription decode_medium_description(std::string_view text);

// Tells whether a file is still the one that was seen earlier.
struct FileIdentity {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};

struct TapeFile {
  std::string name;
  FileIdentity identity;
  std::uint64_t records = 0;
  std::uint64_t first_block =
      0;  // Address of its first record; its filemark is at first_block + records.
  std::uint64_t used_before = 0;  // Bytes of the medium that the files before it occupy.
  [[nodiscard]] std::uint64_t size() const { return identity.size; }
};

// The finished tape files of a medium, with sums, so that any address is found in O(log files).
class DirLayout {
 public:
  DirLayout() = default;
  DirLayout(std::size_t record_size, std::uint64_t filemark_bytes)
      : record_size_(record_size), filemark_bytes_(filemark_bytes) {}

  [[nodiscard]] std::size_t record_size() const { return record_size_; }
  [[nodiscard]] const std::vector<TapeFile>& files() const { return files_; }
  // First block and first byte behind the last filemark.
  [[nodiscard]] std::uint64_t end_block() const;
  [[nodiscard]] std::uint64_t end_used() const;
  // The tape file whose records or filemark have the address `block`; files().size() from
  // end_block() on.
  [[nodiscard]] std::size_t file_at(std::uint64_t block) const;
  [[nodiscard]] std::uint64_t records_in(std::uint64_t file_size) const;

  void append(std::string name, FileIdentity identity);
  void truncate(std::size_t file_count);

 private:
  std::size_t record_size_ = 0;
  std::uint64_t filemark_bytes_ = 0;
  std::vector<TapeFile> files_;
};

}  // namespace mixtape::tapeio
