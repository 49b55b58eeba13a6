// SPDX-License-Identifier: Apache-2.0
#include "engine/service/copy_reads.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "engine/format/digest.h"
#include "engine/recall/archive_reader.h"
#include "engine/recall/extent_map.h"
#include "engine/recall/fetch_extent.h"
#include "engine/service/recall_service.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

// A copy before it is known whether it is read.
struct Candidate {
  std::uint32_t bundle;     // Place in the list of bundles.
  std::uint32_t copy;       // Place among those that the bundle holds.
  std::int64_t verified_s;  // Or written.
};

std::vector<Candidate> candidates_on(Context& context, std::span<const catalog::Bundle> bundles) {
  std::vector<Candidate> candidates;
  for (std::uint32_t bundle = 0; bundle < bundles.size(); ++bundle) {
    const auto held = context.ledger.held_in(bundles[bundle].id);
    for (std::uint32_t copy = 0; copy < held.size(); ++copy) {
      candidates.push_back(
          {bundle, copy,
           held[copy].copy.verified_s.value_or(bundles[bundle].written_s.value_or(0))});
    }
  }
  return candidates;
}

// Which of them, in order.
std::set<std::size_t> choose(const std::vector<Candidate>& candidates, std::uint32_t count,
                             std::uint64_t seed) {
  std::set<std::size_t> chosen{0, candidates.size() - 1};
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), 0);
  const auto some = static_cast<std::ptrdiff_t>(std::min<std::size_t>(count, order.size()));
  std::ranges::partial_sort(order, order.begin() + some, {}, [&](std::size_t number) {
    return std::pair(candidates[number].verified_s, number);
  });
  chosen.insert(order.begin(), order.begin() + some);
  std::erase_if(order, [&](std::size_t number) { return chosen.contains(number); });
  std::ranges::sort(order);  // What a seed chooses depends on nothing else.
  std::mt19937_64 random(seed);
  std::vector<std::size_t> at_random;
  std::ranges::sample(order, std::back_inserter(at_random), some, random);
  chosen.insert(at_random.begin(), at_random.end());
  return chosen;
}

class HashSink final : public recall::ContentSink {
 public:
  // `go_on` throws to end it: an index may tell of any number of zeros.
  explicit HashSink(std::function<bool()> go_on) : go_on_(std::move(go_on)) {}

  void write(ByteView bytes) override { hasher_.update(bytes); }
  void write_zeros(std::uint64_t count) override {
    while (count > 0) {
      (void)go_on_();
      const std::uint64_t size = std::min<std::uint64_t>(count, zeros_.size());
      hasher_.update(ByteView(zeros_).first(size));
      count -= size;
    }
  }
  [[nodiscard]] format::Digest finish() { return hasher_.finish(); }

 private:
  format::Hasher hasher_;
  const std::function<bool()> go_on_;
  const Bytes zeros_ = Bytes(1 * MiB);
};

}  // namespace

std::vector<CopyToRead> sample_of(Context& context, const catalog::Medium& medium,
                                  std::uint32_t count, std::uint64_t seed) {
  const std::vector<catalog::Bundle> bundles = context.ledger.bundles(medium.id);
  const std::vector<Candidate> candidates = candidates_on(context, bundles);
  std::vector<CopyToRead> sample;
  if (candidates.empty()) {
    return sample;
  }
  std::vector<catalog::Ledger::Held> held;
  std::optional<std::uint32_t> held_of;
  for (const std::size_t number : choose(candidates, count, seed)) {
    const Candidate& candidate = candidates[number];
    if (held_of != candidate.bundle) {
      held = context.ledger.held_in(bundles[candidate.bundle].id);
      held_of = candidate.bundle;
    }
    sample.push_back({bundles[candidate.bundle], held.at(candidate.copy)});
  }
  return sample;
}

void read_copies(Context& context, const catalog::Medium& medium,
                 std::unique_ptr<tapeio::TapeDrive> drive, std::vector<CopyToRead> copies,
                 VerifiedMedium& result, Verdicts& verdicts, Reporter& reporter) {
  const auto extent_of = [&](const CopyToRead& read) {
    return to_extent({.copy = read.held.copy, .bundle = read.bundle, .medium = medium});
  };
  std::ranges::sort(copies, {}, [&](const CopyToRead& read) {
    return std::pair(read.bundle.archive_block, read.held.copy.member_offset);
  });
  Progress progress{.phase = "verify " + medium.label, .total_files = copies.size()};
  for (const CopyToRead& read : copies) {
    progress.total_bytes += read.held.copy.stored_size;
  }
  recall::ArchiveReader reader(std::move(drive), context.workspace.identities());
  const auto go_on = [&] {
    if (reporter.stop().stop_requested()) {
      throw Error(ErrorCode::cancelled, "verify copies on " + medium.label + ": stopped");
    }
    return true;
  };
  HashSink sink(go_on);
  for (const CopyToRead& read : copies) {
    (void)go_on();
    try {
      (void)recall::fetch_extent(reader, extent_of(read), read.held.size, 0, sink, go_on);
      verdicts.read(result, read.bundle, read.held, sink.finish());
    } catch (const Error& error) {
      if (!is_damage(error.code())) {
        throw;
      }
      (void)sink.finish();
      verdicts.damaged(result, read.bundle, read.held, error.what());
    }
    result.bytes += read.held.copy.stored_size;
    progress.done_bytes = result.bytes;
    ++progress.done_files;
    reporter.progress(progress);
  }
}

}  // namespace mixtape::service
