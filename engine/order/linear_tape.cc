// SPDX-License-Identifier: Apache-2.0
#include "engine/order/linear_tape.h"

#include <limits>
#include <string>

#include "tapeio/error.h"

namespace mixtape::order {
namespace {

// More would be too slow in any case; keeps sums of states within 64 bits.
constexpr std::size_t kMostLinearFiles = 10'000;
constexpr double kNever = std::numeric_limits<double>::infinity();

// Files are counted from 0; `left_of[f]`: readers of the files left of f.
struct Counts {
  std::vector<std::uint64_t> left_of;
  std::uint64_t all = 0;

  explicit Counts(const LinearTrack& track) {
    for (const LinearFile& file : track.files) {
      left_of.push_back(all);
      all += file.readers;
    }
    left_of.push_back(all);
  }
};

void check(const LinearTrack& track) {
  double behind = -kNever;
  for (const LinearFile& file : track.files) {
    if (!(file.left >= behind && file.right >= file.left) || file.readers == 0) {
      throw Error(ErrorCode::invalid,
                  "order a linear track: files must stand left to right and have a reader each");
    }
    behind = file.right;
  }
  if (!(track.head >= behind) || !(track.turn >= 0)) {
    throw Error(ErrorCode::invalid, "order a linear track: the head must be right of all files");
  }
}

// The states of W(a, b, k): head at the right end of file b on its way left, k readers wait right
// of b; the least delay of everybody until a..b are read and the head is back. The delay is counted
// over what everybody must wait who has his file to himself.
class NestedDetours {
 public:
  explicit NestedDetours(const LinearTrack& track)
      : files_(track.files), turn_(track.turn), counts_(track) {
    const std::size_t count = files_.size();
    begins_.resize(count * count);
    std::size_t states = 0;
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = a; b < count; ++b) {
        begins_[a * count + b] = states;
        states += width(b);
      }
    }
    delay_.resize(states);
    choice_.resize(states, 0);
    for (std::size_t length = 0; length < count; ++length) {
      for (std::size_t a = 0; a + length < count; ++a) {
        fill(a, a + length);
      }
    }
  }

  void emit(std::size_t a, std::size_t b, std::uint64_t k, std::vector<std::size_t>& order) const {
    if (a == b) {
      order.push_back(a);
      return;
    }
    const std::size_t detour = choice_[begins_[a * files_.size() + b] + k];
    if (detour == 0) {
      emit(a, b - 1, k + files_[b].readers, order);
      order.push_back(b);
    } else {
      emit(a + detour, b, k, order);
      emit(a, a + detour - 1, k, order);
    }
  }

 private:
  [[nodiscard]] std::size_t width(std::size_t b) const {
    return static_cast<std::size_t>(counts_.all - counts_.left_of[b + 1]) + 1;
  }
  [[nodiscard]] double* row(std::size_t a, std::size_t b) {
    return delay_.data() + begins_[a * files_.size() + b];
  }

  void fill(std::size_t a, std::size_t b) {
    const std::size_t states = width(b);
    double* delay = row(a, b);
    std::uint16_t* choice = choice_.data() + begins_[a * files_.size() + b];
    const auto left = static_cast<double>(counts_.left_of[a]);
    if (a == b) {
      const double twice = 2 * (files_[a].right - files_[a].left);
      for (std::size_t k = 0; k < states; ++k) {
        delay[k] = twice * (static_cast<double>(k) + left);
      }
      return;
    }
    const double back = 2 * (files_[b].right - files_[b - 1].right);
    const double own = 2 * (files_[b].left - files_[b - 1].right) * files_[b].readers;
    const double* skipped = row(a, b - 1) + files_[b].readers;
    for (std::size_t k = 0; k < states; ++k) {
      delay[k] = skipped[k] + back * (static_cast<double>(k) + left) + own;
    }
    for (std::size_t c = a + 1; c <= b; ++c) {
      const double* inner = row(c, b);
      const double* rest = row(a, c - 1);
      const double way = 2 * (files_[b].right - files_[c - 1].right);
      const double slope = 2 * turn_ + way;
      const double fixed = 2 * turn_ * static_cast<double>(counts_.left_of[c]) + way * left;
      const auto detour = static_cast<std::uint16_t>(c - a);
      for (std::size_t k = 0; k < states; ++k) {
        const double cost = inner[k] + rest[k] + slope * static_cast<double>(k) + fixed;
        choice[k] = cost < delay[k] ? detour : choice[k];
        delay[k] = cost < delay[k] ? cost : delay[k];
      }
    }
  }

  const std::vector<LinearFile>& files_;
  double turn_;
  Counts counts_;
  std::vector<std::size_t> begins_;
  std::vector<double> delay_;
  std::vector<std::uint16_t> choice_;  // 0: b is read on the way back; else where a detour begins.
};

// The states of S(b, k): the same without detours in detours, so that a is always the first file.
class FlatDetours {
 public:
  explicit FlatDetours(const LinearTrack& track)
      : files_(track.files), turn_(track.turn), counts_(track) {
    delay_.resize(files_.size());
    choice_.resize(files_.size());
    for (std::size_t b = 0; b < files_.size(); ++b) {
      fill(b);
    }
  }

