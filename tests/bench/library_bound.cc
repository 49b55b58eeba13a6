// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/library_bound.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace mixtape::bench {
namespace {

struct Window {
  std::uint32_t tape = 0;
  double opens_s = 0, closes_s = 0;
  auto operator<=>(const Window&) const = default;
};

// The more reads stand before one, the less its window says: those of wider ones are not looked at.
constexpr double kMostBounds = 48;

bool is_interactive(const Request& request) {
  return request.bound_s <= kInteractiveBound;
}

// Of all requests; a leader stands before its followers.
std::vector<Window> windows_of(const Trace& trace) {
  std::vector<Window> windows;
  windows.reserve(trace.requests.size());
  for (const Request& request : trace.requests) {
    Window window{.tape = request.tape, .opens_s = request.at_s, .closes_s = request.at_s};
    if (request.follows) {
      window.opens_s += windows[*request.follows].opens_s;
      window.closes_s += windows[*request.follows].closes_s;
    }
    window.closes_s += request.bound_s;
    windows.push_back(window);
  }
  return windows;
}

// What one reader wants, one after the other. Of those who begin together on one tape, as a program
// does that opens several files at once, only one counts, or there would be too much to look at.
using Chain = std::vector<Window>;

std::vector<Chain> chains_of(const Trace& trace) {
  const std::vector<Window> windows = windows_of(trace);
  std::vector<Chain> chains;
  std::vector<std::optional<std::size_t>> chain_of(windows.size());
  std::set<std::pair<double, std::uint32_t>> begun;
  for (std::size_t request = 0; request < windows.size(); ++request) {
    if (!is_interactive(trace.requests[request])) {
      continue;
    }
    if (const auto leader = trace.requests[request].follows) {
      chain_of[request] = chain_of[*leader];
    } else if (begun.emplace(windows[request].opens_s, windows[request].tape).second) {
      chain_of[request] = chains.size();
      chains.emplace_back();
    }
    const double wide_s = windows[request].closes_s - windows[request].opens_s;
    if (chain_of[request] && wide_s <= kMostBounds * kInteractiveBound) {
      chains[*chain_of[request]].push_back(windows[request]);
    }
  }
  return chains;
}

// The loaded tape, and of each chain that has begun and is not through how much of it was read.
struct State {
  std::uint32_t loaded = 0;
  std::vector<std::pair<std::size_t, std::size_t>> open;  // Chain and next window, by chain.
  auto operator<=>(const State&) const = default;
};
using Mounts = std::map<State, std::size_t>;  // The least that leads there.

void keep_least(Mounts& mounts, State state, std::size_t count) {
  const auto [at, is_new] = mounts.try_emplace(std::move(state), count);
  at->second = std::min(at->second, count);
}

class OneDrive {
 public:
  explicit OneDrive(const Trace& trace) : chains_(chains_of(trace)), no_tape_(trace.tapes) {}

  std::size_t least() {
    states_ = {{State{.loaded = no_tape_, .open = {}}, 0}};
    for (const Event& event : events()) {
      now_s_ = event.at_s;
      event.is_end ? end(event.chain, event.window) : open(event.chain, event.window);
    }
    const auto least = std::ranges::min_element(states_, {}, &Mounts::value_type::second);
    return least->second;
  }

 private:
  struct Event {
    double at_s;
    bool is_end;
    std::size_t chain, window;
    auto operator<=>(const Event&) const = default;
  };
  [[nodiscard]] std::vector<Event> events() const {
    std::vector<Event> events;
    for (std::size_t chain = 0; chain < chains_.size(); ++chain) {
      for (std::size_t window = 0; window < chains_[chain].size(); ++window) {
        events.push_back({chains_[chain][window].opens_s, false, chain, window});
        events.push_back({chains_[chain][window].closes_s, true, chain, window});
      }
    }
    std::ranges::sort(events);
    return events;
  }

  // What the loaded tape has is read: whoever waits longer for it has nothing from that.
  void read(State& state) const {
    std::erase_if(state.open, [&](auto& reader) {
      const Chain& chain = chains_[reader.first];
      while (reader.second < chain.size() && chain[reader.second].tape == state.loaded &&
             chain[reader.second].opens_s <= now_s_) {
        ++reader.second;
      }
      return reader.second == chain.size();
    });
  }

