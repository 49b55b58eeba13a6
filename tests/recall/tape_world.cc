// SPDX-License-Identifier: Apache-2.0
#include "tests/recall/tape_world.h"

#include <algorithm>

#include "engine/format/age_stream.h"
#include "engine/recall/extent_map.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/records.h"
#include "tests/support/passing_drive.h"

namespace mixtape::recall {

namespace {

// Calls a hook before each record is read.
class WatchedDrive final : public test::PassingDrive {
 public:
  WatchedDrive(std::unique_ptr<tapeio::TapeDrive> drive, std::function<void()> hook)
      : PassingDrive(std::move(drive)), hook_(std::move(hook)) {}
  tapeio::ReadResult read_record(MutableBytes buffer) override {
    hook_();
    return PassingDrive::read_record(buffer);
  }

 private:
  std::function<void()> hook_;
};

void append(Bytes& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

TapeWorld::TapeWorld()
    : library_({.wrap_drive = [this](std::unique_ptr<tapeio::TapeDrive> drive,
                                     tapeio::MemoryMedium& medium) {
        return wrap(std::move(drive), medium);
      }}) {
  identities_.push_back(format::Identity::generate());
}

std::unique_ptr<tapeio::TapeDrive> TapeWorld::wrap(std::unique_ptr<tapeio::TapeDrive> drive,
                                                   tapeio::MemoryMedium& medium) {
  const std::lock_guard lock(mutex_);
  if (const auto lost = lost_.find(medium.options().label); lost != lost_.end()) {
    tapeio::FaultPlan plan;
    plan.bad_records = lost->second;
    drive = std::make_unique<tapeio::FaultyDrive>(std::move(drive), plan);
  }
  if (on_read_) {
    drive = std::make_unique<WatchedDrive>(std::move(drive), on_read_);
  }
  return drive;
}

void TapeWorld::lose_blocks(const std::string& label, std::set<std::uint64_t> blocks) {
  const std::lock_guard lock(mutex_);
  lost_[label] = std::move(blocks);
}

void TapeWorld::on_read(std::function<void()> hook) {
  const std::lock_guard lock(mutex_);
  on_read_ = std::move(hook);
}

std::vector<Extent> write_archive(tapeio::Library& library, const format::Identity& identity,
                                  const std::string& label, std::uint8_t bundle,
                                  const std::vector<ArchivedFile>& files) {
  constexpr std::uint64_t kRecord = kRecordOfTapes;
  const format::Recipient recipient = identity.recipient();
  const format::AgePreamble preamble = format::make_preamble({&recipient, 1});

  Extent extent;
  extent.archive.medium_label = label;
  extent.archive.bundle_uuid.fill(static_cast<std::byte>(bundle));
  extent.archive.record_size = kRecord;
  extent.archive.header = preamble.bytes;
  std::vector<Extent> extents;
  Bytes plain;
  for (const ArchivedFile& file : files) {
    format::TarMember member;
    member.name = "file" + std::to_string(extents.size());
    member.size = file.bytes.size();
    member.sparse = file.data;
    const format::TarHeader header = format::encode_header(member);
    append(plain, header.blocks);
    extent.data_offset = plain.size();
    extent.stored_size = header.stored_size;
    extent.sparse = member.sparse.has_value();
    extents.push_back(extent);
    append(plain, header.sparse_map);
    for (const auto& [offset, size] :
         member.sparse.value_or(std::vector<format::SparseExtent>{{0, file.bytes.size()}})) {
      append(plain, ByteView(file.bytes).subspan(offset, size));
    }
    plain.resize(round_up(plain.size(), format::kTarBlock));
  }
  plain.resize(format::padded_plain_size(preamble.bytes.size(), plain.size(), kRecord));

  const auto drive = library.load(label, tapeio::Library::Access::write);
  drive->seek_end_of_data();
  tapeio::RecordWriter index(*drive, kRecord);
  index.write(Bytes(kRecord));
  index.finish();
  const std::uint64_t first_block = drive->position().block;
  tapeio::RecordWriter records(*drive, kRecord);
  format::AgeEncryptor sealed(preamble, records);
  sealed.write(plain);
  sealed.finish();
  records.finish();
  for (Extent& written : extents) {
    written.archive.first_block = first_block;
    written.archive.plain_bytes = plain.size();
  }
  return extents;
}

std::vector<Extent> TapeWorld::write_archive(const std::string& label,
                                             const std::vector<ArchivedFile>& files) {
  const auto media = library_.media();
  if (std::none_of(media.begin(), media.end(),
                   [&](const auto& slot) { return slot.label == label; })) {
    library_.add_medium(label, GiB);
  }
  std::vector<Extent> extents =
      recall::write_archive(library_, identities_.front(), label, ++archives_, files);
  library_.trace().clear();
  return extents;
}

void TapeWorld::damage(const Extent& extent, std::uint64_t offset) {
  const ReadPlan plan =
      plan_read(extent.archive, {.offset = extent.data_offset + offset, .size = 1});
  const std::uint64_t at = plan.skip_in_record + plan.skip_in_chunk;
  library_.medium(extent.archive.medium_label)
      .corrupt_record(extent.archive.first_block + plan.first_record + at / kRecord, at % kRecord);
}

}  // namespace mixtape::recall
