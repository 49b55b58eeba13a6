// SPDX-License-Identifier: Apache-2.0
#include "engine/service/last_index.h"

#include <array>
#include <exception>
#include <filesystem>
#include <system_error>

#include "engine/format/age_stream.h"
#include "engine/format/tape_file.h"
#include "tapeio/error.h"
#include "tapeio/records.h"

namespace mixtape::service {
namespace {

using tapeio::ReadResult;

// An index larger than this is none: 60 million file versions.
constexpr std::uint64_t kMaxIndex = 8 * GiB;
constexpr std::string_view kSqliteMagic{"SQLite format 3\0", 16};

void go_to_file(tapeio::TapeDrive& drive, std::uint64_t file) {
  drive.rewind();
  if (file > 0 && drive.space_filemarks(static_cast<std::int64_t>(file)) != file) {
    throw Error(ErrorCode::corrupt,
                "find tape file " + std::to_string(file) + ": the medium ends before it");
  }
}

format::OpenPreamble opener(std::span<const format::Identity> identities) {
  return [identities](ByteView preamble) { return format::open_preamble(preamble, identities); };
}

// An archive may be as large as the medium: whether it is an index shows in its first bytes.
bool is_index(tapeio::TapeDrive& drive, std::size_t record_size,
              std::span<const format::Identity> identities) {
  tapeio::RecordReader records(drive, record_size);
  format::AgeDecryptor plain(records, opener(identities));
  std::array<std::byte, kSqliteMagic.size()> start{};
  std::size_t got = 0;
  while (got < start.size()) {
    const std::size_t more = plain.read(MutableBytes(start).subspan(got));
    if (more == 0) {
      return false;
    }
    got += more;
  }
  return as_text(start) == kSqliteMagic;
}

// Whether what stands at the end of an archive is its last chunk. The driver of a tape writes a
// filemark for a program that was killed, and the archive that it ends is none.
bool has_last_chunk(tapeio::TapeDrive& drive, std::uint64_t block, std::size_t record_size,
                    std::uint64_t sealed, const format::AgePreamble& preamble,
                    std::uint64_t plain) {
  const std::uint64_t chunk = format::chunk_count(plain) - 1;
  const std::uint64_t begin = preamble.bytes.size() + chunk * format::kSealedChunk;
  const std::uint64_t first = begin / record_size;
  Bytes end;
  Bytes record(record_size);
  try {
    drive.locate(block + first);
    while (first * record_size + end.size() < sealed) {
      const ReadResult read = drive.read_record(record);
      if (read.kind != ReadResult::Kind::record) {
        return false;
      }
      end.insert(end.end(), record.begin(),
                 record.begin() + static_cast<std::ptrdiff_t>(read.size));
    }
  } catch (const Error& error) {
    if (!is_of_medium(error.code())) {
      throw;
    }
    return true;  // Worn where it ends, which takes nothing from what stands before.
  }
  const ByteView seal =
      ByteView(end).subspan(static_cast<std::size_t>(begin - first * record_size));
  Bytes opened(seal.size() - (format::kSealedChunk - format::kChunk));
  return format::try_open_chunk(preamble.payload_key, chunk, true, seal, opened);
}

// What opens the archive at the head: its own first record or, where that is worn or damaged, what
// the index in front of it says of it.
std::optional<format::AgePreamble> preamble_of(tapeio::TapeDrive& drive, std::size_t record_size,
                                               std::span<const format::Identity> identities,
                                               const catalog::FoundIndex& found) {
  try {
    Bytes record(record_size);
    const ReadResult first = drive.read_record(record);
    if (first.kind != ReadResult::Kind::record) {
      return std::nullopt;
    }
    const auto header = format::header_size(ByteView(record).first(first.size));
    if (header && *header + format::kAgeNonceSize <= first.size) {
      return format::open_preamble(
          ByteView(record).first(static_cast<std::size_t>(*header + format::kAgeNonceSize)),
          identities);
    }
  } catch (const Error& error) {
    if (!is_of_medium(error.code()) && error.code() != ErrorCode::corrupt) {
      throw;
    }
  }
  const Bytes told =
      found.label.bundle ? catalog::archive_header_in(found.index, *found.label.bundle) : Bytes();
  return told.empty() ? std::nullopt : std::optional(format::open_preamble(told, identities));
}

// Whether a whole archive follows the index that was just read; the head stands behind the index.
void look_for_archive(tapeio::TapeDrive& drive, std::size_t record_size,
                      std::span<const format::Identity> identities, catalog::FoundIndex& found) {
  found.archive_block = drive.position().block;
  if (drive.space_filemarks(1) != 1) {
    return;
  }
  const std::uint64_t sealed = (drive.position().block - 1 - found.archive_block) * record_size;
  drive.locate(found.archive_block);
  const auto preamble = preamble_of(drive, record_size, identities, found);
  const auto plain = preamble ? format::plain_size(preamble->bytes.size(), sealed) : std::nullopt;
  if (!plain) {
    return;
  }
  found.bundle_exists =
      has_last_chunk(drive, found.archive_block, record_size, sealed, *preamble, *plain);
  found.archive_plain_bytes = *plain;
}

catalog::FoundIndex read_index(tapeio::TapeDrive& drive, const format::MediumLabel& label,
                               std::uint64_t file, std::span<const format::Identity> identities,
                               const std::filesystem::path& to) {
  go_to_file(drive, file);
  (void)format::read_tape_file(drive, label.record_size, identities, to, kMaxIndex);
  catalog::FoundIndex found;
  found.index = to;
  found.label = catalog::inspect_index(to);
  if (found.label.medium != label.medium) {
    throw Error(ErrorCode::wrong_medium, "read the index in tape file " + std::to_string(file) +
                                             " of medium " + label.label +
                                             ": it was written for another medium");
  }
  if (found.label.role == catalog::IndexRole::bundle) {
    look_for_archive(drive, label.record_size, identities, found);
  }
  return found;
}

}  // namespace

std::optional<format::MediumLabel> read_label(tapeio::TapeDrive& drive) {
  drive.rewind();
  Bytes record(tapeio::kMaxRecordSize);
  if (drive.read_record(record).kind == ReadResult::Kind::end_of_data) {
    return std::nullopt;
  }
  drive.rewind();
  tapeio::RecordReader records(drive, tapeio::kMaxRecordSize);
  return format::parse_archaeology(records);
}

std::optional<format::MediumLabel> read_label_if_readable(tapeio::TapeDrive& drive) {
  try {
    return read_label(drive);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::corrupt || error.code() == ErrorCode::unsupported) {
      return std::nullopt;
    }
    throw;
  }
}

std::optional<std::string> read_label_text(tapeio::TapeDrive& drive) {
  const auto label = read_label_if_readable(drive);
  return label ? std::optional(label->label) : std::nullopt;
}

std::optional<catalog::FoundIndex> read_last_index(tapeio::TapeDrive& drive,
                                                   const format::MediumLabel& label,
                                                   std::span<const format::Identity> identities,
                                                   const std::filesystem::path& to) {
  drive.seek_end_of_data();
  std::exception_ptr trouble;
  for (std::uint64_t file = drive.position().file; file-- > 1;) {
    try {
      go_to_file(drive, file);
      if (is_index(drive, label.record_size, identities)) {
        return read_index(drive, label, file, identities, to);
      }
    } catch (const Error& error) {
      // A damaged index is passed over: the one before it knows all but the newest.
      trouble = trouble ? trouble : std::current_exception();
      std::error_code absent;
      std::filesystem::remove(to, absent);
      if (error.code() == ErrorCode::not_permitted || error.code() == ErrorCode::unsupported ||
          error.code() == ErrorCode::no_space) {
        throw;
      }
    }
  }
  if (trouble) {
    std::rethrow_exception(trouble);
  }
  return std::nullopt;
}

}  // namespace mixtape::service
