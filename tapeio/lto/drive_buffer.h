// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

// The memory between a host of any speed and a tape that knows only some: speed matching, running
// dry, and the back-hitches that follow. A model, pure arithmetic.
//
// What counts is `work`: bytes that the tape could move now without the host, written data that
// waits in the buffer, or room for read-ahead. The host adds work, the tape takes it at one of its
// speeds: the highest while three quarters of the buffer are work, the lowest from an eighth down,
// evenly between. Without work the tape stops and repositions; it starts again when half of the
// buffer is work, or when the host has to wait. A host that needs more than the buffer has waits
// for the tape.
//
// Time is simulated in steps of at most 1/32 of the buffer, so a stop is placed that exactly.
//
// Units:   seconds, bytes of the modelled tape.
// Threads: none.

namespace mixtape::tapeio::lto {

struct DriveBufferOptions {
  double capacity_bytes = 1e9;
  std::vector<double> speeds;  // Bytes per second, from the highest down; at least one.
  double reposition_s = 0;     // From a stop until the tape may start again.
};

class DriveBuffer {
 public:
  enum class Direction { writing, reading };

  // How the seconds that passed were used by the tape.
  struct Spent {
    double transfer_s = 0;    // It streamed.
    double reposition_s = 0;  // It stopped and backed up.
    double idle_s = 0;        // It stood ready and had nothing to do.
    [[nodiscard]] double total() const { return transfer_s + reposition_s + idle_s; }
  };

  explicit DriveBuffer(DriveBufferOptions options) : options_(std::move(options)) {}

  // Of the tape that is in the drive from now on; at least one.
  void use_speeds(std::vector<double> speeds) { options_.speeds = std::move(speeds); }
  // The tape was positioned and may start here at once, the buffer is empty.
  void begin(Direction direction);
  // The host hands over (or takes) `bytes`, which it made (or digested) evenly in `host_s` seconds.
  // At least `host_s` pass; more when it had to wait for the tape.
  Spent pass(double host_s, double bytes);
  // Writes out all that waits, at the highest speed; the tape stops and repositions then.
  Spent drain();

  [[nodiscard]] Direction direction() const { return direction_; }
  [[nodiscard]] double work_bytes() const { return work_; }
  // Since the making of this object.
  [[nodiscard]] std::uint64_t underruns() const { return underruns_; }  // While writing only.
  [[nodiscard]] std::uint64_t repositions() const { return repositions_; }

 private:
  enum class Tape { ready, streaming, repositioning };
  [[nodiscard]] double speed() const;
  void stop(double passed_s);
  void start(Spent& spent);
  void make_room(double bytes, Spent& spent);
  void let_run(double seconds, Spent& spent);

  DriveBufferOptions options_;
  Direction direction_ = Direction::reading;
  Tape tape_ = Tape::ready;
  double work_ = 0;
  double ready_in_s_ = 0;  // While repositioning.
  std::uint64_t underruns_ = 0;
  std::uint64_t repositions_ = 0;
};

}  // namespace mixtape::tapeio::lto
