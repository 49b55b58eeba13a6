// SPDX-License-Identifier: Apache-2.0
#include "engine/service/repack_estimate.h"

#include <algorithm>

#include "engine/service/restore_order.h"
#include "tapeio/lto/generation.h"

namespace mixtape::service {
namespace {

constexpr double kSecondsPerMinute = 60;

const tapeio::lto::GenerationFigures* figures_of(Context& context, const std::string& label) {
  const auto placed = context.workspace.libraries().find(label);
  if (!placed || placed->library->mover() == nullptr) {
    return nullptr;
  }
  const auto generation = generation_of(*placed);
  return generation ? &tapeio::lto::figures_of(*generation) : nullptr;
}

// From a slot to the place where work goes on, and back.
double mount_seconds(const tapeio::lto::GenerationFigures& tape) {
  return tape.load_s + tape.mean_locate_s + std::max(tape.mean_rewind_s, tape.mean_locate_s) +
         tape.unload_s;
}

}  // namespace

std::optional<double> repack_minutes(Context& context, const catalog::Medium& medium,
                                     const RepackResult& result) {
  const auto* const from = figures_of(context, medium.label);
  if (from == nullptr) {
    return std::nullopt;
  }
  const auto batches = static_cast<double>(result.batches);
  double seconds =
      static_cast<double>(result.bytes) / from->native_rate + batches * mount_seconds(*from);
  // A medium takes part in as many batches as there is of what goes onto it.
  for (const archive::MediumUse& use : result.written.media) {
    const auto* const to = figures_of(context, use.label);
    if (to == nullptr) {
      return std::nullopt;
    }
    const double share = result.bytes == 0 ? 1
                                           : static_cast<double>(use.archive_bytes) /
                                                 static_cast<double>(result.bytes);
    seconds += static_cast<double>(use.archive_bytes + use.index_bytes) / to->native_rate +
               std::max(1.0, batches * std::min(1.0, share)) * mount_seconds(*to);
  }
  return seconds / kSecondsPerMinute;
}

}  // namespace mixtape::service
