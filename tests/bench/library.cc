// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/library.h"

#include <algorithm>
#include <utility>

namespace mixtape::bench {
namespace {

const tapeio::lto::GenerationFigures& figures() {
  return tapeio::lto::figures_of(kGeneration);
}
// A tape that stood still for longer has to come up to speed again.
constexpr double kStreams = 1;

tapeio::lto::TapePoint point_of(const order::Place& place) {
  return {place.wrap, place.at};
}
tapeio::lto::Motion motion_of(const order::Head& head) {
  return head.moving ? tapeio::lto::Motion::streaming : tapeio::lto::Motion::standing;
}

}  // namespace

Library::Library(const Trace& trace)
    : trace_(trace),
      positioning_(figures()),
      model_(recall::TapeModel::of_generation(kGeneration, figures().native_bytes, MiB)),
      drives_(trace.drives),
      followers_(trace.requests.size()),
      waiting_(trace.tapes),
      asked_s_(trace.requests.size(), 0) {
  outcome_.response_s.resize(trace.requests.size(), -1);
  for (std::size_t request = 0; request < trace.requests.size(); ++request) {
    if (const auto leader = trace.requests[request].follows) {
      followers_[*leader].push_back(request);
    } else {
      events_.push({trace.requests[request].at_s, Event::Kind::asked, request, 0});
    }
  }
}

bool Library::is_taken(std::uint32_t tape, std::size_t drive) const {
  for (std::size_t other = 0; other < drives_.size(); ++other) {
    if (other != drive && drives_[other].tape == tape) {
      return true;
    }
  }
  return false;
}

double Library::locate_s(const order::Head& from, const order::Place& to) const {
  return positioning_.locate_seconds(point_of(from.place), motion_of(from), point_of(to));
}

Outcome Library::run(Policy& policy) {
  while (!events_.empty()) {
    now_ = events_.top().at_s;
    while (!events_.empty() && events_.top().at_s <= now_) {
      const Event event = events_.top();
      events_.pop();
      take(event, policy);
    }
    for (const std::size_t number : free_drives()) {
      act(number, policy.next(*this, number));
    }
  }
  return outcome_;
}

std::vector<std::size_t> Library::free_drives() const {
  std::vector<std::size_t> numbers;
  for (std::size_t number = 0; number < drives_.size(); ++number) {
    if (drives_[number].free_at <= now_) {
      numbers.push_back(number);
    }
  }
  const auto rank = [&](std::size_t number) {
    return std::pair(drives_[number].tape.has_value(), drives_[number].free_at);
  };
  std::ranges::stable_sort(numbers, {}, rank);
  return numbers;
}

void Library::take(const Event& event, Policy& policy) {
  if (event.kind == Event::Kind::asked) {
    asked_s_[event.request] = now_;
    waiting_[trace_.requests[event.request].tape].insert(event.request);
    policy.asked(*this, event.request);
  } else if (event.kind == Event::Kind::done) {
    outcome_.response_s[event.request] = now_ - asked_s_[event.request];
    policy.done(*this, event.request, event.drive);
    for (const std::size_t follower : followers_[event.request]) {
      events_.push({now_ + trace_.requests[follower].at_s, Event::Kind::asked, follower, 0});
    }
  }
}

void Library::act(std::size_t number, const Action& action) {
  Drive& drive = drives_[number];
  switch (action.kind) {
    case Action::Kind::read:
      read(number, action.request);
      break;
    case Action::Kind::mount:
      mount(drive, action.tape);
      events_.push({drive.free_at, Event::Kind::look, 0, number});
      break;
    case Action::Kind::rewind:
      rewind(drive);
      events_.push({drive.free_at, Event::Kind::look, 0, number});
      break;
    case Action::Kind::wait:
      if (action.until_s > now_ && action.until_s < kNever && action.until_s != drive.wakes_at) {
        drive.wakes_at = action.until_s;
        events_.push({action.until_s, Event::Kind::look, 0, number});
      }
      break;
  }
}

void Library::mount(Drive& drive, std::uint32_t tape) {
  double at = now_;
  if (drive.tape) {
    at += positioning_.unload_seconds(point_of(drive.head.place), motion_of(drive.head),
                                      drive.moved_bytes);
  }
  const double carries = drive.tape ? 2 : 1;
  robot_free_at_ = std::max(at, robot_free_at_) + carries * kRobotSeconds;
  drive = {.tape = tape,
           .head = model_.at_rest(),
           .mounted_at = robot_free_at_ + positioning_.load_seconds()};
  drive.mount_took = drive.mounted_at - now_;
  drive.head_since = drive.free_at = drive.mounted_at;
  ++outcome_.mounts;
  outcome_.drive_s += drive.mount_took;
}

void Library::read(std::size_t number, std::size_t request) {
  Drive& drive = drives_[number];
  const Request& wanted = trace_.requests[request];
  waiting_[wanted.tape].erase(request);
  double locate = locate_s(drive.head, model_.at(wanted.block));
  if (drive.head.moving && now_ > drive.head_since + kStreams) {
    locate = std::max(locate, positioning_.start_seconds());
  }
  const double bytes = static_cast<double>(wanted.blocks * MiB);
  const double took = locate + positioning_.transfer_seconds(bytes);
  drive.head = {.place = model_.at(wanted.block + wanted.blocks), .moving = true};
  drive.free_at = drive.head_since = now_ + took;
  drive.moved_bytes += bytes;
  drive.is_rewound = false;
  outcome_.drive_s += took;
  events_.push({drive.free_at, Event::Kind::done, request, number});
}

void Library::rewind(Drive& drive) {
  const double took =
      positioning_.rewind_seconds(point_of(drive.head.place), motion_of(drive.head));
  drive.head = model_.at_rest();
  drive.is_rewound = true;
  drive.free_at = now_ + took;
  outcome_.drive_s += took;
}

}  // namespace mixtape::bench
