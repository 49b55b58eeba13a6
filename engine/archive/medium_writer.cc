// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/medium_writer.h"

#include <algorithm>

#include "engine/archive/index_writer.h"
#include "engine/archive/write_progress.h"
#include "engine/catalog/rows.h"
#include "engine/format/age_stream.h"
#include "engine/format/archaeology.h"
#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

// An X25519 stanza and the frame around all of them (archaeology/age.md, "Header").
constexpr std::uint64_t kStanzaBytes = 98;
constexpr std::uint64_t kHeaderFrameBytes = 70;
// What the catalog still grows by between the estimate and the last index, besides the rows of
// bundles: the job's end, the medium's state.
constexpr std::uint64_t kIndexGrowth = 64 * KiB;

std::uint64_t live_bytes(catalog::Database& database) {
  catalog::Statement query(
      database,
      "SELECT page_count * page_size FROM pragma_page_count('main'), pragma_page_size('main')");
  query.step();
  return static_cast<std::uint64_t>(query.integer(0));
}

// Asks the drive to warn so many bytes before where it would by itself. False: it cannot, or is in
// trouble, which it says again when it is written to.
bool warns_earlier(tapeio::TapeDrive& drive, std::uint64_t bytes) {
  try {
    tapeio::SpaceGauge* space = drive.features().space;
    return space != nullptr && space->warn_earlier(bytes);
  } catch (const Error&) {
    return false;
  }
}

// What else than its end keeps the medium from taking more, in words; empty when nothing does, and
// when the drive cannot say: what was written stands, and the next operation fails by itself.
std::string shortage_of(tapeio::TapeDrive& drive) {
  try {
    const std::optional<tapeio::MediumInfo> info = drive.medium();
    return info ? info->shortage : "";
  } catch (const Error& error) {
    if (!is_of_medium(error.code())) {
      throw;
    }
    return "";
  }
}

}  // namespace

std::uint64_t preamble_size(const WriteContext& context) {
  return kHeaderFrameBytes + kStanzaBytes * context.recipients.size() + format::kAgeNonceSize;
}

std::uint64_t estimated_index_bytes(const WriteContext& context, std::uint64_t record_size) {
  const std::uint64_t plain = live_bytes(context.database) + kIndexGrowth;
  const std::uint64_t preamble = preamble_size(context);
  return format::cipher_size(preamble, format::padded_plain_size(preamble, plain, record_size));
}

ArchiveLimits limits_for(const WriteContext& context, const MediumRoom& room) {
  return {
      .room_bytes = archive_room(room),
      .target_bytes = std::max(context.bundle_bytes, context.indexes_per_bundle * room.index_bytes),
      .record_size = room.record_size,
      .preamble_bytes = preamble_size(context)};
}

std::optional<std::string> defect_of(std::uint32_t member, const ArchivePlan& plan,
                                     std::span<const Item> items, const ArchiveResult& result) {
  const Item& item = items[plan.members[member].item];
  const auto fault = std::ranges::lower_bound(result.faults, member, {}, &SourceFault::member);
  const bool faulty = fault != result.faults.end() && fault->member == member;
  // A known hash decides alone: a file may be touched without being another one.
  if (item.hash ? result.hashes[member] == item.hash : !faulty) {
    return std::nullopt;
  }
  return faulty ? fault->why : "its content is not what it was when it was hashed";
}

MediumWriter::MediumWriter(const WriteContext& context, catalog::Ledger& ledger, Reporter& reporter,
                           std::unique_ptr<tapeio::TapeDrive> drive, catalog::Medium medium)
    : context_(context),
      ledger_(ledger),
      reporter_(reporter),
      drive_(std::move(drive)),
      medium_(std::move(medium)),
      open_end_(ledger.has_open_end(medium_.id)),
      counts_before_(counts_of(*drive_)) {}

std::uint64_t MediumWriter::behind_archive() const {
  return std::max(index_bytes_, estimated_index_bytes(context_, medium_.record_size)) + kSlack +
         2 * kFilemarkCost;
}

// How long the zone of a tape drive's own warning is, nobody tells; where the drive takes a wish,
// it is at least as long as what has to be written in it.
void MediumWriter::ask_for_warning() {
  const std::uint64_t zone =
      std::max(assumed_warning_zone(medium_.capacity_bytes), behind_archive());
  if (zone > asked_zone_bytes_ && warns_earlier(*drive_, zone)) {
    asked_zone_bytes_ = zone;
  }
}

