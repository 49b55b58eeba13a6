// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/service/blame.h"
#include "engine/service/context.h"
#include "engine/service/media.h"
#include "engine/service/prospects.h"
#include "engine/service/told_losses.h"

// How things stand: what is on which medium, what is not yet, what should be done.
//
// Cost: totals and under-copied files take one pass over the newest versions.

namespace mixtape::service {

struct MediumStatus {
  catalog::Medium medium;     // Without a uuid when the medium was never written by this catalog.
  bool known = false;         // In the catalog.
  std::string place;          // In its library: "slot 3"; empty for disks and for what is away.
  std::string library_place;  // Where its library stands, as library_places names it; may be empty.
  bool here = false;          // In a library now; disk media were asked for their own label.
  bool in_drive = false;      // Nothing has to be mounted to write to it; of disk media never.
  std::string why_not;        // What has its label there but is not it.
  std::string unreadable;     // Why one in a directory here cannot be read, and what to do.
  // What is on one that the catalog does not know, for people; empty: nothing. Absent: nobody
  // looked into it, since that takes a drive.
  std::optional<std::string> holds = std::nullopt;
  // As the catalog has it, wherever the medium is: archive::used_as_known. Of others as the library
  // tells it.
  std::uint64_t used_bytes = 0;
  std::optional<std::uint64_t> capacity_bytes;
  std::size_t bundles = 0;
  // What drives told of it, one of each drive, newest first; also of a medium on the shelf.
  std::vector<catalog::HealthSample> health;
  // Of one in use: when it is to be verified, and what is to be done about it now.
  std::optional<std::int64_t> verify_due_s = std::nullopt;
  std::vector<Prospect> prospects = {};
  // Of each drive in which it had errors: whose they are.
  std::vector<BlamedErrors> errors = {};
};

// A medium and the under-copied files that it has to do with.
struct MediumWithFiles {
  catalog::Medium medium;
  bool here = false;
  bool in_drive = false;
  std::uint64_t files = 0, bytes = 0;
};

// Files whose copies lie too near to each other, by where these are.
struct CrowdedMedia {
  std::string place;               // Of all of them; empty: nobody noted it.
  std::vector<std::string> media;  // Labels. To carry one of them elsewhere helps.
  std::uint64_t files = 0, bytes = 0;
};

struct Status {
  catalog::Tree::Totals totals;
  std::optional<catalog::Job> last_job;
  std::vector<MediumStatus> media;  // By label; those of the libraries and those of the catalog.
  std::vector<DriveStatus> drives;
  std::vector<CleaningStatus> cleaning;
  std::uint64_t under_copied_files = 0;  // Fewer good copies than the policy wants.
  std::uint64_t under_copied_bytes = 0;
  // Retired and lost media with a copy of such a file, which does not count, by label.
  std::vector<MediumWithFiles> uncounted;
  // Media in use that are not full, and blank disk media, that could take a further copy of such
  // files by their size and by what else holds them: those that are here first, of these what is
  // in a drive, then those of most files. What a job would do exactly, `backup --dry-run` tells.
  std::vector<MediumWithFiles> could_take;
  // Media with room are here, and lie on a disk that has copies of all such files already.
  bool one_disk = false;
  // Files with copies that count only when some medium is carried elsewhere; nothing has to be
  // written for that. `crowded` is by files, most first.
  std::uint64_t crowded_files = 0, crowded_bytes = 0;
  std::vector<CrowdedMedia> crowded;
  // What scans could not read: files that the counts above do not know.
  std::vector<ToldLoss> losses;
  // Media with damaged copies that are not lost, by label.
  struct DamagedMedium {
    catalog::Medium medium;
    std::uint64_t copies = 0;
    std::int64_t last_found_s = 0;
  };
  std::vector<DamagedMedium> damaged;
  std::uint64_t damaged_files = 0;         // Of the under-copied: a copy of it was found damaged.
  std::vector<std::string> damaged_paths;  // The first of them.
  std::uint64_t unseen_files = 0;  // Of them, those that lack nothing but the sight of a medium:
  std::vector<std::string> unseen_here, unseen_away;  // of these. Labels.
  staging::Staging::Usage staged;
  recall::Cache::Usage cache;
  bool recovery_kept_elsewhere = false;
  std::vector<std::string> absent_libraries;
};

[[nodiscard]] std::vector<MediumStatus> media_status(Context& context);
[[nodiscard]] Status status_of(Context& context);
// What to do about files on too few media. Without a full stop.
[[nodiscard]] std::string copies_advice(const Status& status);
// About those of them that lack nothing but the sight of a medium; empty: there are none, or
// copies_advice() is about them already. Without a full stop.
[[nodiscard]] std::string unseen_text(const Status& status);
// Of a status in which no file is under-copied: as much as is known. Without a full stop.
[[nodiscard]] std::string all_copied_text(const Status& status);

}  // namespace mixtape::service
