// SPDX-License-Identifier: Apache-2.0
#include "engine/order/ring.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace mixtape::order {
namespace {

Tour counted(std::int32_t nodes) {
  Tour tour(static_cast<std::size_t>(nodes));
  std::iota(tour.begin(), tour.end(), 0);
  return tour;
}

TEST(Ring, SwapsTwoSegments) {
  Ring ring(counted(9));
  ring.swap(1, 4, 6);
  EXPECT_EQ(ring.tour(), (Tour{0, 1, 5, 6, 2, 3, 4, 7, 8}));
}

TEST(Ring, SwapsOverItsSeam) {
  Ring ring(counted(9));
  ring.swap(7, 0, 2);  // 8 0 | 1 2
  EXPECT_EQ(ring.tour(), (Tour{0, 3, 4, 5, 6, 7, 1, 2, 8}));
}

TEST(Ring, KeepsAllArcsButThreeWhateverPieceIsLongest) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    const auto nodes = static_cast<std::int32_t>(4 + random() % 30);
    Ring ring(counted(nodes));
    for (int swap = 0; swap < 5; ++swap) {
      const auto far = [&](std::int32_t most) {
        return 1 + static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(most));
      };
      const Node p = static_cast<Node>(random() % static_cast<std::uint64_t>(nodes));
      const std::int32_t first = far(nodes - 2);
      const std::int32_t second = far(nodes - 1 - first);
      const Node q = ring.at((ring.place_of(p) + first) % nodes);
      const Node r = ring.at((ring.place_of(p) + first + second) % nodes);
      const Tour before = ring.tour();
      const Node p_next = ring.after(p), q_next = ring.after(q), r_next = ring.after(r);
      const Ring::Swap done = ring.swap(p, q, r);
      ASSERT_EQ(ring.after(p), q_next);
      ASSERT_EQ(ring.after(r), p_next);
      ASSERT_EQ(ring.after(q), r_next);
      std::int32_t kept = 0;
      for (std::size_t place = 0; place < before.size(); ++place) {
        kept += ring.after(before[place]) == before[(place + 1) % before.size()] ? 1 : 0;
        ASSERT_EQ(ring.before(ring.after(before[place])), before[place]);
      }
      ASSERT_GE(kept, nodes - 3);
      ring.undo(done);
      ASSERT_EQ(ring.tour(), before);
      ring.swap(p, q, r);
    }
  }
}

}  // namespace
}  // namespace mixtape::order
