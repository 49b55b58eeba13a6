// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/scsi_drive.h"

#include <algorithm>
#include <utility>

#include "tapeio/scsi/scsi_features.h"

// How records and filemarks go to the tape and come back. READ(6) and WRITE(6) have 24 bits for a
// size.

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::size_t kMostTransfer = (1u << 24) - 1;

bool is_filemark(const Sense& sense) {
  return sense.filemark || sense.is(0x00, 0x01);
}

// The zone before the end was reached and what was asked for is written. The programmable warning
// comes with and without EOM.
bool is_warning(const Sense& sense) {
  const bool is_done = sense.key == SenseKey::no_sense || sense.key == SenseKey::recovered_error;
  return is_done && (sense.end_of_medium || sense.is(0x00, 0x02) || sense.is(0x00, 0x07));
}

}  // namespace

ScsiDrive::ScsiDrive(std::unique_ptr<Transport> transport, ScsiDriveOptions options)
    : options_(std::move(options)), link_(std::move(transport), options_.pause) {
  support_ = find_support(link_);
  reserve();
  link_.ask_on_reset([this] {
    // Only a drive that can be asked can say that nothing happened to its head.
    const bool asks = positions_ && support_.may_have(op::kReadPosition);
    const auto reported =
        asks ? ask_position(link_, PositionForm::complete) : std::optional<ReportedPosition>();
    const bool is_there = reported && reported->block == positions_->expected().block;
    if (is_there) {  // A reset forgets all of it.
      reserve();
      set_modes();
      features_->renew_warning();
    }
    return is_there;
  });
  features_ = std::make_unique<ScsiFeatures>(link_, support_);
  try {
    if (is_ready("open the drive")) {
      prepare();
    }
  } catch (...) {
    release();
    throw;
  }
  link_.regain_position();
}

ScsiDrive::~ScsiDrive() {
  release();
}

Outcome ScsiDrive::read_into(MutableBytes buffer, std::size_t& asked) {
  const std::size_t most = std::min(kMostTransfer, link_.transport().most_data());
  MutableBytes target = buffer.first(std::min(buffer.size(), most));
  const bool needs_more = target.empty() || cuts_short_reads_;
  if (needs_more) {
    scratch_.resize(std::clamp<std::size_t>(2 * buffer.size(), 1, most));
    target = scratch_;
  }
  asked = target.size();
  const Outcome outcome = link_.run("read block " + std::to_string(positions_->expected().block),
                                    read_6(static_cast<std::uint32_t>(target.size())), target);
  if (needs_more) {
    std::copy_n(scratch_.begin(), std::min({buffer.size(), outcome.transferred, scratch_.size()}),
                buffer.begin());
  }
  return outcome;
}

ReadResult ScsiDrive::read_record(MutableBytes buffer) {
  require_position("read record");
  const std::string what =
      "read block " + std::to_string(positions_->expected().block) + " of medium " + options_.label;
  std::size_t asked = 0;
  const Outcome outcome = read_into(buffer, asked);
  const Sense& sense = outcome.sense;
  if (outcome.good || sense.incorrect_length) {
    return take_record(outcome, asked, buffer);
  }
  if (is_filemark(sense)) {
    positions_->passed(HeadPositions::Object::filemark);
    return {ReadResult::Kind::filemark};
  }
  if (is_end_of_data(sense)) {
    positions_->met_end_of_data();
    return {ReadResult::Kind::end_of_data};
  }
  if (sense.understood && !sense.deferred && advice_for(sense).remedy == Remedy::none) {
    return take_record(outcome, asked, buffer);
  }
  if (sense.key == SenseKey::medium_error) {
    features_->latch_alerts();
    positions_->pass_bad_record();
  }
  link_.fail(what, sense);
}

ReadResult ScsiDrive::take_record(const Outcome& outcome, std::size_t asked, MutableBytes buffer) {
  const std::uint64_t block = positions_->expected().block;
  const std::string what = "read block " + std::to_string(block) + " of medium " + options_.label;
  positions_->passed(HeadPositions::Object::record);
  std::int64_t size = static_cast<std::int64_t>(asked);
  if (outcome.sense.incorrect_length) {
    if (!outcome.sense.information) {
      throw Error(ErrorCode::io, what + ": the drive does not say how large the record is");
    }
    // Negative for a record that is larger than was asked for.
    constexpr std::int64_t kMost = std::int64_t{1} << 32;
    size -= std::clamp(*outcome.sense.information, -kMost, kMost);
  }
  if (size < 1) {
    throw Error(ErrorCode::io, what + ": the drive tells an impossible size of the record");
  }
  if (static_cast<std::uint64_t>(size) > buffer.size()) {
    throw Error(ErrorCode::invalid, what + ": it has " + std::to_string(size) +
                                        " bytes, the buffer " + std::to_string(buffer.size()));
  }
  if (outcome.transferred < static_cast<std::size_t>(size)) {
    if (!outcome.sense.incorrect_length) {
      throw Error(ErrorCode::io, what + ": the drive sent fewer bytes than it said");
    }
    return read_again(buffer, static_cast<std::size_t>(size));
  }
  return {ReadResult::Kind::record, static_cast<std::size_t>(size)};
}

