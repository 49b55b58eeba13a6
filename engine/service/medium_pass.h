// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/ledger.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/digest.h"
#include "engine/format/tar.h"
#include "engine/progress/reporter.h"
#include "engine/service/archive_pass.h"
#include "engine/service/context.h"
#include "engine/service/verdicts.h"
#include "engine/service/verify.h"
#include "tapeio/tape_drive.h"

// A whole medium read again, from its beginning to its end.
//
// Head:    one rewind, then forward only: tape files are read through or spaced over; located only
//          behind a bad record at which the drive stays.
// Threads: none; the drive belongs to the caller.
// Errors:  throws what the drive throws when it is the drive that fails, Error{wrong_medium} before
//          any verdict, Error{cancelled, not_permitted, no_space}. What was found until then is in
//          the verdicts.
// Memory:  the rows of one bundle's copies.

namespace mixtape::service {

class MediumPass {
 public:
  // The medium is in the drive; `result` and `verdicts` take what is found.
  MediumPass(Context& context, const catalog::Medium& medium, tapeio::TapeDrive& drive,
             VerifiedMedium& result, Verdicts& verdicts, Reporter& reporter);
  void run();

 private:
  using HeldCopies = std::vector<catalog::Ledger::Held>;

  void read_archaeology();
  void read_bundle(const catalog::Bundle& bundle);
  // Spaces forward until the head is in this tape file; false: the medium ends before.
  [[nodiscard]] bool go_to_file(std::uint64_t file);
  void read_bundle_index(const catalog::Bundle& bundle, const HeldCopies& held);
  void read_archive(const catalog::Bundle& bundle, const HeldCopies& held);
  // Reads members up to the archive's end, or to what is damaged. `next`: the first copy that was
  // not met yet.
  void walk(ArchivePass& pass, const catalog::Bundle& bundle, const HeldCopies& held,
            std::size_t& next);
  void check_member(format::TarReader& tar, const format::TarReader::Found& found,
                    std::uint64_t tar_begins, const catalog::Bundle& bundle,
                    const catalog::Ledger::Held& held);
  void lose(const catalog::Bundle& bundle, const HeldCopies& held, std::size_t first,
            const std::string& why);
  void read_what_follows(std::uint64_t file);
  // Copies the index under the head to a scratch file and checks it; nullopt: that is in troubles,
  // or the medium ends here.
  [[nodiscard]] std::optional<catalog::IndexLabel> read_index(std::uint64_t file,
                                                              const std::filesystem::path& to,
                                                              const std::string& name);
  // Whether the medium has no more under the head; if it has, the head is a record further.
  [[nodiscard]] bool is_end_of_data();
  void trouble(std::string what);
  void passed(std::uint64_t bytes);

  Context& context_;
  const catalog::Medium& medium_;
  tapeio::TapeDrive& drive_;
  VerifiedMedium& result_;
  Verdicts& verdicts_;
  Reporter& reporter_;
  Progress progress_;
  std::uint64_t written_down_at_ = 0;
  const std::filesystem::path scratch_;  // For one index at a time.
  Bytes buffer_;
  format::Hasher hasher_;
  std::uint64_t unreadable_in_a_row_ = 0;  // Records up to the head,
  std::size_t sure_damaged_ = 0;           // and damages that were found in front of them.
  bool ended_ = false;                     // The medium has no more.
};

}  // namespace mixtape::service
