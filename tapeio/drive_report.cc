// SPDX-License-Identifier: Apache-2.0
#include "tapeio/drive_report.h"

#include "tapeio/error.h"
#include "tapeio/lent_drive.h"

namespace mixtape::tapeio {
namespace {

// A question that is refused leaves the others; a drive that is gone is not asked any more.
template <typename Question>
void unless_refused(Question question) {
  try {
    question();
  } catch (const Error& error) {
    const bool is_refusal =
        error.code() == ErrorCode::unsupported || error.code() == ErrorCode::not_permitted ||
        error.code() == ErrorCode::no_medium || error.code() == ErrorCode::invalid;
    if (!is_refusal) {
      throw;
    }
  }
}

void ask(TapeDrive& drive, DriveReport& report) {
  const DriveFeatures has = drive.features();
  if (has.identity) {
    report.drive = identity_text(*has.identity);
    report.serial = has.identity->serial;
    report.notes = has.identity->notes;
  }
  if (has.alerts != nullptr) {
    unless_refused([&] { report.alerts = has.alerts->raised(); });
  }
  if (has.gauges != nullptr) {
    unless_refused([&] { report.health = has.gauges->health(); });
  }
  if (has.memory != nullptr) {
    unless_refused([&] { report.wear = has.memory->wear(); });
  }
  if (has.space != nullptr) {
    unless_refused([&] { report.space = has.space->remaining(); });
  }
}

}  // namespace

DriveReport report_of(TapeDrive& drive) noexcept {
  DriveReport report;
  try {
    ask(drive, report);
  } catch (...) {
    // It does not answer any more, or a test cut its power; whoever used it knows. Drives are given
    // back in destructors.
  }
  return report;
}

}  // namespace mixtape::tapeio
