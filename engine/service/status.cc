// SPDX-License-Identifier: Apache-2.0
#include "engine/service/status.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include "engine/archive/targets.h"
#include "engine/recall/tape_model.h"
#include "engine/service/copy_policy.h"
#include "tapeio/dir_files.h"
#include "tapeio/dir_library.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using Slots = std::vector<Libraries::Slot>;
using Places = std::map<std::string, std::string>;  // Of libraries, by URL.

constexpr std::size_t kMostPathsTold = 20;

std::string place_of(const Places& places, const tapeio::Library& library) {
  const auto named = places.find(library.url());
  return named == places.end() ? "" : named->second;
}

// A look at names only; what else is wrong with a medium shows when it is read.
std::string told_of_missing(const Libraries::Slot& slot) {
  const auto path = tapeio::path_of_disk_medium(*slot.library, slot.medium.label);
  try {
    const std::vector<std::uint64_t> missing =
        path ? tapeio::missing_tape_files(*path) : std::vector<std::uint64_t>();
    return missing.empty() ? ""
                           : "cannot be read: " + tapeio::missing_tape_files_text(missing) +
                                 "; `mixtape doctor` tells what to put there";
  } catch (const Error& error) {
    return std::string("cannot be read: ") + error.what();
  }
}

// Takes the medium out of `slots` when it is there. The label on a disk medium is read, because
// that moves nothing; of a cartridge only its drive can tell.
void look_for(MediumStatus& status, Context& context, const Places& places, Slots& slots) {
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
  status.unreadable = told_of_missing(*slot);
  status.in_drive = slot->medium.loaded && slot->library->mover() != nullptr;
  status.place = slot->medium.place;
  status.library_place = place_of(places, *slot->library);
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

void note_damage(const catalog::CopyNeed& need, Status& status) {
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
      for (const MediumStatus& status : media) {
        if (status.known && status.medium.id == medium.id) {
          known.sum.here = status.here;
          known.sum.in_drive = status.in_drive;
          known.room_bytes = room_of(status);
        }
      }
      media_.emplace(medium.id, std::move(known));
    }
    std::int64_t blank = -1;
    for (const MediumStatus& status : media) {
      if (!status.known && status.here && status.holds == "") {
        media_.emplace(catalog::MediumId{blank--},
                       Known{.sum = {.medium = status.medium, .here = true},
                             .domain = domain(status.medium),
                             .room_bytes = room_of(status)});
      }
    }
  }

  void add(const catalog::CopyNeed& need) {
    for (const auto* uncounted : {&need.retired, &need.lost}) {
      for (const catalog::MediumId id : *uncounted) {
        count(media_.at(id).sum, need);
      }
    }
    for (auto& [id, known] : media_) {
      if (known.sum.medium.state == catalog::MediumState::active) {
        if (need.version.size > known.room_bytes) {
          continue;
        }
        if (can_take(id, known, need)) {
          count(known.sum, need);
        } else {
          is_beside_ = is_beside_ || (known.sum.here && !has(id, need));
        }
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
    status.one_disk = is_beside_ && status.could_take.empty();
    std::ranges::sort(status.uncounted, {},
                      [](const MediumWithFiles& each) { return each.medium.label; });
    std::ranges::sort(status.could_take, {}, [](const MediumWithFiles& each) {
      return std::tuple(!each.here, !each.in_drive, ~each.files, each.medium.label);
    });
  }

 private:
  struct Known {
    MediumWithFiles sum;
    std::string domain;
    std::uint64_t room_bytes = UINT64_MAX;  // UINT64_MAX: only its end will tell.
  };

  // Without what indexes take of it, which a job knows.
  static std::uint64_t room_of(const MediumStatus& status) {
    return !status.capacity_bytes                       ? UINT64_MAX
           : *status.capacity_bytes > status.used_bytes ? *status.capacity_bytes - status.used_bytes
                                                        : 0;
  }
  static void count(MediumWithFiles& sum, const catalog::CopyNeed& need) {
    ++sum.files;
    sum.bytes += need.version.size;
  }
  // A good copy or a damaged one.
  static bool has(catalog::MediumId id, const catalog::CopyNeed& need) {
    return std::ranges::find(need.on, id) != need.on.end() ||
           std::ranges::find(need.damaged_on, id) != need.damaged_on.end();
  }
  // As a write job has it: no second copy on a medium or in a domain, none beside a damaged one.
  [[nodiscard]] bool can_take(catalog::MediumId id, const Known& known,
                              const catalog::CopyNeed& need) const {
    return !has(id, need) && std::ranges::none_of(need.on, [&](catalog::MediumId on) {
      const Known& other = media_.at(on);
      return other.domain == known.domain &&
             other.sum.medium.state != catalog::MediumState::retired;
    });
  }

  std::map<catalog::MediumId, Known> media_;
  bool is_beside_ = false;  // Some medium that is here only lies too near to a copy.
};

// Adds up the files whose copies lie too near to each other, by the media that do.
class FilesByPlace {
 public:
  explicit FilesByPlace(Context& context) {
    const MediumName place = copy_places(context);
    for (const catalog::Medium& medium : context.ledger.media()) {
      if (medium.state == catalog::MediumState::active ||
          medium.state == catalog::MediumState::full) {
        media_.emplace(medium.id, std::pair(place(medium), medium.label));
      }
    }
  }

  void add(const catalog::CopyNeed& need) {
    std::map<std::string, std::set<std::string>> by_place;
    for (const catalog::MediumId on : need.on) {
      if (const auto medium = media_.find(on); medium != media_.end()) {
        by_place[medium->second.first].insert(medium->second.second);
      }
    }
    for (auto& [place, labels] : by_place) {
      if (labels.size() > 1 || place.empty()) {
        CrowdedMedia& sum = sums_[{place, labels}];
        ++sum.files;
        sum.bytes += need.version.size;
      }
    }
  }

  void tell(Status& status) {
    for (auto& [where, sum] : sums_) {
      sum.place = where.first;
      sum.media.assign(where.second.begin(), where.second.end());
      status.crowded.push_back(std::move(sum));
    }
    std::ranges::stable_sort(status.crowded, std::greater(), &CrowdedMedia::files);
  }

 private:
  std::map<catalog::MediumId, std::pair<std::string, std::string>> media_;  // Place and label.
  std::map<std::pair<std::string, std::set<std::string>>, CrowdedMedia> sums_;
};

void count_under_copied(Context& context, Status& status) {
  FilesByMedium by_medium(context, status.media, copy_domains(context.workspace));
  FilesByPlace by_place(context);
  each_need(context, [&](const catalog::CopyNeed& need) {
    if (need.crowded > 0) {
      ++status.crowded_files;
      status.crowded_bytes += need.version.size;
      by_place.add(need);
    }
    if (need.missing > 0) {
      ++status.under_copied_files;
      status.under_copied_bytes += need.version.size;
      status.unseen_files += need.missing <= need.unseen ? 1 : 0;
      by_medium.add(need);
      note_damage(need, status);
    }
    return true;
  });
  by_medium.tell(status);
  by_place.tell(status);
}

// The LTO generations of the drives that told something, each once.
std::vector<unsigned> generations_of(const std::vector<catalog::HealthSample>& samples) {
  std::set<unsigned> generations;
  for (const catalog::HealthSample& sample : samples) {
    if (const auto generation = recall::generation_of_product(sample.report.drive)) {
      generations.insert(*generation);
    }
  }
  return {generations.begin(), generations.end()};
}

// What is to be done about media in use that hold something.
void look_ahead(std::vector<MediumStatus>& media, Context& context,
                const std::vector<catalog::HealthSample>& known,
                std::span<const catalog::MediumVerified> verified) {
  const std::vector<unsigned> drives = generations_of(known);
  const Surroundings around{
      .now_s = context.now_s(), .verify_days = context.config().verify_days, .drives = drives};
  for (const catalog::MediumVerified& each : verified) {
    const auto medium = std::ranges::find_if(media, [&](const MediumStatus& status) {
      return status.known && status.medium.id == each.medium &&
             status.medium.state != catalog::MediumState::retired;
    });
    if (medium == media.end()) {
      continue;
    }
    MediumFacts facts{
        .label = medium->medium.label, .read_s = each.oldest_s, .used_bytes = medium->used_bytes};
    if (!medium->health.empty()) {
      facts.space = medium->health.front().report.space;
    }
    medium->verify_due_s = due_s(facts.read_s, around.verify_days);
    medium->prospects = prospects_of(facts, around);
  }
}

void note_unseen(Context& context, Status& status) {
  for (const catalog::Medium& medium : context.ledger.unseen_media()) {
    const bool is_here = std::ranges::any_of(status.media, [&](const MediumStatus& each) {
      return each.known && each.here && each.medium.id == medium.id;
    });
    (is_here ? status.unseen_here : status.unseen_away).push_back(medium.label);
  }
}

std::vector<MediumStatus> status_of_media(Context& context,
                                          std::span<const catalog::MediumVerified> verified) {
  Slots slots = context.workspace.libraries().slots(Libraries::Look::glance);
  const Places places = library_places(context);
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
    look_for(status, context, places, slots);
    media.push_back(std::move(status));
  }
  look_ahead(media, context, known, verified);
  for (const auto& [library, slot] : slots) {
    MediumStatus status;
    status.holds = contents_of(context, *library, slot);
    status.medium.label = slot.label;
    status.here = true;
    status.place = slot.place;
    status.library_place = place_of(places, *library);
    status.used_bytes = slot.used_bytes;
    status.capacity_bytes = slot.capacity_bytes;
    media.push_back(std::move(status));
  }
  std::sort(media.begin(), media.end(), [](const MediumStatus& a, const MediumStatus& b) {
    return a.medium.label < b.medium.label;
  });
  return media;
}

