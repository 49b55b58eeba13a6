// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "fusefs/catalog_file.h"
#include "fusefs/catalog_fs.h"
#include "fusefs/contents.h"
#include "fusefs/handles.h"
#include "fusefs/listing_ahead.h"
#include "fusefs/parked_reads.h"
#include "fusefs/readers.h"
#include "fusefs/recall_walk.h"
#include "fusefs/reply.h"
#include "fusefs/sources.h"
#include "fusefs/staging_changes.h"
#include "fusefs/staging_files.h"
#include "fusefs/staging_fs.h"
#include "fusefs/xattrs.h"

// Everything behind one mount: what a callback of libfuse finds as its user data.

namespace mixtape::fusefs {

// One opendir(): what the directory held when it was first read, or last rewound, or when a job
// last committed.
struct OpenDirectory {
  std::mutex mutex;
  // Guarded by mutex.
  std::optional<Rows> rows;
  std::uint64_t commits = 0;  // Told of before the rows were made.
};

struct Served {
  explicit Served(Sources sources)
      : contents(sources.contents),
        cold_guard(std::move(sources.cold)),
        readers(std::move(sources.open_catalog)),
        catalog(readers, std::move(sources.texts)),
        xattrs(catalog, readers, contents, std::move(sources.eta)),
        parked(contents),
        recall_walk(catalog, readers, contents),
        listings([this](NodeId directory) { return catalog.list(directory); }) {
    if (sources.staging != nullptr) {
      staging.emplace(*sources.staging);
      staged_files.emplace(*staging);
    }
  }

  ~Served() {
    // Still open when the tree was unmounted.
    for (auto& file : staged.take_all()) {
      staged_files->release(std::move(file));
    }
  }

  // A job has committed something. Called before the kernel is told.
  void forget_what_changed() {
    catalog.forget_totals();
    listings.forget();
    // Last: whoever sees the new count must find nothing older.
    ++commits;
  }

  Contents& contents;
  ColdGuard cold_guard;
  Readers readers;
  CatalogFs catalog;
  Xattrs xattrs;
  Handles<CatalogFile> files;
  Handles<OpenDirectory> directories;
  Handles<StagedFile> staged;
  std::optional<StagingFs> staging;  // Absent in a read-only mount.
  std::optional<StagingFiles> staged_files;
  ParkedReads parked;
  StagingChanges changes;
  RecallWalk recall_walk;
  ListingAhead listings;
  std::atomic<std::uint64_t> commits = 0;  // How often something was committed.
  std::atomic<bool> init_replied = false;
};

inline Node node_of(fuse_ino_t number) {
  return Node::of(NodeId(number));
}
inline bool is_staging(fuse_ino_t number) {
  return node_of(number).kind == NodeKind::staging;
}

// Directories of archived trees, which are in the order of inode numbers.
inline bool is_archived(fuse_ino_t directory) {
  const NodeKind kind = node_of(directory).kind;
  return kind == NodeKind::latest || kind == NodeKind::snapshot || kind == NodeKind::bundle;
}
// Directories whose listing the kernel may keep: each change of latest is told by name. What a
// snapshot or a bundle shows changes too (a content is written later, a copy turns out bad), but
// nobody could name everything that one content changes.
inline bool stays_in_kernel(fuse_ino_t directory) {
  return node_of(directory).kind == NodeKind::latest;
}

inline Served& served_by(fuse_req_t request) {
  return *static_cast<Served*>(fuse_req_userdata(request));
}

// Runs a callback's body that changes a node. The body must own what it uses: where the change
// waits for a copy of a staged file, it runs after the callback has returned.
template <typename Body>
void answer_change(fuse_req_t request, const char* what, fuse_ino_t node, Body body) noexcept {
  answer(request, what, [&] {
    Served& served = served_by(request);
    if (!is_staging(node) || !served.staging->must_copy(node_of(node).number)) {
      body();
      return;
    }
    const auto on_interrupt = [](fuse_req_t interrupted, void* token) {
      served_by(interrupted).changes.interrupted(token);
    };
    served.changes.run(request, on_interrupt,
                       [request, what, body]() mutable { answer(request, what, body); });
  });
}

}  // namespace mixtape::fusefs
