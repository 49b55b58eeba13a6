// SPDX-License-Identifier: Apache-2.0
#include "fusefs/recall_walk.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

// Enough for the recall to order them well over a whole tape.
constexpr std::size_t kMaxOutstanding = 4096;
constexpr std::size_t kMaxRequests = 1024;

}  // namespace

RecallWalk::RecallWalk(CatalogFs& catalog, Readers& readers, Contents& contents)
    : catalog_(catalog),
      readers_(readers),
      contents_(contents),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void RecallWalk::request(NodeId node, recall::Asker asker) {
  const std::lock_guard lock(mutex_);
  if (requests_.size() >= kMaxRequests) {
    throw Refusal{EBUSY};
  }
  requests_.push_back({node, asker});
  wake_.notify_one();
}

void RecallWalk::run(const std::stop_token& stop) {
  for (;;) {
    Request next{};
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !requests_.empty(); })) {
        return;
      }
      next = requests_.front();
      requests_.pop_front();
    }
    try {
      walk(next, stop);
    } catch (const Refusal&) {
      spdlog::warn("recall a directory: it is gone");
    } catch (const Error& error) {
      spdlog::error("recall a directory: {}", error.what());
    }
  }
}

void RecallWalk::walk(const Request& request, const std::stop_token& stop) {
  std::vector<NodeId> waiting{request.top};
  while (!waiting.empty() && !stop.stop_requested()) {
    const NodeId node = waiting.back();
    waiting.pop_back();
    if (Node::of(node).kind == NodeKind::version) {
      if (const auto version = catalog_.version(node); version && version->content) {
        fetch(*version, request.asker, stop);
      }
      continue;
    }
    const Rows rows = catalog_.list(node);
    // Last in, first out: what comes first in tape order is taken first.
    for (std::size_t row = rows.size(); row-- > 0;) {
      waiting.push_back(rows.node(row));
    }
  }
}

void RecallWalk::fetch(const catalog::Version& version, recall::Asker asker,
                       const std::stop_token& stop) {
  const recall::Content content = content_of(version);
  if (contents_.is_here(content)) {
    return;
  }
  {
    std::unique_lock lock(window_->mutex);
    if (!window_->changed.wait(lock, stop,
                               [this] { return window_->outstanding < kMaxOutstanding; })) {
      return;
    }
    ++window_->outstanding;
  }
  contents_.fetch(content, catalog_.path_of(version.key.path), asker,
                  [window = window_](ByteView, const std::exception_ptr&) {
                    const std::lock_guard lock(window->mutex);
                    --window->outstanding;
                    window->changed.notify_one();
                  });
}

}  // namespace mixtape::fusefs
