// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <sys/types.h>

// Who may cause a recall: programs that only look at files to see what they are must not empty the
// shelf.
//
// Threads: internally synchronised.
// Cost:    two small files of /proc a question.

namespace mixtape::fusefs {

// What happens to a read of a content that is not here.
enum class ColdReads {
  block,  // It waits for the recall.
  queue,  // It queues a recall and fails with EBUSY.
  never,  // It fails with EACCES and is logged; only user.mixtape.recall and commands bring
          // contents back.
};

struct ColdRules {
  ColdReads reads = ColdReads::block;
  // Names of programs, as ps shows them; only the first 15 bytes count, the kernel keeps no more.
  // The second list beats the first.
  std::vector<std::string> never_for = {}, always_for = {};
  // Different contents that one process may ask for within a second; 0: any number.
  std::uint32_t files_per_second = 0;
};

// A process, all its threads together.
struct Process {
  pid_t id = 0;
  std::string name;
};
// Of one of its threads; nullopt when it is gone or in a world of its own.
[[nodiscard]] std::optional<Process> process_of(pid_t thread);

class ColdGuard {
 public:
  using Clock = std::chrono::steady_clock;
  using ProcessOf = std::function<std::optional<Process>(pid_t)>;
  explicit ColdGuard(ColdRules rules, ProcessOf process_of = fusefs::process_of);

  struct Verdict {
    ColdReads reads = ColdReads::block;
    Process who;
    bool sniffs = false;    // It only looks: a part of what it asked for does for it.
    bool too_many = false;  // It asked for more than it may: EBUSY, and nothing is queued.
    bool say_so = false;    // For the first time since it last kept within its limit.
  };
  // A thread reads a content that is not here.
  [[nodiscard]] Verdict judge(pid_t thread, std::int64_t content, Clock::time_point now);

 private:
  struct Second {
    Clock::time_point began;
    std::unordered_set<std::int64_t> contents;
    bool over = false, told = false;
  };
  void limit(Verdict& verdict, std::int64_t content, Clock::time_point now);

  const ColdRules rules_;
  const ProcessOf process_of_;
  std::mutex mutex_;
  std::unordered_map<pid_t, Second> seconds_;  // Guarded by mutex_.
};

}  // namespace mixtape::fusefs
