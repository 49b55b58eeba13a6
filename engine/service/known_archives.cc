// SPDX-License-Identifier: Apache-2.0
#include "engine/service/known_archives.h"

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::service {
namespace {

// An archive of a medium, by its place in the list of media.
struct Proof {
  std::uint64_t block;
  std::size_t medium;
  ByteView header;
};

std::vector<Proof> proofs_in_order(std::span<const std::vector<KnownArchive>> media) {
  std::vector<Proof> proofs;
  for (std::size_t medium = 0; medium < media.size(); ++medium) {
    for (const KnownArchive& archive : media[medium]) {
      proofs.push_back({archive.block, medium, archive.header});
    }
  }
  std::ranges::stable_sort(proofs, {}, &Proof::block);
  return proofs;
}

bool ends_the_search(ErrorCode code) {
  return code == ErrorCode::no_medium || code == ErrorCode::exhausted ||
         code == ErrorCode::cancelled;
}

// The record at a block; empty where there is none, nullopt where it cannot be read.
std::optional<ByteView> record_at(tapeio::TapeDrive& drive, std::uint64_t block,
                                  MutableBytes record) {
  try {
    drive.locate(block);
    return record.first(drive.read_record(record).size);
  } catch (const Error& error) {
    if (ends_the_search(error.code())) {
      throw;
    }
    return is_of_medium(error.code()) ? std::nullopt : std::optional(ByteView());
  }
}

bool starts_with(ByteView record, ByteView header) {
  return record.size() >= header.size() && std::ranges::equal(header, record.first(header.size()));
}

std::size_t count_blocks(const std::vector<Proof>& proofs) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    count += i == 0 || proofs[i].block != proofs[i - 1].block ? 1 : 0;
  }
  return count;
}

}  // namespace

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

Recognised recognise(std::span<const std::vector<KnownArchive>> media, tapeio::TapeDrive& drive,
                     const BeforeEachBlock& before_each) {
  const std::vector<Proof> proofs = proofs_in_order(media);
  const std::size_t all = count_blocks(proofs);
  std::vector<bool> was_told(media.size());
  Bytes buffer(tapeio::kMaxRecordSize);
  std::size_t done = 0;
  for (std::size_t first = 0, next = 0; first < proofs.size(); first = next) {
    before_each(done++, all);
    const std::optional<ByteView> record = record_at(drive, proofs[first].block, buffer);
    // Every medium has its first archive at nearly the same place: one record answers for them all.
    for (next = first; next < proofs.size() && proofs[next].block == proofs[first].block; ++next) {
      if (record && starts_with(*record, proofs[next].header)) {
        return {.is = proofs[next].medium};
      }
      was_told[proofs[next].medium] = was_told[proofs[next].medium] || record;
    }
  }
  for (std::size_t medium = 0; medium < media.size(); ++medium) {
    if (!was_told[medium] && !media[medium].empty()) {
      return {.may_be = medium};
    }
  }
  return {};
}

std::optional<bool> holds_any(const std::vector<KnownArchive>& archives, tapeio::TapeDrive& drive) {
  const Recognised found = recognise({&archives, 1}, drive, [](std::size_t, std::size_t) {});
  return found.may_be ? std::nullopt : std::optional(found.is.has_value());
}

}  // namespace mixtape::service
