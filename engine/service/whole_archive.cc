// SPDX-License-Identifier: Apache-2.0
#include "engine/service/whole_archive.h"

#include "engine/format/age_stream.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using tapeio::ReadResult;

// Whether what stands at the end of an archive is its last chunk. The driver of a tape writes a
// filemark for a program that was killed, and the archive that it ends is none.
bool has_last_chunk(tapeio::TapeDrive& drive, std::uint64_t block, std::size_t record_size,
                    std::uint64_t sealed, const format::AgePreamble& preamble,
                    std::uint64_t plain) {
  const std::uint64_t chunk = format::chunk_count(plain) - 1;
  const std::uint64_t begin = preamble.bytes.size() + chunk * format::kSealedChunk;
  const std::uint64_t first = begin / record_size;
  Bytes end;
  Bytes record(record_size);
  try {
    drive.locate(block + first);
    while (first * record_size + end.size() < sealed) {
      const ReadResult read = drive.read_record(record);
      if (read.kind != ReadResult::Kind::record) {
        return false;
      }
      end.insert(end.end(), record.begin(),
                 record.begin() + static_cast<std::ptrdiff_t>(read.size));
    }
  } catch (const Error& error) {
    if (!is_of_medium(error.code())) {
      throw;
    }
    return true;  // Worn where it ends, which takes nothing from what stands before.
  }
  const ByteView seal =
      ByteView(end).subspan(static_cast<std::size_t>(begin - first * record_size));
  Bytes opened(seal.size() - (format::kSealedChunk - format::kChunk));
  return format::try_open_chunk(preamble.payload_key, chunk, true, seal, opened);
}

// What opens the archive at the head: its own first record or, where that is worn or damaged, what
// the index in front of it says of it.
std::optional<format::AgePreamble> preamble_of(tapeio::TapeDrive& drive, std::size_t record_size,
                                               std::span<const format::Identity> identities,
                                               const ToldHeader& told, std::string& trouble) {
  try {
    Bytes record(record_size);
    const ReadResult first = drive.read_record(record);
    if (first.kind != ReadResult::Kind::record) {
      return std::nullopt;
    }
    const auto header = format::header_size(ByteView(record).first(first.size));
    if (header && *header + format::kAgeNonceSize <= first.size) {
      return format::open_preamble(
          ByteView(record).first(static_cast<std::size_t>(*header + format::kAgeNonceSize)),
          identities);
    }
  } catch (const Error& error) {
    if (!is_of_medium(error.code()) && error.code() != ErrorCode::corrupt) {
      throw;
    }
    trouble = error.what();
  }
  const Bytes header = told();
  return header.empty() ? std::nullopt : std::optional(format::open_preamble(header, identities));
}

}  // namespace

std::optional<FoundArchive> look_at_archive(tapeio::TapeDrive& drive, std::size_t record_size,
                                            std::span<const format::Identity> identities,
                                            const ToldHeader& told) {
  FoundArchive found;
  found.block = drive.position().block;
  if (drive.space_filemarks(1) != 1) {
    return std::nullopt;
  }
  const std::uint64_t sealed = (drive.position().block - 1 - found.block) * record_size;
  drive.locate(found.block);
  auto preamble = preamble_of(drive, record_size, identities, told, found.trouble);
  if (!preamble) {
    return found.trouble.empty() ? std::nullopt : std::optional(std::move(found));
  }
  found.trouble.clear();
  const auto plain = format::plain_size(preamble->bytes.size(), sealed);
  if (!plain) {
    return std::nullopt;
  }
  found.plain_bytes = *plain;
  found.is_whole = has_last_chunk(drive, found.block, record_size, sealed, *preamble, *plain);
  found.header = std::move(preamble->bytes);
  return found;
}

}  // namespace mixtape::service
