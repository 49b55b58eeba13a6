// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/archive/medium_check.h"
#include "engine/archive/pipeline.h"
#include "engine/archive/plan.h"
#include "engine/archive/streaming.h"
#include "engine/archive/write_context.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/age_header.h"
#include "engine/progress/reporter.h"
#include "tapeio/error.h"
#include "tapeio/library.h"

// One medium in a drive, from the first check to the closing index.
//
// A bundle goes on in this order: its rows into the catalog as planned, its index with a filemark,
// its archive with a filemark, then "written" into the catalog. Whatever dies in between leaves a
// medium and a catalog that agree on everything that is claimed, and a place that the next job
// writes over.
//
// Threads:  belongs to the thread that made it.
// Errors:   throws what check_medium, the drive and the catalog throw. Afterwards only destroy it.
//           A drive that fails in a bundle is told in its state.
// Lifetime: context, ledger, library and reporter must outlive it.

namespace mixtape::archive {

// Header and nonce of what is sealed for the context's recipients.
[[nodiscard]] std::uint64_t preamble_size(const WriteContext& context);
// The most that an index of the catalog takes on a medium, in whole records, as the catalog stands
// now.
[[nodiscard]] std::uint64_t estimated_index_bytes(const WriteContext& context,
                                                  std::uint64_t record_size);
// What one more archive may be, on a medium with this room.
[[nodiscard]] ArchiveLimits limits_for(const WriteContext& context, const MediumRoom& room);

// What kind of media a library has (catalog::Medium::kind).
[[nodiscard]] std::string kind_of_media(const tapeio::Library& library);

class IndexWriter;

class MediumWriter {
 public:
  // Loads the medium for writing. `known`: its row; it is checked, or labelled when it is blank and
  // no bundle was ever written to it. nullopt: it is labelled under a new row when it is blank;
  // else there is no writer (nullptr), because its data is not ours, and
  // the reporter hears what it seems to be. With Stranger::overwrite that data is lost instead.
  // `for_people`: whether it waits until somebody has put the tape in.
  enum class Stranger { leave, overwrite };
  static std::unique_ptr<MediumWriter> open(const WriteContext& context, catalog::Ledger& ledger,
                                            tapeio::Library& library, const std::string& label,
                                            const std::optional<catalog::Medium>& known,
                                            Reporter& reporter, Stranger stranger = Stranger::leave,
                                            tapeio::ForPeople for_people = tapeio::ForPeople::fail);

  [[nodiscard]] const catalog::Medium& medium() const { return medium_; }
  [[nodiscard]] bool labelled_now() const { return labelled_now_; }
  // Nothing further goes onto it; in the catalog too when that is for ever.
  [[nodiscard]] bool full() const { return full_; }
  // What an archive may take now; index_bytes grows when an index turned out larger than thought.
  [[nodiscard]] MediumRoom room() const;
  // Of the records on it up to where the next index goes, which is over the closing index.
  [[nodiscard]] std::uint64_t written_bytes() const;
  // How the tape has moved since this writer has it; nullopt for a disk. Asks the drive.
  [[nodiscard]] std::optional<Streaming> streaming() const;

  struct Bundle {
    enum class State {
      written,          // With what `archive` says.
      index_too_large,  // Nothing was written: plan again with the room that is left now.
      given_up,         // The medium's end came; nothing of it counts, the medium is full.
      failed,           // Drive or medium failed, as `failure` says; nothing of it counts, and
                        // the writer is only to be destroyed.
      cancelled,        // Nothing of it counts.
    };
    State state{};
    std::optional<Error> failure;
    ArchiveResult archive;
    std::uint64_t index_bytes = 0;
    std::uint64_t archive_bytes = 0;
  };
  // `plan` must fit room() and have members; `preamble` is new. `before`: how far the job had come.
  Bundle write_bundle(catalog::JobId job, std::span<const Item> items, const ArchivePlan& plan,
                      const format::AgePreamble& preamble, const Progress& before);

  // Whether the medium lacks a closing index that says all the catalog knows of it, also since an
  // earlier job that died.
  [[nodiscard]] bool must_close() const { return open_end_; }
  // Writes the closing index and reads it back; returns its size. 0: there is no room for it. The
  // one that is there stays then; a medium that has none keeps its last bundle's index, and the
  // reporter hears of it.
  std::uint64_t close();

 private:
  MediumWriter(const WriteContext& context, catalog::Ledger& ledger, Reporter& reporter,
               std::unique_ptr<tapeio::TapeDrive> drive, catalog::Medium medium);
  void label();
  [[nodiscard]] std::uint64_t last_bundle() const;
  [[nodiscard]] catalog::IndexLabel index_label(catalog::IndexRole role);
  // Whether the archive still fits, now that the size of its index is known.
  bool holds(const ArchivePlan& plan, const format::AgePreamble& preamble,
             std::uint64_t index_bytes);
  // What a closing index takes behind an archive, filemarks included.
  [[nodiscard]] std::uint64_t behind_archive() const;
  void ask_for_warning();
  [[nodiscard]] std::uint64_t sure_zone_bytes() const;
  void go_to_append_point();
  void write_planned(catalog::BundleId id, IndexWriter& index, std::span<const Item> items,
                     const ArchivePlan& plan, const format::AgePreamble& preamble,
                     const Progress& before, Bundle& bundle);
  void set_open_end(bool open);
  void give_up(catalog::BundleId bundle);
  void set_full();
  ArchiveResult write_archive_members(std::span<const Item> items, const ArchivePlan& plan,
                                      const format::AgePreamble& preamble, const Progress& before);
  void commit(catalog::BundleId bundle, std::uint64_t archive_block, std::span<const Item> items,
              const ArchivePlan& plan, const ArchiveResult& result);

  const WriteContext& context_;
  catalog::Ledger& ledger_;
  Reporter& reporter_;
  std::unique_ptr<tapeio::TapeDrive> drive_;
  catalog::Medium medium_;
  AppendPoint append_;
  std::uint64_t index_bytes_ = 0;
  std::uint64_t asked_zone_bytes_ = 0;  // What the drive warns earlier for us.
  bool labelled_now_ = false;
  bool full_ = false;
  bool open_end_ = false;
  std::uint64_t underruns_ = 0;
  DriveCounts counts_before_;  // Of an earlier user of the same load.
};

// Why a planned content is no copy; nullopt: it is a good one. `result` is of an archive that was
// written.
std::optional<std::string> defect_of(std::uint32_t member, const ArchivePlan& plan,
                                     std::span<const Item> items, const ArchiveResult& result);

}  // namespace mixtape::archive
