// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/service/restore_batch.h"

// Puts the digest into the event that ends each content, while batches are on their way from the
// medium to the disk.
//
// The bytes of one content can only be hashed one after the other, which is slower than opening
// them; but contents do not depend on each other. Those that lie within a batch are hashed
// together, one that spans batches is a chain, of which one thread at a time takes the next
// stretch. So as many processors are busy as there are contents under way.
//
// Threads:  submit belongs to one thread, wait to one (another); the threads that hash are inside.
// Lifetime: a batch stays where it is from submit until wait has returned. Destroying this abandons
//           what is not hashed yet, be it in the middle of a hole.

namespace mixtape::service {

class ContentHashes {
 public:
  ContentHashes();
  ~ContentHashes();

  // Batches in their order.
  void submit(RestoreBatch& batch);
  // Until all of it is hashed.
  void wait(RestoreBatch& batch);

 private:
  struct Chain;
  // Events of a batch to be hashed in order; without a chain whole contents.
  struct Stretch {
    RestoreBatch* batch = nullptr;
    std::size_t first = 0, end = 0;
    std::shared_ptr<Chain> chain;
  };
  [[nodiscard]] std::vector<Stretch> cut(RestoreBatch& batch);
  void work(const std::stop_token& stop);

  std::shared_ptr<Chain> open_;  // Of the content that goes on in the next batch.
  std::mutex mutex_;
  std::condition_variable_any submitted_;
  std::condition_variable hashed_;
  std::deque<Stretch> ready_;  // Guarded by mutex_.
  std::vector<std::jthread> threads_;
};

}  // namespace mixtape::service
