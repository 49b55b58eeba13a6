// SPDX-License-Identifier: Apache-2.0
#include "engine/service/health.h"

#include <algorithm>

#include "engine/service/context.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

bool is_same_pair(const catalog::HealthSample& left, const catalog::HealthSample& right) {
  return left.medium == right.medium && left.report.serial == right.report.serial;
}

// Media are known by their labels to libraries, by their uuids to us. What is not of this catalog
// is not kept.
void collect(Context& context) {
  for (tapeio::Library* library : context.workspace.libraries().opened()) {
    tapeio::CartridgeMover* mover = library->mover();
    if (mover == nullptr) {
      continue;
    }
    for (tapeio::MediumReport& told : mover->take_reports()) {
      if (const auto medium = context.ledger.medium(told.medium)) {
        context.workspace.health().add(
            {.medium = medium->uuid, .taken_s = context.now_s(), .report = std::move(told.report)});
      }
    }
  }
}

}  // namespace

void HealthNotes::add(catalog::HealthSample sample) {
  const std::lock_guard lock(mutex_);
  std::erase_if(notes_, [&](const auto& note) { return is_same_pair(note, sample); });
  notes_.push_back(std::move(sample));
}

std::vector<catalog::HealthSample> HealthNotes::all() {
  const std::lock_guard lock(mutex_);
  return notes_;
}

void HealthNotes::written(const std::vector<catalog::HealthSample>& samples) {
  const std::lock_guard lock(mutex_);
  std::erase_if(notes_, [&](const catalog::HealthSample& note) {
    return std::ranges::any_of(samples, [&](const catalog::HealthSample& sample) {
      return is_same_pair(note, sample) && note.taken_s <= sample.taken_s;
    });
  });
}

std::vector<catalog::HealthSample> known_health(Context& context) {
  collect(context);
  std::vector<catalog::HealthSample> known = context.workspace.health().all();
  for (catalog::HealthSample& sample : catalog::Health(context.database).newest()) {
    const bool is_older = std::ranges::any_of(
        known, [&](const catalog::HealthSample& newer) { return is_same_pair(newer, sample); });
    if (!is_older) {
      known.push_back(std::move(sample));
    }
  }
  std::ranges::stable_sort(known, std::ranges::greater{}, &catalog::HealthSample::taken_s);
  return known;
}

void record_health(Context& context) {
  try {
    collect(context);
    const std::vector<catalog::HealthSample> notes = context.workspace.health().all();
    if (notes.empty()) {
      return;
    }
    catalog::Database state = catalog::open_state(context.workspace.home().state_db());
    catalog::Health health(state);
    for (const catalog::HealthSample& note : notes) {
      health.record(note);
    }
    context.workspace.health().written(notes);
  } catch (const Error&) {
    // A full disk, or a home that may only be read: the job itself is done, and told of.
  }
}

void note_cleaned(Context& context, const std::string& drive, const std::string& serial) {
  context.workspace.health().add(
      {.taken_s = context.now_s(),
       .report = {.drive = drive, .serial = serial, .health = tapeio::DriveHealth{}}});
  record_health(context);
}

}  // namespace mixtape::service
