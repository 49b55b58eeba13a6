// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <queue>
#include <set>
#include <vector>

#include "engine/recall/tape_model.h"
#include "tapeio/lto/positioning.h"
#include "tests/bench/library_trace.h"

// A tape library as discrete events: LTO-8 drives that wind as the simulator's do, one robot, and
// a policy that says what each drive does next. The same times for every policy.
//
// A cartridge stays in its drive until another one is wanted there; of several drives that are free
// an empty one is asked first, then the one that was idle for longest, as ChangerLibrary does it.
// Changing it: rewind and unload, the robot puts it away and brings the other one, load.
//
// Units: seconds from the beginning of the trace, blocks of a mebibyte.

namespace mixtape::bench {

inline constexpr unsigned kGeneration = 8;
inline constexpr double kRobotSeconds = 10;  // To carry a cartridge once, as small libraries do.
inline constexpr double kNever = std::numeric_limits<double>::infinity();

struct Drive {
  std::optional<std::uint32_t> tape;
  order::Head head;
  double head_since = 0;  // When it came there.
  double mounted_at = 0;
  double mount_took = 0;
  double moved_bytes = 0;  // Since the mount.
  double free_at = 0;
  double wakes_at = kNever;  // While it waits.
  bool is_rewound = true;
};

struct Action {
  enum class Kind { wait, read, mount, rewind };
  Kind kind = Kind::wait;
  std::size_t request = 0;
  std::uint32_t tape = 0;
  double until_s = kNever;  // Of waiting; anything that is asked for ends it, too.
};

class Library;

class Policy {
 public:
  virtual ~Policy() = default;
  // Of a drive that is free.
  virtual Action next(const Library& library, std::size_t drive) = 0;
  virtual void asked(const Library&, std::size_t /*request*/) {}
  virtual void done(const Library&, std::size_t /*request*/, std::size_t /*drive*/) {}
};

struct Outcome {
  std::size_t mounts = 0;
  double drive_s = 0;              // Mounting, positioning, reading.
  std::vector<double> response_s;  // Of each request.
};

class Library {
 public:
  explicit Library(const Trace& trace);
  // Until everything was read.
  Outcome run(Policy& policy);

  // --- For policies
  [[nodiscard]] double now() const { return now_; }
  [[nodiscard]] const Trace& trace() const { return trace_; }
  [[nodiscard]] const Drive& drive(std::size_t number) const { return drives_[number]; }
  [[nodiscard]] std::size_t drives() const { return drives_.size(); }
  // In another drive than this one.
  [[nodiscard]] bool is_taken(std::uint32_t tape, std::size_t drive) const;
  // Waiting and not being read, by tape.
  [[nodiscard]] const std::vector<std::set<std::size_t>>& waiting() const { return waiting_; }
  [[nodiscard]] double asked_s(std::size_t request) const { return asked_s_[request]; }
  [[nodiscard]] const recall::TapeModel& tape_model() const { return model_; }
  [[nodiscard]] double locate_s(const order::Head& from, const order::Place& to) const;

 private:
  struct Event {
    double at_s;
    enum class Kind { asked, done, look } kind;
    std::size_t request, drive;
    bool operator>(const Event& other) const { return at_s > other.at_s; }
  };
  void take(const Event& event, Policy& policy);
  [[nodiscard]] std::vector<std::size_t> free_drives() const;
  void act(std::size_t number, const Action& action);
  void mount(Drive& drive, std::uint32_t tape);
  void read(std::size_t number, std::size_t request);
  void rewind(Drive& drive);

  const Trace& trace_;
  tapeio::lto::Positioning positioning_;
  recall::TapeModel model_;
  std::vector<Drive> drives_;
  std::vector<std::vector<std::size_t>> followers_;
  std::vector<std::set<std::size_t>> waiting_;
  std::vector<double> asked_s_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  double now_ = 0, robot_free_at_ = 0;
  Outcome outcome_;
};

}  // namespace mixtape::bench