std::vector<Status::DamagedMedium> damaged_media(
    Context& context, std::span<const catalog::MediumVerified> verified) {
  std::vector<Status::DamagedMedium> damaged;
  for (const catalog::MediumVerified& each : verified) {
    if (each.damaged > 0) {
      damaged.push_back({.medium = context.ledger.medium(each.medium).value(),
                         .copies = each.damaged,
                         .last_found_s = each.last_found_s});
    }
  }
  std::ranges::sort(damaged, {},
                    [](const Status::DamagedMedium& each) { return each.medium.label; });
  return damaged;
}

}  // namespace

std::vector<MediumStatus> media_status(Context& context) {
  return status_of_media(context, context.ledger.last_verified());
}

Status status_of(Context& context) {
  Status status;
  status.totals = context.tree.totals();
  const std::vector<catalog::Job> jobs = context.tree.snapshots();
  if (!jobs.empty()) {
    status.last_job = jobs.back();
  }
  // Asked once: a count that cannot be kept is a pass over all copies.
  const std::vector<catalog::MediumVerified> verified = context.ledger.last_verified();
  status.media = status_of_media(context, verified);
  status.drives = drives(context);
  status.cleaning = cleaning_cartridges(context);
  count_under_copied(context, status);
  note_unseen(context, status);
  status.losses = told_losses(context);
  status.damaged = damaged_media(context, verified);
  status.staged = context.workspace.staging().usage();
  status.cache = context.workspace.cache().usage();
  status.recovery_kept_elsewhere = context.workspace.home().recovery_kept_elsewhere();
  status.absent_libraries = context.workspace.libraries().absent();
  return status;
}

}  // namespace mixtape::service
