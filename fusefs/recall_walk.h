// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "fusefs/catalog_fs.h"
#include "fusefs/contents.h"
#include "fusefs/readers.h"

// Queues recalls of whole directories: what writing user.mixtape.recall asks for.
//
// A thread of its own walks the directories, files in tape order, and lets only so many recalls
// wait at a time, so that a directory of a million files fills neither memory nor the recall queue.
//
// Threads:  internally synchronised.
// Limits:   kMaxOutstanding recalls of this origin in the queue, kMaxRequests directories waiting.
// Lifetime: the destructor gives up what is not yet queued; what is queued goes on.

namespace mixtape::fusefs {

class RecallWalk {
 public:
  RecallWalk(CatalogFs& catalog, Readers& readers, Contents& contents);

  // Returns at once. Throws Refusal{EBUSY} when too many directories wait already.
  void request(NodeId node, recall::Asker asker = {});

 private:
  void run(const std::stop_token& stop);
  struct Request {
    NodeId top;
    recall::Asker asker;
  };
  void walk(const Request& request, const std::stop_token& stop);
  void fetch(const catalog::Version& version, recall::Asker asker, const std::stop_token& stop);

  CatalogFs& catalog_;
  Readers& readers_;
  Contents& contents_;
  // Shared with completions, which may come after this object was told to stop.
  struct Window {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::size_t outstanding = 0;
  };
  std::shared_ptr<Window> window_ = std::make_shared<Window>();
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Request> requests_;  // Guarded by mutex_.
  std::jthread thread_;           // Last: it uses the members above.
};

}  // namespace mixtape::fusefs
