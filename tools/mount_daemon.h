// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "tools/mount_options.h"

// The daemon behind a mount: workspace, recall, file system and control socket wired together.
//
// Threads:  run() on the thread that made it; it answers signals and the control socket and never
// waits for a
//           medium. FUSE requests and commands have threads of their own.
// Lifetime: made after the process has settled in the background: it starts threads.
// Errors:   the constructor throws Error with what to do: no home, mounted already, bad mountpoint,
// no FUSE.

namespace mixtape::tools {

// Whether this mount could be made, as far as that can be told without making it; throws as the
// daemon would.
void check_mount(const MountCommand& command);

class MountDaemon {
 public:
  explicit MountDaemon(const MountCommand& command);
  ~MountDaemon();

  // Calls `ready` when the tree can be used; returns when it was unmounted or the process was asked
  // to end (SIGINT, SIGTERM, SIGHUP; those that came since it was made count).
  void run(const std::function<void()>& ready);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::tools
