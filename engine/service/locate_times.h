// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/catalog/locates.h"
#include "engine/order/locate_fit.h"
#include "engine/recall/tape_model.h"
#include "engine/service/context.h"

// How long drives take for locates, beside what their model says: kept in state.db, so that the
// next process plans for the drive as it is.
//
// Threads: as the Context.

namespace mixtape::service {

// What was measured before, the newest first.
[[nodiscard]] std::vector<order::LocateSample> known_locates(Context& context,
                                                             const recall::TimedDrive& drive);
// Needs a context that writes.
void note_locates(Context& context, const recall::TimedDrive& drive,
                  const std::vector<order::LocateSample>& located);

struct DriveTimes {
  catalog::DriveOnTapes drive;
  order::LocateFit fit;
};
// Of every drive that was measured.
[[nodiscard]] std::vector<DriveTimes> drive_times(Context& context);

}  // namespace mixtape::service
