// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/read_ahead.h"

#include <algorithm>
#include <limits>

#include "engine/order/models.h"

namespace mixtape::recall {
namespace {

// About what a locate takes on any LTO drive.
constexpr double kLocateSeconds = 30;
// The longest run, in locates: then a locate for each run costs four per cent.
constexpr double kMostLocates = 24;
// Of the time that reading everything takes, so much is spent on locating first.
constexpr double kShareToLocate = 1.0 / 40;
// Of reading ahead so much goes by before somebody else is let in between, who costs two locates.
constexpr double kSecondsToLetIn = 16 * 2 * kLocateSeconds;
// Of each run over the one before.
constexpr double kGrowth = 4;
// So many readers are told apart, and share the budget.
constexpr std::size_t kMostStreams = 32;
constexpr std::uint64_t kShares = 8;

}  // namespace

ReadAhead::ReadAhead(const TapeModel& tape, std::uint64_t record_size, std::uint64_t stored_bytes,
                     std::uint64_t budget_bytes, UnreadAhead& unread)
    : tape_(tape),
      unread_(unread),
      holds_all_(stored_bytes <= budget_bytes),
      budget_bytes_(budget_bytes),
      since_let_in_s_(kSecondsToLetIn) {
  const std::uint64_t record = std::max<std::uint64_t>(1, record_size);
  all_s_ = seconds(0, stored_bytes / record);
  const double share_s = stored_bytes == 0 ? 0
                                           : all_s_ * static_cast<double>(budget_bytes / kShares) /
                                                 static_cast<double>(stored_bytes);
  most_window_s_ = std::min(kMostLocates * kLocateSeconds, share_s);
}

double ReadAhead::seconds(std::uint64_t from_block, std::uint64_t to_block) const {
  return to_block <= from_block
             ? 0
             : order::read_seconds(tape_.times(), tape_.at(from_block), tape_.at(to_block));
}

std::optional<std::size_t> ReadAhead::stream_at(const TapeRead& read) const {
  for (std::size_t i = streams_.size(); i-- > 0;) {
    const Stream& stream = streams_[i];
    // What he reads next may begin in the record in which the last one ended.
    if (read.begin.block + 1 >= stream.end_block &&
        seconds(stream.end_block, read.begin.block) <=
            std::max(kLocateSeconds, stream.window_s / 2)) {
      return i;
    }
  }
  return std::nullopt;
}

void ReadAhead::begin_run(Stream& stream) {
  stream.window_s = std::min(std::max(kLocateSeconds, kGrowth * stream.window_s), most_window_s_);
  stream.run_from = stream.end_block;
  unread_.begin_run();
}

void ReadAhead::asked(std::optional<std::uint64_t> head, const TapeRead& read) {
  const auto known = stream_at(read);
  Stream stream;
  if (known) {
    stream = streams_[*known];
    streams_.erase(streams_.begin() + static_cast<std::ptrdiff_t>(*known));
  } else {
    if (streams_.size() == kMostStreams) {
      streams_.erase(streams_.begin());
    }
    if (head && !tape_.reads_through(*head, read.begin.block)) {
      located_s_ +=
          order::locate_seconds(tape_.times(), tape_.at(*head), tape_.at(read.begin.block));
    }
  }
  const bool is_same = known && *known == streams_.size();
  stream.end_block = std::max(stream.end_block, read.end_block);
  if (!known) {
    stream.run_from = stream.end_block;
  } else if (seconds(stream.run_from, stream.end_block) >= stream.window_s) {
    begin_run(stream);
  }
  streams_.push_back(stream);
  if (!is_same) {
    unread_.begin_run();
  }
  is_stopped_ = false;
}

void ReadAhead::read(const TapeRead& read) {
  if (!streams_.empty()) {
    Stream& stream = streams_.back();
    since_let_in_s_ += seconds(stream.end_block, read.end_block);
    stream.end_block = std::max(stream.end_block, read.end_block);
  }
}

bool ReadAhead::may_want(bool anybody_waits) const {
  return !is_stopped_ && !streams_.empty() &&
         (streams_.back().window_s > 0 || (anybody_waits && reads_everything()));
}

bool ReadAhead::wants(const TapeRead& following, std::uint64_t bytes, bool anybody_waits) {
  if (!may_want(anybody_waits) || unread_.is_full() || unread_.bytes() + bytes > budget_bytes_) {
    return false;
  }
  if (reads_everything() && anybody_waits) {
    return true;
  }
  Stream& stream = streams_.back();
  if (stream.window_s > 0 && unread_.is_half_used()) {
    begin_run(stream);
  }
  // The record in which a run ends is not counted: some of it was wanted.
  return !is_too_long(following) &&
         seconds(stream.run_from + 1, following.end_block) <= stream.window_s;
}

bool ReadAhead::holds_up(const TapeRead& waiting) const {
  return reads_everything() || stream_at(waiting) || since_let_in_s_ < kSecondsToLetIn;
}

bool ReadAhead::is_too_long(const TapeRead& read) const {
  return seconds(read.begin.block + 1, read.end_block) > 2 * kLocateSeconds;
}

bool ReadAhead::reads_everything() const {
  return holds_all_ && located_s_ >= kShareToLocate * all_s_;
}

}  // namespace mixtape::recall
