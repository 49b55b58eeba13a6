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

// What was read of a content and found damaged is not merely away.
Error also_damaged(const std::exception_ptr& damage, const Error& away) {
  try {
    std::rethrow_exception(damage);
  } catch (const Error& error) {
    return {ErrorCode::corrupt, std::string(error.what()) + "; of another copy: " + away.what()};
  }
}

}  // namespace

bool RecallWorker::present(const std::string& medium_label) {
  if (reader_ && loaded_ == medium_label) {
    return true;
  }
  if (const auto known = present_.find(medium_label); known != present_.end()) {
    return known->second;
  }
  bool& is_here = present_[medium_label] = false;
  lies_in_.erase(medium_label);
  if (const auto wrong = wrong_until_.find(medium_label); wrong != wrong_until_.end()) {
    if (Clock::now() < wrong->second) {
      return false;
    }
    wrong_until_.erase(wrong);
  }
  try {
    const auto placed = outside_.find_medium(medium_label);
    is_here = placed.has_value();
    if (placed) {
      lies_in_[medium_label] = placed->library;
    }
    if (placed && placed->library->mover() != nullptr) {
      moving_.insert(medium_label);
    } else {
      moving_.erase(medium_label);
    }
  } catch (const Error& error) {
    // Who could not look cannot say that it is away: loading it tells.
    is_here = error.code() == ErrorCode::exhausted;
    spdlog::warn("recall: look for medium {}: {}", medium_label, error.what());
  }
  return is_here;
}

bool RecallWorker::ready(const std::string& medium_label) {
  return present(medium_label) && !busy_.contains(medium_label);
}

bool RecallWorker::moves(const std::string& medium_label) const {
  return moving_.contains(medium_label);
}

void RecallWorker::place(RequestId id) {
  Job& job = jobs_.at(id);
  // What costs nothing to reach, then what is in the drive, then what is here.
  std::size_t best = 0;
  int best_rank = 0;
  for (std::size_t copy = 0; copy < job.copies.size(); ++copy) {
    const std::string& label = job.copies[copy].archive.medium_label;
    const bool is_loaded = reader_ && loaded_ == label;
    int rank = is_loaded ? 3 : (ready(label) ? 2 : (present(label) ? 1 : 0));
    rank += rank >= 2 && !moves(label) ? 2 : 0;
    if (rank > best_rank) {
      best = copy;
      best_rank = rank;
    }
  }
  if (best_rank > 0) {
    job.absent_since.reset();
    stay_away_.erase(id);
    asked_for_.erase(job.copies[best].archive.medium_label);
  } else if (!wait_for(id, job.copies[best].archive.medium_label)) {
    return;
  }
  choose(id, best);
}

bool RecallWorker::wait_for(RequestId id, const std::string& medium_label) {
  Job& job = jobs_.at(id);
  const Clock::time_point now = Clock::now();
  job.absent_since = job.absent_since.value_or(now);
  const bool is_over = now - *job.absent_since >= options_.wait_for_medium;
  const bool is_full = !stay_away_.contains(id) && stay_away_.size() >= options_.most_away;
  const Error& away = why_away(medium_label);
  const auto left = room_.refuse(
      id,
      {.asked_before = is_over ? now - options_.wait_for_medium : Clock::time_point::min(),
       .none_stays = is_full || (is_over && away.code() != ErrorCode::no_medium)},
      std::make_exception_ptr(job.damage ? also_damaged(job.damage, away) : away));
  // So ends what has no reader waiting: what is read ahead, or for one who pauses.
  if (!left.any && (is_over || is_full) && room_.retire(id)) {
    forget(id);
    return false;
  }
  if (left.stays) {
    stay_away_.insert(id);
  }
  if (asked_for_.insert(medium_label).second) {
    try {
      outside_.ask_for(medium_label);
    } catch (const Error& error) {
      spdlog::warn("recall: ask for medium {}: {}", medium_label, error.what());
    }
  }
  return true;
}

const Error& RecallWorker::why_away(const std::string& medium_label) {
  const auto known = why_away_.find(medium_label);
  if (known != why_away_.end()) {
    return known->second;
  }
  std::string location;
  try {
    location = outside_.location ? outside_.location(medium_label) : "";
  } catch (const Error& error) {
    spdlog::warn("recall: look up where medium {} is kept: {}", medium_label, error.what());
  }
  return why_away_
      .emplace(medium_label,
               Error(ErrorCode::no_medium, "medium " + medium_label +
                                               (location.empty() ? "" : " (" + location + ")") +
                                               " is not within reach"))
      .first->second;
}

void RecallWorker::choose(RequestId id, std::size_t copy) {
  Job& job = jobs_.at(id);
  job.chosen = copy;
  const Place found{job.copies[copy].archive.medium_label, spot_of(job.copies[copy])};
  queue_.put(id, found);
  room_.set_place(id, found, !job.absent_since);
  join_sweep(id);
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
  end_waits();
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
  tapeio::Library* library = nullptr;
  try {
    if (const auto placed = outside_.find_medium(medium_label)) {
      library = placed->library;
      lies_in_[medium_label] = library;
      let_jobs_in(*library);
      const Clock::time_point began = Clock::now();
      reader_ = std::make_unique<ArchiveReader>(
          placed->load(tapeio::Library::Access::read, watch_load()), identities_);
      loaded_at_ = Clock::now();
      load_took_ = loaded_at_ - began;
      next_choice_ = {};
      is_due_elsewhere_ = false;
      loaded_ = medium_label;
      lender_ = library;
      turns_.erase(library);
      kept_from_.erase(medium_label);
      end_waits();  // Nor is it waited for elsewhere.
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
      kept_from_.insert(medium_label);
      if (library != nullptr) {
        wait_for_turn(*library);
      }
      busy_.insert(medium_label);
      place(id);  // Another copy may be within reach.
      return false;
    }
    spdlog::warn("recall: load medium {}: {}", medium_label, error.what());
    turns_.erase(library);  // A drive was to be had.
    kept_from_.erase(medium_label);
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
  lies_in_.erase(medium_label);
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
  tell_located();
  if (sweep_) {
    room_.set_plan({});
    sweep_.reset();
    ahead_.reset();
    following_.clear();
    last_.reset();
  }
  reader_.reset();
  loaded_.clear();
  lender_ = nullptr;
}

}  // namespace mixtape::recall
