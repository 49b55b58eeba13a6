// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

// Who waits for a drive of a library while others have them all.
//
// Whoever reads keeps a drive as long as he reads on, and a job until it is through with a medium.
// Each looks here when he could give his drive back in between; how long the other one has to have
// waited by then is his to say. Both are of this process; other programs wait as they like.
//
// Threads: internally synchronised.

namespace mixtape::tapeio {

class DriveTurns {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Who {
    job,     // A command: a backup, a flush, a restore.
    reader,  // Of the mount: somebody waits for bytes.
  };

  // Waits as long as it lives; what it came from must outlive it.
  class Waiting {
   public:
    Waiting(Waiting&& other) noexcept
        : turns_(std::exchange(other.turns_, nullptr)), number_(other.number_) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    Waiting& operator=(Waiting&&) = delete;
    ~Waiting();

   private:
    friend class DriveTurns;
    Waiting(DriveTurns* turns, std::uint64_t number) : turns_(turns), number_(number) {}
    DriveTurns* turns_;
    std::uint64_t number_;
  };
  [[nodiscard]] Waiting wait(Who who);

  // How long the one who has waited for the longest; nullopt: nobody waits.
  [[nodiscard]] std::optional<Clock::duration> waited(Who who);
  // Returns when none of them waits any more, after `most` at the latest.
  void let_in(Who who, Clock::duration most);

 private:
  struct Entry {
    Who who;
    Clock::time_point since;
  };
  [[nodiscard]] std::optional<Clock::time_point> since_locked(Who who) const;
  void leave(std::uint64_t number);

  std::mutex mutex_;
  std::condition_variable left_;
  // Guarded by mutex_:
  std::map<std::uint64_t, Entry> waiting_;  // By number, and so in the order in which they came.
  std::uint64_t next_ = 0;
};

}  // namespace mixtape::tapeio
