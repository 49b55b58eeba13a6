// SPDX-License-Identifier: Apache-2.0
// A library of tapes under several policies, on the same traces and the same clock.
//
//   library_sim [SEED] [TRACE [POLICY]]
//
// Prints for each trace a table: mounts; how long requests took until they were read, those that
// somebody waits for and all of them; how many took longer than their bound; how long the drives
// worked. Nothing but the policy differs between its rows. With one drive, also the least mounts
// that any policy needs which keeps the bound of the interactive ones.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
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

// Of the interactive requests a chain is taken in which each is asked for after the bound of the
// one before has passed, on another tape: between being served, each needs a mount. When they are
// asked for is taken from a run, since some follow others.
std::size_t least_mounts(const Trace& trace, const std::vector<double>& asked_s) {
  std::vector<std::size_t> order;
  for (std::size_t request = 0; request < trace.requests.size(); ++request) {
    if (trace.requests[request].parked) {
      order.push_back(request);
    }
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t left, std::size_t right) { return asked_s[left] < asked_s[right]; });
  std::size_t mounts = 0;
  double free_s = -kNever;
  std::uint32_t tape = UINT32_MAX;
  for (const std::size_t request : order) {
    if (asked_s[request] > free_s && trace.requests[request].tape != tape) {
      ++mounts;
      free_s = asked_s[request] + trace.requests[request].bound_s;
      tape = trace.requests[request].tape;
    }
  }
  return mounts;
}

void print_row(const std::string& name, const Trace& trace, const Outcome& outcome) {
  std::vector<double> interactive;
  std::size_t starved = 0;
  for (std::size_t request = 0; request < trace.requests.size(); ++request) {
    const Request& wanted = trace.requests[request];
    starved += outcome.response_s[request] > wanted.bound_s ? 1 : 0;
    if (wanted.bound_s <= kInteractiveBound) {
      interactive.push_back(outcome.response_s[request]);
    }
  }
  const Summary some = summary_of(interactive);
  const Summary all = summary_of(outcome.response_s);
  std::printf("| %s | %zu | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %zu | %.1f |\n",
              name.c_str(), outcome.mounts, some.mean, some.p95, some.p99, some.most, all.mean,
              all.p95, all.p99, all.most, starved, outcome.drive_s / 3600);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  for (const Trace& trace : all_traces(seed)) {
    if (argc > 2 && trace.name != argv[2]) {
      continue;
    }
    std::printf("\n%s: %s; %zu requests\n\n", trace.name.c_str(), trace.what.c_str(),
                trace.requests.size());
    std::printf(
        "| policy | mounts | interactive: mean, s | p95 | p99 | oldest | all: mean, s | p95 "
        "| p99 | oldest | beyond bound | drive-hours |\n");
    std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (const NamedPolicy& each : all_policies()) {
      if (argc > 3 && each.name != argv[3]) {
        continue;
      }
      Library library(trace);
      const Outcome outcome = library.run(*each.policy);
      print_row(each.name, trace, outcome);
      if (trace.drives == 1 && each.name == "ours") {
        std::vector<double> asked_s;
        for (std::size_t request = 0; request < trace.requests.size(); ++request) {
          asked_s.push_back(library.asked_s(request));
        }
        std::printf("\nNo policy that keeps the interactive bound needs less than %zu mounts.\n",
                    least_mounts(trace, asked_s));
      }
    }
  }
  return 0;
}
