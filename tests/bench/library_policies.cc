// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/library_policies.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace mixtape::bench {
namespace {

// What a rule about one tape needs to know.
struct TapeQueue {
  std::uint32_t tape = 0;
  double oldest_s = kNever, newest_s = 0;  // When they were asked for.
  std::size_t files = 0;
  double bytes = 0;
};

// Of the tapes that this drive could have.
std::vector<TapeQueue> queues_for(const Library& library, std::size_t drive) {
  std::vector<TapeQueue> queues;
  for (std::uint32_t tape = 0; tape < library.waiting().size(); ++tape) {
    const auto& waiting = library.waiting()[tape];
    if (waiting.empty() || library.is_taken(tape, drive)) {
      continue;
    }
    TapeQueue queue{.tape = tape, .files = waiting.size()};
    for (const std::size_t request : waiting) {
      queue.oldest_s = std::min(queue.oldest_s, library.asked_s(request));
      queue.newest_s = std::max(queue.newest_s, library.asked_s(request));
      queue.bytes += static_cast<double>(library.trace().requests[request].blocks * MiB);
    }
    queues.push_back(queue);
  }
  return queues;
}

std::vector<std::size_t> by_arrival(const Library& library, std::uint32_t tape) {
  const auto& waiting = library.waiting()[tape];
  std::vector<std::size_t> requests(waiting.begin(), waiting.end());
  std::stable_sort(requests.begin(), requests.end(), [&](std::size_t left, std::size_t right) {
    return library.asked_s(left) < library.asked_s(right);
  });
  return requests;
}

const TapeQueue* oldest_of(const std::vector<TapeQueue>& queues) {
  const auto oldest = std::min_element(
      queues.begin(), queues.end(),
      [](const TapeQueue& left, const TapeQueue& right) { return left.oldest_s < right.oldest_s; });
  return oldest == queues.end() ? nullptr : &*oldest;
}

class Fifo final : public Policy {
 public:
  Action next(const Library& library, std::size_t drive) override {
    const auto queues = queues_for(library, drive);
    const TapeQueue* oldest = oldest_of(queues);
    if (oldest == nullptr) {
      return {};
    }
    if (library.drive(drive).tape != oldest->tape) {
      return {.kind = Action::Kind::mount, .tape = oldest->tape};
    }
    return {.kind = Action::Kind::read, .request = by_arrival(library, oldest->tape).front()};
  }
};

// Reads a tape batch by batch; what a tape is begun for and how a batch is ordered, the others say.
class Batches : public Policy {
 public:
  Action next(const Library& library, std::size_t drive) override {
    batches_.resize(library.drives());
    std::deque<std::size_t>& batch = batches_[drive];
    const auto tape = library.drive(drive).tape;
    if (batch.empty() && tape && is_begun(library, drive, *tape)) {
      batch = batch_of(library, drive, *tape);
    }
    if (!batch.empty()) {
      const std::size_t request = batch.front();
      batch.pop_front();
      return {.kind = Action::Kind::read, .request = request};
    }
    double again_s = kNever;
    std::vector<TapeQueue> ready;
    for (const TapeQueue& queue : queues_for(library, drive)) {
      const double from_s = ready_from(library, queue);
      if (from_s <= library.now()) {
        ready.push_back(queue);
      } else {
        again_s = std::min(again_s, from_s);
      }
    }
    const TapeQueue* oldest = oldest_of(ready);
    if (oldest == nullptr) {
      return {.kind = Action::Kind::wait, .until_s = again_s};
    }
    if (tape == oldest->tape) {
      batch = batch_of(library, drive, *tape);
      const std::size_t request = batch.front();
      batch.pop_front();
      return {.kind = Action::Kind::read, .request = request};
    }
    begun_.resize(library.drives());
    begun_[drive] = 1;
    return {.kind = Action::Kind::mount, .tape = oldest->tape};
  }

 protected:
  // Whether the tape that is in the drive and has nothing left of its batch is read on.
  virtual bool reads_on() const = 0;
  // When a tape may be mounted, if nothing more is asked of it.
  virtual double ready_from(const Library& library, const TapeQueue& queue) const = 0;
  virtual std::deque<std::size_t> batch_of(const Library& library, std::size_t drive,
                                           std::uint32_t tape) const = 0;
  static std::deque<std::size_t> by_block(const Library& library, std::uint32_t tape) {
    std::vector<std::size_t> requests = by_arrival(library, tape);
    std::stable_sort(requests.begin(), requests.end(), [&](std::size_t left, std::size_t right) {
      return library.trace().requests[left].block < library.trace().requests[right].block;
    });
    return {requests.begin(), requests.end()};
  }

