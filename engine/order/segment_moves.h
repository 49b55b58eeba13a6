// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/order/arcs.h"
#include "engine/order/neighbours.h"
#include "engine/order/ring.h"

// Or-opt in its general form: two neighbouring segments of any length change places, the 3-opt move
// that turns nothing round, which one-way reads would not survive.
//
// A move replaces three arcs. It is looked for from the tail or from the head of the first, along
// the arcs that are worth it and as long as what was gained so far is above zero: a move that
// gains at all has an arc to begin with from which this holds. With reduced costs most arcs of a
// good tour cost nothing, and so are no beginning.
//
// Threads: none.
// Cost:    of a node, at most some hundred arcs.

namespace mixtape::order {

struct SegmentMove {
  Micros gain = 0;
  Node p = 0, q = 0, r = 0;  // Tails of the three arcs, in the order of the ring.
};
template <class Costs>
class SegmentMoves {
 public:
  SegmentMoves(const Costs& costs, const Neighbours& neighbours, const Ring& ring)
      : costs_(costs), neighbours_(neighbours), ring_(ring) {}

  // p -> p+ is given up for p -> q+; then q gets r+, or p+ gets r.
  void from_tail(Node p, SegmentMove& best) const {
    const Node p_next = ring_.after(p);
    const Micros given = costs_(p, p_next);
    for (const Neighbour& third : neighbours_.after(p)) {
      if (given - third.cost <= 0) {
        break;
      }
      const Node q_next = third.node;
      if (q_next == p_next) {
        continue;
      }
      const Node q = ring_.before(q_next);
      const Micros gained = given - third.cost + costs_(q, q_next);
      const std::int32_t to_q = ring_.steps(p, q);
      for (const Neighbour& other : neighbours_.after(q)) {
        const Micros rest = gained - other.cost;
        if (rest <= 0) {
          break;
        }
        const Node r = ring_.before(other.node);
        if (r != p && ring_.steps(p, r) > to_q) {
          note(best, rest + costs_(r, other.node) - costs_(r, p_next), {0, p, q, r});
        }
      }
      for (const Neighbour& other : neighbours_.before(p_next)) {
        const Micros rest = gained - other.cost;
        if (rest <= 0) {
          break;
        }
        const Node r = other.node;
        if (r != p && ring_.steps(p, r) > to_q) {
          const Node r_next = ring_.after(r);
          note(best, rest + costs_(r, r_next) - costs_(q, r_next), {0, p, q, r});
        }
      }
    }
  }

  // p -> p+ is given up for r -> p+; then r+ gets q, or p gets q+.
  void from_head(Node p_next, SegmentMove& best) const {
    const Node p = ring_.before(p_next);
    const Micros given = costs_(p, p_next);
    for (const Neighbour& third : neighbours_.before(p_next)) {
      if (given - third.cost <= 0) {
        break;
      }
      const Node r = third.node;
      if (r == p) {
        continue;
      }
      const Node r_next = ring_.after(r);
      const Micros gained = given - third.cost + costs_(r, r_next);
      const std::int32_t to_r = ring_.steps(p, r);
      for (const Neighbour& other : neighbours_.before(r_next)) {
        const Micros rest = gained - other.cost;
        if (rest <= 0) {
          break;
        }
        const Node q = other.node;
        const std::int32_t to_q = ring_.steps(p, q);
        if (to_q > 0 && to_q < to_r) {
          const Node q_next = ring_.after(q);
          note(best, rest + costs_(q, q_next) - costs_(p, q_next), {0, p, q, r});
        }
      }
    }
  }

 private:
  static void note(SegmentMove& best, Micros gain, SegmentMove move) {
    if (gain > best.gain) {
      best = move;
      best.gain = gain;
    }
  }

  const Costs& costs_;
  const Neighbours& neighbours_;
  const Ring& ring_;
};

}  // namespace mixtape::order
