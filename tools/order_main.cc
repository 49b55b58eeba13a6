// SPDX-License-Identifier: Apache-2.0
// mixtape-order: in which order to read what is wanted from one tape, by a model of the drive.

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>

#include "engine/order/batch_text.h"
#include "engine/order/plan.h"
#include "tapeio/bytes.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/unique_fd.h"
#include "tools/usage.h"

namespace {

using namespace mixtape;
using Clock = std::chrono::steady_clock;

// What starting and ending the process takes of a budget, the scheduler's delays included, at most
// that part of it; and what a line of output does.
constexpr double kProcessSeconds = 0.012;
constexpr double kDelayShare = 0.01;
constexpr double kProcessShare = 0.3;
constexpr double kLineSeconds = 1e-6;
// Without a budget: so much of what carrying the order out will take, at most so long.
constexpr double kDefaultShare = 0.01;
constexpr double kDefaultSeconds = 1;
constexpr double kDefaultSecondsPerRequest = 0.001;

struct Options {
  std::string file, model = "contest", objective = "makespan";
  double budget = 0;  // 0: not given.
  double turn = 0;
  std::uint64_t seed = 1;
  std::uint64_t kicks = UINT64_MAX;
};

std::string read_text(const std::string& file) {
  if (file != "-") {
    return std::string(as_text(tapeio::read_file(file, order::kLongestBatchText)));
  }
  std::string text(order::kLongestBatchText + 1, '\0');
  const std::size_t got =
      tapeio::read_full(STDIN_FILENO, std::as_writable_bytes(std::span(text)), "standard input");
  if (got > order::kLongestBatchText) {
    throw Error(ErrorCode::invalid, "read requests: more than 16 MiB on standard input");
  }
  text.resize(got);
  return text;
}

order::Effort effort_of(const Options& options, const order::Model& model,
                        const order::Batch& batch, Clock::time_point started) {
  const double taken = std::chrono::duration<double>(Clock::now() - started).count();
  double budget = options.budget;
  if (budget == 0) {
    const auto plain = order::order_by_nearest_locate(model, batch);
    const order::Costs costs = order::judge(model, batch, plain);
    const double most =
        kDefaultSeconds + kDefaultSecondsPerRequest * static_cast<double>(batch.requests.size());
    budget = std::min(most, kDefaultShare * (costs.locate_s + costs.read_s));
  }
  const double reserved = std::min(kProcessSeconds + kDelayShare * budget, kProcessShare * budget) +
                          kLineSeconds * static_cast<double>(batch.requests.size());
  return {.seconds = std::max(0.0, budget - taken - reserved),
          .seed = options.seed,
          .kicks = options.kicks};
}

void run(const Options& options, Clock::time_point started) {
  const order::Objective objective =
      options.objective == "makespan" ? order::Objective::makespan : order::Objective::response;
  if (std::isnan(options.budget) || std::isnan(options.turn)) {  // Which pass any range.
    throw Error(ErrorCode::invalid, "--budget and --turn must be numbers");
  }
  const order::Model model = order::model_named(options.model, options.turn);
  const order::Batch batch = order::parse_batch(read_text(options.file));
  order::check(model, batch);
  const order::Plan plan =
      order::plan(model, batch, objective, effort_of(options, model, batch, started));
  std::string ids;
  for (const std::size_t index : plan.order) {
    ids += std::to_string(batch.requests[index].id) + "\n";
  }
  std::fputs(ids.c_str(), stdout);
  if (std::fflush(stdout) != 0) {
    throw_errno("write the order to standard output");
  }
  const double cost = order::of_objective(plan.costs, objective);
  const char* unit = objective == order::Objective::makespan ? "s of locates" : "s of waiting";
  std::fprintf(stderr, "cost: %.6f %s\n", cost, unit);
  std::fprintf(stderr, "bound: %.6f %s%s\n", plan.bound, unit,
               plan.exact ? ", the best order" : "");
  std::fprintf(stderr, "reads: %.6f s\n", plan.costs.read_s);
  const double taken = std::chrono::duration<double>(Clock::now() - started).count();
  std::fprintf(stderr, "time: %.3f s, %llu kicks\n", taken,
               static_cast<unsigned long long>(plan.kicks));
}

}  // namespace

int main(int argc, char** argv) {
  const Clock::time_point started = Clock::now();
  CLI::App app("mixtape-order prints in which order to read requests from one tape.",
               "mixtape-order");
  Options options;
  app.set_version_flag("--version", "mixtape-order " MIXTAPE_VERSION);
  app.add_option("FILE", options.file, "Head and requests; - is standard input")->required();
  app.add_option("--model", options.model, "contest, cta, linear, lto5 to lto10")
      ->capture_default_str();
  app.add_option("--objective", options.objective, "makespan or response")
      ->check(tools::one_of({"makespan", "response"}))
      ->capture_default_str();
  app.add_option("--budget", options.budget, "Seconds that it may take, all in all")
      ->check(tools::number_between(0.001, 86'400, "seconds"));
  app.add_option("--seed", options.seed, "Of what is left to chance")->capture_default_str();
  app.add_option("--kicks", options.kicks, "Perturbations at most, for the same order each time");
  app.add_option("--turn", options.turn, "Linear model: seconds for each change of direction")
      ->check(tools::number_between(0, 1e6, "seconds"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& asked) {
    return app.exit(asked);
  } catch (const CLI::CallForVersion& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "mixtape-order: %s; `mixtape-order --help` says more\n",
                 tools::wrong_line(app, wrong).c_str());
    return 2;
  }
  try {
    run(options, started);
    return 0;
  } catch (const Error& failure) {
    std::fprintf(stderr, "mixtape-order: %s\n", failure.what());
    return failure.code() == ErrorCode::invalid ? 2 : 1;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "mixtape-order: not enough memory\n");
    return 1;
  }
}
