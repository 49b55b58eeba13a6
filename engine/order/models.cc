// SPDX-License-Identifier: Apache-2.0
#include "engine/order/models.h"

#include <limits>
#include <string>

#include "tapeio/error.h"

namespace mixtape::order {
namespace {

double seconds_ahead(double distance, double speed) {
  return distance >= 0 ? distance / speed : std::numeric_limits<double>::infinity();
}

void check_on_tape(const Place& place, const LtoDrive& drive, const std::string& whose) {
  const auto& figures = drive.positioning().figures();
  if (place.wrap >= figures.wraps() || place.at > figures.length_m) {
    throw Error(ErrorCode::invalid, whose + " is beyond the " + std::to_string(figures.wraps()) +
                                        " wraps of " +
                                        std::to_string(std::lround(figures.length_m)) + " m of " +
                                        std::string(figures.name) +
                                        ": positions are metres from the beginning of the tape");
  }
}

}  // namespace

double ContestDrive::gap(const Place& from, const Place& to) const {
  return seconds_ahead(kSpan.travel(from, to), kReadSpeed);
}

double CtaRegression::gap(const Place& from, const Place& to) const {
  return seconds_ahead(kSpan.travel(from, to), kReadSpeed);
}

double LinearTape::gap(const Place& from, const Place& to) const {
  return seconds_ahead(to.at - from.at, 1);
}

double LtoDrive::gap(const Place& from, const Place& to) const {
  return seconds_ahead(span().travel(from, to), positioning_.read_speed_mps());
}

Model model_named(std::string_view name, double turn_s) {
  if (name == "contest") {
    return ContestDrive{};
  }
  if (name == "cta") {
    return CtaRegression{};
  }
  if (name == "linear") {
    return LinearTape(turn_s);
  }
  for (unsigned generation = tapeio::lto::kOldestGeneration;
       generation <= tapeio::lto::kNewestGeneration; ++generation) {
    if (name == "lto" + std::to_string(generation)) {
      return LtoDrive(generation);
    }
  }
  throw Error(ErrorCode::invalid, "there is no model \"" + std::string(name) +
                                      "\": take contest, cta, linear or lto5 to lto10");
}

void check(const Model& model, const Batch& batch) {
  check(batch);
  if (const auto* drive = std::get_if<LtoDrive>(&model)) {
    check_on_tape(batch.head.place, *drive, "the head");
    for (const Request& request : batch.requests) {
      check_on_tape(request.begin, *drive, "request " + std::to_string(request.id));
      check_on_tape(request.end, *drive, "request " + std::to_string(request.id));
    }
  }
  if (std::holds_alternative<LinearTape>(model)) {
    for (const Request& request : batch.requests) {
      if (request.end.at < request.begin.at) {
        throw Error(ErrorCode::invalid,
                    "request " + std::to_string(request.id) +
                        " ends before it begins: the linear model reads one way only");
      }
    }
  }
}

double locate_seconds(const Model& model, const Place& from, const Place& to) {
  return std::visit([&](const auto& drive) { return drive.locate(from, to); }, model);
}

double first_seconds(const Model& model, const Head& head, const Place& to) {
  return std::visit([&](const auto& drive) { return drive.first(head, to); }, model);
}

double read_seconds(const Model& model, const Place& begin, const Place& end) {
  return std::visit([&](const auto& drive) { return drive.read(begin, end); }, model);
}

double gap_seconds(const Model& model, const Place& from, const Place& to) {
  return std::visit([&](const auto& drive) { return drive.gap(from, to); }, model);
}

}  // namespace mixtape::order
