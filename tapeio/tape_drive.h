// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tapeio/bytes.h"
#include "tapeio/drive_features.h"

// A tape drive with at most one medium in it: the contract that every drive keeps.
//
// A medium is a sequence of objects: records (1 byte to 4 MiB each) and filemarks. A block address
// counts objects from 0, records and filemarks alike; the head always stands before one object or
// at the end of data. Writing anywhere ends the data there: everything behind the new object is
// gone. A filemark is synchronous: when write_filemark returns, everything before it is durable.
// What stands behind the last filemark may be lost with the power, also if it was durable before
// something behind it was overwritten.
//
// Units:    bytes; block addresses and file numbers from 0. A file number counts filemarks.
// Threads:  none; a drive belongs to one thread at a time (DriveWorker).
// Errors:   throws Error{no_medium, write_protected, io, bad_medium, no_space, corrupt, invalid},
//           and unsupported for a record size that the medium cannot have. Filemark, end of data,
//           early warning and end of medium are results. After an Error the head stands where
//           `position()` says; a failed operation never makes an object half visible.
// Contract: tests/contract/tape_drive_contract.h

namespace mixtape::tapeio {

inline constexpr std::size_t kMaxRecordSize = 4 * MiB;

struct Position {
  std::uint64_t block = 0;  // Address of the object that the next read returns.
  std::uint64_t file = 0;   // Filemarks between the beginning of the medium and the head.
  bool operator==(const Position&) const = default;
};

struct ReadResult {
  enum class Kind {
    record,       // `size` bytes are at the front of the buffer; the head stands after the record.
    filemark,     // The head stands after the filemark, at the first object of the next tape file.
    end_of_data,  // Nothing was ever written here; the head has not moved.
  };
  Kind kind;
  std::size_t size = 0;
};

struct WriteResult {
  // False: the hard end of the medium; nothing was written, the head has not moved, the data before
  // stays.
  bool written;
  // True: the medium is close to its end. What was asked for was still written; finish and close.
  bool early_warning;
};

struct MediumInfo {
  std::string label;  // What the drive can tell by itself (barcode, directory name).
  // Nominal; nullopt when only the end itself will tell.
  std::optional<std::uint64_t> capacity_bytes = std::nullopt;
  bool write_protected = false;
  // Why it takes less than its capacity now, in words that say what to do; empty: it does not. It
  // is not full for that: somebody acts on it, and there is room again.
  std::string shortage = {};
  // The largest record that drive, adapter and kernel take together.
  std::size_t most_record_bytes = kMaxRecordSize;
  // Another number: another cartridge may be in (the drive said so, or was opened or unloaded). The
  // same number says no more than that the drive told nothing.
  std::uint64_t insertion = 0;
};

class TapeDrive {
 public:
  virtual ~TapeDrive() = default;

  // What is loaded; nullopt when nothing is. Does not move the head. Never throws no_medium.
  [[nodiscard]] virtual std::optional<MediumInfo> medium() = 0;

  // Reads the object under the head. A record larger than `buffer` throws Error{invalid}; the head
  // then stands after that record. An Error{bad_medium, io, corrupt} for a bad record also leaves
  // the head after it, so that reading can go on.
  [[nodiscard]] virtual ReadResult read_record(MutableBytes buffer) = 0;

  // Writes one record (1 byte to kMaxRecordSize, else Error{invalid}). On written == true the head
  // stands after it. Durable only with the next filemark.
  [[nodiscard]] virtual WriteResult write_record(ByteView record) = 0;

  // Writes one filemark and returns when everything before it is durable. A drive keeps room for
  // filemarks behind its hard end, so `written` is false only when not even that is left.
  [[nodiscard]] virtual WriteResult write_filemark() = 0;

  // To block 0.
  virtual void rewind() = 0;

  // To `block`. Beyond the end of data: Error{invalid}, and the head stands at the end of data.
  // May take minutes on tape.
  virtual void locate(std::uint64_t block) = 0;

  // Moves over `count` filemarks: forward (> 0) to stand after the last one, backward (< 0) to
  // stand before the last one passed, as `mt fsf` and `mt bsf`. Returns how many were passed
  // (absolute); fewer than asked for means that the end of data or the beginning of the medium was
  // reached, where the head then stands.
  [[nodiscard]] virtual std::uint64_t space_filemarks(std::int64_t count) = 0;

  // Behind the last object.
  virtual void seek_end_of_data() = 0;

  // Where the head stands. Does not move it.
  [[nodiscard]] virtual Position position() = 0;

  // A name for the tape file that the next write_record begins, for drives whose media people look
  // into ("0001.index.sqlite.age" comes from the hint "index.sqlite.age"). Opaque here; others
  // ignore it.
  virtual void name_next_file(std::string_view hint) = 0;

  // What else this drive can do; nothing, unless it says so.
  [[nodiscard]] virtual DriveFeatures features() { return {}; }

  // Gives the medium out of the drive, as far as the drive can: afterwards medium() is nullopt.
  // Drives whose media are never apart from them do nothing.
  virtual void unload() {}
};

}  // namespace mixtape::tapeio
