// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "fusefs/node.h"
#include "fusefs/readers.h"
#include "fusefs/rows.h"

// The read-only part of the mount: what its nodes mean in terms of the catalog, without libfuse.
//
//   latest/PATH, history/PATH/VERSION, snapshots/TIME/PATH, tapes/LABEL/BUNDLE/PATH, .mixtape/FILE
//
// Nothing is remembered of a node: all is in its number (node_id.h). No question asked here moves a
// medium.
//
// Threads: every method from any thread; each borrows a reader for the length of the call.
// Errors:  absence is nullopt; Refusal{ENOENT, ESTALE, ENOTDIR}; Error{corrupt, io} from the
// catalog. Cost:    one or two indexed queries; list: one query over the children it returns.

namespace mixtape::fusefs {

// The words of .mixtape; made when a file there is opened.
struct StatusTexts {
  std::function<std::string()> status_json;
  std::function<std::string()> queue_json;
  std::function<std::string()> status_text;
};

class CatalogFs {
 public:
  CatalogFs(Readers& readers, StatusTexts texts) : readers_(readers), texts_(std::move(texts)) {}

  [[nodiscard]] std::optional<Found> lookup(NodeId parent, std::string_view name);
  [[nodiscard]] Found get(NodeId node);
  // Everything below a directory, in tape order; "." and ".." left out.
  [[nodiscard]] Rows list(NodeId directory);
  [[nodiscard]] std::string read_link(NodeId node);

  // The version behind a node: of a file or symlink itself, of a directory as its view shows it;
  // nullopt for what the mount makes up.
  [[nodiscard]] std::optional<catalog::Version> version(NodeId node);
  // "home/me/a.raw": for people. Cost: a scan of siblings.
  [[nodiscard]] std::string path_of(catalog::PathId path);
  // The content of a file of .mixtape; nullopt for every other node.
  [[nodiscard]] std::optional<std::string> text(NodeId node);

  // Whether any version that was ever shown carries what the kernel and ls(1) ask every file for:
  // capabilities and other security.* values, ACLs.
  [[nodiscard]] bool has_access_xattrs() const { return has_access_xattrs_; }

  // Files and bytes that latest shows. Counted anew after forget_totals(): one pass over the
  // catalog.
  [[nodiscard]] catalog::Tree::Totals totals();
  void forget_totals();

 private:
  std::optional<Found> lookup_fixed(Reader& reader, FixedNode parent, std::string_view name);
  std::optional<Found> lookup_bundle(Reader& reader, catalog::MediumId medium,
                                     std::string_view name);
  std::optional<Found> lookup_history(Reader& reader, catalog::PathId parent,
                                      std::string_view name);
  std::optional<Found> history_directory(Reader& reader, catalog::PathId path);
  Found get_fixed(FixedNode which);
  Found get_directory(Reader& reader, const Node& node);
  std::optional<catalog::Version> version_of(Reader& reader, const Node& node);
  void list_fixed(Reader& reader, FixedNode which, Rows& rows);
  void list_history(Reader& reader, catalog::PathId parent, Rows& rows);

  Readers& readers_;
  StatusTexts texts_;
  Found show(const catalog::Version& version, const Node& as_directory);

  std::atomic<bool> has_access_xattrs_ = false;
  std::mutex totals_mutex_;
  std::optional<catalog::Tree::Totals> totals_;  // Guarded by totals_mutex_.
};

}  // namespace mixtape::fusefs
