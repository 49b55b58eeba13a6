// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "fusefs/catalog_fs.h"
#include "fusefs/contents.h"
#include "fusefs/readers.h"

// Queues recalls of whole directories: what writing user.mixtape.recall asks for.
//
// A thread of its own walks the directories, files in tape order, and queues what is not here.
//
// Threads:  internally synchronised.
// Limits:   kMaxRequests directories waiting; of one, as many files as the queue takes.
// Lifetime: close() gives up what is not yet queued; what is queued goes on.

namespace mixtape::fusefs {

class RecallWalk {
 public:
  RecallWalk(CatalogFs& catalog, Readers& readers, Contents& contents);
  ~RecallWalk();

  // Told once, on the thread that walks: all of it is queued, or why not.
  using Queued = std::function<void(std::exception_ptr error)>;
  // Returns at once. Throws Refusal{EBUSY} when too many directories wait already.
  void request(NodeId node, Queued queued);
  // Answers who still waits; nobody may ask afterwards.
  void close();

 private:
  struct Request {
    NodeId node;
    Queued queued;
  };
  void run(const std::stop_token& stop);
  void walk(NodeId top, const std::stop_token& stop);

  CatalogFs& catalog_;
  Readers& readers_;
  Contents& contents_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Request> requests_;  // Guarded by mutex_.
  bool closed_ = false;           // Guarded by mutex_.
  std::jthread thread_;           // Last: it uses the members above.
};

}  // namespace mixtape::fusefs
