// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/archive/rules.h"
#include "engine/service/context.h"

// How many media each file is to be on, and which media count as different ones.

namespace mixtape::service {

// The policy as mixtape.toml states it.
//
// Threads: immutable.
// Errors:  the constructor throws Error{invalid} for a pattern that can match nothing.
class CopyPolicy {
 public:
  explicit CopyPolicy(const home::Config& config);
  // Of the rules that match, the one that asks for most; without any, the default.
  [[nodiscard]] std::uint32_t wanted(const std::string& path) const;

 private:
  std::uint32_t default_;
  std::vector<std::pair<archive::Pattern, std::uint32_t>> rules_;
};

// Where disk media that are not here now are taken to lie. Nobody knows whether one disk was
// carried off with all of them: who plans copies expects the best, who deletes a file the worst.
enum class AwayDisks { one_each, one_for_all };

// What makes two media count as one: the disk that disk media lie on; each other medium is its own.
[[nodiscard]] std::function<std::string(const catalog::Medium&)> copy_domains(
    Workspace& workspace, AwayDisks away = AwayDisks::one_each);

}  // namespace mixtape::service
