// SPDX-License-Identifier: Apache-2.0
// The part of the worker that knows where media are: which copy to read, what is loaded.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "engine/recall/fetch_extent.h"
#include "engine/recall/recall_worker.h"
#include "tapeio/error.h"

namespace mixtape::recall {

namespace {

// A cartridge that turned out to be another one is not loaded again and again to see whether it
// still is.
constexpr std::chrono::minutes kTryWrongAgain{1};

}  // namespace

bool RecallWorker::present(const std::string& medium_label) {
  if (reader_ && loaded_ == medium_label) {
    return true;
  }
  if (const auto known = present_.find(medium_label); known != present_.end()) {
    return known->second;
  }
  bool& is_here = present_[medium_label] = false;
  if (const auto wrong = wrong_until_.find(medium_label); wrong != wrong_until_.end()) {
    if (Clock::now() < wrong->second) {
      return false;
    }
    wrong_until_.erase(wrong);
  }
  try {
    is_here = outside_.find_medium(medium_label).has_value();
  } catch (const Error& error) {
    // Who could not look cannot say that it is away: loading it tells.
    is_here = error.code() == ErrorCode::exhausted;
    spdlog::warn("recall: look for medium {}: {}", medium_label, error.what());
  }
  return is_here;
}

void RecallWorker::place(RequestId id) {
  Job& job = jobs_.at(id);
  const auto on_loaded = [&](const Extent& copy) {
    return reader_ && copy.archive.medium_label == loaded_;
  };
  const auto here = [&](const Extent& copy) { return present(copy.archive.medium_label); };
  const auto ready = [&](const Extent& copy) {
    return here(copy) && !busy_.contains(copy.archive.medium_label);
  };
  auto chosen = std::find_if(job.copies.begin(), job.copies.end(), on_loaded);
  if (chosen == job.copies.end()) {
    chosen = std::find_if(job.copies.begin(), job.copies.end(), ready);
  }
  if (chosen == job.copies.end()) {
    chosen = std::find_if(job.copies.begin(), job.copies.end(), here);
  }
  if (chosen != job.copies.end()) {
    job.absent_since.reset();
    asked_for_.erase(chosen->archive.medium_label);
  } else {
    chosen = job.copies.begin();
    const std::string& label = chosen->archive.medium_label;
    const Clock::time_point now = Clock::now();
    job.absent_since = job.absent_since.value_or(now);
    if (asked_for_.insert(label).second) {
      try {
        outside_.ask_for(label);
      } catch (const Error& error) {
        spdlog::warn("recall: ask for medium {}: {}", label, error.what());
      }
    }
    if (now - *job.absent_since >= options_.wait_for_medium) {
      const auto why = why_away_.find(label);
      fail(id, std::make_exception_ptr(
                   why == why_away_.end()
                       ? Error(ErrorCode::no_medium, "recall: medium " + label + " is not there")
                       : why->second));
      return;
    }
  }
  job.chosen = static_cast<std::size_t>(chosen - job.copies.begin());
  const Place found{chosen->archive.medium_label, spot_of(*chosen)};
  queue_.put(id, found);
  room_.set_place(id, found, !job.absent_since);
  join_sweep(id);
}

void RecallWorker::join_sweep(RequestId id) {
  const auto known = jobs_.find(id);
  if (!sweep_ || known == jobs_.end()) {
    return;
  }
  const Job& job = known->second;
  const Extent& copy = job.copies[job.chosen];
  if (copy.archive.medium_label == loaded_) {
    sweep_->put(id, read_of(copy));
  } else {
    sweep_->remove(id);
  }
}

void RecallWorker::begin_sweep(const Archive& archive) {
  const TapeModel& tape = reader_->tape(archive);
  if (!tape.knows_wraps()) {
    return;
  }
  sweep_ = std::make_unique<TapeSweep>(loaded_, tape, reader_->access_order(),
                                       [this](RequestId id) { return room_.waiting(id); });
  for (const auto& [id, job] : jobs_) {
    join_sweep(id);
  }
}

void RecallWorker::look_for_media() {
  const Clock::time_point now = Clock::now();
  if (now < next_look_) {
    return;
  }
  next_look_ = now + options_.poll;
  present_.clear();
  busy_.clear();
  why_away_.clear();
  std::vector<RequestId> waiting;
  for (const auto& [id, job] : jobs_) {
    if (job.absent_since || !present(job.copies[job.chosen].archive.medium_label)) {
      waiting.push_back(id);
    }
  }
  for (const RequestId id : waiting) {
    if (room_.wanted(id) || !room_.retire(id)) {
      place(id);
    } else {
      forget(id);
    }
  }
  if (waiting.empty()) {
    asked_for_.clear();
  }
}

std::optional<Place> RecallWorker::head() const {
  if (!reader_) {
    return std::nullopt;
  }
  return Place{loaded_, reader_->at()};
}

bool RecallWorker::reaches(RequestId id) {
  const Job& job = jobs_.at(id);
  const Extent& copy = job.copies[job.chosen];
  return reader_ && loaded_ == copy.archive.medium_label && reader_->reaches(copy);
}

bool RecallWorker::load(RequestId id, const std::string& medium_label) {
  unload();
  try {
    if (const auto placed = outside_.find_medium(medium_label)) {
      reader_ = std::make_unique<ArchiveReader>(
          placed->load(tapeio::Library::Access::read, watch_load()), identities_);
      loaded_ = medium_label;
      waited_for_drive_.erase(medium_label);
      fresh_ = true;
      return true;
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::busy) {
      // It is here, and its turn comes: the request stays where it is.
      if (waited_for_drive_.insert(medium_label).second) {
        spdlog::info("recall: medium {} waits: {}", medium_label, error.what());
      }
      busy_.insert(medium_label);
      place(id);  // Another copy may be within reach.
      return false;
    }
    spdlog::warn("recall: load medium {}: {}", medium_label, error.what());
    if (error.code() == ErrorCode::wrong_medium) {
      wrong_until_[medium_label] = Clock::now() + kTryWrongAgain;
    }
    if (error.code() == ErrorCode::exhausted) {
      throw;
    }
    // Whoever reads did not name the medium: that it is gone is no "no such file" to him.
    const bool is_gone = error.code() == ErrorCode::not_found;
    why_away_.insert_or_assign(medium_label,
                               Error(is_gone ? ErrorCode::no_medium : error.code(), error.what()));
  }
  present_[medium_label] = false;
  place(id);
  return false;
}

// A drive may take hours to get ready, a mount that ends does not.
tapeio::LoadWatch RecallWorker::watch_load() {
  return {.tell = [this, is_told = false](const tapeio::LoadWait& wait) mutable {
    if (room_.closed()) {
      throw Error(ErrorCode::cancelled, wait.what + ": stopped");
    }
    if (!std::exchange(is_told, true)) {
      spdlog::info("recall: {}", wait.what);
    }
  }};
}

void RecallWorker::unload() {
  if (sweep_) {
    room_.set_plan({});
    sweep_.reset();
  }
  reader_.reset();
  loaded_.clear();
}

}  // namespace mixtape::recall
