// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/archive/plan.h"
#include "engine/archive/streaming.h"
#include "engine/archive/write_context.h"
#include "engine/catalog/types.h"
#include "engine/progress/reporter.h"
#include "tapeio/library.h"

// One job on its way to media: labels fresh ones, fills the partly filled ones first, writes
// bundles, and closes every medium it touched with an index that was read back.
//
// A content goes to as many media as its item asks for, never twice to one medium or to one domain
// (the disk of a disk medium). Nothing continues on a second medium. The catalog says "written"
// only after the filemark behind an archive returned; whatever happens before, the job can simply
// be run again.
//
// Threads:  one; the pipeline below starts its own and joins them before it returns.
// Errors:   throws Error{io, no_space, corrupt, cancelled}. After one, planned bundles stay
//           planned: Ledger::settle_unfinished sees to them at the next start. A medium that cannot
//           be appended to (another one, knows more than the catalog, protected, damaged, locked)
//           is passed over and told as a problem; one that fails while it is written is named in a
//           note and what it was to take goes to the next. Their Error is thrown when nothing could
//           be written anywhere. One bad source never stops the job; it is in the outcome.
// Lifetime: everything the context refers to must outlive the job.

namespace mixtape::archive {

struct ItemTrouble {
  std::string path;
  std::string why;
};

struct MediumUse {
  std::string label;
  std::uint64_t bundles = 0;
  std::uint64_t archive_bytes = 0;  // Ciphertext of the archives written now.
  std::uint64_t index_bytes = 0;    // Of the indexes before them, and the closing one.
  std::uint64_t used_bytes = 0;     // Without the closing index, which gives way: used_as_known.
  std::optional<std::uint64_t> capacity_bytes;
  bool labelled_now = false;
  bool full = false;
  std::optional<Streaming> streaming;  // Tapes only.
};

struct WriteOutcome {
  std::uint64_t files = 0;       // Contents written and good, each copy counted.
  std::uint64_t bytes = 0;       // Their sizes.
  std::vector<ItemTrouble> bad;  // Changed, vanished or unreadable: in the archive, but no copy.
  std::vector<ItemTrouble> too_big;  // Larger than any medium that is here, even empty.
  std::vector<std::string> no_room;  // No medium here could take all the copies asked for.
  // Where there are such: why ("each is full ..."), and what would help ("put tape MX0002 (shelf B)
  // into st:/dev/nst0"); both go on with more.
  std::string why_no_room, room_help;
  std::vector<MediumUse> media;  // Touched, in that order.
};

class WriteJob {
 public:
  explicit WriteJob(WriteContext context) : context_(std::move(context)) {}

  // Writes `items` (any order; directories that lead to them are added from the catalog as far as
  // they are missing; items without content go along with contents, never alone) and finishes the
  // job in the catalog before the last medium is closed. Without anything to write the state of the
  // catalog is still brought onto one medium; when none can take it, that is told as a problem.
  WriteOutcome write(catalog::JobId job, std::vector<Item> items,
                     std::span<tapeio::Library* const> libraries, Reporter& reporter);

  // The last part of `write`, also for runs without a job: every medium here whose closing index an
  // earlier job did not come to, full ones too, gets it, and news that no medium tells
  // (Ledger::add_news) goes onto one; when none can take it, that is told as a problem. Returns
  // what it touched.
  std::vector<MediumUse> catch_up(std::span<tapeio::Library* const> libraries, Reporter& reporter);

  // What `write` would do, from the catalog and the libraries alone: no drive moves, nothing is
  // changed.
  WriteOutcome preview(std::vector<Item> items, std::span<tapeio::Library* const> libraries);

 private:
  WriteContext context_;
};

}  // namespace mixtape::archive
