// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tapeio/unique_fd.h"

// Which staged file each node number of the kernel means, and under which names it was seen.
//
// A node is a file on disk, not a name: hard links share one, and a rename changes none. It lives
// as long as the kernel counts lookups of it, or of something below it.
//
// Threads: internally synchronised; the mutex is a leaf.
// Errors:  Refusal{ESTALE} for a number that means nothing (any more): the kernel then looks the
// name up again.

namespace mixtape::fusefs {

// A file on the staging disk. Disks reuse inode numbers at once; the time of birth tells two files
// apart.
struct StagedKey {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0;
  auto operator<=>(const StagedKey&) const = default;
};

// A name in a directory of staging.
struct StagedName {
  std::uint64_t parent = 0;
  std::string name;
};

inline constexpr std::uint64_t kStagingTop = 0;  // The number of the tree's root; always known.

// One open() of a staged file.
struct StagedFile {
  tapeio::UniqueFd fd;
  std::uint64_t node = 0;
  int flags = 0;
  bool writing = false;
  StagedKey key;  // What was registered as open for writing.
};

class StagingNodes {
 public:
  explicit StagingNodes(const StagedKey& top);

  // The node of `key`, seen as `name` below `parent`; one lookup more.
  std::uint64_t enter(std::uint64_t parent, const std::string& name, const StagedKey& key);
  void forget(std::uint64_t number, std::uint64_t lookups);

  [[nodiscard]] StagedKey key(std::uint64_t number) const;
  // The path of one of its names, relative to the tree; of all that were seen, the same one first.
  [[nodiscard]] std::string path(std::uint64_t number) const;
  [[nodiscard]] std::vector<std::string> paths(std::uint64_t number) const;
  [[nodiscard]] bool has_name(std::uint64_t number) const;

  // Every name that was seen and not removed since.
  [[nodiscard]] std::vector<StagedName> names() const;
  // The path of a name, and which file it was when it was seen; nothing when a directory on its way
  // has no name any more.
  struct Seen {
    std::string path;
    StagedKey key;
  };
  [[nodiscard]] std::optional<Seen> find_seen(const StagedName& name) const;

  void removed(std::uint64_t parent, const std::string& name);
  void renamed(std::uint64_t from, const std::string& old_name, std::uint64_t to,
               const std::string& new_name);
  void exchanged(std::uint64_t from, const std::string& old_name, std::uint64_t to,
                 const std::string& new_name);

  // The node's file was replaced by a copy of it: `reopen` gives each file that is open a
  // descriptor of the copy.
  void replaced(std::uint64_t number, const StagedKey& after,
                const std::function<tapeio::UniqueFd(const StagedFile&)>& reopen);

  void opened(StagedFile* file);
  void closed(StagedFile* file);
  // A duplicate of the descriptor of some open file of the node; invalid when none is open.
  [[nodiscard]] tapeio::UniqueFd any_open(std::uint64_t number) const;

 private:
  using Name = std::pair<std::uint64_t, std::string>;  // Parent and name in it.
  struct Node {
    StagedKey key;
    std::vector<Name> names;
    std::uint64_t lookups = 0;
    std::uint64_t children = 0;  // Names below it in by_name_.
    std::vector<StagedFile*> open;
  };

  Node& at(std::uint64_t number);
  [[nodiscard]] const Node& at(std::uint64_t number) const;
  [[nodiscard]] std::optional<std::string> find_path(const Name* name) const;
  [[nodiscard]] std::string path_of(const Name& name) const;
  void give_name(std::uint64_t number, const Name& name);
  void take_name(const Name& name);
  void drop_unused(std::uint64_t number);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::uint64_t, Node> nodes_;
  std::map<StagedKey, std::uint64_t> by_key_;
  std::map<Name, std::uint64_t> by_name_;
  std::uint64_t next_ = kStagingTop + 1;
};

}  // namespace mixtape::fusefs
