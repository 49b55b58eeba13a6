// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/progress/reporter.h"
#include "engine/service/context.h"

// What could be wrong with this machine, this home and these media, and what to do about it.
//
// Cost: reads the whole catalog (integrity check); moves no medium.
// Errors: a check that fails is a finding, never an exception.

namespace mixtape::service {

struct Finding {
  enum class Verdict { good, warning, bad };
  Verdict verdict;
  std::string subject;  // "FUSE", "keys", "catalog".
  std::string words;    // What was found.
  std::string advice;   // What to do; empty when good.
};

[[nodiscard]] std::vector<Finding> examine(const std::filesystem::path& home_directory,
                                           Reporter& reporter);

}  // namespace mixtape::service