  void open(std::size_t chain, std::size_t window) {
    Mounts next;
    for (const auto& [before, count] : states_) {
      State state = before;
      if (window == 0) {
        const std::pair reader(chain, window);
        state.open.insert(std::ranges::upper_bound(state.open, reader), reader);
      }
      read(state);
      keep_least(next, std::move(state), count);
    }
    states_ = std::move(next);
  }

  // Whoever has not read it changes tapes now until he has.
  void end(std::size_t chain, std::size_t window) {
    const auto is_read = [&](const State& state) {
      return std::ranges::none_of(state.open, [&](const auto& reader) {
        return reader.first == chain && reader.second <= window;
      });
    };
    Mounts next;
    while (!states_.empty()) {
      // Each mount reads something, so this ends.
      const auto [state, count] = *states_.begin();
      states_.erase(states_.begin());
      if (is_read(state)) {
        keep_least(next, state, count);
        continue;
      }
      for (const std::uint32_t tape : wanted_now(state)) {
        State changed = state;
        changed.loaded = tape;
        read(changed);
        keep_least(states_, std::move(changed), count + 1);
      }
    }
    states_ = without_the_hopeless(std::move(next));
  }

  // Whether nobody has read less in `state` than in `other`.
  static bool is_as_far(const State& state, const State& other) {
    auto theirs = other.open.begin();
    for (const auto& [chain, next] : state.open) {
      while (theirs != other.open.end() && theirs->first < chain) {
        ++theirs;
      }
      if (theirs == other.open.end() || theirs->first != chain || theirs->second > next) {
        return false;
      }
    }
    return true;
  }

  // Without those to which another comes, or gets past, with no more mounts.
  static Mounts without_the_hopeless(Mounts mounts) {
    std::vector<std::pair<State, std::size_t>> by_count(mounts.begin(), mounts.end());
    std::ranges::stable_sort(by_count, {}, &std::pair<State, std::size_t>::second);
    Mounts kept;
    for (const auto& [state, count] : by_count) {
      const bool is_hopeless = std::ranges::any_of(kept, [&](const auto& other) {
        const bool has_to_mount = other.first.loaded != state.loaded;
        return other.second + (has_to_mount ? 1 : 0) <= count && is_as_far(other.first, state);
      });
      if (!is_hopeless) {
        kept.emplace(state, count);
      }
    }
    return kept;
  }

  [[nodiscard]] std::set<std::uint32_t> wanted_now(const State& state) const {
    std::set<std::uint32_t> tapes;
    for (const auto& [chain, next] : state.open) {
      const Window& window = chains_[chain][next];
      if (window.opens_s <= now_s_) {
        tapes.insert(window.tape);
      }
    }
    return tapes;
  }

  const std::vector<Chain> chains_;
  const std::uint32_t no_tape_;
  double now_s_ = 0;
  Mounts states_;
};

}  // namespace

std::size_t least_mounts_of_one_drive(const Trace& trace) {
  return OneDrive(trace).least();
}

std::size_t least_mounts_by_stretches(const Trace& trace) {
  std::set<Window> distinct;
  const std::vector<Window> all = windows_of(trace);
  for (std::size_t request = 0; request < all.size(); ++request) {
    if (is_interactive(trace.requests[request])) {
      distinct.insert(all[request]);
    }
  }
  // Latest beginning first.
  std::vector<Window> windows(distinct.begin(), distinct.end());
  std::ranges::sort(windows, std::ranges::greater{}, &Window::opens_s);
  std::set<double> ends;
  for (const Window& window : windows) {
    ends.insert(window.closes_s);
  }
  std::map<double, std::size_t> most{{0, 0}};  // Of the time until then.
  for (const double end_s : ends) {
    std::size_t best = most.rbegin()->second;
    std::set<std::uint32_t> tapes;
    for (const Window& window : windows) {
      if (window.closes_s > end_s) {
        continue;
      }
      tapes.insert(window.tape);
      const std::size_t before = std::prev(most.upper_bound(window.opens_s))->second;
      best = std::max(best, before + tapes.size() - std::min(tapes.size(), trace.drives));
    }
    // At the beginning of everything no tape is in a drive.
    most[end_s] = std::max(best, tapes.size());
  }
  return most.rbegin()->second;
}

std::size_t least_mounts(const Trace& trace) {
  const std::size_t by_stretches = least_mounts_by_stretches(trace);
  return trace.drives == 1 ? std::max(by_stretches, least_mounts_of_one_drive(trace))
                           : by_stretches;
}

}  // namespace mixtape::bench
