// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "engine/catalog/types.h"
#include "engine/recall/read_order.h"
#include "engine/recall/tape_model.h"
#include "engine/service/restore_plan.h"
#include "tapeio/library.h"

// In which order a restore reads a medium: so that the tape is soonest through.
//
// Threads: the caller's, which has the drive.
// Errors:  none: what is not known leaves the order of blocks.
// Cost:    some seconds at most, and far less than the reading takes.

namespace mixtape::service {

// With the medium just loaded into this drive, and what is known of that drive.
void put_in_order(Context& context, RestoreSweep& sweep, const RestorePlan& plan,
                  tapeio::TapeDrive& drive);

// By what is known of the tape; what the model says of it.
recall::ReadOrder put_in_order(RestoreSweep& sweep, const RestorePlan& plan,
                               const recall::TapeModel& tape, tapeio::AccessOrder* drive = nullptr);

// Of an LTO cartridge in a library with drives, by its barcode, or else by the drives that are
// there; nullopt: not known.
[[nodiscard]] std::optional<unsigned> generation_of(const tapeio::PlacedMedium& placed);
// As far as it is known without loading it: from the barcode, or else the drives that are there.
[[nodiscard]] recall::TapeModel expected_tape(const tapeio::PlacedMedium& placed,
                                              const catalog::Medium& medium);

}  // namespace mixtape::service
