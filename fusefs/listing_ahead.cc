// SPDX-License-Identifier: Apache-2.0
#include "fusefs/listing_ahead.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fusefs/node.h"
#include "tapeio/error.h"

namespace mixtape::fusefs {

namespace {

// The last ones, in their order.
std::vector<NodeId> last_directories(const Rows& rows, std::size_t most) {
  std::size_t first = rows.size();
  for (std::size_t count = 0; first > 0 && count < most; --first) {
    count += rows.is_directory(first - 1) ? 1 : 0;
  }
  std::vector<NodeId> nodes;
  Rows::Reader reader(rows);
  for (std::size_t row = first; row < rows.size(); ++row) {
    if (rows.is_directory(row)) {
      nodes.push_back(reader.at(row).node);
    }
  }
  return nodes;
}

}  // namespace

ListingAhead::ListingAhead(List list)
    : list_(std::move(list)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Rows ListingAhead::get(NodeId directory) {
  auto ahead = take(directory);
  Rows rows = ahead ? std::move(*ahead) : list_(directory);
  learn(directory, rows);
  return rows;
}

std::optional<Rows> ListingAhead::take(NodeId directory) {
  std::unique_lock lock(mutex_);
  if (ahead_ != directory) {
    return std::nullopt;
  }
  // Half done is quicker than begun again; not yet begun is not.
  changed_.wait(lock, [&] { return ahead_ != directory || state_ != State::listing; });
  if (ahead_ != directory) {
    return std::nullopt;
  }
  ahead_ = NodeId{};
  const bool usable = std::exchange(state_, State::none) == State::ready &&
                      std::chrono::steady_clock::now() - made_ < kFresh;
  return usable ? std::optional(std::exchange(rows_, Rows())) : std::nullopt;
}

void ListingAhead::learn(NodeId directory, const Rows& rows) {
  const std::lock_guard lock(mutex_);
  if (successors_.size() > kMaxSuccessors) {
    successors_.clear();
  }
  // Behind the last subdirectory comes what was to come behind this directory.
  const auto after = successors_.find(directory);
  NodeId successor = after == successors_.end() ? NodeId{} : after->second;
  const std::vector<NodeId> below = last_directories(rows, kMaxSuccessors);
  for (auto node = below.rbegin(); node != below.rend(); ++node) {
    successors_[*node] = successor;
    successor = *node;
  }
  const bool walking = std::find(expected_.begin(), expected_.end(), directory) != expected_.end();
  expected_[next_expected_++ % kWalkers] = successor;
  if (walking && successor != NodeId{} && state_ != State::listing) {
    ahead_ = successor;
    state_ = State::wanted;
    changed_.notify_all();
  }
}

void ListingAhead::forget() {
  const std::lock_guard lock(mutex_);
  ahead_ = NodeId{};
  state_ = State::none;
  rows_ = Rows();
  changed_.notify_all();
}

void ListingAhead::run(const std::stop_token& stop) {
  for (;;) {
    NodeId directory{};
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return state_ == State::wanted; })) {
        return;
      }
      directory = ahead_;
      state_ = State::listing;
    }
    std::optional<Rows> rows;
    try {
      rows = list_(directory);
    } catch (const Refusal&) {
      // Gone meanwhile: whoever asks for it hears so.
    } catch (const Error&) {
      // The one who asks for it will see the error.
    }
    const std::lock_guard lock(mutex_);
    if (ahead_ == directory && state_ == State::listing) {
      state_ = rows ? State::ready : State::none;
      rows_ = rows ? std::move(*rows) : Rows();
      made_ = std::chrono::steady_clock::now();
    }
    changed_.notify_all();
  }
}

}  // namespace mixtape::fusefs
