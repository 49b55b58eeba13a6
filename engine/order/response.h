// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/order/linear_tape.h"
#include "engine/order/response_search.h"
#include "engine/order/search.h"

// The order in which requests wait least: exact for few, and on a linear tape read from its right
// end; else the better of several beginnings, improved.
//
// Threads: none.

namespace mixtape::order {

template <class Model>
class Waiting {
 public:
  Waiting(const Model& model, const Arcs<Model>& arcs, const Batch& batch, const Effort& effort,
          const Deadline& deadline)
      : model_(model), arcs_(arcs), batch_(batch), effort_(effort), deadline_(deadline) {
    weights_.push_back(0);
    for (const Request& request : batch.requests) {
      weights_.push_back(request.weight);
    }
  }

  // `known`: tours that the result must not be worse than.
  [[nodiscard]] Found least(std::vector<Tour> known) const {
    if (arcs_.nodes() <= kMostExact + 1) {
      return exact();
    }
    if constexpr (std::is_same_v<Model, LinearTape>) {
      if (auto found = on_linear_tape(known)) {
        return *std::move(found);
      }
    }
    add_starts(known);
    const auto waits_less = [this](const Tour& left, const Tour& right) {
      return waiting_of(left) < waiting_of(right);
    };
    std::sort(known.begin(), known.end(), waits_less);
    known.resize(std::min(known.size(), kMostStarts));
    const Surroundings<Model> surroundings(arcs_);
    const Prices free(arcs_.nodes());
    const Neighbours neighbours = neighbours_of(arcs_, surroundings, free, kNeighbours);
    Found found;
    for (const Tour& start : known) {
      ResponseSearch<Model> search(arcs_, weights_, neighbours, start, effort_.seed);
      search.descend(deadline_);
      if (found.tour.empty() || waits_less(search.tour(), found.tour)) {
        found.tour = search.tour();
      }
    }
    ResponseSearch<Model> search(arcs_, weights_, neighbours, found.tour, effort_.seed);
    found.kicks = search.kick(effort_.kicks, deadline_);
    found.tour = search.tour();
    found.bound = bound(neighbours);
    return found;
  }

 private:
  static constexpr std::size_t kNeighbours = 10;
  static constexpr std::size_t kMostStarts = 3;
  static constexpr Node kMostGreedy = 5000;         // Quadratic.
  static constexpr double kShareOfShortest = 0.25;  // Of the time, for the shortest tour.
  static constexpr double kStatesPerSecond = 3e8;   // Of the exact rule on a linear tape.

  static std::size_t index(Node node) { return static_cast<std::size_t>(node); }
  [[nodiscard]] double step(Node from, Node to) const {
    return static_cast<double>(arcs_(from, to) + arcs_.read(to));
  }
  [[nodiscard]] double waiting_of(const Tour& tour) const {
    double now = 0, sum = 0;
    for (std::size_t place = 1; place < tour.size(); ++place) {
      now += step(tour[place - 1], tour[place]);
      sum += now * weights_[index(tour[place])];
    }
    return sum;
  }

  [[nodiscard]] Found exact() const {
    Found found;
    const double all = std::accumulate(weights_.begin(), weights_.end(), 0.0);
    std::vector<double> unread(std::size_t{1} << (arcs_.nodes() - 1), all);
    for (std::size_t read = 1; read < unread.size(); ++read) {
      for (std::size_t bit = 0; bit + 1 < weights_.size(); ++bit) {
        unread[read] -= (read >> bit & 1u) != 0 ? weights_[bit + 1] : 0;
      }
    }
    // A step delays whatever is unread, the one that it reads included.
    found.tour = exact_tour<double>(arcs_.nodes(), [&](std::uint32_t read, Node from, Node to) {
      return step(from, to) * unread[read];
    });
    found.exact = true;
    return found;
  }

  void add_starts(std::vector<Tour>& known) const {
    Effort some = effort_;
    some.seconds = kShareOfShortest * deadline_.left();
    const Deadline soon(some.seconds);
    known.push_back(Search<Model>(arcs_, some, soon).shortest(known).tour);
    if (arcs_.nodes() <= kMostGreedy) {
      known.push_back(quickest_for_its_weight());
    }
  }
  // Always on to what is read soonest for its weight.
  [[nodiscard]] Tour quickest_for_its_weight() const {
    Tour tour(index(arcs_.nodes()));
    std::iota(tour.begin(), tour.end(), 0);
    for (std::size_t place = 1; place < tour.size(); ++place) {
      const auto merit = [&](Node to) { return step(tour[place - 1], to) / weights_[index(to)]; };
      std::size_t best = place;
      for (std::size_t other = place + 1; other < tour.size(); ++other) {
        best = merit(tour[other]) < merit(tour[best]) ? other : best;
      }
      std::swap(tour[place], tour[best]);
    }
    return tour;
  }

  // Nobody is read before the quickest ways to all before him have been gone; and that is least
  // when the quickest for their weight come first (Smith's rule).
  [[nodiscard]] double bound(const Neighbours& neighbours) const {
    struct Job {
      double time, weight;
    };
    std::vector<Job> jobs;
    for (Node node = 1; node < arcs_.nodes(); ++node) {
      const Micros arrival = neighbours.before(node).front().cost;
      jobs.push_back({static_cast<double>(arrival + arcs_.read(node)), weights_[index(node)]});
    }
    std::sort(jobs.begin(), jobs.end(), [](const Job& left, const Job& right) {
      return left.time * right.weight < right.time * left.weight;
    });
    double now = 0, sum = 0;
    for (const Job& job : jobs) {
      now += job.time;
      sum += now * job.weight;
    }
    return sum / 1e6;
  }

  // Where all lies left of the head, nothing overlaps and weights are whole. Exact if that is not
  // too long; else only one more beginning.
  [[nodiscard]] std::optional<Found> on_linear_tape(std::vector<Tour>& known) const {
    std::vector<Node> nodes(index(arcs_.nodes()) - 1);
    std::iota(nodes.begin(), nodes.end(), 1);
    std::sort(nodes.begin(), nodes.end(), [&](Node left, Node right) {
      return arcs_.begin_of(left).at < arcs_.begin_of(right).at;
    });
    LinearTrack track{{}, batch_.head.place.at, model_.turn_seconds()};
    for (const Node node : nodes) {
      const double weight = weights_[index(node)];
      const double left = arcs_.begin_of(node).at, right = arcs_.end_of(node).at;
      if (weight != std::floor(weight) || right > track.head ||
          (!track.files.empty() && left < track.files.back().right)) {
        return std::nullopt;
      }
      track.files.push_back({left, right, static_cast<std::uint32_t>(weight)});
    }
    const bool exact =
        exact_order_fits(track) && linear_states(track) * static_cast<double>(nodes.size()) / 3 <
                                       kStatesPerSecond * deadline_.left();
    if (!exact && !simple_order_fits(track)) {
      return std::nullopt;
    }
    Tour tour = {0};
    for (const std::size_t file : exact ? exact_order(track) : simple_order(track)) {
      tour.push_back(nodes[file]);
    }
    if (exact) {
      return Found{.tour = std::move(tour), .bound = 0, .exact = true};
    }
    known.push_back(std::move(tour));
    return std::nullopt;
  }

  const Model& model_;
  const Arcs<Model>& arcs_;
  const Batch& batch_;
  const Effort& effort_;
  const Deadline& deadline_;
  std::vector<double> weights_;
};

}  // namespace mixtape::order
