// SPDX-License-Identifier: Apache-2.0
#include "fusefs/recall_walk.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

constexpr std::size_t kMaxRequests = 1024;

}  // namespace

RecallWalk::RecallWalk(CatalogFs& catalog, Readers& readers, Contents& contents)
    : catalog_(catalog),
      readers_(readers),
      contents_(contents),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

RecallWalk::~RecallWalk() {
  close();
}

void RecallWalk::close() {
  std::deque<Request> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(requests_);
  }
  thread_.request_stop();
  if (thread_.joinable()) {
    thread_.join();
  }
  for (const Request& request : left) {
    request.queued(std::make_exception_ptr(Refusal{EINTR}));
  }
}

void RecallWalk::request(NodeId node, Queued queued) {
  const std::lock_guard lock(mutex_);
  if (closed_ || requests_.size() >= kMaxRequests) {
    throw Refusal{closed_ ? EINTR : EBUSY};
  }
  requests_.push_back({node, std::move(queued)});
  wake_.notify_one();
}

void RecallWalk::run(const std::stop_token& stop) {
  for (;;) {
    Request request;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !requests_.empty(); }) || stop.stop_requested()) {
        return;
      }
      request = std::move(requests_.front());
      requests_.pop_front();
    }
    std::exception_ptr error;
    try {
      walk(request.node, stop);
    } catch (...) {
      error = std::current_exception();
    }
    request.queued(error);
  }
}

void RecallWalk::walk(NodeId top, const std::stop_token& stop) {
  std::vector<NodeId> waiting{top};
  std::vector<catalog::WantedContent> wanted;
  while (!waiting.empty()) {
    if (stop.stop_requested()) {
      throw Refusal{EINTR};
    }
    const NodeId node = waiting.back();
    waiting.pop_back();
    if (Node::of(node).kind == NodeKind::version) {
      const auto version = catalog_.version(node);
      if (version && version->content && !contents_.is_here(content_of(*version))) {
        wanted.push_back({.content = *version->content,
                          .size = version->size,
                          .hash = version->hash,
                          .path = catalog_.path_of(version->key.path)});
      }
      if (wanted.size() > static_cast<std::size_t>(catalog::Wanted::kMost)) {
        throw Refusal{EBUSY};
      }
      continue;
    }
    const Rows rows = catalog_.list(node);
    // Last in, first out: what comes first in tape order is taken first.
    for (std::size_t row = rows.size(); row-- > 0;) {
      waiting.push_back(rows.at(row).node);
    }
  }
  contents_.queue(wanted);
}

}  // namespace mixtape::fusefs
