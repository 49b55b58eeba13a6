// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/format/age_keys.h"
#include "engine/format/age_stream.h"
#include "engine/recall/extent.h"
#include "tapeio/byte_stream.h"
#include "tapeio/tape_drive.h"

// An archive read from its first record to its filemark in one go, past whatever is damaged: a
// record that cannot be read costs the chunks in it, a chunk whose tag is wrong costs itself.
//
// Units:   offsets in bytes of the archive's plaintext.
// Threads: none; the drive belongs to the caller.
// Head:    moves forward only, and never by a locate, unless the drive stays where it failed.
// Errors:  throws what the drive throws when it is the drive that fails, Error{io} when so many
//          records in a row cannot be read that it must be the drive, and AgeError{no_match}.
// Memory:  one record and two chunks.

namespace mixtape::service {

class ArchivePass final : public ByteSource {
 public:
  // Called with the bytes of each record that was passed; throws to end it.
  using Passed = std::function<void(std::uint64_t bytes)>;
  // The head stands at the first record of `archive`, as the catalog has it. `unreadable_in_a_row`:
  // records, counted from one archive to the next.
  ArchivePass(tapeio::TapeDrive& drive, const recall::Archive& archive,
              std::span<const format::Identity> identities, Passed passed,
              std::uint64_t& unreadable_in_a_row);

  // 0 at the end. Where the next byte is lost: Error{corrupt}, and the next read goes on behind
  // what is lost, at position().
  [[nodiscard]] std::size_t read(MutableBytes into) override;
  [[nodiscard]] std::uint64_t position() const { return position_; }
  // Reads on to an offset that is not behind position(); what is lost on the way counts.
  void skip_to(std::uint64_t offset);

  // The rest, to behind the filemark. Returns what is wrong with the archive as a whole, in words:
  // its end, or what stands in front of it.
  [[nodiscard]] std::vector<std::string> finish();
  // Bytes of plaintext that could not be had, and why the first of them.
  [[nodiscard]] std::uint64_t lost_bytes() const { return lost_bytes_; }
  [[nodiscard]] const std::string& why_lost() const { return why_lost_; }

 private:
  void next_record();
  void record_failed(std::string why);
  void count_unreadable(std::uint64_t block, const Error& error);
  // Makes chunk_ hold the next one; why not, if it is lost.
  [[nodiscard]] std::optional<std::string> next_chunk();
  void check_preamble();
  [[nodiscard]] bool is_behind_filemark();
  void pass_end();

  tapeio::TapeDrive& drive_;
  const recall::Archive& archive_;
  const std::uint64_t file_;  // Its tape file.
  const Passed passed_;
  std::uint64_t& unreadable_in_a_row_;
  format::AgePreamble key_;
  const std::uint64_t chunks_;

  Bytes record_;
  std::uint64_t record_begin_ = 0, record_end_ = 0;  // Of the ciphertext.
  std::string record_lost_;                          // Why; empty: it is at hand.
  bool met_filemark_ = false, met_end_ = false;

  std::uint64_t next_chunk_ = 0;
  Bytes sealed_, chunk_;
  std::size_t used_ = 0;  // Of chunk_.
  std::uint64_t position_ = 0;
  std::uint64_t lost_bytes_ = 0;
  std::string why_lost_;
  std::vector<std::string> troubles_;
};

}  // namespace mixtape::service
