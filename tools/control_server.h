// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "tools/command.h"

namespace boost::asio {
class io_context;
}

// The daemon's end of HOME/control.sock: runs the command lines that arrive, each on a thread of
// its own.
//
// The socket is the user's alone: mode 0600, and whoever connects must be the daemon's user or
// root. At most kMaxClients at once; more wait in the kernel's queue. A client that goes away stops
// its command.
//
// Threads:  accepts on the thread that runs the io_context; destroy it there, after the context
// stopped. Lifetime: `daemon` must outlive it. The destructor stops and joins every running
// command.

namespace mixtape::tools {

inline constexpr std::size_t kMaxClients = 32;

class ControlServer {
 public:
  ControlServer(boost::asio::io_context& context, const std::filesystem::path& home,
                Daemon& daemon);
  ~ControlServer();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::tools
