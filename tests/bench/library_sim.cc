// SPDX-License-Identifier: Apache-2.0
// A library of tapes under several policies, on the same traces and the same clock.
//
//   library_sim [SEED,... [TRACE [POLICY]]]
//
// Prints for each trace a table over all seeds: mounts; how long requests took until they were
// read, those that somebody waits for and all of them; how many took longer than their bound; how
// long the drives worked. Nothing but the policy differs between its rows. The last row has the
// least mounts that any policy needs which keeps the bound of the interactive requests.
// The policy of ours was set after looking at the seeds 1, 11, ... 91; without arguments it is
// judged on others.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

#include "tests/bench/library_policies.h"

namespace {

using namespace mixtape::bench;

struct Summary {
  double mean = 0, p95 = 0, p99 = 0, most = 0;
};

Summary summary_of(std::vector<double> seconds) {
  if (seconds.empty()) {
    return {};
  }
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double part) {
    return seconds[static_cast<std::size_t>(part * static_cast<double>(seconds.size() - 1))];
  };
  double sum = 0;
  for (const double each : seconds) {
    sum += each;
  }
  return {sum / static_cast<double>(seconds.size()), at(0.95), at(0.99), seconds.back()};
}

// What is read of `tapes` in this order with so many drives costs at least so many mounts: that is
// what changing the tape whose next use is farthest away takes (Belady).
std::size_t least_loads(const std::vector<std::uint32_t>& tapes, std::size_t drives) {
  std::set<std::uint32_t> loaded;
  std::size_t loads = 0;
  for (auto at = tapes.begin(); at != tapes.end(); ++at) {
    if (loaded.contains(*at)) {
      continue;
    }
    if (loaded.size() == drives) {
      loaded.erase(*std::ranges::max_element(
          loaded, {}, [&](std::uint32_t tape) { return std::find(at, tapes.end(), tape); }));
    }
    loaded.insert(*at);
    ++loads;
  }
  return loads;
}

// Of the interactive requests a chain is taken in which each is asked for after the bound of the
// one before has passed. Whoever keeps the bounds reads them in this order, each in a window of its
// own, whatever else he reads: so he needs at least the mounts that the chain alone needs. When
// they are asked for is taken from a run, since some follow others.
std::size_t least_mounts(const Trace& trace, const Library& library) {
  std::vector<std::size_t> order;
  for (std::size_t request = 0; request < trace.requests.size(); ++request) {
    if (trace.requests[request].bound_s <= kInteractiveBound) {
      order.push_back(request);
    }
  }
  std::ranges::sort(order, {}, [&](std::size_t request) { return library.asked_s(request); });
  std::vector<std::uint32_t> chain;
  double free_s = -kNever;
  for (const std::size_t request : order) {
    const std::uint32_t tape = trace.requests[request].tape;
    // A tape that most likely is loaded anyway needs no window.
    const auto newest =
        chain.end() - static_cast<std::ptrdiff_t>(std::min(chain.size(), trace.drives));
    if (library.asked_s(request) > free_s && std::find(newest, chain.end(), tape) == chain.end()) {
      chain.push_back(tape);
      free_s = library.asked_s(request) + trace.requests[request].bound_s;
    }
  }
  return least_loads(chain, trace.drives);
}

// Over all seeds.
struct Row {
  std::size_t mounts = 0, late = 0;
  double drive_s = 0;
  std::vector<double> interactive_s, all_s;

  void add(const Trace& trace, const Outcome& outcome) {
    mounts += outcome.mounts;
    drive_s += outcome.drive_s;
    for (std::size_t request = 0; request < trace.requests.size(); ++request) {
      const double response_s = outcome.response_s[request];
      const double bound_s = trace.requests[request].bound_s;
      late += response_s > bound_s ? 1 : 0;
      all_s.push_back(response_s);
      if (bound_s <= kInteractiveBound) {
        interactive_s.push_back(response_s);
      }
    }
  }
  void print(const std::string& name) const {
    const Summary some = summary_of(interactive_s);
    const Summary all = summary_of(all_s);
    std::printf("| %s | %zu | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %zu | %.1f |\n",
                name.c_str(), mounts, some.mean, some.p95, some.p99, some.most, all.mean, all.p95,
                late, drive_s / 3600);
    std::fflush(stdout);
  }
};

// `traces`: of each seed the one of this name. Only the policy of that name, unless it is empty.
void compare(const std::vector<Trace>& traces, const std::string& only) {
  std::size_t requests = 0;
  for (const Trace& trace : traces) {
    requests += trace.requests.size();
  }
  std::printf("\n%s: %s; %zu seeds, %zu requests\n\n", traces.front().name.c_str(),
              traces.front().what.c_str(), traces.size(), requests);
  std::printf(
      "| policy | mounts | interactive: mean, s | p95 | p99 | oldest | all: mean, s | p95 | "
      "beyond bound | drive-hours |\n|---|---|---|---|---|---|---|---|---|---|\n");
  std::size_t least = 0;
  for (std::size_t policy = 0; policy < all_policies().size(); ++policy) {
    const std::string name = all_policies()[policy].name;
    if (!only.empty() && name != only) {
      continue;
    }
    Row row;
    least = 0;
    for (const Trace& trace : traces) {
      Library library(trace);
      row.add(trace, library.run(*all_policies()[policy].policy));
      least += least_mounts(trace, library);
    }
    row.print(name);
  }
  std::printf("| none that keeps the bounds has less | %zu | | | | | | | 0 | |\n", least);
}

std::vector<std::uint64_t> seeds_in(const std::string& text) {
  std::vector<std::uint64_t> seeds;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    seeds.push_back(std::strtoull(part.c_str(), nullptr, 10));
  }
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::vector<Trace>> by_name(all_traces(0).size());
  for (const std::uint64_t seed : seeds_in(argc > 1 ? argv[1] : "2001,2011,2021")) {
    std::vector<Trace> traces = all_traces(seed);
    for (std::size_t name = 0; name < traces.size(); ++name) {
      by_name[name].push_back(std::move(traces[name]));
    }
  }
  for (const std::vector<Trace>& traces : by_name) {
    if (!traces.empty() && (argc <= 2 || traces.front().name == argv[2])) {
      compare(traces, argc > 3 ? argv[3] : "");
    }
  }
  return 0;
}
