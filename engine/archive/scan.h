// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/archive/rules.h"
#include "engine/archive/scan_change.h"
#include "engine/archive/scan_skips.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/sources.h"
#include "engine/catalog/tree.h"
#include "engine/progress/reporter.h"

// Walks directories and tells what changed since the catalog last saw them. Reads the catalog,
// never writes it.
//
// A directory's names are compared with its known children, both in byte order. Nothing that could
// not be looked at counts as deleted: an unreadable directory and all below it, what the rules
// leave out, other file systems when they are left out, and a directory that is empty because its
// disk is not mounted. Symlinks are never followed (the roots themselves are resolved once).
//
// What counts as a change of content: size, mtime, inode, number of mounts crossed (never st_dev,
// which disks and subvolumes change by themselves), type, and a ctime that changed although no
// metadata did: programs that edit in place and put the mtime back are caught by that.
//
// Threads: none.
// Errors:  throws Error{invalid, not_found, not_permitted} for a root before anything is walked,
// naming it;
//          Error{cancelled}. What goes wrong with a single file is a Trouble, not an error.
// Cost:    one stat per name, in the order of inodes. Memory for a million files: some MiB for
// changes (the
//          rest lies in `scratch`), 8 bytes per file whose content is wanted, 120 bytes per name of
//          the largest directory, 100 per file with several names.

namespace mixtape::archive {

struct ScanRequest {
  std::vector<std::string> roots;  // Directories or files; may overlap, each file is found once.
  Rules rules;
  std::vector<OwnDirectory> own;  // Left out wherever they turn up; no root may lie in one.
  bool one_file_system = false;   // Stay on the file system of each root.
  bool ignore_ctime = false;      // A changed ctime alone is no reason to read a file.
  // What stands before the catalog's path on disk: "" for sources, a flushing set's directory for
  // staging.
  std::string base;
  std::filesystem::path scratch;  // An existing directory for lists that outgrow the memory.
  std::int64_t now_ns = 0;        // When the scan begins.
  // Called after a directory's names were read; tests change the disk there.
  std::function<void(const std::string& path)> after_listing;
};

struct Trouble {
  std::string path;
  std::string why;
};

// The first of them in words, all of them counted.
class Troubles {
 public:
  // More lines than anyone reads; a dead disk must not fill the memory.
  static constexpr std::size_t kMostListed = 1000;
  void add(Trouble trouble);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] const std::vector<Trouble>& listed() const { return listed_; }

 private:
  std::vector<Trouble> listed_;
  std::uint64_t count_ = 0;
};

// The names of one file that has several, as far as the scan came across them.
struct LinkGroup {
  std::uint32_t names = 0;
  bool changed = false;  // One of them is new or differs: all of them get a new version.
};

struct Scan {
  explicit Scan(const std::filesystem::path& scratch) : changes(scratch) {}

  SpillLog changes;                    // Archive order, except for `ended`.
  std::vector<std::uint64_t> sizes;    // Of every change that wants content; sorted.
  std::vector<LinkGroup> link_groups;  // By LinkGroupNumber; the first is unused.
  std::vector<std::string> roots;      // As catalog paths.
  std::string base;

  std::uint64_t files = 0, directories = 0, others = 0;  // Looked at and taken.
  std::uint64_t bytes = 0;                               // Of these files.
  std::uint64_t skipped = 0;  // Sockets, own directories, other file systems.
  Troubles unreadable;

  // Where the file of a catalog path lies.
  [[nodiscard]] std::string on_disk(std::string_view path) const {
    return base + "/" + std::string(path);
  }
};

// What a scan compares with.
struct ScanCatalog {
  catalog::Database& database;
  catalog::Tree& tree;
  catalog::Ledger& ledger;
  catalog::Sources& sources;
};

// `known` nullptr: everything found is fresh, nothing is ended (staging).
[[nodiscard]] Scan scan(const ScanRequest& request, const ScanCatalog* known, Reporter& reporter);

// Why a scan of this request would take or leave out a path (absolute): the first directory above
// it that is always skipped, else the rules' word. For `backup --explain PATH`.
[[nodiscard]] std::string explain(const ScanRequest& request, const std::string& path);

}  // namespace mixtape::archive
