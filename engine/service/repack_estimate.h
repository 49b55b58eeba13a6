// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "engine/catalog/types.h"
#include "engine/service/context.h"
#include "engine/service/repack.h"

// How long a repack takes, by the published figures of the tapes' generations.

namespace mixtape::service {

// Reading `result.bytes` off the medium and writing what a preview put into `result.written`, in
// `result.batches` with one drive: the medium is loaded for each of them, and another for its share
// of them. nullopt: one of them is no LTO cartridge, or not here.
[[nodiscard]] std::optional<double> repack_minutes(Context& context, const catalog::Medium& medium,
                                                   const RepackResult& result);

}  // namespace mixtape::service
