// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fusefs/sources.h"

// The mount: a session with the kernel, from mount(2) to umount(2).
//
// Between the constructor and run() requests wait in the kernel. run() serves them until somebody
// unmounts the tree or calls stop(); whatever is still parked then fails with EINTR.
//
// Threads:  run() from one thread; stop(), changed() and everything_changed() from any other, but
// never from a
//           signal handler, and changed() never from what Sources calls.
// Errors:   throws Error{invalid, conflict, not_found, not_permitted, unsupported, io} with what to
// do about it. Lifetime: what Sources refers to must outlive it. Destroying it unmounts.

namespace mixtape::fusefs {

struct MountOptions {
  std::filesystem::path mountpoint;  // An empty directory.
  std::filesystem::path home;        // Neither may lie inside the other.
  bool allow_other = false;  // The kernel then checks modes; else the owner of the mount reads all.
  bool read_only = false;    // No staging.
  bool nonempty = false;     // The mountpoint may hold something, which it hides.
};

class Mount {
 public:
  Mount(const MountOptions& options, Sources sources);
  ~Mount();

  // Returns when the tree is unmounted.
  void run();
  // Makes run() return. Idempotent; may be called before run().
  void stop();

  // These paths of latest have changed. Returns when the kernel knows.
  void changed(std::vector<std::string> paths);
  // For changes that nobody listed: a recovery, a job of another process.
  void everything_changed();

  // Reads that wait for a medium.
  [[nodiscard]] std::size_t parked_reads() const;
  // Changes of staged files that wait for the copies of others.
  [[nodiscard]] std::size_t parked_changes() const;

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace mixtape::fusefs
