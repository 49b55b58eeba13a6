// SPDX-License-Identifier: Apache-2.0
#include "engine/service/content_hashes.h"

#include <algorithm>
#include <utility>

namespace mixtape::service {

namespace {

using Kind = RestoreEvent::Kind;

// More contents at once than a medium is read fast enough for.
constexpr unsigned kMostThreads = 8;

bool ends_content(const RestoreEvent& event) {
  return event.kind == Kind::end || event.kind == Kind::failed;
}

// Or some of them, when it is stopped.
void hash_zeros(std::uint64_t count, format::Hasher& hasher, const std::stop_token& stop) {
  static constexpr std::byte kZeros[64 * KiB]{};
  while (count > 0 && !stop.stop_requested()) {
    const std::size_t size = std::min<std::uint64_t>(count, sizeof kZeros);
    hasher.update(ByteView(kZeros).first(size));
    count -= size;
  }
}

void hash(RestoreEvent& event, format::Hasher& hasher, const std::stop_token& stop) {
  switch (event.kind) {
    case Kind::begin:
      return;
    case Kind::data:
      return hasher.update(event.data);
    case Kind::zeros:
      return hash_zeros(event.zeros, hasher, stop);
    case Kind::end:
    case Kind::failed:  // Of what has come of it nobody wants a digest, but the hasher starts anew.
      event.digest = hasher.finish();
      return;
  }
}

}  // namespace

struct ContentHashes::Chain {
  format::Hasher hasher;
  std::deque<Stretch> waiting;  // Behind the one that is ready or being hashed.
  bool busy = false;
};

ContentHashes::ContentHashes() {
  const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  for (unsigned i = 0; i < count; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

ContentHashes::~ContentHashes() {
  for (std::jthread& thread : threads_) {
    thread.request_stop();
  }
}

std::vector<ContentHashes::Stretch> ContentHashes::cut(RestoreBatch& batch) {
  std::vector<Stretch> stretches;
  const auto begin = batch.events.begin(), end = batch.events.end();
  const auto add = [&](auto from, auto to, std::shared_ptr<Chain> chain) {
    if (from != to) {
      stretches.push_back({&batch, static_cast<std::size_t>(from - begin),
                           static_cast<std::size_t>(to - begin), std::move(chain)});
    }
  };
  auto at = begin;
  if (open_) {
    const auto last = std::find_if(begin, end, ends_content);
    at = last == end ? end : last + 1;
    add(begin, at, last == end ? open_ : std::exchange(open_, nullptr));
  }
  // Behind the last content that ends here one may begin.
  auto tail = end;
  while (tail != at && !ends_content(*(tail - 1))) {
    --tail;
  }
  add(at, tail, nullptr);
  if (tail != end) {
    open_ = std::make_shared<Chain>();
    add(tail, end, open_);
  }
  return stretches;
}

void ContentHashes::submit(RestoreBatch& batch) {
  std::vector<Stretch> stretches = cut(batch);
  const std::lock_guard lock(mutex_);
  batch.unhashed = stretches.size();
  for (Stretch& stretch : stretches) {
    if (stretch.chain && std::exchange(stretch.chain->busy, true)) {
      // The chain owns what waits, so that must not own the chain.
      const std::shared_ptr<Chain> chain = std::move(stretch.chain);
      chain->waiting.push_back(std::move(stretch));
    } else {
      ready_.push_back(std::move(stretch));
      submitted_.notify_one();
    }
  }
}

void ContentHashes::wait(RestoreBatch& batch) {
  std::unique_lock lock(mutex_);
  hashed_.wait(lock, [&] { return batch.unhashed == 0; });
}

void ContentHashes::work(const std::stop_token& stop) {
  format::Hasher own;
  std::unique_lock lock(mutex_);
  while (submitted_.wait(lock, stop, [&] { return !ready_.empty(); }) && !stop.stop_requested()) {
    const Stretch stretch = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    for (std::size_t i = stretch.first; i < stretch.end && !stop.stop_requested(); ++i) {
      hash(stretch.batch->events[i], stretch.chain ? stretch.chain->hasher : own, stop);
    }
    if (stop.stop_requested()) {
      return;  // It may not be hashed to its end, so it must not count as hashed.
    }
    lock.lock();
    if (const std::shared_ptr<Chain>& chain = stretch.chain) {
      chain->busy = !chain->waiting.empty();
      if (chain->busy) {
        // Before all others: it is what the disk waits for.
        ready_.push_front(std::move(chain->waiting.front()));
        ready_.front().chain = chain;
        chain->waiting.pop_front();
      }
    }
    if (--stretch.batch->unhashed == 0) {
      hashed_.notify_one();
    }
  }
}

}  // namespace mixtape::service