// The record just passed, with exactly its size: that much tgt sends whole.
ReadResult ScsiDrive::read_again(MutableBytes buffer, std::size_t size) {
  cuts_short_reads_ = true;
  note("sends records cut when they are smaller than asked for: asks for twice as much");
  const std::uint64_t block = positions_->expected().block - 1;
  positions_->locate(block);
  const std::string what = "read block " + std::to_string(block) + " again";
  const Outcome outcome =
      link_.run(what, read_6(static_cast<std::uint32_t>(size)), buffer.first(size));
  if (!outcome.good || outcome.transferred != size) {
    link_.lose_position(ErrorCode::io, "a record was read in part: rewind");
    throw Error(ErrorCode::io, what + ": the drive sends the record cut");
  }
  positions_->passed(HeadPositions::Object::record);
  return {ReadResult::Kind::record, size};
}

bool ScsiDrive::warns(std::uint64_t block) const {
  return warned_from_ && block >= *warned_from_;
}

bool ScsiDrive::allow_overwrite_at(std::uint64_t block) {
  if (!link_.run("allow overwriting", allow_overwrite(block)).good) {
    return false;
  }
  note("found in append-only mode: is told each time that writing over older data is meant");
  return true;
}

WriteResult ScsiDrive::write_object(const std::string& what, const SscCommand& command,
                                    ByteView record) {
  const std::uint64_t block = positions_->expected().block;
  if (warned_from_ && block < *warned_from_) {
    warned_from_.reset();  // Data ends here now, before that zone.
  }
  const auto object =
      record.empty() ? HeadPositions::Object::filemark : HeadPositions::Object::record;
  Outcome outcome = link_.run(what, command, {}, record);
  if (!outcome.good && advice_for(outcome.sense).remedy == Remedy::allow &&
      allow_overwrite_at(block)) {
    outcome = link_.run(what, command, {}, record);
  }
  const Sense& sense = outcome.sense;
  if (outcome.good && outcome.transferred != record.size()) {
    link_.lose_position(ErrorCode::io, "a record was written in part: rewind");
    throw Error(ErrorCode::io, what + ": the drive took a part of the record only");
  }
  if (outcome.good || is_warning(sense) ||
      (sense.understood && !sense.deferred && advice_for(sense).remedy == Remedy::none)) {
    if (!outcome.good && is_warning(sense) && !warned_from_) {
      warned_from_ = block;
    }
    positions_->wrote(object);
    return {.written = true, .early_warning = warns(block)};
  }
  if (sense.key == SenseKey::illegal_request && record.size() > most_record()) {
    throw Error(ErrorCode::unsupported, what + ": the drive takes records of at most " +
                                            std::to_string(most_record()) + " bytes, this has " +
                                            std::to_string(record.size()));
  }
  if (sense.key != SenseKey::volume_overflow) {
    features_->latch_alerts();
    positions_->refresh();
    link_.fail(what, sense);
  }
  const bool moved = positions_->moved_by_write(object, sense.information);
  if (!warned_from_) {
    warned_from_ = block;
  }
  return {.written = moved, .early_warning = true};
}

WriteResult ScsiDrive::write_record(ByteView record) {
  require_writable("write record");
  const std::size_t most = std::min(kMostTransfer, link_.transport().most_data());
  if (record.empty() || record.size() > kMaxRecordSize) {
    throw Error(ErrorCode::invalid, "write record of " + std::to_string(record.size()) +
                                        " bytes: records have 1 byte to 4 MiB");
  }
  if (record.size() > most) {
    throw Error(ErrorCode::unsupported, "write record of " + std::to_string(record.size()) +
                                            " bytes: " + link_.transport().name() +
                                            " takes at most " + std::to_string(most));
  }
  return write_object("write block " + std::to_string(positions_->expected().block) +
                          " of medium " + options_.label,
                      write_6(static_cast<std::uint32_t>(record.size())), record);
}

WriteResult ScsiDrive::write_filemark() {
  require_writable("write filemark");
  return write_object("write a filemark at block " + std::to_string(positions_->expected().block) +
                          " of medium " + options_.label,
                      write_filemarks_6(1), {});
}

void ScsiDrive::rewind() {
  moving("rewind").rewind();
}

void ScsiDrive::locate(std::uint64_t block) {
  moving("locate").locate(block);
}

std::uint64_t ScsiDrive::space_filemarks(std::int64_t count) {
  return moving("space over filemarks").space_filemarks(count);
}

void ScsiDrive::seek_end_of_data() {
  moving("seek the end of data").seek_end_of_data();
}

Position ScsiDrive::position() {
  require_position("ask position");
  return positions_->now();
}

void ScsiDrive::name_next_file(std::string_view) {}

DriveFeatures ScsiDrive::features() {
  const bool has_medium = positions_ && link_.lost().empty();
  return features_->offered(has_medium);
}

}  // namespace mixtape::tapeio::scsi
