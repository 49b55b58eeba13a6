// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/copy_need.h"
#include "engine/catalog/held.h"
#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// Writing: jobs, versions, contents, media, bundles, copies. All changes of the catalog go through
// here.
//
// Order of durability: a bundle is `planned` before its index is written to the medium, `written`
// only after the filemark behind its archive returned. Nothing counts as a copy before that.
//
// Threads:  belongs to the one writer's connection.
// Errors:   throws Error{conflict, not_found, no_space, corrupt}. Each method that changes more
// than one row
//           is one transaction, or joins the one that the caller holds (Transaction, sqlite.h).

namespace mixtape::catalog {

class Ledger {
 public:
  explicit Ledger(Database& database);
  ~Ledger();

  // --- The catalog itself
  [[nodiscard]] Uuid catalog_uuid();
  // The sequence of the next index: more than that of any before it (IndexLabel::sequence).
  [[nodiscard]] std::uint64_t next_sequence();
  // The highest that was ever given out. A medium with a higher one knows more than this catalog.
  [[nodiscard]] std::uint64_t last_sequence();

  // --- Jobs
  // Starts a job; `now_s` moves forward by whole seconds until it is unique among jobs.
  [[nodiscard]] Job begin_job(JobKind kind, std::string_view command, std::int64_t now_s);
  // The same of a job that may turn out to have nothing to do, in the caller's transaction: it is
  // in the catalog from its first version on, or from enter_job. Until then drop_job costs nothing.
  [[nodiscard]] Job propose_job(JobKind kind, std::string_view command, std::int64_t now_s);
  void enter_job(JobId job);
  void finish_job(JobId job, std::int64_t now_s);
  // A job that turned out to change nothing at all leaves no trace (no version, bundle or end names
  // it). Cost: some passes over the versions.
  void drop_job(JobId job);
  // After a crash: every planned bundle becomes abandoned, every unfinished job that left something
  // is finished with the time of its start, every other is dropped. Idempotent. Returns how many
  // bundles.
  std::size_t settle_unfinished();

  // --- Roots of scans
  [[nodiscard]] RootId root(std::string_view path);  // Made when new.

  // --- Paths, contents, versions
  [[nodiscard]] PathId path(std::string_view path);  // Made when new, with its parents.
  [[nodiscard]] PathId child(PathId parent, std::string_view name);  // Made when new.

  [[nodiscard]] bool size_known(std::uint64_t size);  // Some hashed content has this size.
  // Content by what it is: the id of an existing one with this hash, written or not.
  [[nodiscard]] std::optional<ContentId> find_content(std::uint64_t size, const Hash& hash);
  [[nodiscard]] std::optional<std::uint64_t> size_of(ContentId content);
  [[nodiscard]] std::optional<Hash> hash_of(ContentId content);
  // A new content. Numbers are given in call order: call in tape order. size > 0.
  [[nodiscard]] ContentId add_content(std::uint64_t size, const std::optional<Hash>& hash);
  // First hash of a content that had none. When another content has it already, versions and copies
  // move there and that id is returned.
  ContentId set_hash(ContentId content, const Hash& hash);

  // The newest version of a path, shown or not (what a scan compares with).
  [[nodiscard]] std::optional<Version> newest(PathId path);
  // A version first seen by `job`. An older newest version that was never written and is referenced
  // by no bundle is replaced, and so is one of the same job. `link_of`: hardlink: share the inode
  // number of that version, recorded before in this job. Directories above that are not there get a
  // version of their own.
  void add_version(JobId job, PathId path, const Metadata& metadata,
                   std::optional<ContentId> content, RootId origin,
                   std::optional<VersionKey> link_of = std::nullopt);
  // The path is gone: its newest version was last seen by the job before `job`. Directories that
  // were only made by add_version go with their last child when the job is finished.
  void end_version(JobId job, PathId path);
  // From now on only scans of this root end the version; none does for kStagingRoot.
  void set_origin(const VersionKey& version, RootId origin);
  // The bytes of the newest version of a path are nowhere any more: it leaves without a trace if it
  // was never written and no bundle refers to it. What was there before it stays.
  void drop_unwritten(PathId path);

  // --- Media
  [[nodiscard]] MediumId add_medium(
      const Medium& medium);  // Label and uuid must be new: Error{conflict}.
  [[nodiscard]] std::vector<Medium> media();
  [[nodiscard]] std::optional<Medium> medium(std::string_view label);
  [[nodiscard]] std::optional<Medium> medium(MediumId id);
  // `now_s`: when it happened. Where two lives of the catalog meet, the later change wins.
  void set_medium_state(MediumId id, MediumState state, std::int64_t now_s = 0);
  void set_medium_location(MediumId id, std::string_view location, std::int64_t now_s = 0);
  void set_medium_label(MediumId id, std::string_view label);
  void set_medium_capacity(MediumId id, std::uint64_t capacity_bytes);
  // The end of a medium is open while it may lack a closing index that is whole. No index says so
  // of any medium: each is written before that is known.
  void set_open_end(MediumId id, bool open);
  [[nodiscard]] bool has_open_end(MediumId id);
  // Which closing index is on a medium: another one was written by a catalog that went its own way
  // since it was copied from this one, and holds what this one does not know. Call before and after
  // it is written. Unknown after a recovery that did not read it: then any may be ours. `told`:
  // what news() was before the index was exported.
  void begin_closing_index(MediumId id, std::uint64_t sequence);
  void end_closing_index(MediumId id, std::uint64_t sequence, std::int64_t told);
  [[nodiscard]] bool may_be_own_closing_index(MediumId id, std::uint64_t sequence);
  // Begun and not ended: whoever wrote it died.
  [[nodiscard]] bool is_closing_index_begun(MediumId id);
  // Media that a recovery told of and whose own label nobody has read since: their copies count for
  // no policy. In state.db.
  [[nodiscard]] std::vector<Medium> unseen_media();
  // The medium's own label was read just now. A connection that only reads leaves it unseen.
  void label_seen(const Medium& medium);
  // From now on it counts only when its label was read again.
  void expect_label(const Medium& medium);
  // Something changed, or a job ended, and no closing index tells of it yet: the next run that
  // writes has to. finish_job adds to it, end_closing_index ends what was `told`. In no index.
  void add_news();
  [[nodiscard]] std::int64_t news();  // Grows with each; 0: there is none.
  [[nodiscard]] bool has_news() { return news() != 0; }

