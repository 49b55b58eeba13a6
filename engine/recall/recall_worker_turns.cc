// SPDX-License-Identifier: Apache-2.0
// The part of the worker that shares drives with jobs.

#include <spdlog/spdlog.h>

#include <algorithm>

#include "engine/recall/recall_worker.h"
#include "tapeio/error.h"

namespace mixtape::recall {

namespace {

using tapeio::DriveTurns;

// A job looks each second whether there is a drive.
constexpr std::chrono::seconds kLetIn{5};

}  // namespace

bool RecallWorker::hands_over() const {
  if (lender_ == nullptr || Clock::now() - handed_over_at_ < options_.hand_over_after + kLetIn) {
    return false;
  }
  const auto waited = lender_->turns().waited(DriveTurns::Who::job);
  return waited && *waited >= options_.hand_over_after;
}

void RecallWorker::hand_over() {
  spdlog::info("recall: a job waits for a drive; it gets the one that read from medium {}",
               loaded_);
  handed_over_at_ = Clock::now();
  handed_over_to_ = lender_;
  unload();
}

RecallWorker::Clock::time_point RecallWorker::rests_until() const {
  const Clock::time_point idle = last_served_ + options_.hold;
  if (jobs_.empty() && lender_->turns().waited(DriveTurns::Who::job)) {
    return idle;
  }
  // Whoever reads on soon finds the head of a tape where he left it.
  const auto worth = std::chrono::ceil<Clock::duration>(sweep_ ? mount_worth() : Seconds(0));
  return std::max({idle, last_served_ + worth, kept_until()});
}

void RecallWorker::give_back() {
  if (lender_ != nullptr && lender_->turns().waited(DriveTurns::Who::job)) {
    hand_over();
    return;
  }
  try {
    if (sweep_) {
      reader_->rewind();  // So much less the next one has to wait for, whichever tape he wants.
    }
  } catch (const Error& error) {
    spdlog::warn("recall: rewind medium {}: {}", loaded_, error.what());
  }
  unload();
}

void RecallWorker::let_jobs_in(tapeio::Library& library) const {
  if (handed_over_to_ == &library && Clock::now() - handed_over_at_ < kLetIn &&
      library.turns().waited(DriveTurns::Who::job)) {
    throw Error(ErrorCode::busy, "a drive of " + library.url() + " was given back for a job");
  }
}

void RecallWorker::wait_for_turn(tapeio::Library& library) {
  if (!turns_.contains(&library)) {
    turns_.emplace(&library, library.turns().wait(DriveTurns::Who::reader));
  }
  end_waits();
}

void RecallWorker::end_waits() {
  if (turns_.empty()) {
    kept_from_.clear();
    return;
  }
  std::set<tapeio::Library*> waited_for;
  for (const auto& [id, job] : jobs_) {
    const Want want = want_of(id, job);
    if (!want.parked && !is_due(want.waited, options_.patience_of_queued)) {
      continue;
    }
    // Who is kept from where he was put takes whichever drive comes first.
    const bool is_kept = kept_from_.contains(job.copies[job.chosen].archive.medium_label);
    for (std::size_t copy = 0; copy < job.copies.size(); ++copy) {
      const auto found = lies_in_.find(job.copies[copy].archive.medium_label);
      if (found != lies_in_.end() && (is_kept || copy == job.chosen)) {
        waited_for.insert(found->second);
      }
    }
  }
  std::erase_if(turns_, [&](const auto& each) { return !waited_for.contains(each.first); });
}

}  // namespace mixtape::recall
