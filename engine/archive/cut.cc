// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/cut.h"

#include <algorithm>

#include "engine/format/age_stream.h"

namespace mixtape::archive {
namespace {

// The first plaintext byte of the first chunk that the drive has nothing of.
std::uint64_t first_free_plain(const CutSituation& situation) {
  if (situation.handed_bytes <= situation.preamble_bytes) {
    return 0;
  }
  const std::uint64_t sealed = situation.handed_bytes - situation.preamble_bytes;
  return round_up(sealed, format::kSealedChunk) / format::kSealedChunk * format::kChunk;
}

// The first member that ends behind `plain`.
const PlannedMember* first_beyond(const ArchivePlan& plan, std::uint64_t plain) {
  const auto found =
      std::partition_point(plan.members.begin(), plan.members.end(),
                           [&](const PlannedMember& m) { return m.data_end() <= plain; });
  return found == plan.members.end() ? nullptr : &*found;
}

// The shortest archive of at least `plain` bytes that plain tar reads to a proper end, if it can.
Cut cut_behind(const ArchivePlan& plan, std::uint64_t plain, std::uint64_t free_from,
               const CutSituation& situation) {
  Cut cut;
  while (true) {
    cut.plain_bytes =
        format::padded_plain_size(situation.preamble_bytes, plain, situation.record_size);
    const PlannedMember* beyond = first_beyond(plan, cut.plain_bytes);
    if (beyond == nullptr || beyond->offset < free_from) {
      cut.zeros_from = cut.plain_bytes;
      return cut;
    }
    // Members that end within the length are in it, so the blocks that end a tar may need another
    // record.
    if (beyond->offset + format::kTarEnd <= cut.plain_bytes) {
      cut.zeros_from = beyond->offset;
      return cut;
    }
    plain = beyond->offset + format::kTarEnd;
  }
}

}  // namespace

std::optional<Cut> choose_cut(const ArchivePlan& plan, const CutSituation& situation) {
  const std::uint64_t preamble = situation.preamble_bytes;
  const std::uint64_t most = situation.handed_bytes + situation.room_bytes;
  if (format::cipher_size(preamble, plan.plain_bytes) <= most) {
    return std::nullopt;
  }
  const std::uint64_t free_from = first_free_plain(situation);
  const PlannedMember* current = first_beyond(plan, free_from);
  std::optional<Cut> cut;
  if (current != nullptr && current->offset < free_from) {
    cut = cut_behind(plan, current->end() + format::kTarEnd, free_from, situation);
    if (format::cipher_size(preamble, cut->plain_bytes) > most) {
      cut.reset();
    }
  }
  if (!cut) {
    // At least one byte: the final chunk is a new one, the chunk before it keeps its "not the last"
    // seal.
    cut = cut_behind(plan, free_from + 1, free_from, situation);
  }
  if (cut->plain_bytes >= plan.plain_bytes) {
    return std::nullopt;
  }
  return cut;
}

}  // namespace mixtape::archive
