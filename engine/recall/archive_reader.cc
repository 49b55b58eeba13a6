// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/archive_reader.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "engine/format/age_stream.h"
#include "tapeio/error.h"

namespace mixtape::recall {

using format::kChunk;
using format::kSealedChunk;

namespace {

constexpr std::size_t kMostLocated = 1000;

}  // namespace

ArchiveReader::ArchiveReader(std::unique_ptr<tapeio::TapeDrive> drive,
                             std::span<const format::Identity> identities)
    : drive_(std::move(drive)), identities_(identities), sealed_(kSealedChunk) {}

void ArchiveReader::open(const Archive& archive) {
  if (key_ && key_->bytes == archive.header) {
    return;
  }
  chunk_index_.reset();
  key_.reset();
  key_ = format::open_preamble(archive.header, identities_);
}

bool ArchiveReader::reaches(const Extent& extent) const {
  const Spot spot = spot_of(extent);
  return head_ && spot >= at_ && (spot.block < *head_ || near(spot.block));
}

const TapeModel& ArchiveReader::tape(const Archive& archive) {
  if (!tape_) {
    tape_ = TapeModel::of(*drive_, archive.medium_label, archive.record_size);
  }
  return *tape_;
}

bool ArchiveReader::near(std::uint64_t block) const {
  return head_ && tape_ && tape_->reads_through(*head_, block);
}

void ArchiveReader::approach(const Archive& archive, std::uint64_t block) {
  (void)tape(archive);
  const bool read_through = near(block);
  std::optional<std::uint64_t> at = std::exchange(head_, std::nullopt);
  if (read_through) {
    try {
      // Filemarks count as blocks, too: between two archives lie two of them and an index.
      while (*at < block &&
             drive_->read_record(record_).kind != tapeio::ReadResult::Kind::end_of_data) {
        ++*at;
      }
    } catch (const Error&) {
      at.reset();  // What is damaged in the gap is not what was asked for.
    }
  }
  if (at != block) {
    locate(at, block);
  }
  head_ = block;
}

double ArchiveReader::drive_seconds() {
  const tapeio::ModelledTime* clock = drive_->features().clock;
  const auto now =
      clock != nullptr ? clock->elapsed() : std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

void ArchiveReader::locate(std::optional<std::uint64_t> from, std::uint64_t block) {
  if (!from || !tape_->knows_wraps()) {
    drive_->locate(block);
    return;
  }
  const double began_s = drive_seconds();
  drive_->locate(block);
  if (located_.size() == kMostLocated) {
    located_.erase(located_.begin());
  }
  located_.push_back(tape_->sample(*from, block, drive_seconds() - began_s));
  spdlog::debug("recall: locate from block {} to {}: {:.1f} s, {:.1f} s by the model", *from, block,
                located_.back().actual_s, located_.back().predicted_s);
}

void ArchiveReader::read_block(const Archive& archive, std::uint64_t block) {
  if (record_block_ == block && record_.size() == archive.record_size) {
    return;
  }
  record_block_.reset();
  record_.resize(archive.record_size);
  approach(archive, block);
  head_.reset();
  const tapeio::ReadResult result = drive_->read_record(record_);
  if (result.kind != tapeio::ReadResult::Kind::record || result.size != record_.size()) {
    throw Error(ErrorCode::corrupt, "read block " + std::to_string(block) + " of medium " +
                                        archive.medium_label + ": no whole record of the archive");
  }
  head_ = block + 1;
  record_block_ = block;
}

void ArchiveReader::open_chunk(const Archive& archive, std::uint64_t chunk) {
  if (chunk_index_ == chunk) {
    return;
  }
  chunk_index_.reset();
  const std::size_t plain = plain_in_chunk(archive, chunk);
  const std::size_t sealed = plain + (kSealedChunk - kChunk);
  std::uint64_t at = archive.header.size() + chunk * kSealedChunk;
  at_ = {.block = archive.first_block + at / archive.record_size, .offset = chunk * kChunk};
  ByteView whole;
  for (std::size_t gathered = 0; gathered < sealed;) {
    read_block(archive, archive.first_block + at / archive.record_size);
    const std::size_t skip = at % archive.record_size;
    const ByteView part =
        ByteView(record_).subspan(skip, std::min(sealed - gathered, record_.size() - skip));
    if (part.size() == sealed) {
      whole = part;  // Most chunks lie inside one record and are opened where they are.
    } else {
      std::copy(part.begin(), part.end(), sealed_.begin() + static_cast<std::ptrdiff_t>(gathered));
      whole = ByteView(sealed_).first(sealed);
    }
    gathered += part.size();
    at += part.size();
  }
  if (std::exchange(chunk_kept_, false)) {
    chunk_ = spare_ ? spare_() : nullptr;
    if (!chunk_) {
      chunk_ = std::make_shared<Bytes>();
    }
  }
  chunk_->resize(plain);
  format::open_chunk(key_->payload_key, chunk, chunk + 1 == chunks_in(archive), whole, *chunk_);
  chunk_index_ = chunk;
}

void ArchiveReader::read(const Archive& archive, PlainRange range, const Each& each) {
  if (range.size == 0) {
    return;
  }
  const ReadPlan plan = plan_read(archive, range);
  open(archive);
  std::size_t skip = plan.skip_in_chunk;
  std::uint64_t left = range.size;
  for (std::uint64_t chunk = plan.first_chunk; chunk < plan.end_chunk; ++chunk) {
    open_chunk(archive, chunk);
    const std::size_t size = std::min<std::uint64_t>(left, chunk_->size() - skip);
    if (!each(ByteView(*chunk_).subspan(skip, size))) {
      return;
    }
    left -= size;
    skip = 0;
  }
}

}  // namespace mixtape::recall
