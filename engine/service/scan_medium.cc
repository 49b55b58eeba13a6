// SPDX-License-Identifier: Apache-2.0
#include "engine/service/scan_medium.h"

#include <algorithm>
#include <utility>

#include "engine/service/scan_archive.h"
#include "tapeio/bytes.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::service {
namespace {

constexpr std::string_view kSqliteMagic{"SQLite format 3\0", 16};
// What was read goes into the catalog after so much, so that a scan that is stopped goes on there.
constexpr std::uint64_t kHandOverEvery = 64 * GiB;

catalog::Medium medium_of(const MediumScan::What& what) {
  catalog::Medium medium;
  medium.uuid = what.label.medium;
  medium.label = what.label.label;
  medium.kind = what.kind;
  medium.record_size = what.label.record_size;
  return medium;
}

recall::Archive archive_of(const format::MediumLabel& label, const FoundArchive& found) {
  recall::Archive archive;
  archive.medium_label = label.label;
  archive.medium_uuid = label.medium;
  archive.record_size = label.record_size;
  archive.first_block = found.block;
  archive.header = found.header;
  archive.plain_bytes = found.plain_bytes;
  return archive;
}

// The first block, or less where it is damaged or the archive is shorter.
Bytes first_block(ArchivePass& pass) {
  Bytes block(format::kTarBlock);
  std::size_t got = 0;
  try {
    while (got < block.size()) {
      const std::size_t more = pass.read(MutableBytes(block).subspan(got));
      if (more == 0) {
        break;
      }
      got += more;
    }
  } catch (const Error& error) {
    if (!is_damage(error.code())) {
      throw;
    }
    got = 0;
  }
  block.resize(got);
  return block;
}

// What the rows of an archive can run into, and not what a drive, a disk or a person does.
bool is_of_archive(const Error& error) {
  return error.code() == ErrorCode::corrupt || error.code() == ErrorCode::invalid ||
         error.code() == ErrorCode::conflict || error.code() == ErrorCode::not_found ||
         error.code() == ErrorCode::unsupported;
}

}  // namespace

ScanSummary& ScanSummary::operator+=(const ScanSummary& other) {
  archives += other.archives;
  members += other.members;
  damaged += other.damaged;
  gaps += other.gaps;
  unopened += other.unopened;
  return *this;
}

MediumScan::MediumScan(tapeio::TapeDrive& drive, const What& what,
                       std::span<const format::Identity> identities, Reporter& reporter, Take take)
    : drive_(drive),
      what_(what),
      identities_(identities),
      reporter_(reporter),
      take_(std::move(take)) {
  for (const catalog::Bundle& bundle : what.known) {
    known_files_.emplace(bundle.index_file + 1, &bundle);
    if (!what.again.contains(bundle.index_file + 1)) {
      known_headers_.insert(to_hex(bundle.archive_header));
    }
  }
  progress_.phase = "scan " + what.label.label;
}

std::string MediumScan::name_of(std::uint64_t file) const {
  return "medium " + what_.label.label + ", tape file " + std::to_string(file);
}

void MediumScan::passed(std::uint64_t bytes) {
  if (reporter_.stop().stop_requested()) {
    throw Error(ErrorCode::cancelled, "scan medium " + what_.label.label +
                                          ": stopped; what was read up to the last whole archive "
                                          "is in the catalog, and the next scan goes on there");
  }
  progress_.done_bytes += bytes;
  draft_bytes_ += bytes;
  reporter_.progress(progress_);
}

void MediumScan::run() {
  drive_.seek_end_of_data();
  const tapeio::Position end = drive_.position();
  progress_.total_bytes = end.block * what_.label.record_size;
  drive_.rewind();
  // The archaeology and an index stand in front of the first archive.
  std::uint64_t file = 2;
  try {
    while (file < end.file && read_next(file)) {
      ++file;
    }
  } catch (const Error&) {
    if (losses_.empty() || losses_.back().tape_file != file) {
      losses_.emplace_back();
    }
    losses_.back() = {.tape_file = file, .what = catalog::ScanLoss::What::unread, .names = {}};
    hand_over();
    throw;
  }
  hand_over();
}

// In a directory a tape file that was missing may be there again.
bool MediumScan::has_moved(std::uint64_t file, const catalog::Bundle& bundle) {
  if (what_.again.empty() || !catalog::is_scanned(bundle)) {
    return false;
  }
  const std::uint64_t here = drive_.position().file;
  const bool there =
      here == file || (here < file && drive_.space_filemarks(
                                          static_cast<std::int64_t>(file - here)) == file - here);
  const bool moved = there && drive_.position().block != bundle.archive_block;
  if (moved) {
    known_headers_.erase(to_hex(bundle.archive_header));
  }
  return moved;
}

