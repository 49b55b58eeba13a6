// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "tapeio/unique_fd.h"

namespace mixtape::home {

// Held by whoever changes the catalog or writes media, or has the home mounted. Who finds it taken
// waits for kPatience, for umount(8) returns a moment before the daemon ends, and longer for one
// that said it is ending. Then Error{locked} names who holds it and says what to do: "home /h is
// mounted already, by `mount.mixtape /mnt` (process 4711, since 19:14): unmount it first".
class HomeLock {
 public:
  enum class Role {
    writer,    // One command at a time, in the daemon or not.
    daemon,    // One mount at a time.
    recovery,  // No mount while the catalog is replaced.
    staging,   // No mount while a command without one takes what is staged.
  };
  // `home`: the directory; it may lack a catalog still.
  HomeLock(const std::filesystem::path& home, Role role, const std::string& command);

  static constexpr std::chrono::milliseconds kPatience{500};
  // How long one that is ending is waited for: it may have a command of its drive to finish.
  static constexpr std::chrono::seconds kTimeToEnd{30};
  // The holder serves nobody any more and is about to let go.
  void say_ending() const;

 private:
  [[nodiscard]] bool sign(const std::string& text) const;

  std::filesystem::path file_;
  std::string holder_;
  tapeio::UniqueFd fd_;
};

}  // namespace mixtape::home