 private:
  bool is_begun(const Library& library, std::size_t drive, std::uint32_t tape) {
    begun_.resize(library.drives());
    const bool is_new = std::exchange(begun_[drive], 0) != 0;
    return (is_new || reads_on()) && !library.waiting()[tape].empty() &&
           (is_new || is_active(library, drive));
  }
  // Reading on is part of the same use of the tape: not after it had nothing to do.
  static bool is_active(const Library& library, std::size_t drive) {
    return library.drive(drive).head_since >= library.now();
  }
  std::vector<std::deque<std::size_t>> batches_;
  std::vector<char> begun_;
};

class ByBlock final : public Batches {
  bool reads_on() const override { return false; }
  double ready_from(const Library& library, const TapeQueue&) const override {
    return library.now();
  }
  std::deque<std::size_t> batch_of(const Library& library, std::size_t,
                                   std::uint32_t tape) const override {
    return by_block(library, tape);
  }
};

class Cta final : public Batches {
 public:
  explicit Cta(double min_age_s) : min_age_s_(min_age_s) {}

 private:
  static constexpr double kMountBytes = 500e9;
  static constexpr std::size_t kMountFiles = 10'000;
  static constexpr double kBatchBytes = 80e9;
  static constexpr std::size_t kBatchFiles = 4'000;

  bool reads_on() const override { return true; }
  double ready_from(const Library& library, const TapeQueue& queue) const override {
    const bool is_enough = queue.bytes >= kMountBytes || queue.files >= kMountFiles;
    return is_enough ? library.now() : queue.oldest_s + min_age_s_;
  }
  std::deque<std::size_t> batch_of(const Library& library, std::size_t drive,
                                   std::uint32_t tape) const override {
    std::vector<std::size_t> left;
    double bytes = 0;
    for (const std::size_t request : by_arrival(library, tape)) {
      const double size = static_cast<double>(library.trace().requests[request].blocks * MiB);
      if (left.size() == kBatchFiles || (!left.empty() && bytes + size > kBatchBytes)) {
        break;
      }
      left.push_back(request);
      bytes += size;
    }
    std::deque<std::size_t> order;
    order::Head head = library.drive(drive).head;
    const recall::TapeModel& model = library.tape_model();
    while (!left.empty()) {
      std::size_t nearest = 0;
      double least_s = kNever;
      for (std::size_t i = 0; i < left.size(); ++i) {
        const auto begin = model.at(library.trace().requests[left[i]].block);
        const double locate_s = library.locate_s(head, begin);
        if (locate_s < least_s) {
          nearest = i;
          least_s = locate_s;
        }
      }
      const Request& request = library.trace().requests[left[nearest]];
      head = {.place = model.at(request.block + request.blocks), .moving = true};
      order.push_back(left[nearest]);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(nearest));
    }
    return order;
  }
  double min_age_s_;
};

class DCache final : public Batches {
 public:
  DCache(double max_age_s, double enough_bytes)
      : max_age_s_(max_age_s), enough_bytes_(enough_bytes) {}

 private:
  static constexpr double kQuietSeconds = 120;
  static constexpr std::size_t kEnoughFiles = 1'000;

  bool reads_on() const override { return true; }
  double ready_from(const Library&, const TapeQueue& queue) const override {
    const bool is_enough = queue.bytes >= enough_bytes_ || queue.files >= kEnoughFiles;
    const double when_old_s = queue.oldest_s + max_age_s_;
    return is_enough ? std::min(when_old_s, queue.newest_s + kQuietSeconds) : when_old_s;
  }
  std::deque<std::size_t> batch_of(const Library& library, std::size_t,
                                   std::uint32_t tape) const override {
    return by_block(library, tape);
  }
  double max_age_s_, enough_bytes_;
};

}  // namespace

std::vector<NamedPolicy> all_policies() {
  // 60 % of a tape of 12 TB, and of one so small that what CTA mounts for is 60 % of it.
  constexpr double kMostOfTape = 0.6 * 12e12;
  constexpr double kMostOfSmallTape = 500e9;
  std::vector<NamedPolicy> all;
  const auto put = [&](std::string name, std::unique_ptr<Policy> policy) {
    all.push_back({std::move(name), std::move(policy)});
  };
  put("fifo", std::make_unique<Fifo>());
  put("by block", std::make_unique<ByBlock>());
  put("cta, 1 min", std::make_unique<Cta>(60));
  put("cta, 15 min", std::make_unique<Cta>(15 * 60));
  put("dcache, 15 min", std::make_unique<DCache>(15 * 60, kMostOfSmallTape));
  put("dcache, 2 d", std::make_unique<DCache>(2 * 86400.0, kMostOfTape));
  put("ours", make_ours());
  return all;
}

}  // namespace mixtape::bench
