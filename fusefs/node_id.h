// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "engine/catalog/types.h"

// What a node number of the mount means: everything the mount must know of a catalog node stands in
// the 64 bits that the kernel gives back, so that looking at a million files leaves nothing behind
// in this process.
//
// Bits:     kind 3 | group 23 | number 38. The group is a job or a bundle, the number a path, a
// medium or a
//           row of the staging table.
// Limits:   2^23 jobs and bundles and 2^38 paths, as the catalog has them: beyond them
// Error{unsupported},
//           never a wrong node.
// A file's node is its version, whichever view shows it: immutable, and its pages are cached once.
// A directory's node is its path in a view, because what is below it changes while processes stand
// in it.

namespace mixtape::fusefs {

enum class NodeId : std::uint64_t {};

enum class NodeKind : std::uint8_t {
  fixed = 0,     // One of FixedNode.
  latest = 1,    // Directory of latest: path.
  snapshot = 2,  // Directory as a job left it: job, path.
  version = 3,   // Anything but a directory: path, first job.
  history = 4,   // Directory of history, or a file's directory of versions: path.
  medium = 5,    // Directory of a medium's bundles: medium.
  bundle = 6,    // Directory in a bundle: bundle, path.
  staging = 7,   // A node of staging: number.
};

enum class FixedNode : std::uint64_t {
  root = 1,  // Given by the kernel.
  control,   // .mixtape
  snapshots,
  tapes,
  status_json,
  queue_json,
  status_text,
};

struct Node {
  NodeKind kind = NodeKind::fixed;
  std::uint64_t group = 0;
  std::uint64_t number = 0;

  [[nodiscard]] NodeId id() const;
  static Node of(NodeId id);

  static Node fixed(FixedNode which);
  static Node latest(catalog::PathId path);
  static Node history(catalog::PathId path);
  static Node snapshot(catalog::JobId job, catalog::PathId path);
  static Node medium(catalog::MediumId medium);
  static Node bundle(catalog::BundleId bundle, catalog::PathId path);
  static Node version(catalog::VersionKey key);
  static Node staging(std::uint64_t number);

  [[nodiscard]] bool is(FixedNode which) const {
    return kind == NodeKind::fixed && number == static_cast<std::uint64_t>(which);
  }
  [[nodiscard]] catalog::PathId path() const { return catalog::PathId(number); }
  [[nodiscard]] catalog::JobId job() const { return catalog::JobId(group); }
  [[nodiscard]] catalog::BundleId bundle_id() const { return catalog::BundleId(group); }
  [[nodiscard]] catalog::MediumId medium_id() const { return catalog::MediumId(number); }
  [[nodiscard]] catalog::VersionKey version_key() const { return {path(), job()}; }

  bool operator==(const Node&) const = default;
};

// An inode number for what the catalog gives none (kinds from history on): it has the top bit,
// which those of versions never have.
[[nodiscard]] inline std::uint64_t own_inode(NodeId id) {
  return static_cast<std::uint64_t>(id);
}
// Staged files keep the number they have on their disk, in a range of their own.
[[nodiscard]] std::uint64_t staging_inode(std::uint64_t on_disk);

}  // namespace mixtape::fusefs
