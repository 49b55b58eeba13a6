// SPDX-License-Identifier: Apache-2.0
// A library of tapes under several policies, on the same traces and the same clock.
//
//   library_sim [SEED,... [TRACE [POLICY]]]
//
// Prints for each trace a table over all seeds: mounts; how long requests took until they were
// read, those that somebody waits for and all of them; how many took longer than their bound; how
// long the drives worked. Nothing but the policy differs between its rows. The last row has the
// least mounts that any policy needs which keeps the bound of the interactive requests
// (library_bound.h). Below it stands what that says of ours beside the others: who keeps the bounds
// as well, and whether anybody has both fewer mounts and a lower mean.
// The policy of ours was set after looking at the seeds 1, 11, ... 91; without arguments it is
// judged on others.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "tests/bench/library_bound.h"
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

// Over all seeds.
struct Row {
  std::string policy;
  std::size_t mounts = 0, late = 0;
  double drive_s = 0;
  std::vector<double> interactive_s, all_s;
  std::vector<std::size_t> mounts_by_seed;

  void add(const Trace& trace, const Outcome& outcome) {
    mounts += outcome.mounts;
    mounts_by_seed.push_back(outcome.mounts);
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
  [[nodiscard]] Summary interactive() const { return summary_of(interactive_s); }
  void print() const {
    const Summary some = interactive();
    const Summary all = summary_of(all_s);
    std::printf("| %s | %zu | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %zu | %.1f |\n",
                policy.c_str(), mounts, some.mean, some.p95, some.p99, some.most, all.mean, all.p95,
                late, drive_s / 3600);
    std::fflush(stdout);
  }
};

std::string in_words(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : "; ") + name;
  }
  return text.empty() ? "nobody" : text;
}

// In what the other is at least as good.
std::vector<std::string> ahead_in(const Row& other, const Row& ours) {
  const Summary theirs = other.interactive();
  const Summary own = ours.interactive();
  std::vector<std::string> parts;
  const auto put = [&](bool is_ahead, const char* part) {
    if (is_ahead) {
      parts.emplace_back(part);
    }
  };
  put(other.mounts <= ours.mounts, "mounts");
  put(theirs.mean <= own.mean, "mean");
  put(theirs.p95 <= own.p95, "p95");
  return parts;
}

// What can be said of the others beside ours, which is the last row.
void judge(const std::vector<Row>& rows, const std::vector<std::size_t>& least_by_seed) {
  const Row& ours = rows.back();
  const Summary own = ours.interactive();
  std::vector<std::string> as_punctual, better, ahead, contradict;
  for (const Row& other : rows) {
    if (&other == &ours) {
      continue;
    }
    const Summary theirs = other.interactive();
    const bool is_as_punctual = other.late <= ours.late;
    if (is_as_punctual) {
      as_punctual.push_back(other.policy);
    }
    if (other.mounts < ours.mounts && theirs.mean < own.mean) {
      better.push_back(other.policy);
    }
    if (const auto parts = ahead_in(other, ours); is_as_punctual && !parts.empty()) {
      ahead.push_back(other.policy + " (" + in_words(parts) + ")");
    }
    std::size_t seeds = 0;
    for (std::size_t seed = 0; seed < least_by_seed.size(); ++seed) {
      seeds += other.mounts_by_seed[seed] < least_by_seed[seed] ? 1 : 0;
    }
    if (seeds > 0) {
      contradict.push_back(other.policy + " (" + std::to_string(seeds) + " of " +
                           std::to_string(least_by_seed.size()) + " seeds)");
    }
  }
  std::printf("\nbounds kept at least as well as by ours: %s\n", in_words(as_punctual).c_str());
  std::printf("of these at least as good as ours in part: %s\n", in_words(ahead).c_str());
  std::printf("fewer mounts and a lower interactive mean than ours: %s\n",
              in_words(better).c_str());
  std::printf("fewer mounts than anybody can have who keeps the bounds: %s\n",
              in_words(contradict).c_str());
  const bool is_best = better.empty() && ahead.empty();
  std::printf("verdict: %s, and %s\n",
              is_best ? "of those who keep the bounds as well ours is the best in all three"
              : better.empty() ? "nobody is better in mounts and mean, somebody in part"
                               : "somebody is better in mounts and mean",
              ours.late == 0 ? "nobody is late" : "some are late");
}

void print_head(const std::vector<Trace>& traces) {
  std::size_t requests = 0;
  for (const Trace& trace : traces) {
    requests += trace.requests.size();
  }
  std::printf("\n%s: %s; %zu seeds, %zu requests\n\n", traces.front().name.c_str(),
              traces.front().what.c_str(), traces.size(), requests);
  std::printf(
      "| policy | mounts | interactive: mean, s | p95 | p99 | oldest | all: mean, s | p95 | "
      "beyond bound | drive-hours |\n|---|---|---|---|---|---|---|---|---|---|\n");
}

// `traces`: of each seed the one of this name. Only the policy of that name, unless it is empty.
void compare(const std::vector<Trace>& traces, const std::string& only) {
  print_head(traces);
  std::vector<Row> rows;
  for (std::size_t policy = 0; policy < all_policies().size(); ++policy) {
    Row row;
    row.policy = all_policies()[policy].name;
    if (!only.empty() && row.policy != only) {
      continue;
    }
    for (const Trace& trace : traces) {
      Library library(trace);
      row.add(trace, library.run(*all_policies()[policy].policy));
    }
    row.print();
    rows.push_back(std::move(row));
  }
  std::vector<std::size_t> least_by_seed;
  for (const Trace& trace : traces) {
    least_by_seed.push_back(least_mounts(trace));
  }
  std::printf("| none that keeps the bounds has less | %zu | | | | | | | 0 | |\n",
              std::accumulate(least_by_seed.begin(), least_by_seed.end(), std::size_t{0}));
  if (only.empty()) {
    judge(rows, least_by_seed);
  }
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
