// SPDX-License-Identifier: Apache-2.0
// What the recall worker does, on the simulation's clock: its policy, its gathering, its sweeps.

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <utility>

#include "engine/recall/medium_stay.h"
#include "engine/recall/read_order.h"
#include "engine/recall/recall.h"
#include "tests/bench/library_policies.h"

namespace mixtape::bench {
namespace {

using recall::Seconds;

// So that the same trace gives the same orders on every machine.
constexpr double kEnoughSeconds = 600;
constexpr std::uint64_t kKicks = 200;
constexpr std::size_t kKickedRequests = 300;
constexpr double kLookAgainSeconds = 1;
// As the worker rounds it.
constexpr double kLeastWait = 0.001;

class Ours final : public Policy {
 public:
  Action next(const Library& library, std::size_t number) override;
  void asked(const Library& library, std::size_t request) override;
  void done(const Library& library, std::size_t request, std::size_t drive) override;

 private:
  // Of a drive.
  struct Plan {
    std::deque<std::size_t> order;
    std::set<std::size_t> late;
    double ends_s = 0;
    double looked_s = -kNever;
    bool is_read_on = false, was_waited_for = false, is_due_elsewhere = false;
    std::uint32_t last_reader = 0;
    double gathers_from_s = kNever;  // While it has nothing to do: never.
  };
  struct Works {
    std::vector<recall::MediumWork> works;
    std::vector<std::uint32_t> tapes;
  };

  [[nodiscard]] static recall::Want want_of(const Library& library, std::size_t request);
  [[nodiscard]] static recall::FairShare shares_of(const Library& library);
  [[nodiscard]] Works works_for(const Library& library, std::size_t drive) const;
  void begin(const Library& library, std::size_t drive);
  static void join_late(const Library& library, Plan& plan, std::uint32_t tape);
  void plan(const Library& library, std::size_t drive);
  static void put_in_order(const Library& library, const std::vector<std::size_t>& requests,
                           std::size_t known, order::Objective objective, order::Head& head,
                           Plan& plan);
  [[nodiscard]] Action read_next(Plan& plan) const;
  [[nodiscard]] Action step(const Library& library, std::size_t number);
  [[nodiscard]] Action rest(const Library& library, const Drive& drive) const;
  // Until when others may join before a tape is moved.
  [[nodiscard]] double gathers_until(const Plan& plan) const;

