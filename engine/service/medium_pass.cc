// SPDX-License-Identifier: Apache-2.0
#include "engine/service/medium_pass.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>

#include "engine/archive/scratch_file.h"
#include "engine/archive/targets.h"
#include "engine/format/archaeology.h"
#include "engine/format/tape_file.h"
#include "engine/service/recall_service.h"
#include "tapeio/error.h"
#include "tapeio/records.h"

namespace mixtape::service {
namespace {

// An index larger than this is none: 60 million file versions.
constexpr std::uint64_t kMaxIndex = 8 * GiB;
constexpr std::size_t kReadBuffer = 1 * MiB;
// Verdicts are written down after so much at the latest, so that little of it is lost when the
// program is killed.
constexpr std::uint64_t kWriteDownEvery = 16 * GiB;

// Whether it says something about what is on the medium, and reading goes on behind it.
bool is_found(const Error& error) {
  return is_damage(error.code()) || error.code() == ErrorCode::unsupported ||
         error.code() == ErrorCode::invalid || error.code() == ErrorCode::wrong_medium;
}

recall::Archive archive_of(const catalog::Medium& medium, const catalog::Bundle& bundle) {
  return to_extent({.copy = {}, .bundle = bundle, .medium = medium}).archive;
}

std::string name_of(const catalog::Bundle& bundle) {
  return "bundle " + std::to_string(bundle.number);
}

constexpr std::string_view kScratch = "verified index ";

// What passes left whose process was killed.
void remove_leftovers(const std::filesystem::path& scratch) {
  std::error_code ignored;
  for (const auto& each : std::filesystem::directory_iterator(scratch, ignored)) {
    const std::string name = each.path().filename();
    pid_t owner = 0;
    if (name.starts_with(kScratch)) {
      (void)std::from_chars(name.data() + kScratch.size(), name.data() + name.size(), owner);
    }
    if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) {
      std::filesystem::remove(each.path(), ignored);
    }
  }
}

// Of this pass alone: several may run at once, in one process or more.
std::string scratch_name() {
  static std::atomic<std::uint64_t> passes{0};
  return std::string(kScratch) + std::to_string(::getpid()) + "." + std::to_string(++passes);
}

// Those of the catalog that the index does not have as the catalog has them.
std::size_t count_strangers(const std::vector<catalog::Ledger::Held>& held,
                            const std::vector<catalog::IndexedMember>& indexed) {
  return static_cast<std::size_t>(std::ranges::count_if(held, [&](const auto& each) {
    const catalog::IndexedMember wanted{.member_offset = each.copy.member_offset,
                                        .data_offset = each.copy.data_offset,
                                        .stored_size = each.copy.stored_size};
    const auto found = std::ranges::lower_bound(indexed, wanted.member_offset, {},
                                                &catalog::IndexedMember::member_offset);
    return found == indexed.end() || *found != wanted;
  }));
}

}  // namespace

MediumPass::MediumPass(Context& context, const catalog::Medium& medium, tapeio::TapeDrive& drive,
                       VerifiedMedium& result, Verdicts& verdicts, Reporter& reporter)
    : context_(context),
      medium_(medium),
      drive_(drive),
      result_(result),
      verdicts_(verdicts),
      reporter_(reporter),
      progress_{.phase = "verify " + medium.label},
      scratch_(context.workspace.home().scratch() / scratch_name()),
      buffer_(kReadBuffer) {}

void MediumPass::run() {
  const std::vector<catalog::Bundle> bundles = context_.ledger.bundles(medium_.id);
  progress_.total_bytes = archive::used_as_known(medium_, bundles);
  remove_leftovers(scratch_.parent_path());
  read_archaeology();
  for (const catalog::Bundle& bundle : bundles) {
    read_bundle(bundle);
  }
  read_what_follows(bundles.empty() ? 1 : bundles.back().index_file + 2);
  verdicts_.write_down();
  reporter_.progress(progress_);
}

void MediumPass::trouble(std::string what) {
  reporter_.problem("medium " + medium_.label + ": " + what);
  result_.troubles.push_back(std::move(what));
}

void MediumPass::passed(std::uint64_t bytes) {
  if (reporter_.stop().stop_requested()) {
    throw Error(ErrorCode::cancelled, "verify medium " + medium_.label + ": stopped");
  }
  result_.bytes += bytes;
  progress_.done_bytes = result_.bytes;
  // The closing index is on top of what the catalog counts.
  progress_.total_bytes = std::max(progress_.total_bytes, progress_.done_bytes);
  progress_.done_files = result_.good + result_.damaged;
  progress_.total_files = result_.copies;
  reporter_.progress(progress_);
  if (unreadable_in_a_row_ > 0) {
    return;  // Whether that is the medium or the drive shows later.
  }
  sure_damaged_ = verdicts_.found_damaged().size();
  if (result_.bytes - written_down_at_ >= kWriteDownEvery) {
    written_down_at_ = result_.bytes;
    verdicts_.write_down();
  }
}

