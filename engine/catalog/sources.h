// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// state.db: where the sources stood on this machine at the last scan, and the hashes that an
// unfinished job has already taken. Losing it costs one round of hashing, never data.
//
// Threads: belongs to its connection.

namespace mixtape::catalog {

// What tells two states of a source file apart besides what its version says (size, mtime, mode).
struct SourceStamp {
  // How many mount points lie between the root and the file (0: the root's own file system), never
  // st_dev: a renumbered disk is no change.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t ctime_ns =
      0;  // Unchanged: nothing at all changed, xattrs included. 0: not to be trusted.
  bool readable = true;
  bool operator==(const SourceStamp&) const = default;
};

// A file on disk, wherever its name is: the key under which an early hash is kept.
struct FileIdentity {
  std::uint64_t device, inode, size;
  std::int64_t mtime_ns, ctime_ns;
  bool operator==(const FileIdentity&) const = default;
};

class Sources {
 public:
  explicit Sources(Database& database);
  ~Sources();

  [[nodiscard]] std::optional<SourceStamp> stamp(PathId path);
  void set_stamp(PathId path, const SourceStamp& stamp);
  void remove(PathId path);

  // A version as a scan compares it with what lies on disk.
  struct Known {
    Version version;
    std::optional<SourceStamp> stamp;
  };
  // The children of a directory whose newest version, shown or not, has not ended; in byte order of
  // names. Of most of them the stamp alone says that nothing changed: Ledger::newest has the
  // version. `each` must not call children again. Cost: two steps in indexes for each.
  struct Child {
    std::string name;
    PathId path{};
    bool is_directory = false;
    std::optional<SourceStamp> stamp;
  };
  void children(PathId parent, const std::function<void(const Child&)>& each);

  [[nodiscard]] std::optional<Hash> early_hash(const FileIdentity& file);
  void keep_early_hash(const FileIdentity& file, const Hash& hash);
  void forget_early_hashes();

 private:
  struct Statements;
  Database& database_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace mixtape::catalog
