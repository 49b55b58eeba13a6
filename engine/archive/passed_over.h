// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/progress/reporter.h"
#include "tapeio/error.h"

// The media that a job could not write to, and how the user hears of each.
//
// Threads: none.

namespace mixtape::archive {

class PassedOver {
 public:
  // It could not be opened for writing, as the Error says: a problem, told by tell(). A bad medium
  // failed.
  void refused(const std::string& label, const Error& why, Reporter& reporter);
  // It failed while it was written. Told at once, and no problem as such: what it was to take goes
  // to another medium, and what finds none is named as that.
  void failed(const std::string& label, const Error& why, Reporter& reporter);

  void tell(Reporter& reporter) const;
  // When nothing could be written anywhere: throws the first of them and tells the others.
  void fail_if_any(Reporter& reporter);

 private:
  std::vector<Error> refusals_;
  std::optional<Error> failure_;  // The first.
};

}  // namespace mixtape::archive
