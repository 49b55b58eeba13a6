// SPDX-License-Identifier: Apache-2.0
#include "engine/service/status.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include "engine/archive/targets.h"
#include "engine/service/copy_policy.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using Slots = std::vector<Libraries::Slot>;

constexpr std::size_t kMostPathsTold = 20;

// Takes the medium out of `slots` when it is there. The label on a disk medium is read, because
// that moves nothing; of a cartridge only its drive can tell.
void look_for(MediumStatus& status, Context& context, Slots& slots) {
  const auto slot = std::find_if(slots.begin(), slots.end(), [&](const Libraries::Slot& each) {
    return may_be(each.medium.label, status.medium);
  });
  if (slot == slots.end()) {
    return;
  }
  if (slot->medium.device_id != 0) {
    const Libraries::Lookup found =
        context.workspace.libraries().find(status.medium, context.ledger, Libraries::Look::glance);
    status.why_not = found.medium ? "" : found.why_not;
    if (!found.medium) {
      return;
    }
  }
  status.here = true;
  status.place = slot->medium.place;
  if (slot->medium.capacity_bytes) {
    status.capacity_bytes = slot->medium.capacity_bytes;
  }
  slots.erase(slot);
}

// What is on a medium that the catalog does not know. Disks are looked at, because that moves
// nothing.
std::optional<std::string> contents_of(Context& context, tapeio::Library& library,
                                       const tapeio::MediumSlot& slot) {
  if (library.mover() != nullptr) {
    return std::nullopt;
  }
  if (slot.used_bytes == 0) {
    return "";
  }
  try {
    return describe_contents(context, *library.load(slot.label, tapeio::Library::Access::read));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::exhausted) {
      throw;
    }
    return std::string("what cannot be read: ") + error.what();
  }
}

void note_damage(const catalog::Ledger::Need& need, Status& status) {
  if (need.damaged_on.empty()) {
    return;
  }
  ++status.damaged_files;
  if (status.damaged_paths.size() < kMostPathsTold) {
    status.damaged_paths.push_back(need.path);
  }
}

// Adds up, medium by medium, the files that are on too few.
class FilesByMedium {
 public:
  FilesByMedium(Context& context, const std::vector<MediumStatus>& media,
                const std::function<std::string(const catalog::Medium&)>& domain) {
    for (const catalog::Medium& medium : context.ledger.media()) {
      Known known{.sum = {.medium = medium}, .domain = domain(medium)};
      known.sum.here = std::ranges::any_of(media, [&](const MediumStatus& status) {
        return status.known && status.here && status.medium.id == medium.id;
      });
      media_.emplace(medium.id, std::move(known));
    }
    std::int64_t blank = -1;
    for (const MediumStatus& status : media) {
      if (!status.known && status.here && status.holds == "") {
        media_.emplace(
            catalog::MediumId{blank--},
            Known{.sum = {.medium = status.medium, .here = true}, .domain = domain(status.medium)});
      }
    }
  }

  void add(const catalog::Ledger::Need& need) {
    for (const auto* uncounted : {&need.retired, &need.lost}) {
      for (const catalog::MediumId id : *uncounted) {
        count(media_.at(id).sum, need);
      }
    }
    for (auto& [id, known] : media_) {
      if (known.sum.medium.state == catalog::MediumState::active && can_take(id, known, need)) {
        count(known.sum, need);
      }
    }
  }

  void tell(Status& status) const {
    using catalog::MediumState;
    for (const auto& [id, known] : media_) {
      if (known.sum.files > 0) {
        (known.sum.medium.state == MediumState::active ? status.could_take : status.uncounted)
            .push_back(known.sum);
      }
    }
    std::ranges::sort(status.uncounted, {},
                      [](const MediumWithFiles& each) { return each.medium.label; });
    std::ranges::sort(status.could_take, {}, [](const MediumWithFiles& each) {
      return std::tuple(!each.here, ~each.files, each.medium.label);
    });
  }

 private:
  struct Known {
    MediumWithFiles sum;
    std::string domain;
  };

  static void count(MediumWithFiles& sum, const catalog::Ledger::Need& need) {
    ++sum.files;
    sum.bytes += need.version.size;
  }
  // As a write job has it: no second copy on a medium or in a domain, none beside a damaged one.
  [[nodiscard]] bool can_take(catalog::MediumId id, const Known& known,
                              const catalog::Ledger::Need& need) const {
    const bool has_it = std::ranges::any_of(need.on, [&](catalog::MediumId on) {
      const Known& other = media_.at(on);
      return on == id || (other.domain == known.domain &&
                          other.sum.medium.state != catalog::MediumState::retired);
    });
    return !has_it && std::ranges::find(need.damaged_on, id) == need.damaged_on.end();
  }

  std::map<catalog::MediumId, Known> media_;
};

void count_under_copied(Context& context, Status& status) {
  const CopyPolicy policy(context.config());
  const auto domain = copy_domains(context.workspace);
  FilesByMedium by_medium(context, status.media, domain);
  context.ledger.needs([&](const std::string& path) { return policy.wanted(path); }, domain,
                       [&](const catalog::Ledger::Need& need) {
                         ++status.under_copied_files;
                         status.under_copied_bytes += need.version.size;
                         status.unseen_files += need.missing <= need.unseen ? 1 : 0;
                         by_medium.add(need);
                         note_damage(need, status);
                         return true;
                       });
  by_medium.tell(status);
}

}  // namespace

std::vector<MediumStatus> media_status(Context& context) {
  Slots slots = context.workspace.libraries().slots(Libraries::Look::glance);
  std::vector<MediumStatus> media;
  const std::vector<catalog::HealthSample> known = known_health(context);
  const std::vector<BlamedErrors> errors = blame(catalog::Health(context.database).pairs());
  for (const catalog::Medium& medium : context.ledger.media()) {
    MediumStatus status;
    std::ranges::copy_if(errors, std::back_inserter(status.errors),
                         [&](const auto& each) { return each.pair.medium == medium.uuid; });
    std::ranges::copy_if(known, std::back_inserter(status.health),
                         [&](const auto& sample) { return sample.medium == medium.uuid; });
    status.medium = medium;
    status.known = true;
    status.capacity_bytes = medium.capacity_bytes;
    const std::vector<catalog::Bundle> bundles = context.ledger.bundles(medium.id);
    status.bundles = bundles.size();
    status.used_bytes = archive::used_as_known(medium, bundles);
    look_for(status, context, slots);
    media.push_back(std::move(status));
  }
  for (const auto& [library, slot] : slots) {
    MediumStatus status;
    status.holds = contents_of(context, *library, slot);
    status.medium.label = slot.label;
    status.here = true;
    status.place = slot.place;
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
  status.drives = drives(context);
  status.cleaning = cleaning_cartridges(context);
  count_under_copied(context, status);
  status.damaged = context.ledger.damaged_media();
  status.staged = context.workspace.staging().usage();
  status.cache = context.workspace.cache().usage();
  status.recovery_kept_elsewhere = context.workspace.home().recovery_kept_elsewhere();
  status.absent_libraries = context.workspace.libraries().absent();
  return status;
}

}  // namespace mixtape::service