bool MediumPass::go_to_file(std::uint64_t file) {
  const std::uint64_t at = drive_.position().file;
  if (at >= file) {
    return at == file;
  }
  ended_ = ended_ || drive_.space_filemarks(static_cast<std::int64_t>(file - at)) != file - at;
  return !ended_;
}

// --- What stands before and behind the bundles

void MediumPass::read_archaeology() {
  drive_.rewind();
  bool is_other = false;
  try {
    tapeio::RecordReader records(drive_, tapeio::kMaxRecordSize);
    const format::MediumLabel label = format::parse_archaeology(records);
    is_other = label.medium != medium_.uuid;
    if (label.record_size != medium_.record_size) {
      trouble("its archaeology names another record size than the catalog");
    }
    while (const std::size_t size = is_other ? 0 : records.read(buffer_)) {
      passed(size);
    }
  } catch (const Error& error) {
    if (!is_found(error)) {
      throw;
    }
    trouble(std::string("its archaeology is damaged: ") + error.what());
  }
  if (is_other) {
    throw Error(ErrorCode::wrong_medium,
                "verify medium " + medium_.label +
                    ": what is in the drive says that it is another medium; nothing is noted of "
                    "its copies: bring in " +
                    medium_.label + " and verify again");
  }
}

void MediumPass::read_what_follows(std::uint64_t file) {
  const archive::ScratchFile scratch(scratch_);
  bool closed = false;
  bool has_archive = false;  // What follows belongs to a bundle that was given up.
  bool is_spoilt = false;    // Something stands where the closing index must be.
  for (; go_to_file(file); ++file) {
    if (std::exchange(has_archive, false)) {
      closed = false;
      continue;
    }
    const auto label = read_index(file, scratch.path(), "the closing index");
    if (ended_) {
      break;
    }
    has_archive = label && label->role == catalog::IndexRole::bundle;
    closed = label && label->role == catalog::IndexRole::closing;
    is_spoilt = !label;
    const std::vector<catalog::Bundle> bundles = context_.ledger.bundles(medium_.id);
    if (closed && !bundles.empty() && label->last_bundle != bundles.back().number) {
      trouble("its closing index knows " + std::to_string(label->last_bundle) +
              " bundles and the catalog " + std::to_string(bundles.back().number));
    }
  }
  if (!closed) {
    trouble(is_spoilt ? "it has no closing index that can be read; the next backup writes one if a "
                        "job that died left what stands there, and writes to another medium if not"
                      : "it has no closing index; the next backup writes one where it can");
    verdicts_.lacks_closing_index(medium_);
  }
}

std::optional<catalog::IndexLabel> MediumPass::read_index(std::uint64_t file,
                                                          const std::filesystem::path& to,
                                                          const std::string& name) {
  const std::uint64_t block = drive_.position().block;
  std::error_code absent;
  std::filesystem::remove(to, absent);
  try {
    const format::TapeFile read = format::read_tape_file(
        drive_, medium_.record_size, context_.workspace.identities(), to, kMaxIndex);
    unreadable_in_a_row_ = 0;
    passed(read.sealed_bytes);
    catalog::IndexLabel label = catalog::inspect_index(to);
    if (label.medium != medium_.uuid || label.tape_file != file) {
      trouble(name + " was written for another place");
      return std::nullopt;
    }
    return label;
  } catch (const Error& error) {
    if (!is_found(error)) {
      throw;
    }
    if (drive_.position().block == block && is_end_of_data()) {
      ended_ = true;
      return std::nullopt;
    }
    trouble(name + " in tape file " + std::to_string(file) + " cannot be read: " + error.what());
    return std::nullopt;
  }
}

bool MediumPass::is_end_of_data() {
  const std::uint64_t block = drive_.position().block;
  Bytes record(medium_.record_size);
  try {
    return drive_.read_record(record).kind == tapeio::ReadResult::Kind::end_of_data;
  } catch (const Error& error) {
    if (!is_found(error)) {
      throw;
    }
  }
  // The contract has the head behind a bad record; a drive that stays would read it for ever.
  if (drive_.position().block <= block) {
    drive_.locate(block + 1);
  }
  return false;
}

// --- Bundles

void MediumPass::lose(const catalog::Bundle& bundle, const HeldCopies& held, std::size_t first,
                      const std::string& why) {
  for (; first < held.size(); ++first) {
    verdicts_.damaged(result_, bundle, held[first], why);
  }
}

