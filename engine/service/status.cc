// SPDX-License-Identifier: Apache-2.0
#include "engine/service/status.h"

#include <algorithm>
#include <map>

#include "engine/service/copy_policy.h"

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
  const CopyPolicy policy(context.workspace.home().config());
  context.ledger.needs([&](const std::string& path) { return policy.wanted(path); },
                       copy_domains(context.workspace),
                       [&](const catalog::Ledger::Need& need) {
                         ++status.under_copied_files;
                         status.under_copied_bytes += need.version.size;
                         return true;
                       });
}

}  // namespace

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
