// SPDX-License-Identifier: Apache-2.0
#include "engine/service/archive_pass.h"

#include <algorithm>

#include "engine/recall/extent_map.h"
#include "tapeio/error.h"

namespace mixtape::service {

using format::kChunk;
using format::kSealedChunk;
using tapeio::ReadResult;

namespace {

// Damage of a medium comes in spots: a drive that reads none of so many records reads nothing.
constexpr std::uint64_t kMostUnreadable = 64;

}  // namespace

ArchivePass::ArchivePass(tapeio::TapeDrive& drive, const recall::Archive& archive,
                         std::span<const format::Identity> identities, Passed passed,
                         std::uint64_t& unreadable_in_a_row)
    : drive_(drive),
      archive_(archive),
      file_(drive.position().file),
      passed_(std::move(passed)),
      unreadable_in_a_row_(unreadable_in_a_row),
      key_(format::open_preamble(archive.header, identities)),
      chunks_(recall::chunks_in(archive)),
      record_(archive.record_size),
      sealed_(kSealedChunk) {
  chunk_.reserve(kChunk);
}

// What cannot be read may be the filemark: another one would be that of the next tape file.
bool ArchivePass::is_behind_filemark() {
  return drive_.position().file > file_;
}

void ArchivePass::record_failed(std::string why) {
  record_lost_ = std::move(why);
}

void ArchivePass::count_unreadable(std::uint64_t block, const Error& error) {
  if (++unreadable_in_a_row_ >= kMostUnreadable) {
    throw Error(ErrorCode::io, "read medium " + archive_.medium_label + ": " +
                                   std::to_string(unreadable_in_a_row_) +
                                   " records in a row, up to block " + std::to_string(block) +
                                   ", cannot be read, which is more likely the drive than the "
                                   "medium: clean it or take another one and verify again (" +
                                   error.what() + ")");
  }
}

void ArchivePass::next_record() {
  record_begin_ = record_end_;
  record_end_ += archive_.record_size;
  record_lost_.clear();
  if (met_filemark_ || met_end_) {
    record_failed("its tape file ends before");
    return;
  }
  const std::uint64_t block = archive_.first_block + record_begin_ / archive_.record_size;
  try {
    const ReadResult result = drive_.read_record(record_);
    unreadable_in_a_row_ = 0;
    met_filemark_ = result.kind == ReadResult::Kind::filemark;
    met_end_ = result.kind == ReadResult::Kind::end_of_data;
    if (met_filemark_ || met_end_) {
      record_failed("its tape file ends before");
    } else if (result.size != record_.size()) {
      record_failed("block " + std::to_string(block) + " is no whole record");
    }
  } catch (const Error& error) {
    if (!is_damage(error.code()) && error.code() != ErrorCode::invalid) {
      throw;
    }
    record_failed(error.what());
    count_unreadable(block, error);
    // The contract has the head behind a bad record; a drive that stays would read it for ever.
    if (drive_.position().block <= block) {
      drive_.locate(block + 1);
    }
    met_filemark_ = is_behind_filemark();
  }
  passed_(archive_.record_size);
  if (record_begin_ == 0) {
    check_preamble();
  }
}

void ArchivePass::check_preamble() {
  const std::size_t size = std::min(archive_.header.size(), record_.size());
  if (record_lost_.empty() &&
      !std::ranges::equal(ByteView(archive_.header).first(size), ByteView(record_).first(size))) {
    troubles_.emplace_back("what stands in front of it is not what the catalog has");
  }
}

std::optional<std::string> ArchivePass::next_chunk() {
  const std::uint64_t chunk = next_chunk_++;
  const std::size_t plain = recall::plain_in_chunk(archive_, chunk);
  const std::size_t size = plain + (kSealedChunk - kChunk);
  std::uint64_t at = archive_.header.size() + chunk * kSealedChunk;
  std::string lost;
  ByteView whole;
  for (std::size_t gathered = 0; gathered < size;) {
    while (record_end_ <= at) {
      next_record();
    }
    const auto skip = static_cast<std::size_t>(at - record_begin_);
    const std::size_t part = std::min(size - gathered, record_.size() - skip);
    if (!record_lost_.empty()) {
      lost = lost.empty() ? record_lost_ : lost;
    } else if (part == size) {
      whole = ByteView(record_).subspan(skip, part);  // Most chunks lie inside one record.
    } else {
      std::ranges::copy(ByteView(record_).subspan(skip, part),
                        sealed_.begin() + static_cast<std::ptrdiff_t>(gathered));
      whole = ByteView(sealed_).first(size);
    }
    gathered += part;
    at += part;
  }
  chunk_.resize(plain);
  used_ = 0;
  if (lost.empty() &&
      !format::try_open_chunk(key_.payload_key, chunk, chunk + 1 == chunks_, whole, chunk_)) {
    lost = "the tag of a chunk in block " +
           std::to_string(archive_.first_block + record_begin_ / archive_.record_size) +
           " is wrong";
  }
  if (lost.empty()) {
    return std::nullopt;
  }
  why_lost_ = why_lost_.empty() ? lost : why_lost_;
  lost_bytes_ += plain;
  position_ += plain;
  chunk_.clear();
  return lost;
}

std::size_t ArchivePass::read(MutableBytes into) {
  if (used_ == chunk_.size()) {
    if (next_chunk_ == chunks_) {
      return 0;
    }
    if (const auto lost = next_chunk()) {
      throw Error(ErrorCode::corrupt, *lost);
    }
  }
  const std::size_t size = std::min(into.size(), chunk_.size() - used_);
  std::copy_n(chunk_.begin() + static_cast<std::ptrdiff_t>(used_), size, into.begin());
  used_ += size;
  position_ += size;
  return size;
}

void ArchivePass::skip_to(std::uint64_t offset) {
  while (position_ < offset) {
    if (used_ == chunk_.size()) {
      if (next_chunk_ == chunks_) {
        return;
      }
      (void)next_chunk();
      continue;
    }
    const auto step = static_cast<std::size_t>(
        std::min<std::uint64_t>(offset - position_, chunk_.size() - used_));
    used_ += step;
    position_ += step;
  }
}

void ArchivePass::pass_end() {
  const std::uint64_t block = drive_.position().block;
  std::string unreadable;
  try {
    const ReadResult::Kind next = drive_.read_record(record_).kind;
    met_filemark_ = next == ReadResult::Kind::filemark;
    met_end_ = next == ReadResult::Kind::end_of_data;
  } catch (const Error& error) {
    if (!is_damage(error.code()) && error.code() != ErrorCode::invalid) {
      throw;
    }
    unreadable = error.what();
    met_filemark_ = is_behind_filemark();
  }
  if (!met_filemark_ && !met_end_) {
    met_end_ = drive_.space_filemarks(1) != 1;
  } else if (unreadable.empty()) {
    return;
  }
  // What could not be read may have been the filemark itself.
  const bool is_in_place = !unreadable.empty() && drive_.position().block == block + 1;
  troubles_.emplace_back(is_in_place ? "the filemark that ends it cannot be read: " + unreadable
                                     : "it goes on where the catalog has its end");
}

std::vector<std::string> ArchivePass::finish() {
  skip_to(archive_.plain_bytes);
  if (!met_filemark_ && !met_end_) {
    pass_end();
  }
  if (met_end_) {
    troubles_.emplace_back("no filemark ends it");
  }
  return std::move(troubles_);
}

}  // namespace mixtape::service
