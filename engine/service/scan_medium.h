// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/scanned.h"
#include "engine/format/age_keys.h"
#include "engine/format/archaeology.h"
#include "engine/progress/reporter.h"
#include "engine/service/archive_pass.h"
#include "engine/service/whole_archive.h"
#include "tapeio/tape_drive.h"

// The archives of a medium that no index tells of, read from their first record to their last.
//
// An archive counts when its filemark exists and it ends with its last chunk; one that was given up
// does not. Where an index stands does not matter, and whether it can be read neither. One that the
// catalog refuses is told and left out whole; those behind it are read all the same.
//
// Head:    forward only, but for two locates in each archive that find its end first.
// Threads: none; the drive belongs to the caller.
// Errors:  throws what the drive throws when it is the drive that fails, Error{cancelled,
//          no_space}, and what `take` throws. What was taken until then stays.
// Cost:    reads all those archives.

namespace mixtape::service {

struct ScanSummary {
  std::uint64_t archives = 0, members = 0, damaged = 0, gaps = 0;
  std::uint64_t unopened = 0;  // Tape files of which nothing was taken, whatever they are.
  ScanSummary& operator+=(const ScanSummary& other);
};

class MediumScan {
 public:
  struct What {
    format::MediumLabel label;
    std::string kind;                    // As catalog::Medium::kind.
    std::vector<catalog::Bundle> known;  // Written bundles that the catalog has on it.
    std::set<std::uint64_t> again;       // Tape files to be read even so.
    std::filesystem::path scratch;       // A directory of this scan alone.
    std::string command;
    std::int64_t now_s = 0;
  };
  // Takes what was read so far, and what was lost of it: every 64 GiB, and at the end.
  using Take = std::function<void(const catalog::FoundIndex& found,
                                  std::span<const catalog::ScanLoss> losses)>;

  MediumScan(tapeio::TapeDrive& drive, const What& what,
             std::span<const format::Identity> identities, Reporter& reporter, Take take);
  void run();
  // So far, also after an error.
  [[nodiscard]] const ScanSummary& summary() const { return result_; }
  // Those that nothing was taken with.
  [[nodiscard]] std::span<const catalog::ScanLoss> losses() const { return losses_; }

 private:
  [[nodiscard]] bool has_moved(std::uint64_t file, const catalog::Bundle& bundle);
  // False: the medium ends before it.
  [[nodiscard]] bool read_next(std::uint64_t file);
  void read_file(std::uint64_t file);
  void read_archive(std::uint64_t file, const FoundArchive& found);
  void scan(ArchivePass& pass, std::uint64_t file, const FoundArchive& found, Bytes start);
  void enter(ArchivePass& pass, std::uint64_t file, const FoundArchive& found, Bytes start);
  void leave_out(std::uint64_t file, const std::string& why);
  void lose(std::uint64_t file);
  // Behind an archive nothing else can stand (tape-format.md, section 2).
  [[nodiscard]] bool must_be_index(std::uint64_t file) const { return file == archive_at_ + 1; }
  void hand_over();
  void passed(std::uint64_t bytes);
  [[nodiscard]] std::string name_of(std::uint64_t file) const;

  tapeio::TapeDrive& drive_;
  const What& what_;
  const std::span<const format::Identity> identities_;
  Reporter& reporter_;
  const Take take_;
  std::map<std::uint64_t, const catalog::Bundle*> known_files_;  // By the tape file of the archive.
  std::set<std::string> known_headers_;                          // In hexadecimal digits.
  std::unique_ptr<catalog::ScannedMedium> draft_;
  std::size_t drafts_ = 0;
  std::uint64_t draft_bytes_ = 0;
  Progress progress_;
  ScanSummary result_;
  std::uint64_t number_ = 0;      // Of the last bundle in front of the head,
  std::uint64_t number_at_ = 0;   // the last tape file that it counts,
  std::int64_t written_s_ = 0;    // and when it was written.
  std::uint64_t archive_at_ = 0;  // The last tape file that is known to be an archive; 0: none.
  std::vector<catalog::ScanLoss> losses_;
  std::uint64_t unreadable_in_a_row_ = 0;
};

}  // namespace mixtape::service
