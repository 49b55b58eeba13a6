// SPDX-License-Identifier: Apache-2.0
#include "engine/service/salvage.h"

#include <algorithm>
#include <optional>

#include "engine/format/age_stream.h"
#include "engine/format/tar.h"
#include "engine/recall/extent_map.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using format::kChunk;
using format::kSealedChunk;
using tapeio::ReadResult;

// Damage of a medium comes in spots: a drive that reads none of so many records reads nothing.
constexpr std::uint64_t kMostUnreadable = 64;

// Chunks of one archive, wherever they are, one after the other or not.
class ChunkReader {
 public:
  ChunkReader(tapeio::TapeDrive& drive, std::span<const format::Identity> identities,
              const recall::Archive& archive)
      : drive_(drive),
        archive_(archive),
        key_(format::open_preamble(archive.header, identities)),
        chunks_(recall::chunks_in(archive)),
        record_(archive.record_size) {}

  using Good = std::function<void(std::uint64_t offset, ByteView bytes)>;
  using Lost =
      std::function<void(std::uint64_t offset, std::uint64_t length, const std::string& why)>;
  // Plaintext from `begin` to `end`, in order.
  void read(std::uint64_t begin, std::uint64_t end, const Good& good, const Lost& lost) {
    while (begin < end) {
      const std::uint64_t chunk = begin / kChunk;
      const std::uint64_t stop = std::min(end, (chunk + 1) * kChunk);
      const auto why = open(chunk);
      const std::uint64_t skip = begin - chunk * kChunk;
      if (why) {
        lost(begin, stop - begin, *why);
      } else if (skip + (stop - begin) > chunk_.size()) {
        lost(begin, stop - begin, "the archive ends before");
      } else {
        good(begin, ByteView(chunk_).subspan(static_cast<std::size_t>(skip),
                                             static_cast<std::size_t>(stop - begin)));
      }
      begin = stop;
    }
  }

 private:
  // Makes chunk_ hold it; why not, where it is lost.
  std::optional<std::string> open(std::uint64_t chunk) {
    if (opened_ == chunk) {
      return lost_;
    }
    opened_ = chunk;
    lost_.reset();
    chunk_.clear();
    if (chunk >= chunks_) {
      return lost_ = "the archive ends before";
    }
    const std::size_t plain = recall::plain_in_chunk(archive_, chunk);
    const std::uint64_t begin = archive_.header.size() + chunk * kSealedChunk;
    const std::uint64_t end = begin + plain + (kSealedChunk - kChunk);
    sealed_.clear();
    for (std::uint64_t at = begin; at < end && !lost_;) {
      const std::uint64_t record = at / archive_.record_size;
      lost_ = fetch(record);
      const auto skip = static_cast<std::ptrdiff_t>(at - record * archive_.record_size);
      const std::uint64_t stop = std::min(end, (record + 1) * archive_.record_size);
      if (!lost_) {
        sealed_.insert(sealed_.end(), record_.begin() + skip,
                       record_.begin() + skip + static_cast<std::ptrdiff_t>(stop - at));
      }
      at = stop;
    }
    if (!lost_) {
      chunk_.resize(plain);
      if (!format::try_open_chunk(key_.payload_key, chunk, chunk + 1 == chunks_, sealed_, chunk_)) {
        chunk_.clear();
        lost_ = "the tag of the chunk in block " +
                std::to_string(archive_.first_block + begin / archive_.record_size) + " is wrong";
      }
    }
    return lost_;
  }

  // Makes record_ hold it; why not, where it cannot be read.
  std::optional<std::string> fetch(std::uint64_t record) {
    if (record_number_ == record) {
      return record_lost_;
    }
    record_number_ = record;
    record_lost_.reset();
    const std::uint64_t block = archive_.first_block + record;
    try {
      if (drive_.position().block != block) {
        drive_.locate(block);
      }
      const ReadResult result = drive_.read_record(record_);
      unreadable_in_a_row_ = 0;
      if (result.kind != ReadResult::Kind::record) {
        record_lost_ = "its tape file ends before block " + std::to_string(block);
      } else if (result.size != record_.size()) {
        record_lost_ = "block " + std::to_string(block) + " is no whole record";
      }
    } catch (const Error& error) {
      if (!is_of_medium(error.code()) && !is_damage(error.code()) &&
          error.code() != ErrorCode::invalid) {
        throw;
      }
      if (++unreadable_in_a_row_ >= kMostUnreadable) {
        throw;
      }
      record_lost_ = error.what();
    }
    return record_lost_;
  }

