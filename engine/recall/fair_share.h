// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

// How much each request counts beside those of other users. Pure policy.
//
// There are two classes. Somebody waits for the bytes of an interactive request; a bulk request was
// queued by name, a tree at a time, and nobody sits before it. Within its class each user's
// requests weigh as much together as any other user's, so that ten thousand of one do not outweigh
// one of another. Nobody looks at a hundred files at once: of a user who has more reads waiting,
// all are bulk.
//
// Threads: none; values of the worker.

namespace mixtape::recall {

using Seconds = std::chrono::duration<double>;

// A request that waits.
struct Want {
  std::uint32_t user = 0;
  std::uint32_t reader = 0;  // The thread that reads; 0: not known.
  bool parked = false;       // Somebody waits for its bytes; else it was queued.
  std::uint64_t bytes = 0;
  Seconds waited{0};
};

// More reads than this of one user are bulk.
inline constexpr std::size_t kMostInteractive = 100;
// In the order on a tape one that is interactive counts as much as so many that are not.
inline constexpr std::size_t kInteractiveWeight = 1000;

class FairShare {
 public:
  // Once for every request that waits.
  void count(const Want& want) {
    ++waiting_[{want.user, want.parked}];
    if (want.parked && want.reader != 0) {
      readers_.insert(want.reader);
    }
  }
  [[nodiscard]] bool is_interactive(const Want& want) const {
    return want.parked && waiting_of(want) <= kMostInteractive;
  }
  // Whether a reader is known to wait for bytes: then it asks for nothing else meanwhile.
  [[nodiscard]] bool is_waiting(std::uint32_t reader) const { return readers_.contains(reader); }
  // Of all that its user wants in this way, which is 1.
  [[nodiscard]] double share(const Want& want) const {
    return 1.0 / static_cast<double>(waiting_of(want));
  }

 private:
  [[nodiscard]] std::size_t waiting_of(const Want& want) const {
    const auto found = waiting_.find({want.user, want.parked});
    return found == waiting_.end() ? 1 : found->second;
  }
  std::map<std::pair<std::uint32_t, bool>, std::size_t> waiting_;
  std::set<std::uint32_t> readers_;
};

// When each user was last read for, by class.
class LastServed {
 public:
  // `now`: since any moment that is always the same.
  void served(const Want& want, Seconds now) { at_[{want.user, want.parked}] = now; }
  // How long the user of this request has had nothing while it waited.
  [[nodiscard]] Seconds neglected(const Want& want, Seconds now) const {
    const auto found = at_.find({want.user, want.parked});
    return found == at_.end() ? want.waited : std::min(want.waited, now - found->second);
  }

 private:
  std::map<std::pair<std::uint32_t, bool>, Seconds> at_;
};

}  // namespace mixtape::recall
