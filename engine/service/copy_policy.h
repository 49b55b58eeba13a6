// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/archive/rules.h"
#include "engine/catalog/copy_need.h"
#include "engine/service/context.h"

// How many media each file is to be on, which media count as different ones, and whether they have
// to lie in different places.

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
  // What no path wants more than.
  [[nodiscard]] std::uint32_t most() const;
  // Whether of its copies each has to lie in a place of its own.
  [[nodiscard]] bool must_differ(const std::string& path) const;
  [[nodiscard]] bool any_must_differ() const { return !apart_.empty(); }

 private:
  std::uint32_t default_;
  std::vector<std::pair<archive::Pattern, std::uint32_t>> rules_;
  std::vector<archive::Pattern> apart_;
};

// Where disk media that are not here now are taken to lie. Nobody knows whether one disk was
// carried off with all of them: who plans copies expects the best, who deletes a file the worst.
enum class AwayDisks { one_each, one_for_all };

using MediumName = std::function<std::string(const catalog::Medium&)>;

// What makes two media count as one: the disk that disk media lie on; each other medium is its own.
[[nodiscard]] MediumName copy_domains(Workspace& workspace, AwayDisks away = AwayDisks::one_each);

// The places that library_places names, by the URLs of libraries as people see them.
[[nodiscard]] std::map<std::string, std::string> library_places(Context& context);
// The place of a library of which none is noted.
inline constexpr const char* kHere = "here";
// Where a medium is now: that of the library that has it, as library_places names it, or kHere; of
// one that is away the place that was noted for it. Empty: nobody knows.
[[nodiscard]] MediumName copy_places(Context& context);

// Every file of which the policy lacks copies, or has them too near to each other, as
// Ledger::needs.
void each_need(Context& context, const std::function<bool(const catalog::CopyNeed&)>& each);
// Of those only what lies in the directories of these paths; nothing else is looked at.
void each_need_beside(Context& context, std::vector<catalog::PathId> paths,
                      const std::function<bool(const catalog::CopyNeed&)>& each);

}  // namespace mixtape::service
