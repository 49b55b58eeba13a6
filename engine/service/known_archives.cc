// SPDX-License-Identifier: Apache-2.0
#include "engine/service/known_archives.h"

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::service {

std::vector<KnownArchive> known_archives(catalog::Ledger& ledger, catalog::MediumId medium,
                                         std::size_t most) {
  std::vector<KnownArchive> archives;
  for (catalog::Bundle& bundle : ledger.bundles(medium)) {
    if (archives.size() == most) {
      break;
    }
    if (bundle.archive_block && !bundle.archive_header.empty()) {
      archives.push_back({*bundle.archive_block, std::move(bundle.archive_header)});
    }
  }
  return archives;
}

std::optional<bool> holds_any(const std::vector<KnownArchive>& archives, tapeio::TapeDrive& drive) {
  Bytes record(tapeio::kMaxRecordSize);
  bool was_told = archives.empty();
  for (const KnownArchive& archive : archives) {
    try {
      drive.locate(archive.block);
      const tapeio::ReadResult read = drive.read_record(record);
      const ByteView header = archive.header;
      if (read.size >= header.size() &&
          std::ranges::equal(header, ByteView(record).first(header.size()))) {
        return true;
      }
      was_told = true;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::no_medium || error.code() == ErrorCode::exhausted ||
          error.code() == ErrorCode::cancelled) {
        throw;
      }
      was_told = was_told || !is_of_medium(error.code());
    }
  }
  return was_told ? std::optional(false) : std::nullopt;
}

}  // namespace mixtape::service
