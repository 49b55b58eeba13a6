// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/waiting_room.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::recall {

namespace {

// A kilobyte each. Only what is queued by itself can come near: the kernel bounds parked reads.
constexpr std::size_t kMostRequests = 500'000;

// Of a moment that may have passed.
std::optional<std::chrono::seconds> seconds_until(
    const std::optional<WaitingRoom::Clock::time_point>& then) {
  if (!then) {
    return std::nullopt;
  }
  const auto left = std::chrono::ceil<std::chrono::seconds>(*then - WaitingRoom::Clock::now());
  return std::max(left, std::chrono::seconds(0));
}

std::exception_ptr cancelled() {
  return std::make_exception_ptr(Error(ErrorCode::cancelled, "recall: cancelled"));
}

}  // namespace

void WaitingRoom::answer(const ParkedRead& read, const ReadBack& read_back) {
  Bytes bytes(read.size);
  try {
    if (read_back(read.offset, bytes) != bytes.size()) {
      throw Error(ErrorCode::io, "read what was recalled: it ends early");
    }
  } catch (const Error&) {
    read.done({}, std::current_exception());
    return;
  }
  read.done(bytes, nullptr);
}

void WaitingRoom::tell(const std::vector<Fetch>& fetches, const std::exception_ptr& error) {
  for (const Fetch& fetch : fetches) {
    if (fetch.done) {
      fetch.done({}, error);
    }
  }
}

// --- Readers

WaitingRoom::Request& WaitingRoom::request_for(const Content& content, const std::string& what,
                                               Asker asker) {
  const auto known = by_content_.find(content.number);
  if (known != by_content_.end()) {
    return requests_.at(known->second);
  }
  const RequestId id{next_id_++};
  by_content_[content.number] = id;
  new_.push_back({id, content, asker});
  Request& request = requests_[id];
  request.id = id;
  request.content = content;
  request.what = what;
  return request;
}

WaitingRoom::Ticket WaitingRoom::park(const Content& content, std::uint64_t offset,
                                      std::size_t size, const std::string& what, ReadDone done,
                                      Asker asker) {
  std::unique_lock lock(mutex_);
  const Ticket ticket{next_id_++};
  if (closed_) {
    lock.unlock();
    done({}, cancelled());
    return ticket;
  }
  Request& request = request_for(content, what, asker);
  const std::uint64_t end = offset + size;
  request.abandoned = false;
  if (request.arrived.keeps && request.arrived.begin <= offset && end <= request.arrived.end) {
    const ReadBack read_back = request.arrived.read_back;
    lock.unlock();
    answer({.ticket = ticket, .offset = offset, .size = size, .done = std::move(done)}, read_back);
    return ticket;
  }
  request.reads.emplace(end, ParkedRead{.ticket = ticket,
                                        .offset = offset,
                                        .size = size,
                                        .done = std::move(done),
                                        .since = Clock::now()});
  by_ticket_[static_cast<std::uint64_t>(ticket)] = {request.id, end};
  changed_.notify_all();
  return ticket;
}

RequestId WaitingRoom::fetch(const Content& content, const std::string& what, ReadDone done,
                             Asker asker, Recall::WhileAway while_away) {
  std::unique_lock lock(mutex_);
  if (closed_ || requests_.size() >= kMostRequests) {
    const std::exception_ptr why =
        closed_ ? cancelled()
                : std::make_exception_ptr(Error(ErrorCode::conflict, "recall: the queue is full"));
    lock.unlock();
    if (done) {
      done({}, why);
    }
    return RequestId{0};
  }
  Request& request = request_for(content, what, asker);
  request.abandoned = false;
  const bool stays = while_away == Recall::WhileAway::stay;
  // Who asks again and again without waiting is one.
  const bool is_known =
      !done && std::any_of(request.fetches.begin(), request.fetches.end(),
                           [&](const Fetch& each) { return !each.done && each.stays == stays; });
  if (!is_known) {
    request.fetches.push_back({.done = std::move(done), .stays = stays, .since = Clock::now()});
  }
  changed_.notify_all();
  return request.id;
}

void WaitingRoom::cancel(Ticket ticket) {
  ReadDone done;
  {
    const std::lock_guard lock(mutex_);
    const auto parked = by_ticket_.find(static_cast<std::uint64_t>(ticket));
    if (parked == by_ticket_.end()) {
      return;
    }
    Request& request = requests_.at(parked->second.id);
    auto [read, end] = request.reads.equal_range(parked->second.end);
    while (read->second.ticket != ticket) {
      ++read;
    }
    done = std::move(read->second.done);
    request.reads.erase(read);
    by_ticket_.erase(parked);
    request.abandoned = request.reads.empty();
    changed_.notify_all();
  }
  done({}, cancelled());
}

bool WaitingRoom::cancel(RequestId id) {
  std::int64_t content = 0;
  {
    const std::lock_guard lock(mutex_);
    const Request* request = find(id);
    if (request == nullptr) {
      return false;
    }
    content = request->content.number;
  }
  // First: who reads on must not ask for it again in between.
  marks_.cancelled(content);
  finish(id, cancelled());
  return true;
}

void WaitingRoom::give_up_fetches(RequestId id) {
  std::vector<Fetch> fetches;
  {
    const std::lock_guard lock(mutex_);
    Request* request = find(id);
    if (request == nullptr) {
      return;
    }
    fetches = std::exchange(request->fetches, {});
    if (request->reads.empty()) {
      erase(id);
    }
    changed_.notify_all();
  }
  tell(fetches, cancelled());
}