  tapeio::TapeDrive& drive_;
  const recall::Archive& archive_;
  const format::AgePreamble key_;
  const std::uint64_t chunks_;
  Bytes record_, sealed_, chunk_;
  std::optional<std::uint64_t> record_number_, opened_;
  std::optional<std::string> record_lost_, lost_;
  std::uint64_t unreadable_in_a_row_ = 0;
};

// Bytes of the content that stand one behind the other in the archive.
struct Segment {
  std::uint64_t begin, end;  // In the content.
  std::uint64_t plain;       // In the archive's plaintext.
};

// Where the data of the copy stand; nullopt, and why, when its sparse map cannot be read.
std::optional<std::vector<Segment>> segments_of(ChunkReader& chunks, const recall::Extent& copy,
                                                std::uint64_t size, std::string& why) {
  if (!copy.sparse) {
    return std::vector<Segment>{{0, size, copy.data_offset}};
  }
  format::SparseMap map(size);
  std::uint64_t at = copy.data_offset;
  const std::uint64_t end = copy.data_offset + copy.stored_size;
  while (!map.is_whole() && why.empty()) {
    if (at >= end) {
      why = "its sparse map does not end";
      break;
    }
    const std::uint64_t begin = at;
    const std::uint64_t stop = std::min(end, (at / kChunk + 1) * kChunk);
    chunks.read(
        begin, stop, [&](std::uint64_t, ByteView bytes) { at += map.take(bytes); },
        [&](std::uint64_t, std::uint64_t, const std::string& lost) {
          why = "its sparse map is lost: " + lost;
        });
  }
  if (!why.empty()) {
    return std::nullopt;
  }
  std::vector<Segment> segments;
  for (const format::SparseExtent& extent : map.extents()) {
    segments.push_back({extent.offset, extent.offset + extent.size, at});
    at += extent.size;
  }
  return segments;
}

void add_hole(std::vector<FileHole>& holes, const FileHole& before, FileHole hole,
              const std::string& medium) {
  hole.why = (before.why.empty() ? "" : before.why + "; ") + "medium " + medium + ": " + hole.why;
  FileHole* last = holes.empty() ? nullptr : &holes.back();
  // What was one hole before stays one where nothing was had in between.
  if (last != nullptr && last->offset + last->length == hole.offset &&
      last->offset >= before.offset) {
    last->length += hole.length;
    return;
  }
  holes.push_back(std::move(hole));
}

}  // namespace

std::vector<FileHole> salvage(tapeio::TapeDrive& drive,
                              std::span<const format::Identity> identities,
                              const recall::Extent& copy, std::uint64_t size,
                              const std::vector<FileHole>& missing, const SalvagedBytes& into) {
  ChunkReader chunks(drive, identities, copy.archive);
  std::vector<FileHole> still;
  std::string why;
  std::optional<std::vector<Segment>> segments;
  try {
    segments = segments_of(chunks, copy, size, why);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) {
      throw;
    }
    why = error.what();
  }
  const std::string& medium = copy.archive.medium_label;
  for (const FileHole& hole : missing) {
    if (!segments) {
      add_hole(still, hole, {hole.offset, hole.length, why}, medium);
      continue;
    }
    const std::uint64_t hole_end = hole.offset + hole.length;
    auto segment = std::ranges::upper_bound(*segments, hole.offset, {}, &Segment::end);
    for (; segment != segments->end() && segment->begin < hole_end; ++segment) {
      const std::uint64_t begin = std::max(hole.offset, segment->begin);
      const std::uint64_t end = std::min(hole_end, segment->end);
      const auto in_content = [&](std::uint64_t plain) {
        return segment->begin + (plain - segment->plain);
      };
      const std::uint64_t plain = segment->plain + (begin - segment->begin);
      chunks.read(
          plain, plain + (end - begin),
          [&](std::uint64_t at, ByteView bytes) { into(in_content(at), bytes); },
          [&](std::uint64_t at, std::uint64_t length, const std::string& lost) {
            add_hole(still, hole, {in_content(at), length, lost}, medium);
          });
    }
  }
  return still;
}

}  // namespace mixtape::service
