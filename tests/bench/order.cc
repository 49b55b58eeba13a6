// SPDX-License-Identifier: Apache-2.0
// The order of recall beside the rules that others use, on the same batches and the same model.
//
//   order [INSTANCES] [SECONDS]
//
// For each model, size of batch, size of files and part of the tape in use INSTANCES batches (2)
// with SECONDS (1) to plan each; all made from fixed seeds, with one tuning. To 16 requests the
// bound is the proved least. Then the exact rule of
// the linear tape: how near the simple one comes to it, and how long both take.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <random>
#include <variant>

#include "engine/order/exact.h"
#include "engine/order/linear_tape.h"
#include "engine/order/plan.h"

namespace {

using namespace mixtape::order;

template <class Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Of this process alone, whatever else the machine does.
template <class Work>
double processor_seconds_of(const Work& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

// A tape as a model has it; positions in LPOS.
struct Tape {
  const char* model;
  double low, high, bytes_per_wrap;
  std::uint32_t wraps;
};
constexpr Tape kTapes[] = {{"cta", 2'696, 171'097, 9e12 / 168, 168},
                           {"contest", 0, 730'994, 18e12 / 280, 280}};
constexpr double kMiB = 1 << 20;

Batch batch_on(const Tape& tape, std::size_t count, bool mixed, double fill, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> sizes(std::log(50 * kMiB), 1.5);
  std::uniform_real_distribution<double> along(0, 1);
  const auto used = static_cast<std::uint32_t>(fill * tape.wraps);
  const double length = tape.high - tape.low;
  Batch batch;
  batch.head = {{0, tape.low}, false};
  for (std::size_t number = 0; number < count; ++number) {
    const double bytes = mixed ? std::min(sizes(random), tape.bytes_per_wrap / 4) : 200 * kMiB;
    const double size = std::floor(length * bytes / tape.bytes_per_wrap) + 1;
    const auto wrap = static_cast<std::uint32_t>(random() % used);
    const double begin = tape.low + std::floor((length - size) * along(random));
    const Place low{wrap, begin}, high{wrap, begin + size};
    batch.requests.push_back(wrap % 2 == 0 ? Request{number, low, high, 1}
                                           : Request{number, high, low, 1});
  }
  return batch;
}

struct Sums {
  double ours = 0, nearest = 0, block = 0, random = 0, bound = 0;
  double worst_to_nearest = 0, worst_to_block = 0, longest_s = 0;
  int exact = 0, instances = 0;
};

// The least locate time of a small batch, by looking at every order: four times what plan() takes
// the time for.
constexpr std::size_t kMostProved = 16;
double proved_least(const Model& model, const Batch& batch) {
  return std::visit(
      [&](const auto& drive) {
        const Arcs<std::decay_t<decltype(drive)>> arcs(drive, batch);
        const Node nodes = arcs.nodes();
        std::vector<Micros> times;
        for (Node from = 0; from < nodes; ++from) {
          for (Node to = 0; to < nodes; ++to) {
            times.push_back(arcs(from, to));
          }
        }
        const auto step = [&](std::uint32_t, Node from, Node to) {
          return times[static_cast<std::size_t>(from * nodes + to)];
        };
        Micros least = 0;
        const Tour tour = exact_tour<Micros>(nodes, step);
        for (std::size_t place = 1; place < tour.size(); ++place) {
          least += step(0, tour[place - 1], tour[place]);
        }
        return mixtape::order::seconds(least);
      },
      model);
}

void add(Sums& sums, const Model& model, const Batch& batch, double budget) {
  const auto locates = [&](const std::vector<std::size_t>& order) {
    return judge(model, batch, order).locate_s;
  };
  Plan found;
  const double taken = seconds_of(
      [&] { found = plan(model, batch, Objective::makespan, {.seconds = budget, .seed = 1}); });
  std::vector<std::size_t> shuffled(batch.requests.size());
  std::iota(shuffled.begin(), shuffled.end(), std::size_t{0});
  const double nearest = locates(order_by_nearest_locate(model, batch));
  const double block = locates(order_by_block(model, batch));
  sums.ours += found.costs.locate_s;
  const bool proves = !found.exact && batch.requests.size() <= kMostProved;
  sums.bound += proves ? proved_least(model, batch) : found.bound;
  sums.nearest += nearest;
  sums.block += block;
  sums.random += locates(shuffled);  // Requests were made in no order.
  sums.worst_to_nearest = std::max(sums.worst_to_nearest, found.costs.locate_s / nearest);
  sums.worst_to_block = std::max(sums.worst_to_block, found.costs.locate_s / block);
  sums.longest_s = std::max(sums.longest_s, taken);
  sums.exact += found.exact ? 1 : 0;
  ++sums.instances;
}

void compare(const Tape& tape, int instances, double budget) {
  std::printf("\nmodel %s: seconds of locate per file, simulated; saved = 1 - ours / theirs\n",
              tape.model);
  std::printf("%5s %6s %7s %7s %7s %7s %7s | %8s %7s %8s %7s | %6s %6s\n", "n", "plans", "random",
              "block", "nearest", "ours", "bound", "on near.", "least", "on block", "least", "s",
              "exact");
  const Model model = model_named(tape.model);
  for (const std::size_t count : {4u, 8u, 16u, 32u, 64u, 128u, 256u, 512u, 1024u, 2000u}) {
    Sums sums;
    std::uint64_t seed = 1000 * count;
    for (const bool mixed : {false, true}) {
      for (const double fill : {0.3, 0.6, 1.0}) {
        for (int instance = 0; instance < instances; ++instance) {
          add(sums, model, batch_on(tape, count, mixed, fill, ++seed), budget);
        }
      }
    }
    const double files = static_cast<double>(count) * sums.instances;
    std::printf(
        "%5zu %6d %7.2f %7.2f %7.2f %7.2f %7.2f | %7.1f%% %6.1f%% %7.1f%% %6.1f%% | %6.2f %6d\n",
        count, sums.instances, sums.random / files, sums.block / files, sums.nearest / files,
        sums.ours / files, sums.bound / files, 100 * (1 - sums.ours / sums.nearest),
        100 * (1 - sums.worst_to_nearest), 100 * (1 - sums.ours / sums.block),
        100 * (1 - sums.worst_to_block), sums.longest_s, sums.exact);
    std::fflush(stdout);
  }
}

// Files of log-normal size, 30 per cent of them wanted by some readers each.
LinearTrack random_track(std::size_t files, double turn_in_files, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> sizes(0, 0.5);
  std::geometric_distribution<std::uint32_t> more(1 / 3.0);
  LinearTrack track;
  double at = 0;
  while (track.files.size() < files) {
    const double size = sizes(random);
    if (random() % 10 < 3) {
      track.files.push_back({at, at + size, 1 + more(random)});
    }
    at += size;
  }
  track.head = at;
  track.turn = turn_in_files;
  return track;
}

void compare_linear(int instances) {
  std::printf("\nlinear tape, sum of waiting, simulated: the simple order over the exact one\n");
  std::printf("%6s %6s %10s %10s %10s %10s\n", "files", "turn", "mean", "worst", "exact s",
              "simple s");
  for (const std::size_t files : {10u, 50u, 100u, 148u, 200u}) {
    for (const double turn : {0.0, 0.5, 1.0}) {
      double sum = 0, worst = 0, exact_s = 0, simple_s = 0;
      for (int instance = 0; instance < instances; ++instance) {
        const LinearTrack track =
            random_track(files, turn, files * 100 + static_cast<std::uint64_t>(instance));
        std::vector<std::size_t> exact, simple;
        exact_s = std::max(exact_s, processor_seconds_of([&] { exact = exact_order(track); }));
        simple_s = std::max(simple_s, processor_seconds_of([&] { simple = simple_order(track); }));
        const double excess = waiting(track, simple) / waiting(track, exact) - 1;
        sum += excess;
        worst = std::max(worst, excess);
      }
      std::printf("%6zu %6.1f %9.4f%% %9.4f%% %10.3f %10.4f\n", files, turn, 100 * sum / instances,
                  100 * worst, exact_s, simple_s);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int instances = argc > 1 ? std::max(1, std::atoi(argv[1])) : 2;
  const double budget = argc > 2 ? std::atof(argv[2]) : 1;
  for (const Tape& tape : kTapes) {
    compare(tape, instances, budget);
  }
  compare_linear(5 * instances);
  return 0;
}
