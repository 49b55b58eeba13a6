// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/drive_buffer.h"

#include <algorithm>
#include <cmath>

namespace mixtape::tapeio::lto {
namespace {

constexpr double kFullSpeedFrom = 0.75;  // Of the buffer as work.
constexpr double kLowestSpeedTo = 0.125;
constexpr double kStartFrom = 0.5;
constexpr double kStepsPerBuffer = 32;
// An hour's pause at full speed has 46,000 steps; longer ones are simulated more coarsely.
constexpr double kMostSteps = 65536;
// Bytes are fractions here; what is less than one is rounding.
constexpr double kNothing = 1;

}  // namespace

void DriveBuffer::begin(Direction direction) {
  direction_ = direction;
  tape_ = Tape::ready;
  ready_in_s_ = 0;
  work_ = direction == Direction::writing ? 0 : options_.capacity_bytes;
}

double DriveBuffer::speed() const {
  const double fill = work_ / options_.capacity_bytes;
  const double last = static_cast<double>(options_.speeds.size() - 1);
  const double down = (kFullSpeedFrom - fill) / (kFullSpeedFrom - kLowestSpeedTo) * last;
  return options_.speeds[static_cast<std::size_t>(std::clamp(std::ceil(down), 0.0, last))];
}

void DriveBuffer::stop(double passed_s) {
  tape_ = Tape::repositioning;
  ready_in_s_ = std::max(0.0, options_.reposition_s - passed_s);
  ++repositions_;
}

// The host waits, so the tape does not wait for more work.
void DriveBuffer::start(Spent& spent) {
  if (tape_ == Tape::repositioning) {
    spent.reposition_s += ready_in_s_;
  }
  ready_in_s_ = 0;
  tape_ = Tape::streaming;
}

// The host waits until `bytes` more fit; what is larger than the buffer streams through it.
void DriveBuffer::make_room(double bytes, Spent& spent) {
  const double excess = work_ + bytes - options_.capacity_bytes;
  if (excess <= 0) {
    return;
  }
  start(spent);
  spent.transfer_s += excess / options_.speeds.front();
  work_ -= excess;
}

void DriveBuffer::let_run(double seconds, Spent& spent) {
  if (tape_ == Tape::repositioning) {
    const double backing = std::min(seconds, ready_in_s_);
    spent.reposition_s += backing;
    ready_in_s_ -= backing;
    seconds -= backing;
    if (ready_in_s_ <= 0) {
      tape_ = Tape::ready;
    }
  }
  if (tape_ == Tape::ready && work_ >= kStartFrom * options_.capacity_bytes) {
    tape_ = Tape::streaming;
  }
  if (tape_ != Tape::streaming) {
    spent.idle_s += seconds;
    return;
  }
  const double now = speed();
  if (now * seconds <= work_ + kNothing) {
    work_ = std::max(0.0, work_ - now * seconds);
    spent.transfer_s += seconds;
    return;
  }
  const double streaming = work_ / now;
  const double rest = seconds - streaming;
  work_ = 0;
  spent.transfer_s += streaming;
  underruns_ += direction_ == Direction::writing ? 1 : 0;
  const double backing = std::min(rest, options_.reposition_s);
  stop(backing);
  spent.reposition_s += backing;
  spent.idle_s += rest - backing;
}

DriveBuffer::Spent DriveBuffer::pass(double host_s, double bytes) {
  Spent spent;
  const double step_bytes = options_.capacity_bytes / kStepsPerBuffer;
  const double steps = std::clamp(
      std::ceil(std::max(bytes, host_s * options_.speeds.front()) / step_bytes), 1.0, kMostSteps);
  for (double step = 0; step < steps; ++step) {
    make_room(bytes / steps, spent);
    work_ += bytes / steps;
    if (host_s > 0) {
      let_run(host_s / steps, spent);
    }
  }
  return spent;
}

DriveBuffer::Spent DriveBuffer::drain() {
  Spent spent;
  const bool moved = work_ > 0 || tape_ == Tape::streaming;
  if (work_ > 0) {
    start(spent);
    spent.transfer_s += work_ / options_.speeds.front();
    work_ = 0;
  }
  if (moved) {
    stop(0);
  }
  return spent;
}

}  // namespace mixtape::tapeio::lto
