// SPDX-License-Identifier: Apache-2.0
#include "engine/service/copy_policy.h"

#include <algorithm>

namespace mixtape::service {

CopyPolicy::CopyPolicy(const home::Config& config) : default_(config.copies) {
  for (const home::CopyRule& rule : config.copy_rules) {
    rules_.emplace_back(archive::Pattern(rule.pattern), rule.copies);
  }
  for (const std::string& pattern : config.distinct_locations) {
    apart_.emplace_back(pattern);
  }
}

std::uint32_t CopyPolicy::wanted(const std::string& path) const {
  std::uint32_t most = 0;
  for (const auto& [pattern, copies] : rules_) {
    if (pattern.matches(path)) {
      most = std::max(most, copies);
    }
  }
  return most > 0 ? most : default_;
}

std::uint32_t CopyPolicy::most() const {
  std::uint32_t most = default_;
  for (const auto& [pattern, copies] : rules_) {
    most = std::max(most, copies);
  }
  return most;
}

bool CopyPolicy::must_differ(const std::string& path) const {
  return std::ranges::any_of(
      apart_, [&](const archive::Pattern& pattern) { return pattern.matches(path); });
}

MediumName copy_domains(Workspace& workspace, AwayDisks away) {
  std::map<std::string, std::uint64_t> disks;
  for (const Libraries::Slot& slot : workspace.libraries().slots(Libraries::Look::glance)) {
    disks.emplace(slot.medium.label, slot.medium.device_id);
  }
  return [disks = std::move(disks), away](const catalog::Medium& medium) -> std::string {
    const auto disk = disks.find(medium.label);
    if (disk != disks.end() && disk->second != 0) {
      return "disk " + std::to_string(disk->second);
    }
    const bool on_some_disk = medium.kind == "dir" && away == AwayDisks::one_for_all;
    return on_some_disk ? "a disk that is away" : "medium " + medium.label;
  };
}

std::map<std::string, std::string> library_places(Context& context) {
  std::map<std::string, std::string> named;
  for (const auto& [library, place] : context.config().library_places) {
    const std::string url =
        home::absolute_library_url(library, context.workspace.home().directory());
    named.emplace(tapeio::url_for_people(url), place);
  }
  return named;
}

MediumName copy_places(Context& context) {
  const std::map<std::string, std::string> named = library_places(context);
  std::map<std::string, std::string> here;
  for (const Libraries::Slot& slot : context.workspace.libraries().slots(Libraries::Look::glance)) {
    const auto place = named.find(slot.library->url());
    here.emplace(slot.medium.label, place == named.end() ? kHere : place->second);
  }
  return [here = std::move(here)](const catalog::Medium& medium) {
    const auto place = here.find(medium.label);
    return place == here.end() ? medium.location : place->second;
  };
}

namespace {

void each_need_in(Context& context, const CopyPolicy& policy, const catalog::CopyScope& scope,
                  const std::function<bool(const catalog::CopyNeed&)>& each) {
  catalog::CopyPlaces places{.of = copy_places(context), .must_differ = {}};
  if (policy.any_must_differ()) {
    places.must_differ = [&](const std::string& path) { return policy.must_differ(path); };
  }
  context.ledger.needs([&](const std::string& path) { return policy.wanted(path); },
                       copy_domains(context.workspace), each, places, scope);
}

}  // namespace

void each_need(Context& context, const std::function<bool(const catalog::CopyNeed&)>& each) {
  const CopyPolicy policy(context.config());
  each_need_in(context, policy, {.most_wanted = policy.most()}, each);
}

void each_need_beside(Context& context, std::vector<catalog::PathId> paths,
                      const std::function<bool(const catalog::CopyNeed&)>& each) {
  each_need_in(context, CopyPolicy(context.config()), {.beside = std::move(paths)}, each);
}

}  // namespace mixtape::service
