// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "engine/staging/staging.h"
#include "fusefs/node.h"
#include "fusefs/staging_busy.h"
#include "fusefs/staging_disk.h"
#include "fusefs/staging_nodes.h"

// staging/: the names and the metadata of what was dropped there, as a local disk file system has
// them. What files contain is behind StagingFiles.
//
// A file that a flush is writing is shown like any other; whatever changes it first gets it a copy
// (hold_to_change), because what a flush has taken is never changed.
//
// Threads: every method from any thread.
// Errors:  Refusal with the errno of a local disk; ESTALE when a flush took a name away meanwhile.

namespace mixtape::fusefs {

// Who asks. New files are theirs, as far as this process may give files away.
struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
};

class StagingFs {
 public:
  // One at a time of a directory, whichever process it is in: the daemon's lock sees to that.
  explicit StagingFs(staging::Staging& staging);
  ~StagingFs() { staging_.spare_directories({}); }
  StagingFs(const StagingFs&) = delete;
  StagingFs& operator=(const StagingFs&) = delete;

  [[nodiscard]] Found lookup(std::uint64_t parent, const std::string& name);
  void forget(std::uint64_t number, std::uint64_t lookups) { nodes_.forget(number, lookups); }
  [[nodiscard]] Attributes attributes(std::uint64_t number);
  [[nodiscard]] Attributes attributes(const tapeio::UniqueFd& node);
  [[nodiscard]] std::string read_link(std::uint64_t number);
  // Every name below, with inode and type; "." and ".." left out.
  [[nodiscard]] std::vector<Row> list(std::uint64_t number);

  // `type_and_mode` as mknod(2) has it.
  [[nodiscard]] Found make_node(std::uint64_t parent, const std::string& name, mode_t type_and_mode,
                                dev_t device, Caller caller);
  [[nodiscard]] Found make_symlink(std::uint64_t parent, const std::string& name,
                                   const std::string& target, Caller caller);
  [[nodiscard]] Found link(std::uint64_t number, std::uint64_t parent, const std::string& name);
  void remove(std::uint64_t parent, const std::string& name, bool directory);
  // `flags` as renameat2(2) has them.
  void rename(std::uint64_t from, const std::string& old_name, std::uint64_t to,
              const std::string& new_name, unsigned flags);

  // Names that the kernel may still believe in and a flush took away. They are forgotten here; what
  // may be there without having been asked for is not looked at. Cost: one stat for each name the
  // kernel knows, with the names held for each alone.
  [[nodiscard]] std::vector<StagedName> take_vanished();

  // --- For StagingFiles
  // Whoever set the times of a directory has filled it.
  void times_set(std::uint64_t number) { busy_->finished(inode_of(nodes_.key(number))); }
  using Names = std::shared_lock<std::shared_mutex>;
  [[nodiscard]] StagingNodes& nodes() { return nodes_; }
  [[nodiscard]] staging::Staging& staging() { return staging_; }
  [[nodiscard]] const tapeio::UniqueFd& tree() const { return tree_; }
  // The node's own file, checked to be still that one. Names must be held.
  [[nodiscard]] tapeio::UniqueFd node(std::uint64_t number) const;
  // Holds the names once no set has the file any more. `access` as access(2) has it: a caller who
  // may not do that is refused before anything is copied, or left out of the copy. ESTALE when a
  // flush is just taking the file away.
  [[nodiscard]] Names hold_to_change(std::uint64_t number, staging::Staging::Bytes bytes,
                                     int access = F_OK);
  // Whether the change of a file would have to wait for a copy of it.
  [[nodiscard]] bool must_copy(std::uint64_t number) const;
  // The new file is the caller's, with this mode whatever the process's umask is. Counts a lookup.
  [[nodiscard]] Found adopt(std::uint64_t parent, const std::string& name, const Place& place,
                            mode_t mode, Caller caller);
  [[nodiscard]] Place place(std::uint64_t parent, const std::string& name) const;

 private:
  static staging::Inode inode_of(const StagedKey& key) { return {key.device, key.inode}; }
  // Something has a new name there.
  void filled(std::uint64_t parent) { busy_->filled(inode_of(nodes_.key(parent))); }
  [[nodiscard]] bool is_there(const std::string& path, const StagedKey& key) const;
  [[nodiscard]] std::string path_in(std::uint64_t parent, const std::string& name) const;
  // The node is the file at `copy` from now on, if that is the expected one. Names must be held
  // alone.
  void follow(std::uint64_t number, const Place& copy, staging::Inode expected);
  // As the tree shows it: without the links that flushes hold.
  [[nodiscard]] Attributes shown(const StagedStatus& status);
  [[nodiscard]] Found entered(std::uint64_t parent, const std::string& name,
                              const StagedStatus& status);

  staging::Staging& staging_;
  tapeio::UniqueFd tree_;
  StagingNodes nodes_;
  // Shared with a commit that may outlive the mount.
  const std::shared_ptr<BusyDirectories> busy_ = std::make_shared<BusyDirectories>();
};

}  // namespace mixtape::fusefs
