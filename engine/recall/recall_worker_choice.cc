// SPDX-License-Identifier: Apache-2.0
// The part of the worker that decides what is read next from tapes: which one is mounted, who is
// read from it while it is in the drive, and how long it stays.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "engine/recall/recall_worker.h"
#include "tapeio/error.h"

namespace mixtape::recall {

std::set<std::string> RecallWorker::media_for(const Job& job) {
  const std::string& chosen = job.copies[job.chosen].archive.medium_label;
  if (job.done > 0 || !moves(chosen)) {
    return ready(chosen) ? std::set{chosen} : std::set<std::string>{};
  }
  std::set<std::string> labels;
  for (const Extent& copy : job.copies) {
    if (ready(copy.archive.medium_label)) {
      labels.insert(copy.archive.medium_label);
    }
  }
  return labels;
}

Want RecallWorker::want_of(RequestId id, const Job& job) {
  return {.user = job.asker.uid,
          .reader = job.asker.thread,
          .parked = room_.waiting(id) > 0,
          .bytes = job.content.size,
          .waited = Clock::now() - job.since};
}

std::vector<MediumWork> RecallWorker::media_work() {
  std::vector<std::pair<const Job*, Want>> wanted;
  shares_ = {};
  for (const auto& [id, job] : jobs_) {
    wanted.emplace_back(&job, want_of(id, job));
    shares_.count(wanted.back().second);
  }
  const Bounds bounds{.interactive = options_.patience, .bulk = options_.patience_of_queued};
  const Seconds now = Clock::now().time_since_epoch();
  std::map<std::string, MediumWork> by_label;
  for (const auto& [job, want] : wanted) {
    const std::set<std::string> media = media_for(*job);
    const std::string& choice = reader_ && media.contains(loaded_)
                                    ? loaded_
                                    : job->copies[job->chosen].archive.medium_label;
    for (const std::string& label : media) {
      MediumWork& work = by_label[label];
      work.moves = moves(label);
      add(work, want, shares_, last_served_for_.neglected(want, now), bounds, label == choice);
    }
  }
  std::vector<MediumWork> works;
  for (auto& [label, work] : by_label) {
    work.label = label;
    work.loaded = reader_ && loaded_ == label;
    works.push_back(std::move(work));
  }
  find_due(works, mount_worth());
  is_due_elsewhere_ = is_due_elsewhere(works);
  return works;
}

Sweep RecallWorker::sweep_now(bool is_over) const {
  if (!sweep_) {
    return {};
  }
  const Clock::time_point now = Clock::now();
  // Who waits for another tape does not read on from this one.
  const bool may_read_on = !shares_.is_waiting(last_reader_);
  return {.is_over = is_over,
          .left = std::max(Clock::duration::zero(), plan_ends_ - now),
          .since_mount = now - loaded_at_,
          .since_served = now - last_served_,
          .mount_worth = mount_worth(),
          .is_read_on = is_read_on_ && may_read_on,
          .was_waited_for = was_waited_for_ && may_read_on};
}

std::optional<RequestId> RecallWorker::next_request() {
  std::optional<RequestId> planned;
  if (sweep_) {
    planned = next_in_sweep();
    if (planned && Clock::now() < next_choice_) {
      return planned;
    }
    next_choice_ = Clock::now() + options_.poll;
  } else if (const auto at = head()) {
    if (const auto ahead = queue_.ahead(*at)) {
      return ahead;
    }
  }
  const bool was_due_elsewhere = is_due_elsewhere_;
  const std::vector<MediumWork> works = media_work();
  if (was_due_elsewhere && !is_due_elsewhere_) {
    join_late();
  }
  const Step step = next_step(works, sweep_now(!planned));
  kept_until_ = {};
  switch (step.kind) {
    case Step::Kind::wait:
      return std::nullopt;
    case Step::Kind::go_on:
      return planned;
    case Step::Kind::keep:
      kept_until_ = Clock::now() + std::chrono::ceil<std::chrono::milliseconds>(step.keep);
      return std::nullopt;
    case Step::Kind::begin:
      break;
  }
  const std::string& label = works[step.medium].label;
  if (sweep_ && label == loaded_) {
    begin_sweep();  // With those that came too late for the last one.
    return next_in_sweep();
  }
  draw_to(label);
  return queue_.front(label);
}

std::size_t RecallWorker::weight_of(RequestId id) {
  const auto known = jobs_.find(id);
  const std::size_t waiting = room_.waiting(id);
  const bool is_interactive =
      known != jobs_.end() && shares_.is_interactive(want_of(id, known->second));
  return is_interactive ? kInteractiveWeight * waiting : waiting;
}

std::optional<RequestId> RecallWorker::next_in_sweep() {
  const auto next = sweep_->next(reader_->block());
  if (const auto plan = sweep_->take_plan()) {
    plan_ends_ = plan->empty() ? Clock::now() : plan->back().done;
    room_.set_plan(*plan);
  }
  return next;
}

void RecallWorker::draw_to(const std::string& medium_label) {
  for (auto& [id, job] : jobs_) {
    if (job.copies[job.chosen].archive.medium_label == medium_label ||
        !media_for(job).contains(medium_label)) {
      continue;
    }
    const auto copy = std::find_if(job.copies.begin(), job.copies.end(), [&](const Extent& each) {
      return each.archive.medium_label == medium_label;
    });
    job.absent_since.reset();
    stay_away_.erase(id);
    choose(id, static_cast<std::size_t>(copy - job.copies.begin()));
  }
}

void RecallWorker::join_sweep(RequestId id) {
  const auto known = jobs_.find(id);
  if (!sweep_ || known == jobs_.end()) {
    return;
  }
  const Job& job = known->second;
  if (job.copies[job.chosen].archive.medium_label != loaded_) {
    sweep_->remove(id);
  } else if (!is_due_elsewhere_) {
    is_read_on_ = is_read_on_ || room_.waiting(id) > 0;
    put_into_sweep(id);
  }
}

void RecallWorker::join_late() {
  for (const auto& [id, job] : jobs_) {
    if (sweep_ && !sweep_->has(id)) {
      join_sweep(id);
    }
  }
}

void RecallWorker::put_into_sweep(RequestId id) {
  const Job& job = jobs_.at(id);
  const Extent& copy = job.copies[job.chosen];
  if (copy.archive.medium_label == loaded_) {
    sweep_->put(id, read_of(copy));
  }
}

void RecallWorker::begin_sweep() {
  is_read_on_ = false;
  for (const auto& [id, job] : jobs_) {
    put_into_sweep(id);
  }
}

void RecallWorker::learn(TapeModel& tape) const {
  if (!outside_.known_locates || tape.drive().name.empty()) {
    return;
  }
  try {
    tape.learn(order::fit_locates(outside_.known_locates(tape.drive())));
  } catch (const Error& error) {
    spdlog::warn("recall: ask how long {} takes for locates: {}", tape.drive().name, error.what());
  }
}

void RecallWorker::tell_located() const {
  if (!reader_) {
    return;
  }
  std::vector<order::LocateSample> located = reader_->take_located();
  if (located.empty() || drive_.name.empty()) {
    return;
  }
  double predicted_s = 0;
  double actual_s = 0;
  for (const order::LocateSample& sample : located) {
    predicted_s += sample.predicted_s;
    actual_s += sample.actual_s;
  }
  spdlog::info("recall: {} took {:.0f} s for {} locates, {:.0f} s by the published model",
               drive_.name, actual_s, located.size(), predicted_s);
  if (outside_.located) {
    try {
      outside_.located(drive_, std::move(located));
    } catch (const Error& error) {
      spdlog::warn("recall: note how long locates took: {}", error.what());
    }
  }
}

Seconds RecallWorker::mount_worth() const {
  return options_.mount_worth ? Seconds(*options_.mount_worth) : Seconds(load_took_);
}

RecallWorker::Clock::time_point RecallWorker::kept_until() const {
  if (!sweep_ || !is_read_on_) {
    return kept_until_;
  }
  return std::max(kept_until_,
                  last_served_ + std::chrono::ceil<std::chrono::milliseconds>(mount_worth()));
}

void RecallWorker::gather(RequestId next) {
  const Clock::time_point now = Clock::now();
  const Job& job = jobs_.at(next);
  const std::string& label = job.copies[job.chosen].archive.medium_label;
  if (moves(label) && (!reader_ || loaded_ != label)) {
    room_.gather_while_they_come(options_.gather_for_mount, now + options_.most_gather_for_mount);
  } else {
    room_.gather_until(now + options_.gather);
  }
}

}  // namespace mixtape::recall
