// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_order.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/service/locate_times.h"
#include "tapeio/error.h"
#include "tapeio/lto/generation.h"

namespace mixtape::service {
namespace {

// A read on tape takes seconds, so a thousandth of one for each is nothing beside it; and what is
// gained by more than some seconds in all is less than they are.
constexpr double kSecondsPerRead = 0.001;
constexpr double kMostSeconds = 5;

std::uint64_t capacity_of(const tapeio::PlacedMedium& placed, const catalog::Medium& medium,
                          unsigned generation) {
  for (const tapeio::MediumSlot& slot : placed.library->glance()) {
    if (slot.label == placed.label && slot.capacity_bytes) {
      return *slot.capacity_bytes;
    }
  }
  return medium.capacity_bytes.value_or(tapeio::lto::figures_of(generation).native_bytes);
}

}  // namespace

recall::ReadOrder put_in_order(RestoreSweep& sweep, const RestorePlan& plan,
                               const recall::TapeModel& tape, tapeio::AccessOrder* drive) {
  std::vector<recall::TapeRead> reads;
  reads.reserve(sweep.reads.size());
  for (const RestoreSweep::Read& read : sweep.reads) {
    reads.push_back(recall::read_of(plan.extent_of(read.copy)));
  }
  const double seconds = kSecondsPerRead * static_cast<double>(reads.size());
  recall::ReadOrder order =
      recall::order_reads(tape, tape.at_rest(), reads,
                          {.objective = order::Objective::makespan,
                           .effort = {.seconds = std::min(seconds, kMostSeconds)},
                           .drive = drive});
  std::vector<RestoreSweep::Read> ordered;
  ordered.reserve(sweep.reads.size());
  for (const std::size_t index : order.order) {
    ordered.push_back(sweep.reads[index]);
  }
  sweep.reads = std::move(ordered);
  return order;
}

void put_in_order(Context& context, RestoreSweep& sweep, const RestorePlan& plan,
                  tapeio::TapeDrive& drive) {
  if (sweep.reads.size() < 2) {
    return;
  }
  const std::uint64_t record_size =
      plan.archives[sweep.reads.front().copy.archive].place.record_size;
  auto tape = recall::TapeModel::of(drive, sweep.label, record_size);
  if (!tape.knows_wraps()) {
    return;
  }
  try {
    tape.learn(order::fit_locates(known_locates(context, tape.drive())));
  } catch (const Error& error) {
    spdlog::warn("restore: ask how long drive {} takes: {}", tape.drive().name, error.what());
  }
  const recall::ReadOrder order = put_in_order(sweep, plan, tape, drive.features().access_order);
  spdlog::info("restore: medium {} ({}): {}", sweep.label, tape.name(),
               recall::to_string(order, order::Objective::makespan));
}

std::optional<unsigned> generation_of(const tapeio::PlacedMedium& placed) {
  if (const auto generation = tapeio::lto::generation_of_barcode(placed.label)) {
    return generation;
  }
  for (const tapeio::DriveSlot& drive : placed.library->mover()->drives()) {
    if (const auto generation = recall::generation_of_product(drive.identity)) {
      return generation;
    }
  }
  return std::nullopt;
}

recall::TapeModel expected_tape(const tapeio::PlacedMedium& placed, const catalog::Medium& medium) {
  recall::TapeModel line(medium.record_size);
  if (placed.library->mover() == nullptr) {
    return line;
  }
  try {
    const auto generation = generation_of(placed);
    return generation
               ? recall::TapeModel::of_generation(
                     *generation, capacity_of(placed, medium, *generation), medium.record_size)
               : line;
  } catch (const Error& error) {
    spdlog::debug("restore: ask what medium {} is: {}", placed.label, error.what());
    return line;
  }
}

}  // namespace mixtape::service
