// SPDX-License-Identifier: Apache-2.0
#include <tuple>

#include "engine/catalog/merge.h"
#include "tapeio/error.h"

// Versions: by path and job.

namespace mixtape::catalog {
namespace {

std::string versions_of(std::string_view schema, std::string_view rest) {
  return sql({"SELECT", kVersionColumns, "FROM ", schema, ".version v LEFT JOIN ", schema,
              ".content c ON c.id = v.content ", rest});
}

}  // namespace

// A row of the index in our numbers, but for its node. What has lost its content is left out.
std::optional<VersionRow> Merge::translated(const VersionRow& theirs) const {
  const auto path = translate(paths_, theirs.path);
  const auto job = translate(jobs_, theirs.first_job);
  const auto attribute = translate(attributes_, theirs.attribute);
  const auto content =
      theirs.content == 0 ? std::optional<std::int64_t>(0) : translate(contents_, theirs.content);
  if (!path || !job || !attribute || !content) {
    return std::nullopt;
  }
  VersionRow row = theirs;
  row.path = *path;
  row.first_job = *job;
  row.last_job = theirs.open() ? VersionRow::kOpen
                               : translate(jobs_, theirs.last_job).value_or(VersionRow::kOpen);
  row.attribute = *attribute;
  row.content = *content;
  return row;
}

void Merge::merge_versions() {
  {
    Statement shared(
        catalog_,
        "SELECT content, node FROM source.version WHERE content IS NOT NULL AND node < 4096 "
        "GROUP BY content, node HAVING count(*) > 1");
    while (shared.step()) {
      VersionRow row;
      row.content = shared.integer(0);
      row.node = shared.integer(1);
      shared_inodes_.emplace(row.inode(), std::nullopt);
    }
    Statement full(catalog_, "SELECT DISTINCT node FROM source.version WHERE node >= 4096");
    while (full.step()) {
      shared_inodes_.emplace(static_cast<std::uint64_t>(full.integer(0)), std::nullopt);
    }
  }
  // What both know comes first: others may share its inode number.
  Statement theirs(catalog_, versions_of("source", "ORDER BY v.path, v.first_job"));
  Statement ours(catalog_, versions_of("main", "WHERE v.path = ? AND v.first_job = ?"));
  for (const bool known_ones : {true, false}) {
    while (theirs.step()) {
      const VersionRow row = read_row(theirs, 0);
      const auto here = translated(row);
      if (!here) {
        continue;
      }
      std::optional<VersionRow> known;
      {
        Running running(ours);
        if (ours.bind(1, here->path).bind(2, here->first_job).step()) {
          known = read_row(ours, 0);
        }
      }
      if (known && known_ones) {
        merge_known_version(row, *known);
      } else if (!known && !known_ones) {
        add_version(row);
      }
    }
  }
}

void Merge::merge_known_version(const VersionRow& theirs, const VersionRow& ours) {
  const VersionRow here = *translated(theirs);
  const auto shared = shared_inodes_.find(theirs.inode());
  if (shared != shared_inodes_.end() && !shared->second) {
    shared->second = ours;
  }
  if (!here.open() && (ours.open() || ours.last_job < here.last_job)) {
    Statement end(catalog_,
                  "UPDATE main.version SET last_job = ?3 WHERE path = ?1 AND first_job = ?2");
    end.bind(1, ours.path).bind(2, ours.first_job).bind(3, here.last_job).run();
  }
  // One job saw the path twice: what was written counts, then what is newer.
  if (here.content == ours.content && here.mtime == ours.mtime) {
    return;
  }
  Statement written(catalog_, "SELECT written FROM main.content WHERE id = ?");
  const bool here_written =
      here.content == 0 || (written.bind(1, here.content).step() && written.integer(0) != 0);
  if (std::tie(here_written, here.mtime, here.hash) <=
      std::tie(ours.written, ours.mtime, ours.hash)) {
    return;
  }
  Statement replace(catalog_,
                    "UPDATE main.version SET content = nullif(?3, 0), node = ?4, attribute = ?5, "
                    "mtime = ?6 WHERE path = ?1 AND first_job = ?2");
  replace.bind(1, ours.path)
      .bind(2, ours.first_job)
      .bind(3, here.content)
      .bind(4, here.content == ours.content
                   ? ours.node
                   : node_of(theirs, here.path, here.first_job, here.content))
      .bind(5, here.attribute)
      .bind(6, here.mtime)
      .run();
}

void Merge::add_version(const VersionRow& theirs) {
  VersionRow row = *translated(theirs);
  row.node = node_of(theirs, row.path, row.first_job, row.content);
  Statement& add = add_version_;
  add.bind(1, row.path).bind(2, row.first_job);
  if (row.open()) {
    add.bind_null(3);
  } else {
    add.bind(3, row.last_job);
  }
  add.bind(4, row.content).bind(5, row.node).bind(6, row.attribute).bind(7, row.mtime).run();
  const auto shared = shared_inodes_.find(theirs.inode());
  if (shared != shared_inodes_.end() && !shared->second) {
    shared->second = row;
  }
}

// Versions that share an inode number in the index share one here.
std::int64_t Merge::node_of(const VersionRow& theirs, std::int64_t path, std::int64_t job,
                            std::int64_t content) {
  const auto shared = shared_inodes_.find(theirs.inode());
  if (shared != shared_inodes_.end() && shared->second) {
    const VersionRow& first = *shared->second;
    const bool ordinal =
        first.content == content && content != 0 && first.node < std::int64_t{kNodesPerContent};
    return ordinal ? first.node : static_cast<std::int64_t>(first.inode());
  }
  if (content == 0) {
    return 0;
  }
  MIXTAPE_ASSERT(take_node_.bind(1, content).step());
  const std::int64_t node = take_node_.integer(0);
  take_node_.run();
  return node < std::int64_t{kNodesPerContent}
             ? node
             : static_cast<std::int64_t>(inode_without_content(path, job));
}

void Merge::merge_symlinks() {
  Statement theirs(catalog_, "SELECT path, first_job, target FROM source.symlink");
  Statement add(catalog_,
                "INSERT OR IGNORE INTO main.symlink SELECT path, first_job, ?3 FROM main.version "
                "WHERE path = ?1 AND first_job = ?2");
  while (theirs.step()) {
    const auto path = translate(paths_, theirs.integer(0));
    const auto job = translate(jobs_, theirs.integer(1));
    if (path && job) {
      add.bind(1, *path).bind(2, *job).bind(3, theirs.blob(2)).run();
    }
  }
}

}  // namespace mixtape::catalog
