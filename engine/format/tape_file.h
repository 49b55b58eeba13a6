// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "engine/format/age_stream.h"
#include "tapeio/tape_drive.h"

// One encrypted tape file, from the head to its filemark: how an index comes back from a medium.
//
// Format:  archaeology/tape-format.md, section "Records"
// Units:   bytes.
// Threads: none; the drive belongs to the caller.
// Errors:  throws what RecordReader and AgeDecryptor throw: Error{corrupt} when no filemark ends
// it. Memory:  one record, whatever the tape file's length.

namespace mixtape::format {

struct TapeFile {
  std::uint64_t sealed_bytes = 0;  // On the medium.
  std::uint64_t plain_bytes = 0;   // In the file, padding included.
};

// Decrypts the tape file under the head into the new file `to` (0600; it must not exist). A tape
// file of more than `limit` plaintext bytes is refused with Error{corrupt}: the disk must not fill
// up because a medium says so. The head stands behind the filemark then; after an exception there
// is no file, and the head stands somewhere inside the tape file. Not made durable: what is read
// here can be read again.
TapeFile read_tape_file(tapeio::TapeDrive& drive, std::size_t record_size,
                        std::span<const Identity> identities, const std::filesystem::path& to,
                        std::uint64_t limit);

}  // namespace mixtape::format