// What is sure to be there behind a warning.
std::uint64_t MediumWriter::sure_zone_bytes() const {
  if (context_.warning_zone_bytes || !is_streaming(medium_)) {
    return context_.warning_zone_bytes.value_or(assumed_warning_zone(medium_.capacity_bytes));
  }
  return asked_zone_bytes_;
}

std::uint64_t MediumWriter::written_bytes() const {
  return (append_.block - append_.file) * medium_.record_size;
}

MediumRoom MediumWriter::room() const {
  return {
      .capacity_bytes = medium_.capacity_bytes,
      .used_bytes = written_bytes() + append_.file * kFilemarkCost,
      .record_size = medium_.record_size,
      .index_bytes = std::max(index_bytes_, estimated_index_bytes(context_, medium_.record_size)),
      .warning_zone_bytes =
          context_.warning_zone_bytes.value_or(assumed_warning_zone(medium_.capacity_bytes)) +
          asked_zone_bytes_};
}

std::optional<Streaming> MediumWriter::streaming() const {
  if (!is_streaming(medium_)) {
    return std::nullopt;
  }
  const DriveCounts counts = counts_since(counts_before_, counts_of(*drive_));
  return Streaming{.underruns = std::max(underruns_, counts.underruns.value_or(0)),
                   .repositions = counts.repositions,
                   .bytes = taken_bytes_,
                   .taking_s = taking_s_};
}

std::uint64_t MediumWriter::last_bundle() const {
  const std::vector<catalog::Bundle> bundles = ledger_.bundles(medium_.id);
  return bundles.empty() ? 0 : bundles.back().number;
}

catalog::IndexLabel MediumWriter::index_label(catalog::IndexRole role) {
  before_commit(context_, "next sequence");
  return {.role = role,
          .format = format::kTapeFormat,
          .catalog = ledger_.catalog_uuid(),
          .medium = medium_.uuid,
          .medium_label = medium_.label,
          .record_size = medium_.record_size,
          .tape_file = append_.file,
          .bundle = std::nullopt,
          .last_bundle = last_bundle(),
          .written_s = context_.now_s(),
          .sequence = ledger_.next_sequence()};
}

// In the catalog before anything is written over, so that also the run after a crash knows.
void MediumWriter::set_open_end(bool open) {
  if (open_end_ != open) {
    before_commit(context_, "set open end");
    ledger_.set_open_end(medium_.id, open);
    open_end_ = open;
  }
}

void MediumWriter::go_to_append_point() {
  set_open_end(true);
  if (drive_->position().block != append_.block) {
    drive_->locate(append_.block);
  }
}

MediumWriter::Bundle MediumWriter::write_bundle(catalog::JobId job, std::span<const Item> items,
                                                const ArchivePlan& plan,
                                                const format::AgePreamble& preamble,
                                                const Progress& before) {
  catalog::Bundle row;
  row.uuid = catalog::new_uuid();
  row.medium = medium_.id;
  row.job = job;
  row.index_file = append_.file;
  row.archive_header = preamble.bytes;
  row.plain_bytes = plan.plain_bytes;
  before_commit(context_, "plan bundle");
  const catalog::BundleId id = ledger_.plan_bundle(row, copies_of(plan, items));
  catalog::IndexLabel label = index_label(catalog::IndexRole::bundle);
  label.bundle = row.uuid;
  IndexWriter index(context_, label);
  Bundle bundle;
  bundle.index_bytes = index.sealed_bytes();
  if (!holds(plan, preamble, index.sealed_bytes())) {
    give_up(id);
    bundle.state = Bundle::State::index_too_large;
    return bundle;
  }
  ask_for_warning();
  try {
    write_planned(id, index, items, plan, preamble, before, bundle);
  } catch (const Error& error) {
    if (!is_of_medium(error.code())) {
      throw;
    }
    give_up(id);
    bundle.state = Bundle::State::failed;
    bundle.failure = error;
  }
  return bundle;
}

void MediumWriter::write_planned(catalog::BundleId id, IndexWriter& index,
                                 std::span<const Item> items, const ArchivePlan& plan,
                                 const format::AgePreamble& preamble, const Progress& before,
                                 Bundle& bundle) {
  go_to_append_point();
  const IndexWriter::Written written = index.write(*drive_);
  bundle.state = Bundle::State::given_up;
  if (!written.exists || written.early_warning) {
    give_up(id);
    set_full();
    return;
  }
  const std::uint64_t archive_block = drive_->position().block;
  drive_->name_next_file("archive.tar.age");
  bundle.archive = write_archive_members(items, plan, preamble, before);
  if (bundle.archive.end == ArchiveResult::End::cancelled) {
    bundle.state = Bundle::State::cancelled;
    give_up(id);
    return;
  }
  const bool whole =
      bundle.archive.end != ArchiveResult::End::end_of_medium && drive_->write_filemark().written;
  if (!whole) {
    give_up(id);
    set_full();
    return;
  }
  commit(id, archive_block, items, plan, bundle.archive);
  bundle.state = Bundle::State::written;
  bundle.archive_bytes = bundle.archive.records * medium_.record_size;
  append_ = {.block = archive_block + bundle.archive.records + 1, .file = append_.file + 2};
  if (bundle.archive.warned) {
    set_full();
  }
}

