// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/clock.h"

#include <cmath>
#include <thread>

namespace mixtape::tapeio::lto {
namespace {

constexpr double kNanoseconds = 1e9;

}  // namespace

void SimClock::pass(double modelled_s) {
  elapsed_ns_ += static_cast<std::int64_t>(std::llround(modelled_s * kNanoseconds));
}

void SimClock::wait(double modelled_s) {
  pass(modelled_s);
  if (speed_ <= 0 || modelled_s <= 0) {
    return;
  }
  if (sleep_) {
    sleep_(modelled_s / speed_);
  } else {
    std::this_thread::sleep_for(std::chrono::duration<double>(modelled_s / speed_));
  }
}

double RealHostTime::seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace mixtape::tapeio::lto
