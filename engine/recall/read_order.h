// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/order/plan.h"
#include "engine/recall/extent.h"
#include "engine/recall/extent_map.h"
#include "engine/recall/tape_model.h"
#include "tapeio/drive_features.h"

// In which order to read what is wanted from one medium: extents become a batch for order::plan.
//
// Extents that lie so near behind each other that reading on is no slower than any locate are one
// read. On a tape whose wraps are known the order is searched for, and the drive's own
// recommendation is taken when the model calls it better; a line is read forward from the head and
// then from its front, as disks are best read.
//
// Units:   seconds, by the model.
// Threads: a drive's recommendation is asked on the drive's thread; else pure.
// Cost:    at most `effort.seconds` beyond what sorting and the simplest orders take (some
//          milliseconds for a thousand).

namespace mixtape::recall {

struct TapeRead {
  Spot begin;
  std::uint64_t end_block = 0;  // Behind its last record.
  double weight = 1;            // How much a second of waiting for it counts.
};

// Where a copy lies. Error{corrupt} as spot_of().
[[nodiscard]] TapeRead read_of(const Extent& extent, double weight = 1);

struct ReadOrder {
  std::vector<std::size_t> order;  // Of all reads, what is first read first.
  std::vector<double> done_s;      // When the read at this place of the order is done, from now.
  order::Costs costs;              // All of it.
  double bound = 0;                // No order has less of the objective; 0 on a line: not known.
  bool exact = false;              // It is the best order.
  bool by_drive = false;           // The drive recommended it.
  std::size_t locates = 0;         // Reads that are no going on: what was put in order.
  double took_s = 0;               // On the clock of the wall.
};

struct ReadWish {
  order::Objective objective = order::Objective::makespan;
  order::Effort effort = {};
  // The drive's own order, where it has one.
  tapeio::AccessOrder* drive = nullptr;
  // The order so far, without what was asked for since: that is put where it costs least.
  std::span<const std::size_t> known = {};
};

[[nodiscard]] ReadOrder order_reads(const TapeModel& tape, const order::Head& head,
                                    std::span<const TapeRead> reads, const ReadWish& wish);

// "12 reads in 9 locates: 140 s to locate, at least 131 s; 20 s to read; planned in 3 ms".
[[nodiscard]] std::string to_string(const ReadOrder& plan, order::Objective objective);

}  // namespace mixtape::recall
