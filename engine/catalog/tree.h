// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// Browsing: the questions that a mount and the reporting commands ask. Each is one indexed query
// over the children or the versions it returns; nothing walks the tree, nothing depends on the
// catalog's size.
//
// What a view shows of a path: its newest version that is `written`, seen no later than the view's
// job, and not ended before it. A version that no medium holds yet is never shown.
//
// Threads:  one Tree per connection, one connection per thread.
// Errors:   absence is nullopt; throws Error{corrupt, io} when the database is damaged.
// Cost:     one statement each, prepared once per Tree.

namespace mixtape::catalog {

// latest, or the tree as a job left it.
struct View {
  std::optional<JobId> as_of;  // nullopt: now.
  bool operator==(const View&) const = default;
};

class Tree {
 public:
  explicit Tree(Database& database);
  ~Tree();

  // While one lives, all that is asked is of one state of the catalog, and the locks on its files
  // are taken once instead of for each question. The log behind that state stays as long: only for
  // questions in a row. Nothing when the connection is in a transaction.
  class Look {
   public:
    explicit Look(Tree& tree);
    Look(const Look&) = delete;
    Look& operator=(const Look&) = delete;
    ~Look();

   private:
    Tree& tree_;
    const bool outermost_;
  };

  // The id of a path that was ever seen ("" is kRootPath).
  [[nodiscard]] std::optional<PathId> find_path(std::string_view path);
  // The id of one component below a directory.
  [[nodiscard]] std::optional<PathId> find_child(PathId parent, std::string_view name);
  // The whole path again, and its last component. Cost: a scan of each component's siblings, but
  // hardly more than a lookup for who asks in byte order: names behind one are read ahead.
  // Throw Error{not_found}.
  [[nodiscard]] std::string path_of(PathId path);
  [[nodiscard]] std::string name_of(PathId path);

  // Roots of scans, "/" or without slashes at their ends. Their numbers are of this catalog alone.
  [[nodiscard]] std::optional<RootId> find_root(std::string_view path);
  [[nodiscard]] std::string root_path(RootId root);  // Throws Error{not_found}.

  // The version a view shows at (parent, name) or at a path id. A directory that was never scanned
  // itself but has children in the view (a parent of a root, of a staged file) is shown with
  // default metadata: mode 0755, size 0, mtime of the first job that brought something below it.
  [[nodiscard]] std::optional<Entry> lookup(View view, PathId parent, std::string_view name);
  [[nodiscard]] std::optional<Version> at(View view, PathId path);

  // What the view shows below `parent`, in byte order, as it is read: no memory for what is listed.
  // `each` returns false to stop, and may not list anything from this Tree meanwhile.
  void list(View view, PathId parent, const std::function<bool(const Entry&)>& each);

  // One version by its key, shown or not.
  [[nodiscard]] std::optional<Version> version(VersionKey key);
  // Every written version of a path, oldest first; directories have versions too. And the newest of
  // them, ended or not.
  [[nodiscard]] std::vector<Version> history(PathId path);
  [[nodiscard]] std::optional<Version> newest(PathId path);

  // The newest written version of every name that ever had one below `parent`, ended or not, in
  // byte order. `each` returns false to stop, and may not list anything from this Tree meanwhile.
  void ever(PathId parent, const std::function<bool(const Entry&)>& each);
  // Whether a name was ever given below `parent`, written or not.
  [[nodiscard]] bool has_names(PathId parent);
  // Names below `parent` without any written version, but with something below them.
  [[nodiscard]] std::vector<std::pair<std::string, PathId>> never_written(PathId parent);

  // Every name that ever was below `parent`, in byte order. `has_children`: something was ever
  // below it; `has_versions`: it was ever a file or symlink with a written version.
  struct Name {
    std::string name;
    PathId path;
    bool has_children;
    bool has_versions;
  };
  void names(PathId parent, const std::function<bool(const Name&)>& each);

  // Depth-first walk of a view in archive order: a directory's non-directories in byte order, then
  // its subdirectories in byte order. `path` is the whole path. `each` returns false to stop.
  // `start` itself is visited first.
  void walk(View view, PathId start,
            const std::function<bool(const std::string& path, const Version&)>& each);
  // The files of now at and below `start` that no view shows: a scan saw them, and no job has come
  // to write any version of them. In archive order.
  void walk_never_written(PathId start,
                          const std::function<void(const std::string& path, const Version&)>& each);

  // What a bundle holds below `parent`: its files, and the directories that lead to some. As
  // list().
  void list_bundle(BundleId bundle, PathId parent, const std::function<bool(const Entry&)>& each);
  [[nodiscard]] std::optional<Entry> lookup_bundle(BundleId bundle, PathId parent,
                                                   std::string_view name);

  // Finished jobs, oldest first: the snapshots.
  [[nodiscard]] std::vector<Job> snapshots();
  [[nodiscard]] std::optional<Job> snapshot_at(std::int64_t started_s);
  // The newest finished job that started at or before `time_s`.
  [[nodiscard]] std::optional<Job> job_at(std::int64_t time_s);

  // Paths ever seen whose last component (no slash in pattern) or whole path (slash) matches the
  // fnmatch(3) pattern, with their newest written version. Cost: of whole paths all that is below
  // the directory that the pattern begins with; of names with a literal beginning a step in an
  // index for each directory, else a pass over all names; and the directories that lead to a match.
  void find(std::string_view pattern,
            const std::function<bool(const std::string& path, const Version&)>& each);

  // Totals for statfs and status: visible files, their bytes, versions, contents. Cost: a pass over
  // the versions after each change of the catalog.
  struct Totals {
    std::uint64_t files = 0, bytes = 0, versions = 0, contents = 0;
  };
  [[nodiscard]] Totals totals();

 private:
  struct Statements;
  Database& database_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace mixtape::catalog
