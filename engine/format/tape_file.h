// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "engine/format/age_stream.h"
#include "tapeio/byte_stream.h"
#include "tapeio/tape_drive.h"

// One tape file, read from the head to its filemark: how an index comes back from a medium.
//
// Format:  archaeology/tape-format.md, section "Records"
// Units:   bytes.
// Threads: none; the drive belongs to the caller.
// Errors:  throws what AgeDecryptor and the drive throw; a record larger than allowed is invalid.
// Memory:  one record, whatever the tape file's length.

namespace mixtape::format {

// The records of one tape file as a stream of bytes. Ends at the filemark, or where the data ends
// without one: then the tape file is incomplete.
class TapeFileSource final : public ByteSource {
 public:
  enum class End { not_yet, filemark, end_of_data };

  // `record_size`: the largest record that the medium may hold.
  TapeFileSource(tapeio::TapeDrive& drive, std::size_t record_size);
  std::size_t read(MutableBytes into) override;

  // Once read() has returned 0. After `filemark` the head stands behind it.
  [[nodiscard]] End end() const { return end_; }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  tapeio::TapeDrive& drive_;
  Bytes record_;
  ByteView rest_;  // What of the record was not yet taken.
  End end_ = End::not_yet;
  std::uint64_t bytes_read_ = 0;
};

struct TapeFile {
  std::uint64_t sealed_bytes = 0;  // On the medium.
  std::uint64_t plain_bytes = 0;   // In the file, padding included.
  // False: no filemark follows. Every chunk was authentic, but nothing says that it is durable.
  bool filemark = false;
};

// Decrypts the tape file under the head into the new file `to` (0600; it must not exist). A
// tape file of more than `limit` plaintext bytes is refused with Error{corrupt}: the
// disk must not fill up because a medium says so. After an exception there is no file, and the head
// stands somewhere inside the tape file. Not made durable: what is read here can be read again.
TapeFile read_tape_file(tapeio::TapeDrive& drive, std::size_t record_size,
                        std::span<const Identity> identities, const std::filesystem::path& to,
                        std::uint64_t limit);

}  // namespace mixtape::format