  // --- Bundles and copies
  // Rows of a bundle that is about to be written; its number is one more than the medium's last
  // written one. `copies` in archive order; Copy::bundle is filled in here.
  [[nodiscard]] BundleId plan_bundle(const Bundle& bundle, const std::vector<Copy>& copies);
  // The filemark returned. `hashes` of contents that were first read while being written; `bad`
  // copies changed meanwhile; copies whose data ends behind `plain_bytes_written` (early warning)
  // do not exist.
  struct Outcome {
    std::uint64_t archive_block = 0;
    std::uint64_t plain_bytes_written = 0;
    std::int64_t written_s = 0;
    std::vector<std::pair<ContentId, Hash>> hashes;
    std::vector<ContentId> bad;
  };
  void commit_bundle(BundleId bundle, const Outcome& outcome);
  void abandon_bundle(BundleId bundle);
  // Whether a bundle that never was written was begun with its index at this tape file.
  [[nodiscard]] bool begun_at(MediumId medium, std::uint64_t index_file);
  [[nodiscard]] std::vector<Bundle> bundles(MediumId medium);  // Written ones, by number.
  [[nodiscard]] std::optional<Bundle> bundle(BundleId id);
  [[nodiscard]] std::optional<Bundle> bundle(const Uuid& uuid);  // In any state.
  [[nodiscard]] std::vector<Copy> copies_in(BundleId bundle);    // By offset.
  // Contents with a good copy on the medium of this bundle, at most so many: those of the bundle
  // behind `content`, by number, which is nearly the order on the tape; where there are none left,
  // those of the next one that has some. Cost: one step in an index for each.
  using Behind = HeldContent;
  [[nodiscard]] std::vector<Behind> behind(const Uuid& bundle, ContentId content, std::size_t most);
  // What all written archives on the medium of this bundle hold, bytes.
  [[nodiscard]] std::uint64_t stored_beside(const Uuid& bundle);

  // Where a content is: good copies in written bundles on media not lost or retired first, then
  // those on retired media; bad ones never. Stable order by bundle.
  [[nodiscard]] std::vector<CopyPlace> places(ContentId content);
  // Read whole, and right: whatever was found before, it is good.
  void mark_verified(ContentId content, BundleId bundle, std::int64_t now_s);

  // --- Damage. A copy that was good when it was written and is found spoilt counts no more until
  // it is verified again. When that was travels with the catalog; the words are in state.db.
  // `found`: what was wrong with it, for people.
  void mark_damaged(ContentId content, BundleId bundle, std::int64_t now_s, std::string_view found);
  struct Damaged {
    CopyPlace place;
    std::int64_t found_s = 0;
    std::string found;  // Empty when another machine found it.
  };
  // On media that are not lost, by bundle.
  [[nodiscard]] std::vector<Damaged> damaged(ContentId content);
  // Where to read a content: places(), or where there is none those found damaged, because
  // a drive may do better next time.
  [[nodiscard]] std::vector<CopyPlace> places_to_read(ContentId content);
  // The same of many, ascending, each once; `place` is valid during the call. Cost: neighbours are
  // read in one go.
  void places_to_read(std::span<const ContentId> contents,
                      const std::function<void(std::size_t which, const CopyPlace& place)>& each);

  // --- Verification
  using Held = HeldCopy;
  [[nodiscard]] std::vector<Held> held_in(BundleId bundle);  // Of a written one, by offset.
  // The one that was not read for longest first. Media that are lost, or have no copies, are left
  // out. Cost: one pass over the copies after each change of the catalog.
  using LastVerified = MediumVerified;
  [[nodiscard]] std::vector<LastVerified> last_verified();

  // --- Copy policy
  // Every shown version of `latest` whose content has fewer good copies than `wanted(path)` says or
  // has them too near to each other, plus the newest versions that were never written; in archive
  // order. Copies count once per medium, and once per `domain(medium)` (device of a disk medium). A
  // retired medium does not count, an unseen one not yet; a domain of no name is its own. `each`
  // reads. Cost: a walk of the tree; with a `scope` one pass over the contents, and where one is
  // short of copies one over the versions and a walk of the directories that lead there.
  using Need = CopyNeed;
  void needs(const std::function<std::uint32_t(const std::string& path)>& wanted,
             const std::function<std::string(const Medium&)>& domain,
             const std::function<bool(const Need&)>& each, const CopyPlaces& places = {},
             const CopyScope& scope = {});

 private:
  struct Statements;
  Database& database_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace mixtape::catalog
