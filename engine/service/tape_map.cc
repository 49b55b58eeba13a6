// SPDX-License-Identifier: Apache-2.0
#include "engine/service/tape_map.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "engine/format/age_stream.h"
#include "engine/service/recall_service.h"
#include "tapeio/error.h"
#include "tapeio/lto/generation.h"

namespace mixtape::service {
namespace {

constexpr double kSecondsPerRead = 0.001;
constexpr double kMostSeconds = 5;

std::vector<MapStretch> stretches_of(const catalog::Medium& medium,
                                     const std::vector<catalog::Bundle>& bundles) {
  std::vector<MapStretch> stretches;
  std::uint64_t behind = 0;
  for (const catalog::Bundle& bundle : bundles) {
    if (!bundle.archive_block || *bundle.archive_block < behind) {
      continue;
    }
    const std::uint64_t begin = *bundle.archive_block;
    const std::uint64_t bytes =
        format::cipher_size(bundle.archive_header.size(), bundle.plain_bytes);
    const std::uint64_t end = begin + (bytes + medium.record_size - 1) / medium.record_size;
    stretches.push_back({MapStretch::What::index, bundle.number, behind, begin});
    stretches.push_back({MapStretch::What::archive, bundle.number, begin, end});
    behind = end;
  }
  return stretches;
}

recall::TapeModel model_of(const catalog::Medium& medium) {
  const auto generation =
      medium.kind == "dir" ? std::nullopt : tapeio::lto::generation_of_barcode(medium.label);
  if (!generation) {
    return recall::TapeModel(medium.record_size);
  }
  const std::uint64_t native_bytes = tapeio::lto::figures_of(*generation).native_bytes;
  return recall::TapeModel::of_generation(*generation, medium.capacity_bytes.value_or(native_bytes),
                                          medium.record_size);
}

struct Wanted {
  MapRead read;
  recall::TapeRead place;
};

// The first copy on the medium that is not known to be bad.
std::vector<Wanted> wanted_on(Context& context, const catalog::Medium& medium,
                              std::span<const std::string> paths) {
  std::vector<Wanted> wanted;
  std::unordered_set<std::int64_t> seen;
  for (const std::string& path : paths) {
    const auto id = context.tree.find_path(path);
    if (!id || !context.tree.at({}, *id)) {
      throw Error(ErrorCode::not_found, "map /" + path + ": latest has no such path");
    }
    context.tree.walk({}, *id, [&](const std::string& whole, const catalog::Version& version) {
      if (!version.content || !seen.insert(catalog::number(*version.content)).second) {
        return true;
      }
      for (const catalog::CopyPlace& place : context.ledger.places(*version.content)) {
        if (place.medium.id == medium.id && place.copy.state == catalog::CopyState::good) {
          const recall::TapeRead read = recall::read_of(to_extent(place));
          wanted.push_back({{whole, read.begin.block, read.end_block}, read});
          break;
        }
      }
      return wanted.size() < order::kMostRequests;
    });
  }
  return wanted;
}

}  // namespace

TapeMap map_medium(Context& context, std::string_view label, std::span<const std::string> paths) {
  const auto medium = context.ledger.medium(label);
  if (!medium) {
    throw Error(ErrorCode::not_found, "map medium " + std::string(label) +
                                          ": the catalog does not know it; `mixtape media list` "
                                          "shows those it knows");
  }
  TapeMap map{.medium = *medium,
              .tape = model_of(*medium),
              .capacity_blocks = medium->capacity_bytes.value_or(0) / medium->record_size,
              .stretches = stretches_of(*medium, context.ledger.bundles(medium->id)),
              .reads = {},
              .plan = {}};
  if (paths.empty()) {
    return map;
  }
  std::vector<Wanted> wanted = wanted_on(context, *medium, paths);
  if (wanted.empty()) {
    throw Error(ErrorCode::not_found, "map medium " + std::string(label) +
                                          ": none of these files has a copy on it; `mixtape "
                                          "where` says where they are");
  }
  std::vector<recall::TapeRead> places;
  places.reserve(wanted.size());
  std::ranges::transform(wanted, std::back_inserter(places), &Wanted::place);
  const double seconds = kSecondsPerRead * static_cast<double>(wanted.size());
  map.plan = recall::order_reads(map.tape, map.tape.at_rest(), places,
                                 {.objective = order::Objective::makespan,
                                  .effort = {.seconds = std::min(seconds, kMostSeconds)}});
  for (const std::size_t index : map.plan.order) {
    map.reads.push_back(std::move(wanted[index].read));
  }
  return map;
}

}  // namespace mixtape::service
