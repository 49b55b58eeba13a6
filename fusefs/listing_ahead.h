// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <unordered_map>

#include "fusefs/node_id.h"
#include "fusefs/rows.h"

// Lists the next directory while a walker (find, ls -R, cp -a) is busy with the one it got.
//
// A walker takes a directory's subdirectories in the order in which they were listed, each with all
// that is below it. Whoever asks for the successor of a directory that was just listed is taken for
// a walker, and that directory's own successor is listed before it is asked for. Everybody else
// costs nothing.
//
// Threads:  internally synchronised; `list` is called on the caller's thread and on one of its own,
// without a lock. Limits:   one listing ahead, kept for kFresh; kMaxSuccessors remembered; kWalkers
// at a time. Errors:   what `list` throws reaches the caller; a listing ahead that fails is
// forgotten.

namespace mixtape::fusefs {

class ListingAhead {
 public:
  using List = std::function<Rows(NodeId)>;
  explicit ListingAhead(List list);

  [[nodiscard]] Rows get(NodeId directory);
  // Something changed: what was listed ahead is not used any more.
  void forget();

 private:
  static constexpr std::size_t kMaxSuccessors = 65536;
  static constexpr std::size_t kWalkers = 8;
  static constexpr std::chrono::seconds kFresh{1};
  using Time = std::chrono::steady_clock::time_point;

  enum class State { none, wanted, listing, ready };
  void run(const std::stop_token& stop);
  std::optional<Rows> take(NodeId directory);
  void learn(NodeId directory, const Rows& rows);

  const List list_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  std::unordered_map<NodeId, NodeId> successors_;
  std::array<NodeId, kWalkers> expected_{};  // Successors of what was listed last; a ring.
  std::size_t next_expected_ = 0;
  NodeId ahead_{};
  State state_ = State::none;
  Rows rows_;
  Time made_{};
  std::jthread thread_;  // Last: it uses the members above.
};

}  // namespace mixtape::fusefs
