// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/archive/archaeology_set.h"
#include "engine/archive/file_ends.h"
#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"
#include "engine/format/age_keys.h"
#include "tapeio/library.h"

// What writing needs from the world: the catalog, the keys, a place on disk, a clock, the sizes to
// aim at.
//
// Lifetime: everything referred to must outlive the job.

namespace mixtape::archive {

struct WriteContext {
  catalog::Database& database;  // The writer's connection; no transaction open.
  std::span<const format::Recipient> recipients;
  std::span<const format::Identity>
      identities;                 // May be empty: indexes are then checked by structure only.
  std::filesystem::path scratch;  // An existing directory for indexes on their way.
  std::function<std::int64_t()> now_s;
  std::uint64_t record_size = MiB;          // Of media that are labelled now.
  ArchaeologySet archaeology = {};          // Goes onto them.
  std::uint64_t bundle_bytes = 64 * GiB;    // An archive aims at this or
  std::uint64_t indexes_per_bundle = 1000;  // so many indexes, the larger: they take a thousandth
                                            // of a medium at most.
  std::uint64_t ring_bytes = 128 * MiB;     // Ciphertext that waits for the drive, at most.
  // Copies count once per domain. Unset: each medium is its own. Called with a row without id for
  // media that are not labelled yet.
  std::function<std::string(const catalog::Medium&)> domain;
  // Where a medium is, empty: nobody knows. Of items whose copies are to lie apart each goes where
  // none is yet, as long as there is such a medium. Unset: places do not matter.
  std::function<std::string(const catalog::Medium&)> place = {};
  // Not written to, whatever there is to write.
  std::optional<catalog::MediumId> leave_alone = {};
  // Unset: plan.h's assumption.
  std::optional<std::uint64_t> warning_zone_bytes;
  // Whether a tape that is on a shelf is asked for, where a drive is fed by hand, and waited for.
  tapeio::ForPeople for_people = tapeio::ForPeople::fail;
  // Sees the contents that are written, whether or not their archive is closed in the end.
  ContentTap tap = {};
  // Whether a library with a robot is out of reach, and its cartridges with it. Unset: none is.
  std::function<bool()> robot_away;
  // Called with the name of each step before it changes the catalog; tests stop the world here.
  std::function<void(std::string_view step)> before_commit;
};

// Says what is about to be changed in the catalog.
inline void before_commit(const WriteContext& context, std::string_view step) {
  if (context.before_commit) {
    context.before_commit(step);
  }
}

}  // namespace mixtape::archive