void MediumPass::read_bundle(const catalog::Bundle& bundle) {
  const HeldCopies held = context_.ledger.held_in(bundle.id);
  if (go_to_file(bundle.index_file)) {
    read_bundle_index(bundle, held);
  }
  if (ended_) {
    trouble(name_of(bundle) + " is not on it though the catalog says so");
    lose(bundle, held, 0, "its bundle is not on the medium");
    return;
  }
  if (!go_to_file(bundle.index_file + 1)) {
    trouble("the archive of " + name_of(bundle) + " is not on it though the catalog says so");
    lose(bundle, held, 0, "its archive is not on the medium");
    return;
  }
  if (const std::uint64_t block = drive_.position().block; block != bundle.archive_block) {
    trouble("the archive of " + name_of(bundle) + " begins at block " + std::to_string(block) +
            ", the catalog has it at " + std::to_string(bundle.archive_block.value_or(0)));
    lose(bundle, held, 0, "its archive is at another place than the catalog has it");
    return;
  }
  read_archive(bundle, held);
}

void MediumPass::read_bundle_index(const catalog::Bundle& bundle, const HeldCopies& held) {
  const archive::ScratchFile scratch(scratch_);
  const std::string name = "the index of " + name_of(bundle);
  const auto label = read_index(bundle.index_file, scratch.path(), name);
  if (!label) {
    return;
  }
  if (label->role != catalog::IndexRole::bundle || label->bundle != bundle.uuid) {
    trouble(name + " is that of another");
    return;
  }
  const std::size_t strangers =
      count_strangers(held, catalog::members_in(scratch.path(), bundle.uuid));
  if (strangers > 0) {
    trouble(name + " lacks " + std::to_string(strangers) +
            " of its files, or has them at another place than the catalog");
  }
}

void MediumPass::read_archive(const catalog::Bundle& bundle, const HeldCopies& held) {
  const recall::Archive archive = archive_of(medium_, bundle);
  ArchivePass pass(
      drive_, archive, context_.workspace.identities(),
      [this](std::uint64_t bytes) { passed(bytes); }, unreadable_in_a_row_);
  const std::uint64_t damaged_before = result_.damaged;
  std::size_t next = 0;
  // Behind damage the structure of the tar is not known: it goes on with the next known member.
  try {
    do {
      walk(pass, bundle, held, next);
      if (next < held.size()) {
        pass.skip_to(held[next].copy.member_offset);
      }
    } while (next < held.size());
    for (const std::string& what : pass.finish()) {
      trouble("the archive of " + name_of(bundle) + ": " + what);
    }
  } catch (const Error&) {
    if (unreadable_in_a_row_ > 0) {
      verdicts_.withdraw(result_, sure_damaged_);
    }
    throw;
  }
  if (pass.lost_bytes() > 0) {
    trouble("the archive of " + name_of(bundle) + " lacks " + std::to_string(pass.lost_bytes()) +
            " bytes (" + pass.why_lost() + "), which cost " +
            std::to_string(result_.damaged - damaged_before) + " of its " +
            std::to_string(held.size()) + " files");
  }
}

void MediumPass::walk(ArchivePass& pass, const catalog::Bundle& bundle, const HeldCopies& held,
                      std::size_t& next) {
  const std::uint64_t begin = pass.position();
  try {
    format::TarReader tar(pass);
    while (const auto found = tar.next()) {
      const std::uint64_t offset = begin + found->offset;
      for (; next < held.size() && held[next].copy.member_offset < offset; ++next) {
        verdicts_.damaged(result_, bundle, held[next], "no member begins where the catalog has it");
      }
      if (next < held.size() && held[next].copy.member_offset == offset) {
        check_member(tar, *found, begin, bundle, held[next]);
        ++next;
      }
    }
    lose(bundle, held, next, "the tar archive ends before it");
    next = held.size();
  } catch (const Error& error) {
    if (!is_found(error)) {
      throw;
    }
    for (; next < held.size() && held[next].copy.member_offset < pass.position(); ++next) {
      verdicts_.damaged(result_, bundle, held[next], error.what());
    }
    if (pass.lost_bytes() == 0) {
      trouble("the archive of " + name_of(bundle) + ": " + error.what());
    }
  }
}

void MediumPass::check_member(format::TarReader& tar, const format::TarReader::Found& found,
                              std::uint64_t tar_begins, const catalog::Bundle& bundle,
                              const catalog::Ledger::Held& held) {
  const bool as_known = found.member.type == format::MemberType::file &&
                        found.member.size == held.size &&
                        found.stored_size == held.copy.stored_size &&
                        tar_begins + found.data_offset == held.copy.data_offset;
  if (!as_known) {
    verdicts_.damaged(result_, bundle, held, "its tar member is not what the catalog has there");
    return;
  }
  hasher_ = format::Hasher();
  while (const std::size_t size = tar.read(buffer_)) {
    hasher_.update(ByteView(buffer_).first(size));
  }
  verdicts_.read(result_, bundle, held, hasher_.finish());
}

}  // namespace mixtape::service