std::vector<QueueEntry> WaitingRoom::list() {
  const std::lock_guard lock(mutex_);
  std::vector<QueueEntry> entries;
  for (const auto& [id, request] : requests_) {
    const auto fetching = static_cast<std::size_t>(
        std::count_if(request.fetches.begin(), request.fetches.end(),
                      [](const Fetch& each) { return each.done != nullptr; }));
    entries.push_back({.id = id,
                       .content = request.content,
                       .what = request.what,
                       .medium_label = request.place.medium_label,
                       .block = request.place.spot.block,
                       .done_bytes = request.arrived.end,
                       .waiting = request.reads.size() + fetching,
                       .here = request.here,
                       .running = request.running,
                       .turn = request.turn,
                       .eta = seconds_until(request.done)});
  }
  return entries;
}

void WaitingRoom::close() {
  std::vector<RequestId> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    new_.clear();
    for (const auto& [id, request] : requests_) {
      left.push_back(id);
    }
    changed_.notify_all();
  }
  for (const RequestId id : left) {
    finish(id, cancelled());
  }
}

// --- The worker

std::vector<WaitingRoom::NewRequest> WaitingRoom::wait_for_new(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return closed_ || woken_ || !new_.empty(); });
  woken_ = false;
  return std::exchange(new_, {});
}

void WaitingRoom::gather_until(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return closed_; });
}

bool WaitingRoom::closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

WaitingRoom::Request* WaitingRoom::find(RequestId id) {
  const auto found = requests_.find(id);
  return found == requests_.end() ? nullptr : &found->second;
}

bool WaitingRoom::wanted_locked(const Request& request) const {
  return !closed_ && (!request.fetches.empty() || !request.abandoned);
}

bool WaitingRoom::wanted(RequestId id) {
  const std::lock_guard lock(mutex_);
  const Request* request = find(id);
  return request != nullptr && wanted_locked(*request);
}

void WaitingRoom::set_place(RequestId id, const Place& place, bool here) {
  const std::lock_guard lock(mutex_);
  if (Request* request = find(id)) {
    request->place = place;
    request->here = here;
  }
}

void WaitingRoom::set_running(RequestId id, bool running) {
  const std::lock_guard lock(mutex_);
  if (Request* request = find(id)) {
    request->running = running;
  }
}

std::vector<WaitingRoom::ParkedRead> WaitingRoom::take_ready(Request& request) {
  std::vector<ParkedRead> ready;
  for (auto read = request.reads.begin();
       read != request.reads.end() && read->first <= request.arrived.end;) {
    if (read->second.offset < request.arrived.begin) {
      ++read;
      continue;
    }
    by_ticket_.erase(static_cast<std::uint64_t>(read->second.ticket));
    ready.push_back(std::move(read->second));
    read = request.reads.erase(read);
  }
  std::sort(ready.begin(), ready.end(),
            [](const ParkedRead& a, const ParkedRead& b) { return a.ticket < b.ticket; });
  return ready;
}

std::vector<WaitingRoom::ParkedRead> WaitingRoom::take_all(Request& request) {
  request.arrived.begin = 0;
  request.arrived.end = ~std::uint64_t{0};
  return take_ready(request);
}

bool WaitingRoom::arrived(RequestId id, const Arrived& arrived) {
  std::vector<ParkedRead> ready;
  bool is_wanted = false;
  {
    const std::lock_guard lock(mutex_);
    Request* request = find(id);
    if (request == nullptr) {
      return false;
    }
    request->arrived = arrived;
    ready = take_ready(*request);
    is_wanted = wanted_locked(*request);
  }
  for (const ParkedRead& read : ready) {
    answer(read, arrived.read_back);
  }
  return is_wanted;
}

void WaitingRoom::erase(RequestId id) {
  const auto found = requests_.find(id);
  by_content_.erase(found->second.content.number);
  requests_.erase(found);
  std::erase_if(new_, [&](const NewRequest& request) { return request.id == id; });
}

bool WaitingRoom::retire(RequestId id) {
  const std::lock_guard lock(mutex_);
  const Request* request = find(id);
  if (request == nullptr) {
    return true;
  }
  if (!request->reads.empty() || !request->fetches.empty()) {
    return false;
  }
  erase(id);
  return true;
}

void WaitingRoom::finish(RequestId id, const ReadBack& read_back) {
  std::vector<ParkedRead> reads;
  std::vector<Fetch> fetches;
  {
    const std::lock_guard lock(mutex_);
    Request* request = find(id);
    if (request == nullptr) {
      return;
    }
    reads = take_all(*request);
    fetches = std::move(request->fetches);
    erase(id);
  }
  for (const ParkedRead& read : reads) {
    answer(read, read_back);
  }
  tell(fetches, nullptr);
}

void WaitingRoom::finish(RequestId id, std::exception_ptr error) {
  std::vector<ParkedRead> reads;
  std::vector<Fetch> fetches;
  {
    const std::lock_guard lock(mutex_);
    Request* request = find(id);
    if (request == nullptr) {
      return;
    }
    reads = take_all(*request);
    fetches = std::move(request->fetches);
    erase(id);
    changed_.notify_all();
  }
  for (const ParkedRead& read : reads) {
    read.done({}, error);
  }
  tell(fetches, error);
}

}  // namespace mixtape::recall
