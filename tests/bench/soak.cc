// SPDX-License-Identifier: Apache-2.0
// soak WORK [HOURS]: so many modelled hours (48) of mixed work in one process (soak_world.h), on
// simulated cartridges; what it holds after each, and whether that stays where it is.

#include <cstdio>
#include <cstdlib>

#include "tapeio/error.h"
#include "tests/bench/soak_world.h"

namespace {

using namespace mixtape;
using bench::SoakSample;

constexpr double kMiB = 1024 * 1024;

// What may be taken for measurement: a twentieth, or so much. The heap is shown only: connections
// keep pages of the catalog there, up to 4 MiB each, while it is small.
struct Judged {
  const char* what;
  std::uint64_t SoakSample::*quantity;
  double unit, slack;
};
constexpr Judged kJudged[] = {
    {"resident memory, MiB", &SoakSample::resident, kMiB, 1},
    {"open descriptors", &SoakSample::descriptors, 1, 0.5},
    {"threads", &SoakSample::threads, 1, 0.5},
    {"logs of catalog.db and state.db, MiB", &SoakSample::log, kMiB, 0.25},
    {"state.db, MiB", &SoakSample::state, kMiB, 0.25},
    {"cache, MiB", &SoakSample::cache, kMiB, 0.25},
};

void show(const SoakSample& sample) {
  std::printf(
      "%6.2f h  %7.2f MiB  heap %6.2f MiB  %3llu descriptors  %2llu threads  catalog %6.2f "
      "MiB, %llu versions  log %5.2f MiB  state %5.2f MiB  cache %4.2f MiB\n",
      sample.hours, static_cast<double>(sample.resident) / kMiB,
      static_cast<double>(sample.heap) / kMiB, static_cast<unsigned long long>(sample.descriptors),
      static_cast<unsigned long long>(sample.threads), static_cast<double>(sample.catalog) / kMiB,
      static_cast<unsigned long long>(sample.versions), static_cast<double>(sample.log) / kMiB,
      static_cast<double>(sample.state) / kMiB, static_cast<double>(sample.cache) / kMiB);
  std::fflush(stdout);
}

// True: all of it is flat.
bool judge(const std::vector<SoakSample>& samples) {
  bool flat = true;
  std::printf(
      "\n| second half | mean | growth in 48 hours, by least squares | |\n"
      "|---|---|---|---|\n");
  for (const Judged& judged : kJudged) {
    const bench::Trend trend = bench::trend_of(samples, judged.quantity);
    const double mean = trend.mean / judged.unit, growth = trend.per_48_hours / judged.unit;
    const bool ok = growth <= std::max(judged.slack, mean / 20);
    flat = flat && ok;
    std::printf("| %s | %.2f | %+.2f | %s |\n", judged.what, mean, growth,
                ok ? "flat" : "not flat");
  }
  const std::size_t half = samples.size() / 2;
  const double before = bench::bytes_per_version(samples, half / 2, half + 1);
  const double after = bench::bytes_per_version(samples, half, samples.size());
  const bool ok = after <= before * 1.1;
  std::printf(
      "| catalog, bytes for each new version, jobs and bundles included | %.0f before the "
      "middle | %.0f behind it | %s |\n",
      before, after, ok ? "flat" : "not flat");
  return flat && ok;
}

bool run(const char* work, double hours) {
  bench::Soak soak(work);
  std::vector<SoakSample> samples{soak.sample()};
  while (samples.back().hours < hours) {
    soak.quarter();
    const SoakSample sample = soak.sample();
    if (soak.rounds() % 4 == 0) {
      show(sample);
    }
    samples.push_back(sample);
  }
  const bench::Soak::Done& done = soak.done();
  std::printf(
      "\nsimulated: %.1f hours, %llu backups, %llu flushes, %llu entries listed, %llu files "
      "recalled, %llu copies verified, %llu cartridges, %zu problems\n",
      samples.back().hours, static_cast<unsigned long long>(done.backups),
      static_cast<unsigned long long>(done.flushes), static_cast<unsigned long long>(done.listed),
      static_cast<unsigned long long>(done.recalled),
      static_cast<unsigned long long>(done.verified), static_cast<unsigned long long>(done.media),
      soak.problems().size());
  for (const std::string& problem : soak.problems()) {
    std::printf("  %s\n", problem.c_str());
  }
  return judge(samples) && soak.problems().empty();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: soak WORK [HOURS]\n", stderr);
    return 2;
  }
  try {
    return run(argv[1], argc > 2 ? std::atof(argv[2]) : 48) ? 0 : 1;
  } catch (const mixtape::Error& error) {
    std::fprintf(stderr, "soak: %s\n", error.what());
    return 1;
  }
}
