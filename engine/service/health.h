// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "engine/catalog/health.h"

// How drives and media are: what the drives told when they were given back, kept for when a medium
// is on the shelf and for the next process.
//
// Nothing here is asked of a drive: libraries ask when a drive comes back to them.

namespace mixtape::service {

struct Context;

// What this process was told and has not written to state.db yet.
//
// Threads: internally synchronised.
class HealthNotes {
 public:
  // Takes the place of an older one of the same medium in the same drive.
  void add(catalog::HealthSample sample);
  [[nodiscard]] std::vector<catalog::HealthSample> all();
  // Forgets those that were written, unless there are newer ones.
  void written(const std::vector<catalog::HealthSample>& samples);

 private:
  std::mutex mutex_;
  std::vector<catalog::HealthSample> notes_;  // Guarded by mutex_.
};

// The newest that is known of each medium in each drive, written or not, newest first. Writes
// nothing.
[[nodiscard]] std::vector<catalog::HealthSample> known_health(Context& context);

// At the end of whatever used drives: writes down what they told. What cannot be written now stays
// noted; throws nothing for that.
void record_health(Context& context);

// A job: what its drives and media told is written down also when it fails, because then it matters
// most.
template <typename Job>
auto with_health_recorded(Context& context, Job job) {
  try {
    auto result = job();
    record_health(context);
    return result;
  } catch (...) {
    record_health(context);
    throw;
  }
}

// That this drive (its serial number) was cleaned: what it asked for before is done.
void note_cleaned(Context& context, const std::string& drive, const std::string& serial);

}  // namespace mixtape::service
