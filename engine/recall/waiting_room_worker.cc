// SPDX-License-Identifier: Apache-2.0
// What only the worker asks of the waiting room: the plan, reading ahead, reads past the cache.

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/recall/waiting_room.h"

namespace mixtape::recall {

void WaitingRoom::gather_while_they_come(Clock::duration quiet, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  for (bool they_come = true; they_come && !closed_;) {
    const std::size_t there = new_.size();
    const Clock::time_point until = std::min(Clock::now() + quiet, deadline);
    they_come = changed_.wait_until(lock, until, [&] { return closed_ || new_.size() != there; });
  }
}

void WaitingRoom::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

WaitingRoom::Expected WaitingRoom::expect(const Content& content) {
  const std::lock_guard lock(mutex_);
  const std::size_t before = requests_.size();
  const RequestId id = request_for(content, "read ahead", {}).id;
  const bool is_made = requests_.size() > before;
  if (is_made) {
    new_.pop_back();  // The worker knows.
  }
  return {id, is_made};
}

bool WaitingRoom::asks_for(const Content& content) {
  const std::lock_guard lock(mutex_);
  return by_content_.contains(content.number);
}

std::size_t WaitingRoom::waiting(RequestId id) {
  const std::lock_guard lock(mutex_);
  const Request* request = find(id);
  return request == nullptr ? 0 : request->reads.size();
}

void WaitingRoom::set_plan(const std::vector<Turn>& turns) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, request] : requests_) {
    request.turn.reset();
    request.done.reset();
  }
  for (std::size_t turn = 0; turn < turns.size(); ++turn) {
    if (Request* request = find(turns[turn].id)) {
      request->turn = turn;
      request->done = turns[turn].done;
    }
  }
}

WaitingRoom::Left WaitingRoom::refuse(RequestId id, const Refused& refused,
                                      const std::exception_ptr& error) {
  std::vector<ParkedRead> reads;
  std::vector<Fetch> fetches;
  Left left;
  {
    const std::lock_guard lock(mutex_);
    Request* request = find(id);
    if (request == nullptr) {
      return left;
    }
    for (auto read = request->reads.begin(); read != request->reads.end();) {
      if (read->second.since > refused.asked_before) {
        ++read;
        continue;
      }
      by_ticket_.erase(static_cast<std::uint64_t>(read->second.ticket));
      reads.push_back(std::move(read->second));
      read = request->reads.erase(read);
    }
    const auto waits_on = [&](const Fetch& each) {
      return each.stays ? !refused.none_stays : each.since > refused.asked_before;
    };
    const auto out =
        std::stable_partition(request->fetches.begin(), request->fetches.end(), waits_on);
    std::move(out, request->fetches.end(), std::back_inserter(fetches));
    request->fetches.erase(out, request->fetches.end());
    left = {.any = !request->reads.empty() || !request->fetches.empty(),
            .stays = std::any_of(request->fetches.begin(), request->fetches.end(),
                                 [](const Fetch& each) { return each.stays; })};
  }
  for (const ParkedRead& read : reads) {
    read.done({}, error);
  }
  tell(fetches, error);
  return left;
}

// --- The worker, while a content goes past the cache

void WaitingRoom::refuse_fetches(RequestId id, std::exception_ptr error) {
  std::vector<Fetch> fetches;
  {
    const std::lock_guard lock(mutex_);
    if (Request* request = find(id)) {
      fetches = std::exchange(request->fetches, {});
      request->abandoned = request->reads.empty();
    }
  }
  tell(fetches, error);
}

void WaitingRoom::refuse_reads_over(RequestId id, std::size_t size, std::exception_ptr error) {
  std::vector<ParkedRead> refused;
  {
    const std::lock_guard lock(mutex_);
    if (Request* request = find(id)) {
      for (auto read = request->reads.begin(); read != request->reads.end();) {
        if (read->second.size <= size) {
          ++read;
          continue;
        }
        by_ticket_.erase(static_cast<std::uint64_t>(read->second.ticket));
        refused.push_back(std::move(read->second));
        read = request->reads.erase(read);
      }
    }
  }
  for (const ParkedRead& read : refused) {
    read.done({}, error);
  }
}

bool WaitingRoom::waits_for_more(RequestId id, std::size_t size) {
  const std::lock_guard lock(mutex_);
  const Request* request = find(id);
  return request != nullptr &&
         std::any_of(request->reads.begin(), request->reads.end(),
                     [&](const auto& read) { return read.second.size > size; });
}

std::optional<std::uint64_t> WaitingRoom::lowest_offset(RequestId id) {
  const std::lock_guard lock(mutex_);
  const Request* request = find(id);
  std::optional<std::uint64_t> lowest;
  if (request != nullptr) {
    for (const auto& [end, read] : request->reads) {
      lowest = std::min(lowest.value_or(read.offset), read.offset);
    }
  }
  return lowest;
}

bool WaitingRoom::wait_for_reader(RequestId id, std::uint64_t offset, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto reader_is_there = [&] {
    const Request* request = find(id);
    return request != nullptr &&
           std::any_of(request->reads.begin(), request->reads.end(),
                       [&](const auto& read) { return read.second.offset >= offset; });
  };
  changed_.wait_until(lock, deadline,
                      [&] { return closed_ || find(id) == nullptr || reader_is_there(); });
  return !closed_ && reader_is_there();
}

}  // namespace mixtape::recall