  [[nodiscard]] std::vector<std::size_t> order() const {
    std::vector<std::size_t> order, way_back;
    std::size_t b = files_.size() - 1;
    std::uint64_t k = 0;
    while (b > 0) {
      const std::size_t c = choice_[b][k];
      if (c == 0) {
        way_back.push_back(b);
        k += files_[b].readers;
        --b;
        continue;
      }
      for (std::size_t file = c; file <= b; ++file) {
        order.push_back(file);
      }
      b = c - 1;
    }
    order.push_back(0);
    order.insert(order.end(), way_back.rbegin(), way_back.rend());
    return order;
  }

 private:
  void fill(std::size_t b) {
    const auto states = static_cast<std::size_t>(counts_.all - counts_.left_of[b + 1]) + 1;
    std::vector<double>& delay = delay_[b];
    delay.resize(states);
    choice_[b].resize(states, 0);
    if (b == 0) {
      for (std::size_t k = 0; k < states; ++k) {
        delay[k] = 2 * (files_[0].right - files_[0].left) * static_cast<double>(k);
      }
      return;
    }
    const double back = 2 * (files_[b].right - files_[b - 1].right);
    const double own = 2 * (files_[b].left - files_[b - 1].right) * files_[b].readers;
    const double* skipped = delay_[b - 1].data() + files_[b].readers;
    for (std::size_t k = 0; k < states; ++k) {
      delay[k] = skipped[k] + back * static_cast<double>(k) + own;
    }
    // What readers of files after c lose by waiting until the detour has come to them.
    double later = 0;
    std::uint64_t behind_c = 0;
    for (std::size_t c = b; c > 0; --c) {
      if (c < b) {
        behind_c += files_[c + 1].readers;
        later += 2 * (files_[c + 1].left - files_[c].left) * static_cast<double>(behind_c);
      }
      const double detour = 2 * (files_[b].right - files_[c].left + turn_);
      const double way = 2 * (files_[b].right - files_[c - 1].right);
      const double slope = detour + way;
      const double fixed = detour * static_cast<double>(counts_.left_of[c]) + later;
      const double* rest = delay_[c - 1].data();
      const auto begin = static_cast<std::uint32_t>(c);
      std::uint32_t* choice = choice_[b].data();
      for (std::size_t k = 0; k < states; ++k) {
        const double cost = rest[k] + slope * static_cast<double>(k) + fixed;
        choice[k] = cost < delay[k] ? begin : choice[k];
        delay[k] = cost < delay[k] ? cost : delay[k];
      }
    }
  }

  const std::vector<LinearFile>& files_;
  double turn_;
  Counts counts_;
  std::vector<std::vector<double>> delay_;
  std::vector<std::vector<std::uint32_t>>
      choice_;  // 0: read on the way back; else first of a detour.
};

// Of either rule: for each file as many as readers right of it, times `per_file(b)`.
template <class PerFile>
std::uint64_t states_of(const LinearTrack& track, const PerFile& per_file) {
  const Counts counts(track);
  std::uint64_t states = 0;
  for (std::size_t b = 0; b < track.files.size(); ++b) {
    states += (counts.all - counts.left_of[b + 1] + 1) * per_file(b);
  }
  return states;
}

}  // namespace

double waiting(const LinearTrack& track, const std::vector<std::size_t>& order) {
  double now = 0, at = track.head, sum = 0;
  bool rightward = false;
  for (const std::size_t index : order) {
    const LinearFile& file = track.files.at(index);
    const bool ahead = rightward && file.left >= at;
    // A head that was going left turns once, one that was going right twice.
    now += ahead ? file.left - at : (rightward ? 2 : 1) * track.turn + at - file.left;
    now += file.right - file.left;
    at = file.right;
    rightward = true;
    sum += now * file.readers;
  }
  return sum;
}

double linear_states(const LinearTrack& track) {
  return static_cast<double>(states_of(track, [](std::size_t b) { return b + 1; }));
}

bool exact_order_fits(const LinearTrack& track) {
  return track.files.size() <= kMostLinearFiles &&
         linear_states(track) <= static_cast<double>(kMostLinearStates);
}

bool simple_order_fits(const LinearTrack& track) {
  return track.files.size() <= kMostLinearFiles &&
         states_of(track, [](std::size_t) { return 1; }) <= kMostLinearStates;
}

std::vector<std::size_t> exact_order(const LinearTrack& track) {
  check(track);
  if (track.files.empty()) {
    return {};
  }
  if (!exact_order_fits(track)) {
    throw Error(ErrorCode::unsupported,
                "order " + std::to_string(track.files.size()) +
                    " files on a linear track exactly: too many; take the simple order");
  }
  std::vector<std::size_t> order;
  NestedDetours(track).emit(0, track.files.size() - 1, 0, order);
  return order;
}

std::vector<std::size_t> simple_order(const LinearTrack& track) {
  check(track);
  if (track.files.empty()) {
    return {};
  }
  if (!simple_order_fits(track)) {
    throw Error(ErrorCode::unsupported,
                "order " + std::to_string(track.files.size()) +
                    " files on a linear track: too many readers; order them in parts");
  }
  return FlatDetours(track).order();
}

}  // namespace mixtape::order
