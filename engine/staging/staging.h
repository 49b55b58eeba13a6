// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

// Files accepted through the mount, not yet on tape: an ordinary directory tree on disk, plus the
// sets that flushes have taken of it.
//
// Layout:   DIR/tree/PATH...            what the mount shows under staging/ and writes to
//           DIR/flushing/JOB/PATH...    what a flush took; still on disk until its job is committed
//           DIR/flushing/JOB.committed  the job is in the catalog; the set may be dropped
//           DIR/flushing/JOB.taking     a set that is being taken; a left one goes with the next
//           DIR/copying/                copies on their way into the tree
// Several processes may have it open; only the one with the mount calls what changes the tree or
// tells of open files, and only the one that holds the writer's lock takes, commits and gives back.
// The mount serves DIR/tree with ordinary system calls, so that staging behaves as a disk file
// system. A set holds second names (hard links) of the files in the tree, so they stay readable
// under staging/ while they are written to tape, and a crash at any moment leaves each file in the
// tree or in the catalog. A file with a name in a set is never changed again: whoever wants to
// change it gets a copy under its name in the tree (copy_up), which the next flush takes.
//
// Threads:  internally synchronised; lock order: the tree's lock, then the tables'.
// Errors:   throws Error{io, no_space, invalid, conflict, not_found}.

namespace mixtape::staging {

// A file on disk, whatever its names are.
struct Inode {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  bool operator==(const Inode&) const = default;
};

struct InodeHash {
  std::size_t operator()(const Inode& inode) const {
    return std::hash<std::uint64_t>()(inode.number * 0x9e3779b97f4a7c15ULL + inode.device);
  }
};

// Files that a take left because somebody writes them still.
struct LeftOpen {
  static constexpr std::size_t kNamed = 20;
  std::size_t files = 0;
  std::vector<std::string> first;  // Paths in the tree, kNamed at most.

  void add(const LeftOpen& other);
};

class Staging {
 public:
  // `before_change` is called before each change of the directory: where tests cut the power.
  explicit Staging(std::filesystem::path directory, std::function<void()> before_change = {});
  ~Staging();

  [[nodiscard]] std::filesystem::path tree() const;

  // While held, no flush takes or removes names. Held by the mount around each operation that
  // resolves a name (exclusively where it changes names that others resolve); never while waiting
  // for anything but the disk.
  [[nodiscard]] std::shared_lock<std::shared_mutex> hold_names();
  [[nodiscard]] std::unique_lock<std::shared_mutex> hold_names_alone();

  // Files open for writing through the mount are left for the next flush. Call while holding the
  // names. `closing`: somebody closed a descriptor, maybe not the last one. The kernel tells of the
  // last close only after close(2) has returned, so a flush that follows it waits a moment for such
  // files (kCloseGrace).
  void opened_for_writing(std::uint64_t device, std::uint64_t inode);
  void closing_after_writing(std::uint64_t device, std::uint64_t inode);
  void closed_after_writing(std::uint64_t device, std::uint64_t inode);
  [[nodiscard]] bool open_for_writing(std::uint64_t device, std::uint64_t inode);

  // Whether a set has a name of this file: it must not be changed, ask for a copy first.
  [[nodiscard]] bool in_set(std::uint64_t device, std::uint64_t inode);
  // How many of the file's links are names in sets: its st_nlink less these is what the tree shows.
  [[nodiscard]] std::size_t names_in_sets(std::uint64_t device, std::uint64_t inode);
  // The mount renamed something in the tree; call while holding the names alone. Links of a file in
  // a set must be made of its copy (copy_up first), so that its names stay known.
  void renamed(const std::string& from, const std::string& to, bool exchanged);
  // Whom commits ask before they remove a directory that became empty: true keeps it. Called with
  // nothing held; may wait a moment.
  void spare_directories(std::function<bool(Inode directory)> busy);
  // Removes copies that a crash left half made. For the mount, before it serves.
  void drop_half_copies();
  // Gives a file in a set, known by these names (relative to the tree), a copy under them to be
  // changed; further hard links that the flush saw follow. Nothing happens when the first name is
  // of no file in a set, or when its sets let go of it while it was copied: look again. `swapped`
  // runs with the names held alone. Cost: a reflink where the file system has them, else a copy of
  // the bytes, during which the names are not held; a file with hard links waits for the end of a
  // take under way. Error{no_space} before the copy would fill the disk. After an error everything
  // is as it was.
  enum class Bytes { keep, drop };
  void copy_up(const std::vector<std::string>& paths, Bytes bytes,
               const std::function<void(Inode before, Inode after)>& swapped = {});

  // Gives everything that is not open for writing (but sockets) a name in a new set, with its
  // directories. Returns the set's directory; nullopt when there was nothing to take. Durable on
  // return. After an error nothing is taken.
  [[nodiscard]] std::optional<std::filesystem::path> take(const std::string& set_name);
  // By the last take that did not fail.
  [[nodiscard]] LeftOpen left_open() const;
  // The set's bytes are on media: marks it, removes from the tree the names that still are what was
  // taken and the directories that became empty and are not spared, then the set. Before that
  // `last_look` may link what the set holds: only what was renamed in the tree has another name
  // still. Repeating it after an error or a crash completes it, with another last look at what is
  // left of the set.
  void commit(const std::string& set_name,
              const std::function<void(const std::filesystem::path& set)>& last_look = {});
  // Drops a set whose job failed: what it holds is staged as before, except for what was changed or
  // removed through the mount meanwhile, which stays so. Error{conflict} when it is marked as
  // committed.
  void give_back(const std::string& set_name);
  // Sets left by a crash, by name.
  struct Leftover {
    std::string set_name;
    bool committed;
  };
  [[nodiscard]] std::vector<Leftover> leftovers();

  // Cost: a walk of the tree.
  struct Usage {
    std::uint64_t files = 0, bytes = 0;
  };
  [[nodiscard]] Usage usage();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::staging
