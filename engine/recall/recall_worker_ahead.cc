// SPDX-License-Identifier: Apache-2.0
// The part of the worker that reads ahead on a loaded tape (read_ahead.h says how far).

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "engine/recall/recall_worker.h"
#include "tapeio/error.h"

namespace mixtape::recall {

namespace {

// So many are asked for at once.
constexpr std::size_t kPage = 256;
// So many that are in the cache already are passed over in search of one that is not.
constexpr std::size_t kMostPassed = 20'000;
// A program that got a file asks for the next one sooner, also on a busy machine; a locate takes a
// hundred times as long.
constexpr std::chrono::milliseconds kMoment{250};

}  // namespace

void RecallWorker::begin_ahead(const Extent& extent) {
  if (!outside_.behind || !outside_.stored_beside || options_.read_ahead_bytes == 0U) {
    return;
  }
  try {
    const Cache::Usage usage = cache_.usage();
    const std::uint64_t free = usage.limit_bytes - std::min(usage.limit_bytes, usage.pinned_bytes);
    ahead_ = std::make_unique<ReadAhead>(
        reader_->tape(extent.archive), extent.archive.record_size, outside_.stored_beside(extent),
        std::min(options_.read_ahead_bytes.value_or(free / 2), free), unread_);
  } catch (const Error& error) {
    // Without it everything is read all the same, and says nothing of the copy.
    spdlog::warn("recall: nothing is read ahead on medium {}: {}", loaded_, error.what());
  }
}

void RecallWorker::note_asked(RequestId id, const Extent& extent) {
  if (!ahead_ || room_.waiting(id) == 0) {
    return;
  }
  const Content& content = jobs_.at(id).content;
  ahead_->asked(reader_->block(), read_of(extent));
  if (!following_.empty() && following_.front().content.number == content.number) {
    following_.pop_front();
  } else {
    following_.clear();
  }
  last_ = Following{.content = content, .copies = {extent}, .chosen = 0, .read = read_of(extent)};
}

bool RecallWorker::reads_on(std::optional<RequestId> next) {
  if (!ahead_ || !last_ || !ahead_->may_want(next.has_value())) {
    return false;
  }
  const Following* follows = nullptr;
  try {
    follows = following();
  } catch (const Error& error) {
    spdlog::warn("recall: ask what follows on medium {}: {}", loaded_, error.what());
  }
  if (follows == nullptr) {
    ahead_->stop();
    return false;
  }
  if (!ahead_->wants(follows->read, follows->content.size, next.has_value())) {
    return false;
  }
  if (next && !is_held_up(*next)) {
    ahead_->let_in();
    let_in_at_ = Clock::now();
    return false;
  }
  return true;
}

bool RecallWorker::is_held_up(RequestId next) {
  const Job& job = jobs_.at(next);
  const Extent& copy = job.copies[job.chosen];
  if (copy.archive.medium_label != loaded_ || room_.waiting(next) == 0 || is_due_elsewhere_) {
    return false;
  }
  if (ahead_->reads_everything()) {
    // Who waits beyond all patience is let in, if nobody was for as long.
    const Clock::time_point now = Clock::now();
    return now - job.since < options_.patience || now - let_in_at_ < options_.patience;
  }
  return ahead_->holds_up(read_of(copy));
}

const RecallWorker::Following* RecallWorker::following() {
  for (std::size_t passed = 0; passed < kMostPassed; ++passed) {
    if (following_.empty()) {
      const std::vector<Content> page =
          outside_.behind(last_->content, last_->copies[last_->chosen], kPage);
      for (const Content& content : page) {
        if (auto one = follows(content)) {
          following_.push_back(std::move(*one));
        }
      }
      std::sort(following_.begin(), following_.end(), [](const auto& left, const auto& right) {
        return left.read.begin < right.read.begin;
      });
      if (following_.empty()) {
        return nullptr;
      }
    }
    const Following& front = following_.front();
    const bool goes_over = ahead_->reads_everything() && ahead_->is_too_long(front.read) &&
                           !room_.asks_for(front.content);
    if (!goes_over && !cache_.has(front.content)) {
      return &front;
    }
    last_ = std::move(following_.front());
    following_.pop_front();
  }
  return nullptr;
}

std::optional<RecallWorker::Following> RecallWorker::follows(const Content& content) {
  Following one{.content = content, .copies = outside_.extents(content), .chosen = 0, .read = {}};
  for (; one.chosen < one.copies.size(); ++one.chosen) {
    const Extent& copy = one.copies[one.chosen];
    if (copy.archive.medium_label == loaded_) {
      one.read = read_of(copy);
      if (one.read.begin >= last_->read.begin) {
        return one;
      }
    }
  }
  return std::nullopt;
}

void RecallWorker::read_on() {
  const WaitingRoom::Expected expected = room_.expect(following_.front().content);
  if (!expected.is_made) {
    // Somebody waits for it. Who came this moment is admitted first.
    const auto known = jobs_.find(expected.id);
    if (known == jobs_.end()) {
      return;
    }
    const Job& job = known->second;
    if (job.copies[job.chosen].archive.medium_label == loaded_) {
      serve(expected.id);
      return;
    }
    last_ = std::move(following_.front());
    following_.pop_front();
    return;
  }
  last_ = std::move(following_.front());
  following_.pop_front();
  const RequestId id = expected.id;
  Job& job = jobs_[id];
  job.content = last_->content;
  job.copies = last_->copies;
  job.chosen = last_->chosen;
  job.since = Clock::now();
  unread_.add(job.content.number, job.content.size);
  ahead_->read(last_->read);
  // It is for whom the tape was read last.
  const auto reader = std::pair(last_reader_, was_waited_for_);
  read(id, job.copies[job.chosen]);
  std::tie(last_reader_, was_waited_for_) = reader;
  // It is over, or somebody waits for it meanwhile, or it is not worth another attempt.
  if (jobs_.contains(id) && room_.retire(id)) {
    forget(id);
    if (ahead_) {
      ahead_->stop();
    }
  }
}

bool RecallWorker::lingers(RequestId next) {
  const Clock::time_point now = Clock::now();
  const auto is_his = [&](const auto& each) {
    return each.second.asker.thread == last_reader_ && room_.waiting(each.first) > 0;
  };
  if (!ahead_ || !was_waited_for_ || reaches(next) ||
      now - jobs_.at(next).since >= options_.patience ||
      std::any_of(jobs_.begin(), jobs_.end(), is_his)) {
    lingers_until_.reset();
    return false;
  }
  lingers_until_ = lingers_until_.value_or(now + kMoment);
  return now < *lingers_until_;
}

RequestId RecallWorker::turn_of(RequestId next) {
  const Job& first = jobs_.at(next);
  if (!ahead_ || !ahead_->reads_everything() ||
      first.copies[first.chosen].archive.medium_label != loaded_) {
    return next;
  }
  const bool is_let_in = let_in_at_ > last_served_;
  std::optional<RequestId> turn;
  TapeRead at;
  for (const auto& [id, job] : jobs_) {
    const Extent& copy = job.copies[job.chosen];
    if (copy.archive.medium_label != loaded_ || room_.waiting(id) == 0) {
      continue;
    }
    const TapeRead read = read_of(copy);
    if (!turn || (!is_let_in && read.begin < at.begin)) {
      turn = id;
      at = read;
    }
  }
  return turn.value_or(next);
}

}  // namespace mixtape::recall
