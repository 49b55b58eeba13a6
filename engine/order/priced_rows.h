// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "engine/order/models.h"
#include "engine/order/nearby.h"
#include "engine/order/neighbours.h"

// The rows of Nearby with a price for each node, so arranged that what is too far away to be worth
// its price is passed over in blocks.
//
// Threads: a const one may be asked by several.

namespace mixtape::order {

inline constexpr std::size_t kPriceBlock = 32;

// Of one row: prices; of each block the highest, and the highest of it and all further up or down.
struct Priced {
  std::vector<Micros> prices, block, up, down;
};
using PricedRows = std::array<Priced, 2>;

[[nodiscard]] inline PricedRows by_place(const Nearby& nearby, const std::vector<Micros>& prices) {
  PricedRows rows;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Priced& priced = rows[row];
    for (const Nearby::Entry& entry : nearby.rows[row]) {
      const Micros own = prices[static_cast<std::size_t>(entry.node)];
      if (priced.prices.size() % kPriceBlock == 0) {
        priced.block.push_back(own);
      }
      priced.block.back() = std::max(priced.block.back(), own);
      priced.prices.push_back(own);
    }
    priced.up = priced.down = priced.block;
    for (std::size_t block = 1; block < priced.block.size(); ++block) {
      const std::size_t mirrored = priced.block.size() - 1 - block;
      priced.down[block] = std::max(priced.down[block], priced.down[block - 1]);
      priced.up[mirrored] = std::max(priced.up[mirrored], priced.up[mirrored + 1]);
    }
  }
  return rows;
}

// One row, block by block outward. A block is left out when not even its highest price could
// make its nearest node cheap enough, and the rest when no block's could.
struct PricedLook {
  const std::vector<Nearby::Entry>& entries;
  const Priced& priced;
  double at;
  Least& least;

  [[nodiscard]] bool excluded(double time, Micros highest) const {
    return least.bound() != std::numeric_limits<Micros>::max() &&
           time - static_cast<double>(highest) >= static_cast<double>(least.bound());
  }
  template <class Cost>
  void offer(std::size_t index, const LeastTime& time, double distance, const Cost& cost) const {
    if (!excluded(time.base + time.per_unit * distance, priced.prices[index])) {
      const Micros full = cost(entries[index].node);
      if (full != std::numeric_limits<Micros>::max()) {
        least.offer(entries[index].node, full - priced.prices[index]);
      }
    }
  }
  template <class Cost>
  void up(std::size_t index, const LeastTime& time, const LeastTime& in_place,
          const Cost& cost) const {
    for (; index < entries.size() && entries[index].at == at; ++index) {
      offer(index, in_place, 0, cost);
    }
    while (index < entries.size()) {
      const std::size_t block = index / kPriceBlock;
      const double nearest = time.base + time.per_unit * (entries[index].at - at);
      if (excluded(nearest, priced.up[block])) {
        return;
      }
      const std::size_t end = std::min(entries.size(), (block + 1) * kPriceBlock);
      for (; index < end && !excluded(nearest, priced.block[block]); ++index) {
        offer(index, time, entries[index].at - at, cost);
      }
      index = end;
    }
  }
  template <class Cost>
  void down(std::size_t index, const LeastTime& time, const Cost& cost) const {
    while (index > 0) {
      const std::size_t block = (index - 1) / kPriceBlock;
      const double nearest = time.base + time.per_unit * (at - entries[index - 1].at);
      if (excluded(nearest, priced.down[block])) {
        return;
      }
      for (; index > block * kPriceBlock && !excluded(nearest, priced.block[block]); --index) {
        offer(index - 1, time, at - entries[index - 1].at, cost);
      }
      index = block * kPriceBlock;
    }
  }
};

}  // namespace mixtape::order
