// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "engine/catalog/ledger.h"
#include "engine/catalog/rows.h"

// What a Ledger holds between calls. Private to ledger*.cc.

namespace mixtape::catalog {

struct Ledger::Statements {
  explicit Statements(Database& db);

  [[nodiscard]] std::int64_t job_before(JobId job);
  [[nodiscard]] bool left_something(JobId job);
  [[nodiscard]] std::int64_t take_path(std::int64_t parent);
  [[nodiscard]] std::int64_t parent(std::int64_t path);
  [[nodiscard]] bool never_mattered(const VersionRow& row);
  [[nodiscard]] std::int64_t node_for(const VersionKey& key, std::optional<ContentId> content,
                                      const std::optional<VersionKey>& link_of);
  void erase_version(const VersionRow& row);
  // Its directory may have lost its last child.
  void note_bereft(std::int64_t path);
  void ensure_directory(JobId job, std::int64_t path, RootId origin);
  void enter_version(JobId job, std::int64_t path, const Metadata& metadata,
                     std::optional<ContentId> content, std::int64_t node, std::int64_t attribute);
  [[nodiscard]] std::int64_t attribute_of(const Metadata& metadata, RootId origin, bool synthetic);
  void end_empty_directories(JobId job, std::int64_t directory);
  void find_bereft_directories();

  Database& database;
  VersionReader reader;

  Statement meta, set_meta;

  Statement insert_job, finish_job, delete_job, previous_job, job_times, job_starts_at;

  Statement find_root, insert_root;

  Statement find_name, insert_name, last_run, extend_run, new_run, parent_of;

  Statement size_known, find_content, insert_content, take_node;

  Statement version_at, newest, newest_written, copied, insert_version, delete_version, end_version;
  Statement insert_symlink, delete_symlink, find_attribute, insert_attribute, child_present;

  Statement insert_copy, copies_in, delete_copy, delete_copies, mark_copy, mark_verified, places;

  // The newest rows of this ledger: what a scan asks about next, at no cost. Gone with a rollback.
  struct Fresh {
    std::uint64_t rollbacks = 0;
    std::int64_t path = -1;  // Has no version yet; `parent` is its parent.
    std::int64_t parent = -1;
    std::int64_t content = 0;     // Its ordinal 0 is free.
    std::int64_t directory = -1;  // Was there, in `directory_job`.
    JobId directory_job{};
  };
  [[nodiscard]] Fresh& fresh();
  [[nodiscard]] Job next_job(JobKind kind, std::string_view command, std::int64_t now_s);
  void enter_proposed(JobId job);
  Fresh fresh_rows;
  // Not in the catalog yet. Gone with a rollback.
  std::optional<Job> proposed;
  std::uint64_t proposed_rollbacks = 0;

  // Attribute sets by their columns, as add_version meets the same ones again and again.
  std::unordered_map<std::string, std::int64_t> attributes;
  std::uint64_t attributes_rollbacks = 0;
  // Synthetic directories that lost a child in this job.
  std::unordered_set<std::int64_t> bereft;
};

// The columns of the media and bundles, in the order that medium_from and bundle_from read.
inline constexpr std::string_view kMediumColumns =
    " m.id, m.uuid, m.label, m.kind, m.record_size, m.capacity, m.state, m.location ";
inline constexpr std::string_view kBundleColumns =
    " b.id, b.uuid, b.medium, b.job, b.number, b.index_file, b.archive_block, b.archive_header,"
    " b.plain_bytes, b.state, b.written ";
inline constexpr std::string_view kCopyColumns =
    " k.content, k.bundle, k.block, k.headers, k.stored, k.state, k.verified, c.size ";
inline constexpr int kCopyColumnCount = 8;
inline constexpr int kBundleColumnCount = 11;
inline constexpr int kMediumColumnCount = 8;
[[nodiscard]] Medium medium_from(const Statement& row, int first_column);
[[nodiscard]] Bundle bundle_from(const Statement& row, int first_column);
[[nodiscard]] Copy copy_from(const Statement& row, int first_column);
// Of kCopyColumns, kBundleColumns and kMediumColumns in this order.
[[nodiscard]] CopyPlace place_from(const Statement& row);
// After a change of one copy: Error{not_found} when there was none.
void require_copy(Database& database, ContentId content, BundleId bundle);

// Finds which contents are the same as others now that hashes are known, and moves what refers to
// them. Cost: one pass over the versions when anything has to move. Returns where each moved
// content went.
[[nodiscard]] std::unordered_map<std::int64_t, std::int64_t> settle_hashes(
    Database& database, const std::vector<std::pair<ContentId, Hash>>& hashes);

// A bundle's archive is complete: it counts from now on, with all that is good in it.
void enter_written_bundle(Database& database, std::int64_t bundle, std::uint64_t archive_block,
                          std::int64_t written_s);

// Enters the directories that lead to what a bundle holds.
// Cost: one pass over the versions.
void fill_bundle_directories(Database& database, std::int64_t bundle);

}  // namespace mixtape::catalog