  std::vector<Plan> plans_;
  recall::LastServed last_served_;
  recall::Options options_;
  double last_asked_s_ = -kNever;
};

recall::Want Ours::want_of(const Library& library, std::size_t request) {
  const Request& wanted = library.trace().requests[request];
  return {.user = wanted.user,
          .reader = wanted.user,
          .parked = wanted.parked,
          .bytes = wanted.blocks * MiB,
          .waited = Seconds(library.now() - library.asked_s(request))};
}

recall::FairShare Ours::shares_of(const Library& library) {
  recall::FairShare shares;
  for (const auto& waiting : library.waiting()) {
    for (const std::size_t request : waiting) {
      shares.count(want_of(library, request));
    }
  }
  return shares;
}

Ours::Works Ours::works_for(const Library& library, std::size_t drive) const {
  const recall::FairShare shares = shares_of(library);
  Works found;
  for (std::uint32_t tape = 0; tape < library.waiting().size(); ++tape) {
    if (library.waiting()[tape].empty() || library.is_taken(tape, drive)) {
      continue;
    }
    recall::MediumWork work;
    work.moves = true;
    work.loaded = library.drive(drive).tape == tape;
    for (const std::size_t request : library.waiting()[tape]) {
      const recall::Want want = want_of(library, request);
      add(work, want, shares, last_served_.neglected(want, Seconds(library.now())), {});
    }
    found.works.push_back(work);
    found.tapes.push_back(tape);
  }
  find_due(found.works, Seconds(library.drive(drive).mount_took), library.drives());
  return found;
}

void Ours::asked(const Library& library, std::size_t request) {
  plans_.resize(library.drives());
  last_asked_s_ = library.now();
  for (std::size_t number = 0; number < plans_.size(); ++number) {
    Plan& plan = plans_[number];
    const Request& wanted = library.trace().requests[request];
    const bool is_at_work = !plan.order.empty() || library.drive(number).free_at > library.now();
    if (library.drive(number).tape != wanted.tape || !is_at_work || plan.is_due_elsewhere) {
      continue;
    }
    plan.late.insert(request);
    plan.is_read_on = plan.is_read_on || wanted.parked;
  }
}

// Those who had to stay out while something was due.
void Ours::join_late(const Library& library, Plan& plan, std::uint32_t tape) {
  const std::set<std::size_t> planned(plan.order.begin(), plan.order.end());
  for (const std::size_t request : library.waiting()[tape]) {
    if (!planned.contains(request)) {
      plan.late.insert(request);
      plan.is_read_on = plan.is_read_on || library.trace().requests[request].parked;
    }
  }
}

void Ours::done(const Library& library, std::size_t request, std::size_t drive) {
  const recall::Want want = want_of(library, request);
  last_served_.served(want, Seconds(library.now()));
  plans_[drive].was_waited_for = want.parked;
  plans_[drive].last_reader = want.reader;
}

void Ours::begin(const Library& library, std::size_t drive) {
  Plan& plan = plans_[drive];
  plan.is_read_on = false;
  plan.order.clear();
  plan.late = library.waiting()[*library.drive(drive).tape];
}

// First what somebody waits for, so that all wait the least, then the rest, so that the tape is
// soon through with it: as kInteractiveWeight has it in one order, which takes longer to find.
void Ours::plan(const Library& library, std::size_t drive) {
  Plan& plan = plans_[drive];
  const recall::FairShare shares = shares_of(library);
  std::vector<std::size_t> waited_for, rest;
  const auto sort_out = [&](std::size_t request) {
    const bool is_waited_for = shares.is_interactive(want_of(library, request));
    (is_waited_for ? waited_for : rest).push_back(request);
  };
  std::for_each(plan.order.begin(), plan.order.end(), sort_out);
  const std::size_t known = rest.size();
  std::for_each(plan.late.begin(), plan.late.end(), sort_out);
  plan.late.clear();
  plan.order.clear();
  plan.ends_s = library.now();
  order::Head head = library.drive(drive).head;
  put_in_order(library, waited_for, 0, order::Objective::response, head, plan);
  put_in_order(library, rest, known, order::Objective::makespan, head, plan);
}

void Ours::put_in_order(const Library& library, const std::vector<std::size_t>& requests,
                        std::size_t known, order::Objective objective, order::Head& head,
                        Plan& plan) {
  if (requests.empty()) {
    return;
  }
  std::vector<recall::TapeRead> reads;
  for (const std::size_t request : requests) {
    const Request& wanted = library.trace().requests[request];
    reads.push_back(
        {.begin = {.block = wanted.block, .offset = 0}, .end_block = wanted.block + wanted.blocks});
  }
  std::vector<std::size_t> in_order(known);
  std::iota(in_order.begin(), in_order.end(), 0);
  const std::uint64_t kicks = requests.size() <= kKickedRequests ? kKicks : 0;
  const recall::ReadOrder found =
      recall::order_reads(library.tape_model(), head, reads,
                          {.objective = objective,
                           .effort = {.seconds = kEnoughSeconds, .kicks = kicks},
                           .known = in_order});
  for (const std::size_t read : found.order) {
    plan.order.push_back(requests[read]);
  }
  plan.ends_s += found.done_s.back();
  head = {.place = library.tape_model().at(reads[found.order.back()].end_block), .moving = true};
}

Action Ours::read_next(Plan& plan) const {
  const std::size_t request = plan.order.front();
  plan.order.pop_front();
  return {.kind = Action::Kind::read, .request = request};
}

double Ours::gathers_until(const Plan& plan) const {
  const Seconds quiet = options_.gather_for_mount;
  const Seconds most = options_.most_gather_for_mount;
  return std::min(plan.gathers_from_s + most.count(),
                  std::max(plan.gathers_from_s, last_asked_s_) + quiet.count());
}

Action Ours::next(const Library& library, std::size_t number) {
  plans_.resize(library.drives());
  Plan& plan = plans_[number];
  if (plan.order.empty() && plan.late.empty() && library.drive(number).tape &&
      library.drive(number).mounted_at >= library.now()) {
    begin(library, number);
  }
  if (!plan.late.empty()) {
    this->plan(library, number);
  }
  if (!plan.order.empty() && library.now() < plan.looked_s + kLookAgainSeconds) {
    return read_next(plan);
  }
  plan.looked_s = library.now();
  return step(library, number);
}

// Nobody wants anything that this drive could read.
Action Ours::rest(const Library& library, const Drive& drive) const {
  if (drive.is_rewound) {
    return {};
  }
  const double kept_s = std::max(Seconds(options_.hold).count(), drive.mount_took);
  const double until_s = drive.head_since + kept_s;
  return until_s > library.now() ? Action{.kind = Action::Kind::wait, .until_s = until_s}
                                 : Action{.kind = Action::Kind::rewind};
}

Action Ours::step(const Library& library, std::size_t number) {
  Plan& plan = plans_[number];
  const Drive& drive = library.drive(number);
  const Works works = works_for(library, number);
  const bool was_due = std::exchange(plan.is_due_elsewhere, is_due_elsewhere(works.works));
  if (was_due && !plan.is_due_elsewhere && !plan.order.empty()) {
    join_late(library, plan, *drive.tape);
  }
  const bool reads_on = !shares_of(library).is_waiting(plan.last_reader);
  const recall::Step step =
      recall::next_step(works.works, {.is_over = plan.order.empty(),
                                      .left = Seconds(std::max(0.0, plan.ends_s - library.now())),
                                      .since_mount = Seconds(library.now() - drive.mounted_at),
                                      .since_served = Seconds(library.now() - drive.head_since),
                                      .mount_worth = Seconds(drive.mount_took),
                                      .is_read_on = plan.is_read_on && reads_on,
                                      .was_waited_for = plan.was_waited_for && reads_on});
  switch (step.kind) {
    case recall::Step::Kind::go_on:
      return read_next(plan);
    case recall::Step::Kind::keep:
      return {.kind = Action::Kind::wait,
              .until_s = library.now() + std::max(kLeastWait, step.keep.count())};
    case recall::Step::Kind::wait:
      plan.gathers_from_s = kNever;
      return rest(library, drive);
    case recall::Step::Kind::begin:
      break;
  }
  const std::uint32_t tape = works.tapes[step.medium];
  if (drive.tape == tape) {
    begin(library, number);
    this->plan(library, number);
    return read_next(plan);
  }
  if (drive.head_since < library.now() && plan.order.empty()) {
    // It was idle.
    if (plan.gathers_from_s == kNever) {
      plan.gathers_from_s = library.now();
    }
    if (const double until_s = gathers_until(plan); until_s > library.now()) {
      return {.kind = Action::Kind::wait, .until_s = until_s};
    }
  }
  plan.gathers_from_s = kNever;
  plan.order.clear();
  return {.kind = Action::Kind::mount, .tape = tape};
}

}  // namespace

std::unique_ptr<Policy> make_ours() {
  return std::make_unique<Ours>();
}

}  // namespace mixtape::bench