bool MediumWriter::holds(const ArchivePlan& plan, const format::AgePreamble& preamble,
                         std::uint64_t index_bytes) {
  // The closing index has the hashes besides.
  index_bytes_ = std::max(index_bytes_, index_bytes + medium_.record_size);
  return format::cipher_size(preamble.bytes.size(), plan.plain_bytes) <= archive_room(room());
}

ArchiveResult MediumWriter::write_archive_members(std::span<const Item> items,
                                                  const ArchivePlan& plan,
                                                  const format::AgePreamble& preamble,
                                                  const Progress& before) {
  const std::uint64_t zone = sure_zone_bytes(), behind = behind_archive();
  WriteProgress progress(reporter_, plan, before, preamble.bytes.size(), medium_.record_size);
  PipelineOptions options;
  options.record_size = medium_.record_size;
  options.ring_bytes = context_.ring_bytes;
  options.streaming = is_streaming(medium_);
  options.room_after_warning = zone > behind ? zone - behind : 0;
  options.tap = context_.tap;
  options.stop = reporter_.stop();
  options.on_record = [&](std::uint64_t records) { progress.written(records); };
  ArchiveResult result = write_archive(items, plan, preamble, *drive_, options);
  underruns_ += result.underruns;
  taken_bytes_ += result.records * medium_.record_size;
  taking_s_ += result.taking_s;
  return result;
}

void MediumWriter::commit(catalog::BundleId bundle, std::uint64_t archive_block,
                          std::span<const Item> items, const ArchivePlan& plan,
                          const ArchiveResult& result) {
  catalog::Ledger::Outcome outcome;
  outcome.archive_block = archive_block;
  outcome.plain_bytes_written = result.plain_bytes;
  outcome.written_s = context_.now_s();
  for (std::uint32_t i = 0; i < plan.members.size(); ++i) {
    const PlannedMember& member = plan.members[i];
    if (member.stored != Stored::data || member.data_end() > result.plain_bytes) {
      continue;
    }
    const Item& item = items[member.item];
    if (defect_of(i, plan, items, result)) {
      outcome.bad.push_back(*item.content);
    } else if (!item.hash) {
      outcome.hashes.emplace_back(*item.content, *result.hashes[i]);
    }
  }
  before_commit(context_, "commit bundle");
  ledger_.commit_bundle(bundle, outcome);
}

void MediumWriter::give_up(catalog::BundleId bundle) {
  before_commit(context_, "abandon bundle");
  ledger_.abandon_bundle(bundle);
}

void MediumWriter::set_full() {
  full_ = true;
  if (const std::string shortage = shortage_of(*drive_); !shortage.empty()) {
    reporter_.note("medium " + medium_.label + " takes no more in this run: " + shortage);
    return;
  }
  before_commit(context_, "set medium state");
  ledger_.set_medium_state(medium_.id, catalog::MediumState::full, context_.now_s());
}

std::uint64_t MediumWriter::close() {
  const catalog::IndexLabel label = index_label(catalog::IndexRole::closing);
  const std::int64_t told = ledger_.news();  // What comes after that, the index may lack.
  IndexWriter index(context_, label);
  const MediumRoom now = room();
  if (!open_end_ && now.capacity_bytes &&
      now.used_bytes + index.sealed_bytes() + kFilemarkCost > *now.capacity_bytes) {
    return 0;  // Better an index that lacks the news than none.
  }
  go_to_append_point();
  before_commit(context_, "begin closing index");
  ledger_.begin_closing_index(medium_.id, label.sequence);
  const IndexWriter::Written written = index.write(*drive_);
  if (!written.exists) {
    set_full();
    set_open_end(false);  // For good: no later index will be smaller.
    reporter_.problem("medium " + medium_.label +
                      " has no room for a closing index: what it holds is told by the index of "
                      "its last bundle and by every other medium");
    return 0;
  }
  index.read_back(*drive_, append_.block);
  before_commit(context_, "end closing index");
  ledger_.end_closing_index(medium_.id, label.sequence, told);
  set_open_end(false);
  return index.sealed_bytes();
}

}  // namespace mixtape::archive