bool MediumScan::read_next(std::uint64_t file) {
  const auto known = known_files_.find(file);
  if (known != known_files_.end() && !what_.again.contains(file) &&
      !has_moved(file, *known->second)) {
    number_ = known->second->number;
    written_s_ = known->second->written_s.value_or(written_s_);
    number_at_ = archive_at_ = file;
    return true;
  }
  if (known_files_.contains(file + 1)) {
    losses_.push_back({.tape_file = file, .names = {}});  // Its index.
    return true;
  }
  const std::uint64_t here = drive_.position().file;
  if (here < file &&
      drive_.space_filemarks(static_cast<std::int64_t>(file - here)) != file - here) {
    return false;
  }
  progress_.done_bytes = drive_.position().block * what_.label.record_size;
  losses_.push_back({.tape_file = file, .names = {}});
  read_file(file);
  if (known != known_files_.end()) {
    number_ = std::max(number_, known->second->number);
    number_at_ = archive_at_ = file;
  }
  return true;
}

void MediumScan::read_file(std::uint64_t file) {
  std::optional<FoundArchive> found;
  std::string why;
  try {
    found = look_at_archive(drive_, what_.label.record_size, identities_, [] { return Bytes(); });
    why = found ? found->trouble : "it is no encrypted tape file of whole records";
  } catch (const format::AgeError& error) {
    why = error.what();
  }
  if (!why.empty()) {
    lose(file);
    reporter_.problem(name_of(file) + " cannot be opened, " +
                      (must_be_index(file) ? "which must be an index: " : "whatever it was: ") +
                      why);
  } else if (!known_headers_.contains(to_hex(found->header))) {
    read_archive(file, *found);
  }
}

void MediumScan::read_archive(std::uint64_t file, const FoundArchive& found) {
  const recall::Archive archive = archive_of(what_.label, found);
  drive_.locate(found.block);
  ArchivePass pass(
      drive_, archive, identities_, [this](std::uint64_t bytes) { passed(bytes); },
      unreadable_in_a_row_);
  Bytes start = first_block(pass);
  if (as_text(start).starts_with(kSqliteMagic)) {
    return;  // An index.
  }
  if (!found.is_whole) {
    reporter_.note(name_of(file) + " was not finished: what is in it was never said to be there");
    number_at_ = archive_at_ = file;
    return;
  }
  scan(pass, file, found, std::move(start));
}

void MediumScan::scan(ArchivePass& pass, std::uint64_t file, const FoundArchive& found,
                      Bytes start) {
  if (!draft_) {
    draft_ = std::make_unique<catalog::ScannedMedium>(what_.scratch / std::to_string(++drafts_),
                                                      medium_of(what_), what_.label.catalog,
                                                      what_.command);
  }
  try {
    enter(pass, file, found, std::move(start));
  } catch (const Error& error) {
    if (!is_of_archive(error)) {
      throw;
    }
    leave_out(file, std::string("is left out whole, for the catalog refuses it: ") + error.what());
  }
  if (draft_bytes_ >= kHandOverEvery) {
    hand_over();
  }
}

void MediumScan::leave_out(std::uint64_t file, const std::string& why) {
  draft_->drop();
  lose(file);
  reporter_.problem(name_of(file) + " " + why);
}

void MediumScan::lose(std::uint64_t file) {
  ++result_.unopened;
  losses_.back().what =
      must_be_index(file) ? catalog::ScanLoss::What::index : catalog::ScanLoss::What::unopened;
}

void MediumScan::enter(ArchivePass& pass, std::uint64_t file, const FoundArchive& found,
                       Bytes start) {
  const bool began_damaged = start.empty();
  // Bundles of which nothing could be read have their numbers, too.
  const std::uint64_t number = number_ + std::max<std::uint64_t>((file - number_at_) / 2, 1);
  draft_->begin({.header = found.header,
                 .number = number,
                 .tape_file = file,
                 .first_block = found.block,
                 .plain_bytes = found.plain_bytes});
  ArchiveScan walker(pass, *draft_, reporter_, name_of(file));
  const ScannedArchive scanned = walker.run(std::move(start));
  if (scanned.members == 0) {
    leave_out(file, !began_damaged ? "is left out: not one member of it can be told"
                    : must_be_index(file)
                        ? "is damaged where it begins: standing behind an archive, it can only be "
                          "an index"
                        : "is damaged where it begins, and not one name in it can be told: it was "
                          "an index as likely as an archive");
    return;
  }
  for (const std::string& what : pass.finish()) {
    reporter_.problem(name_of(file) + ": " + what);
  }
  written_s_ = draft_->end(std::max(written_s_, what_.label.created_s), what_.now_s);
  number_ = number;
  number_at_ = archive_at_ = file;
  known_headers_.insert(to_hex(found.header));
  catalog::ScanLoss& loss = losses_.back();
  loss.files = scanned.damaged;
  loss.gaps = scanned.gaps;
  loss.names = scanned.names;
  // What stands in front of it was its index.
  losses_.push_back({.tape_file = file - 1, .names = {}});
  result_ += {1, scanned.members, scanned.damaged, scanned.gaps, 0};
}

void MediumScan::hand_over() {
  draft_bytes_ = 0;
  if (!draft_ || draft_->is_empty()) {
    return;
  }
  const std::unique_ptr<catalog::ScannedMedium> draft = std::move(draft_);
  const std::vector<catalog::ScanLoss> losses = std::exchange(losses_, {});
  take_(draft->finish(what_.now_s), losses);
}

}  // namespace mixtape::service
