// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "engine/format/age_keys.h"
#include "tapeio/bytes.h"
#include "tapeio/tape_drive.h"

// Whether what lies under the head is an age file that was written to its end.

namespace mixtape::service {

struct FoundArchive {
  std::uint64_t block = 0;  // Of its first record.
  std::uint64_t plain_bytes = 0;
  Bytes header;           // age header and nonce.
  bool is_whole = false;  // It ends with its last chunk, as far as that can be read.
  std::string trouble;    // Why its header cannot be read; then nothing else is known of it.
};

// What an index says that stands in front of the archive; empty: nothing.
using ToldHeader = std::function<Bytes()>;

// The head stands at the first record of a tape file; afterwards anywhere. nullopt where no
// filemark ends it, or its length can be none; `told` is asked where its beginning cannot be read.
// Throws AgeError{no_match} where no identity opens it, and what the drive throws when it is the
// drive that fails. Cost: two locates, and the records of one chunk.
[[nodiscard]] std::optional<FoundArchive> look_at_archive(
    tapeio::TapeDrive& drive, std::size_t record_size, std::span<const format::Identity> identities,
    const ToldHeader& told);

}  // namespace mixtape::service
