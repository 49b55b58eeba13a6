// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "engine/order/arcs.h"
#include "engine/order/deadline.h"
#include "engine/order/neighbours.h"

// Makes requests wait less: the sum of weight times the moment at which each has been read. The
// moves are those of LocalSearch; what a move does to everybody behind it follows from sums that
// are kept along the order.
//
// Units:   microseconds times weight.
// Threads: none.
// Cost:    a move is judged in O(1) and made in O(n): for the hundreds of an interactive queue.

namespace mixtape::order {

template <class Model>
class ResponseSearch {
 public:
  // `weights`: of each node; of node 0, 0.
  ResponseSearch(const Arcs<Model>& arcs, const std::vector<double>& weights,
                 const Neighbours& neighbours, Tour tour, std::uint64_t seed)
      : arcs_(arcs),
        weights_(weights),
        neighbours_(neighbours),
        tour_(std::move(tour)),
        places_(tour_.size()),
        done_at_(tour_.size()),
        weight_to_(tour_.size()),
        random_(seed) {
    refresh(0);
  }

  void descend(const Deadline& deadline) {
    for (const Node node : tour_) {
      queue_.push_back(node);
    }
    (void)settle(deadline);
  }

  // Until `most` kicks or the deadline.
  std::uint64_t kick(std::uint64_t most, const Deadline& deadline) {
    std::uint64_t kicks = 0;
    if (tour_.size() < 8) {
      return kicks;
    }
    double best = cost();
    Tour kept = tour_;
    for (; kicks < most && !deadline.passed(); ++kicks) {
      throw_about();
      (void)settle(deadline);
      const double now = cost();
      if (now <= best) {
        best = now;
        kept = tour_;
      } else {
        tour_ = kept;
        refresh(0);
      }
    }
    tour_ = kept;
    refresh(0);
    return kicks;
  }

  [[nodiscard]] double cost() const {
    double sum = 0;
    for (std::size_t place = 1; place < tour_.size(); ++place) {
      sum += weight(place) * done_at_[place];
    }
    return sum;
  }
  [[nodiscard]] const Tour& tour() const { return tour_; }

 private:
  // Of places p+1..q and q+1..r, which change places.
  struct Move {
    double gain = 0;
    std::size_t p = 0, q = 0, r = 0;
  };
  static constexpr std::size_t kLongest = 50;  // Segment that a move looks at.
  // Less is rounding of sums: as a fraction of what the whole order waits.
  static constexpr double kLeastGain = 1e-12;

  static std::size_t index(Node node) { return static_cast<std::size_t>(node); }
  [[nodiscard]] double weight(std::size_t place) const { return weights_[index(tour_[place])]; }
  [[nodiscard]] double locate(std::size_t from, std::size_t to) const {
    return static_cast<double>(arcs_(tour_[from], tour_[to]));
  }

  void refresh(std::size_t from) {
    for (std::size_t place = from; place < tour_.size(); ++place) {
      places_[index(tour_[place])] = place;
      if (place == 0) {
        done_at_[0] = 0;
        weight_to_[0] = 0;
        continue;
      }
      done_at_[place] = done_at_[place - 1] + locate(place - 1, place) +
                        static_cast<double>(arcs_.read(tour_[place]));
      weight_to_[place] = weight_to_[place - 1] + weight(place);
    }
  }

  void judge(std::size_t p, std::size_t q, std::size_t r, Move& best) const {
    const double later_second = done_at_[p] + locate(p, q + 1) - done_at_[q] - locate(q, q + 1);
    const double second_done = done_at_[r] + later_second;
    const double later_first = second_done + locate(r, p + 1) - done_at_[p] - locate(p, p + 1);
    double later_rest = 0;
    if (r + 1 < tour_.size()) {
      later_rest = done_at_[q] + later_first + locate(q, r + 1) - done_at_[r] - locate(r, r + 1);
    }
    const double gain = -(later_first * (weight_to_[q] - weight_to_[p]) +
                          later_second * (weight_to_[r] - weight_to_[q]) +
                          later_rest * (weight_to_.back() - weight_to_[r]));
    if (gain > best.gain) {
      best = {gain, p, q, r};
    }
  }

  // Moves that put `to` directly behind `from`.
  void look(Node from, Node to, Move& best) const {
    const std::size_t i = places_[index(from)], j = places_[index(to)];
    const std::size_t last = tour_.size() - 1;
    if (to == 0 || j == i + 1) {
      return;
    }
    if (i < j) {  // p = i, q + 1 = j; or q = i, r + 1 = j.
      for (std::size_t r = j; r <= std::min(last, j + kLongest); ++r) {
        judge(i, j - 1, r, best);
      }
      for (std::size_t p = i - std::min(i, kLongest); p < i; ++p) {
        judge(p, i, j - 1, best);
      }
    } else {  // r = i, p + 1 = j.
      for (std::size_t q = j; q < std::min(i, j + kLongest); ++q) {
        judge(j - 1, q, i, best);
      }
      for (std::size_t q = i - std::min(i - j, kLongest); q < i; ++q) {
        judge(j - 1, q, i, best);
      }
    }
  }

  double settle(const Deadline& deadline) {
    double sum = 0;
    const double least = kLeastGain * cost();
    for (std::size_t next = 0; next < queue_.size(); ++next) {
      if (next % 16 == 0 && deadline.passed()) {
        break;
      }
      const Node node = queue_[next];
      Move best;
      best.gain = least;
      for (const Neighbour& neighbour : neighbours_.after(node)) {
        look(node, neighbour.node, best);
      }
      for (const Neighbour& neighbour : neighbours_.before(node)) {
        look(neighbour.node, node, best);
      }
      if (best.gain > least) {
        make(best);
        sum += best.gain;
      }
    }
    queue_.clear();
    return sum;
  }

  void make(const Move& move) {
    for (const std::size_t tail : {move.p, move.q, move.r}) {
      queue_.push_back(tour_[tail]);
      if (tail + 1 < tour_.size()) {
        queue_.push_back(tour_[tail + 1]);
      }
    }
    const auto begin = tour_.begin() + static_cast<std::ptrdiff_t>(move.p) + 1;
    std::rotate(begin, tour_.begin() + static_cast<std::ptrdiff_t>(move.q) + 1,
                tour_.begin() + static_cast<std::ptrdiff_t>(move.r) + 1);
    refresh(move.p + 1);
  }

  void throw_about() {
    const std::size_t longest = std::min(kLongest, (tour_.size() - 1) / 3);
    const std::size_t b = 1 + random_() % longest, c = 1 + random_() % longest;
    const std::size_t d = 1 + random_() % longest;
    const std::size_t p = random_() % (tour_.size() - b - c - d);
    make({0, p, p + b, p + b + c + d});  // C D B
    make({0, p, p + c, p + c + d});      // D C B
  }

  const Arcs<Model>& arcs_;
  const std::vector<double>& weights_;
  const Neighbours& neighbours_;
  Tour tour_;
  std::vector<std::size_t> places_;
  std::vector<double> done_at_, weight_to_;  // By place: read by then; weights so far.
  std::vector<Node> queue_;
  std::mt19937_64 random_;
};

}  // namespace mixtape::order
