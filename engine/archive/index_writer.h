// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "engine/archive/scratch_file.h"
#include "engine/archive/write_context.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/digest.h"
#include "tapeio/tape_drive.h"

// An index on its way to a medium: exported, sealed into whole records, ended by a filemark, read
// back.
//
// Format:  archaeology/tape-format.md, section "Index"
// Threads: none; the drive belongs to the caller.
// Errors:  throws what export_index and the drive throw; read_back throws Error{corrupt}.

namespace mixtape::archive {

class IndexWriter {
 public:
  // Exports the catalog as it is now into the scratch directory.
  IndexWriter(const WriteContext& context, const catalog::IndexLabel& label);

  // What it takes on the medium, in whole records.
  [[nodiscard]] std::uint64_t sealed_bytes() const { return sealed_bytes_; }

  struct Written {
    bool exists = false;         // Its filemark is on the medium.
    bool early_warning = false;  // Or the hard end, when it does not exist.
  };
  // Writes it at the head, once: under a new key.
  Written write(tapeio::TapeDrive& drive);

  // Reads what `write` wrote at `block` and compares: the plaintext when an identity is at hand,
  // else the ciphertext.
  void read_back(tapeio::TapeDrive& drive, std::uint64_t block) const;

 private:
  const WriteContext& context_;
  catalog::IndexLabel label_;
  ScratchFile file_;
  std::uint64_t file_bytes_;
  std::uint64_t preamble_bytes_;
  std::uint64_t sealed_bytes_;
  format::Digest sealed_digest_{};
};

}  // namespace mixtape::archive
