// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "engine/order/arcs.h"
#include "engine/order/deadline.h"
#include "engine/order/neighbours.h"
#include "engine/order/ring.h"
#include "engine/order/segment_moves.h"

// Makes a tour shorter: by moves of segments as long as one gains; and, when none is left, by
// kicks: some short segments near each other are thrown about and mended, which is kept when the
// tour did not get longer.
//
// Threads: none.
// Cost:    a kick looks at some hundred arcs, whatever the size; moving segments at most n / 3.

namespace mixtape::order {

template <class Costs>
class LocalSearch {
 public:
  LocalSearch(const Costs& costs, const Neighbours& neighbours, const Tour& tour,
              std::uint64_t seed)
      : costs_(costs),
        neighbours_(neighbours),
        ring_(tour),
        queued_(tour.size(), 0),
        random_(seed) {}

  void restart(const Tour& tour) { ring_ = Ring(tour); }

  // To where no move gains, or the deadline.
  void descend(const Deadline& deadline) {
    for (const Node node : ring_.tour()) {
      push(node);
    }
    (void)settle(&deadline);
    done_.clear();
  }

  // Until `most` kicks, the deadline, or a tour that costs no more than `enough`.
  void kick(std::uint64_t most, Micros enough, const Deadline& deadline) {
    if (ring_.size() < 8) {
      return;
    }
    Micros cost = cost_of(costs_, ring_.tour());
    for (kicks_ = 0; kicks_ < most && cost > enough; ++kicks_) {
      if (kicks_ % 64 == 0 && deadline.passed()) {
        return;
      }
      done_.clear();
      const Micros gain = throw_about() + settle(nullptr);
      if (gain >= 0) {
        cost -= gain;
        continue;
      }
      while (!done_.empty()) {
        ring_.undo(done_.back());
        done_.pop_back();
      }
    }
  }

  [[nodiscard]] std::uint64_t kicks() const { return kicks_; }
  [[nodiscard]] Tour tour() const { return ring_.tour(); }

 private:
  static constexpr std::int32_t kLongestKicked = 50;

  static std::size_t index(Node node) { return static_cast<std::size_t>(node); }
  void push(Node node) {
    if (queued_[index(node)] == 0) {
      queued_[index(node)] = 1;
      queue_.push_back(node);
    }
  }

  Micros settle(const Deadline* deadline) {
    Micros sum = 0;
    std::size_t asked = 0;
    bool over = false;
    const SegmentMoves<Costs> moves(costs_, neighbours_, ring_);
    for (std::size_t next = 0; next < queue_.size(); ++next) {
      const Node node = queue_[next];
      queued_[index(node)] = 0;
      over = over || (deadline != nullptr && ++asked % 64 == 0 && deadline->passed());
      if (over) {
        continue;
      }
      SegmentMove best;
      moves.from_tail(node, best);
      moves.from_head(node, best);
      if (best.gain > 0) {
        make(best);
        sum += best.gain;
        push(node);
      }
    }
    queue_.clear();
    return sum;
  }

  void make(const SegmentMove& move) {
    for (const Node tail : {move.p, move.q, move.r}) {
      push(tail);
      push(ring_.after(tail));
    }
    done_.push_back(ring_.swap(move.p, move.q, move.r));
  }

  // Three segments B, C, D that follow each other become D, C, B: four arcs, which no single move
  // mends. Returns the gain, mostly below zero.
  Micros throw_about() {
    const std::int32_t longest = std::min(kLongestKicked, (ring_.size() - 2) / 3);
    const auto length = [&] {
      return 1 + static_cast<std::int32_t>(random_() % static_cast<std::uint64_t>(longest));
    };
    const std::int32_t begin =
        static_cast<std::int32_t>(random_() % static_cast<std::uint64_t>(ring_.size()));
    const std::int32_t b = length(), c = length(), d = length();
    const Node p = ring_.at(begin);
    const auto ahead = [&](std::int32_t steps) {
      const std::int32_t place = begin + steps;
      return ring_.at(place >= ring_.size() ? place - ring_.size() : place);
    };
    const Node q = ahead(b), r = ahead(b + c), s = ahead(b + c + d);
    const Node p_next = ring_.after(p), q_next = ring_.after(q), r_next = ring_.after(r),
               s_next = ring_.after(s);
    const Micros before =
        costs_(p, p_next) + costs_(q, q_next) + costs_(r, r_next) + costs_(s, s_next);
    const Micros now =
        costs_(p, r_next) + costs_(s, q_next) + costs_(r, p_next) + costs_(q, s_next);
    for (const Node node : {p, p_next, q, q_next, r, r_next, s, s_next}) {
      push(node);
    }
    done_.push_back(ring_.swap(p, q, s));  // C D B
    done_.push_back(ring_.swap(p, r, s));  // D C B
    return before - now;
  }

  const Costs& costs_;
  const Neighbours& neighbours_;
  Ring ring_;
  std::vector<Node> queue_;
  std::vector<unsigned char> queued_;
  std::vector<Ring::Swap> done_;  // Since the last kick.
  std::uint64_t kicks_ = 0;
  std::mt19937_64 random_;
};

}  // namespace mixtape::order
