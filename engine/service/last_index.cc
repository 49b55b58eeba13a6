// SPDX-License-Identifier: Apache-2.0
#include "engine/service/last_index.h"

#include <array>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/format/age_stream.h"
#include "engine/format/tape_file.h"
#include "engine/service/whole_archive.h"
#include "tapeio/error.h"
#include "tapeio/records.h"

namespace mixtape::service {
namespace {

using tapeio::ReadResult;

// An index larger than this is none: 60 million file versions.
constexpr std::uint64_t kMaxIndex = 8 * GiB;
// A header in which one bit is wrong looks like one of another's key: this many in a row are none.
constexpr std::size_t kMostClosed = 3;
// On a medium without a label so many tape files from its end are looked at: a foreign one may have
// thousands.
constexpr std::size_t kMostWithoutLabel = 8;
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

// Whether a whole archive follows the index that was just read; the head stands behind the index.
void look_for_archive(tapeio::TapeDrive& drive, std::size_t record_size,
                      std::span<const format::Identity> identities, catalog::FoundIndex& found) {
  found.archive_block = drive.position().block;
  const auto archive = look_at_archive(drive, record_size, identities, [&] {
    return found.label.bundle ? catalog::archive_header_in(found.index, *found.label.bundle)
                              : Bytes();
  });
  if (archive) {
    found.bundle_exists = archive->is_whole;
    found.archive_plain_bytes = archive->plain_bytes;
  }
}

// Without a label any record fits that a medium can have.
std::size_t record_size_of(const format::MediumLabel* label) {
  return label != nullptr ? label->record_size : tapeio::kMaxRecordSize;
}

bool is_of(const catalog::IndexLabel& index, const format::MediumLabel& label) {
  return index.medium == label.medium ||
         (is_damaged_twin(index.medium, label.medium) && index.catalog == label.catalog &&
          index.medium_label == label.label && index.record_size == label.record_size);
}

// `label`: null where it cannot be read.
catalog::FoundIndex read_index(tapeio::TapeDrive& drive, const format::MediumLabel* label,
                               std::uint64_t file, std::span<const format::Identity> identities,
                               const std::filesystem::path& to) {
  go_to_file(drive, file);
  (void)format::read_tape_file(drive, record_size_of(label), identities, to, kMaxIndex);
  catalog::FoundIndex found;
  found.index = to;
  found.label = catalog::inspect_index(to);
  if (label != nullptr && !is_of(found.label, *label)) {
    throw Error(ErrorCode::wrong_medium, "read the index in tape file " + std::to_string(file) +
                                             " of medium " + label->label +
                                             ": it was written for another medium");
  }
  if (found.label.role == catalog::IndexRole::bundle) {
    look_for_archive(drive, found.label.record_size, identities, found);
  }
  return found;
}

std::optional<catalog::FoundIndex> read_last(tapeio::TapeDrive& drive,
                                             const format::MediumLabel* label,
                                             std::span<const format::Identity> identities,
                                             const std::filesystem::path& to,
                                             const PassedOver& passed_over) {
  drive.seek_end_of_data();
  struct Trouble {
    std::uint64_t file;
    std::exception_ptr error;
    std::string why;
  };
  std::optional<Trouble> trouble;  // The first.
  std::size_t closed = 0;
  const std::uint64_t end = drive.position().file;
  for (std::uint64_t file = end; file-- > 1;) {
    if (label == nullptr && end - file > kMostWithoutLabel) {
      break;
    }
    try {
      go_to_file(drive, file);
      if (is_index(drive, record_size_of(label), identities)) {
        catalog::FoundIndex found = read_index(drive, label, file, identities, to);
        if (trouble && passed_over && trouble->file > last_told_by(found.label)) {
          passed_over(trouble->file, trouble->why);
        }
        return found;
      }
    } catch (const Error& error) {
      // A damaged index is passed over: the one before it knows all but the newest.
      if (!trouble) {
        trouble = {file, std::current_exception(), error.what()};
      }
      std::error_code absent;
      std::filesystem::remove(to, absent);
      closed += error.code() == ErrorCode::not_permitted ? 1 : 0;
      if (closed == kMostClosed || error.code() == ErrorCode::unsupported ||
          error.code() == ErrorCode::no_space) {
        throw;
      }
    }
  }
  if (trouble) {
    std::rethrow_exception(trouble->error);
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t last_told_by(const catalog::IndexLabel& label) {
  return label.tape_file + (label.role == catalog::IndexRole::bundle ? 1 : 0);
}

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

format::MediumLabel label_in(const catalog::IndexLabel& index) {
  format::MediumLabel label;
  label.medium = index.medium;
  label.catalog = index.catalog;
  label.label = index.medium_label;
  label.record_size = index.record_size;
  return label;
}

bool is_damaged_twin(const catalog::Uuid& one, const catalog::Uuid& other) {
  std::size_t differing = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    differing += one[i] != other[i] ? 1 : 0;
  }
  return differing == 1;
}

std::string told_of_damaged_uuid(const format::MediumLabel& label,
                                 const catalog::IndexLabel& index) {
  return "tape file 0 says that it is medium " + to_hex(label.medium) +
         ", and its indexes, which agree with it in name and catalog, that it is " +
         to_hex(index.medium) +
         ": a byte of tape file 0 is damaged, the indexes count, and it is read all the same; "
         "nothing can be appended to it: before the next backup run `mixtape media retire " +
         index.medium_label + "`";
}

std::string told_of_damaged_label(const std::string& medium, const Error& damage) {
  return "tape file 0, its label, is damaged (" + std::string(damage.what()) +
         "): its newest index tells what it is, and it is read all the same; nothing can be "
         "appended to it: before the next backup run `mixtape media retire " +
         medium + "`";
}

std::string told_of_passed_over(std::uint64_t tape_file, const std::string& why) {
  return "tape file " + std::to_string(tape_file) +
         ", which may be its newest index, cannot be read (" + why +
         "): what only that one knows is missing; another drive, or a medium that was written to "
         "later, may have it";
}

std::optional<catalog::FoundIndex> read_last_index(tapeio::TapeDrive& drive,
                                                   const format::MediumLabel& label,
                                                   std::span<const format::Identity> identities,
                                                   const std::filesystem::path& to,
                                                   const PassedOver& passed_over) {
  return read_last(drive, &label, identities, to, passed_over);
}

catalog::FoundIndex read_last_index_without_label(tapeio::TapeDrive& drive, const Error& damage,
                                                  std::span<const format::Identity> identities,
                                                  const std::filesystem::path& to,
                                                  const PassedOver& passed_over) {
  try {
    if (auto found = read_last(drive, nullptr, identities, to, passed_over)) {
      return std::move(*found);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) {
      throw;
    }
  }
  throw Error(damage);
}

}  // namespace mixtape::service
