// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "engine/recall/cache_index.h"
#include "engine/recall/recall_pace.h"
#include "engine/recall/recall_worker.h"
#include "engine/recall/unread_ahead.h"
#include "engine/recall/waiting_room.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::recall {

namespace {

// Hashes learned by this process, for callers that still hold a Content without one. Forgetting
// costs a recall.
constexpr std::size_t kMaxLearned = 100'000;

}  // namespace

struct Recall::Impl {
  Impl(Cache& cache_in, std::span<const format::Identity> identities, Outside outside_in,
       Options options_in)
      : cache(cache_in),
        outside(std::move(outside_in)),
        options(options_in),
        unread([this] { room.wake(); }),
        worker(cache, identities, outside, options, room, pace, unread) {
    outside.hashed = [this, tell = std::move(outside.hashed)](const Content& content,
                                                              const EntryHash& hash) {
      learn(content, hash);
      tell(content, hash);
    };
    thread = std::thread([this] { worker.run(); });
  }
  ~Impl() {
    room.close();
    thread.join();
  }

  void learn(const Content& content, const EntryHash& hash) {
    const std::lock_guard lock(mutex);
    if (learned.size() >= kMaxLearned) {
      learned.clear();
    }
    learned[content.number] = hash;
  }

  Content with_hash(Content content) {
    if (!content.hash) {
      const std::lock_guard lock(mutex);
      const auto known = learned.find(content.number);
      if (known != learned.end()) {
        content.hash = known->second;
      }
    }
    return content;
  }

  Cache& cache;
  Outside outside;
  Options options;
  std::mutex mutex;
  std::unordered_map<std::int64_t, EntryHash> learned;  // Guarded by mutex.
  WaitingRoom room;
  RecallPace pace;
  UnreadAhead unread;
  RecallWorker worker;
  std::thread thread;
};

Recall::Recall(Cache& cache, std::span<const format::Identity> identities, Outside outside,
               Options options)
    : impl_(std::make_unique<Impl>(cache, identities, std::move(outside), options)) {}

Recall::~Recall() = default;

Recall::Ticket Recall::read(const Content& asked, std::uint64_t offset, std::size_t size,
                            const std::string& what, ReadDone done, Asker asker) {
  const Content content = impl_->with_hash(asked);
  size = std::min<std::uint64_t>(size, content.size - std::min(offset, content.size));
  if (size == 0) {
    done({}, nullptr);
    return Ticket{0};
  }
  if (const auto fd = impl_->cache.open(content)) {
    Bytes bytes(size);
    bool read = false;
    try {
      read = tapeio::read_full_at(fd->get(), bytes, offset, "cache entry") == size;
    } catch (const Error&) {
      // The disk under the cache fails: the medium still has it.
    }
    if (read) {
      impl_->unread.used(content.number);
      done(bytes, nullptr);
      return Ticket{0};
    }
    impl_->cache.drop(content);
  }
  if (Bytes bytes(size); impl_->cache.read_part(content, offset, bytes)) {
    done(bytes, nullptr);
    return Ticket{0};
  }
  return impl_->room.park(content, offset, size, what, std::move(done), asker);
}

void Recall::cancel(Ticket ticket) {
  impl_->room.cancel(ticket);
}

RequestId Recall::fetch(const Content& asked, const std::string& what, ReadDone done, Asker asker,
                        WhileAway while_away) {
  const Content content = impl_->with_hash(asked);
  if (content.size == 0) {
    if (done) {
      done({}, nullptr);
    }
    return RequestId{0};
  }
  return impl_->room.fetch(content, what, std::move(done), asker, while_away);
}

bool Recall::cancel(RequestId id) {
  return impl_->room.cancel(id);
}

void Recall::give_up_fetches(RequestId id) {
  impl_->room.give_up_fetches(id);
}

CancelMark Recall::watch_cancel(const Content& content) {
  return impl_->room.watch_cancel(content);
}

void Recall::used(const Content& content) {
  impl_->unread.used(content.number);
}

std::vector<QueueEntry> Recall::queue() {
  std::vector<QueueEntry> queue = impl_->room.list();
  estimate(queue, impl_->pace);
  return queue;
}

std::optional<std::chrono::seconds> Recall::eta(const Content& asked) {
  const Content content = impl_->with_hash(asked);
  if (impl_->cache.contains(content)) {
    return std::chrono::seconds(0);
  }
  std::uint64_t before = 0;
  for (const QueueEntry& entry : queue()) {
    if (entry.content.number == content.number) {
      return entry.eta;
    }
    before += entry.here ? bytes_left(entry) : 0;
  }
  const auto time = impl_->pace.time_for(before + content.size);
  return time && impl_->outside.within_reach(content) ? time : std::nullopt;
}

}  // namespace mixtape::recall
