// SPDX-License-Identifier: Apache-2.0
#include "engine/service/status.h"

#include <algorithm>
#include <map>

#include "engine/archive/rules.h"

namespace mixtape::service {
namespace {

using Slots = std::map<std::string, tapeio::MediumSlot>;

Slots slots_of(const Workspace& workspace) {
  Slots slots;
  for (const auto& library : workspace.libraries()) {
    for (tapeio::MediumSlot& slot : library->media()) {
      slots.emplace(slot.label, std::move(slot));
    }
  }
  return slots;
}

void count_under_copied(Context& context, Status& status) {
  const home::Config& config = context.workspace.home().config();
  context.ledger.needs([&](const std::string& path) { return wanted_copies(config, path); },
                       copy_domains(context), [&](const catalog::Ledger::Need& need) {
                         ++status.under_copied_files;
                         status.under_copied_bytes += need.version.size;
                         return true;
                       });
}

}  // namespace

std::uint32_t wanted_copies(const home::Config& config, const std::string& path) {
  std::uint32_t most = 0;
  for (const home::CopyRule& rule : config.copy_rules) {
    if (archive::pattern_matches(rule.pattern, path)) {
      most = std::max(most, rule.copies);
    }
  }
  return most > 0 ? most : config.copies;
}

std::function<std::string(const catalog::Medium&)> copy_domains(Context& context) {
  std::map<std::string, std::uint64_t> disks;
  for (const auto& [label, slot] : slots_of(context.workspace)) {
    disks.emplace(label, slot.device_id);
  }
  // A disk medium that is away lies on a disk of its own: it was carried off.
  return [disks = std::move(disks)](const catalog::Medium& medium) {
    const auto disk = disks.find(medium.label);
    return disk == disks.end() || disk->second == 0 ? "medium " + medium.label
                                                    : "disk " + std::to_string(disk->second);
  };
}

std::vector<MediumStatus> media_status(Context& context) {
  Slots slots = slots_of(context.workspace);
  std::vector<MediumStatus> media;
  for (const catalog::Medium& medium : context.ledger.media()) {
    MediumStatus status;
    status.medium = medium;
    status.known = true;
    status.capacity_bytes = medium.capacity_bytes;
    const std::vector<catalog::Bundle> bundles = context.ledger.bundles(medium.id);
    status.bundles = bundles.size();
    for (const catalog::Bundle& bundle : bundles) {
      status.used_bytes += bundle.plain_bytes;
    }
    if (const auto slot = slots.find(medium.label); slot != slots.end()) {
      status.here = true;
      status.used_bytes = slot->second.used_bytes;
      status.capacity_bytes = slot->second.capacity_bytes;
      slots.erase(slot);
    }
    media.push_back(std::move(status));
  }
  for (const auto& [label, slot] : slots) {
    MediumStatus status;
    status.medium.label = label;
    status.here = true;
    status.used_bytes = slot.used_bytes;
    status.capacity_bytes = slot.capacity_bytes;
    media.push_back(std::move(status));
  }
  std::sort(media.begin(), media.end(), [](const MediumStatus& a, const MediumStatus& b) {
    return a.medium.label < b.medium.label;
  });
  return media;
}

Status status_of(Context& context) {
  Status status;
  status.totals = context.tree.totals();
  const std::vector<catalog::Job> jobs = context.tree.snapshots();
  if (!jobs.empty()) {
    status.last_job = jobs.back();
  }
  status.media = media_status(context);
  count_under_copied(context, status);
  status.staged = context.workspace.staging().usage();
  status.cache = context.workspace.cache().usage();
  status.recovery_kept_elsewhere = context.workspace.home().recovery_kept_elsewhere();
  status.absent_libraries = context.workspace.absent_libraries();
  return status;
}

}  // namespace mixtape::service
