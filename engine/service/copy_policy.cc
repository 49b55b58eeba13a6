// SPDX-License-Identifier: Apache-2.0
#include "engine/service/copy_policy.h"

#include <algorithm>
#include <map>

namespace mixtape::service {

CopyPolicy::CopyPolicy(const home::Config& config) : default_(config.copies) {
  for (const home::CopyRule& rule : config.copy_rules) {
    rules_.emplace_back(archive::Pattern(rule.pattern), rule.copies);
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

std::function<std::string(const catalog::Medium&)> copy_domains(Workspace& workspace,
                                                                AwayDisks away) {
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

}  // namespace mixtape::service
