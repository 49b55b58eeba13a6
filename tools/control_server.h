// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

#include "tools/command.h"

namespace boost::asio {
class io_context;
}

// The daemon's end of HOME/control.sock: runs the command lines that arrive, each on a thread of
// its own.
//
// The socket is the user's alone: mode 0600, and whoever connects must be the daemon's user or
// root. At most kMaxClients at once; more wait in the kernel's queue. Who has not sent a whole
// command after `patience` must go, so that the silent keep nobody out. A client that goes away
// stops its command; one that only stops reading misses progress, not results.
//
// Threads:  accepts on the thread that runs the io_context; destroy it there, after the context
//           stopped. `run` is called on threads of its own, several at a time.
// Errors:   what `run` throws is told to the client, as report_failure does.
// Lifetime: the destructor stops and joins every running command.

namespace mixtape::tools {

inline constexpr std::size_t kMaxClients = 32;

class ControlServer {
 public:
  // Runs a command line and returns its exit status.
  using Run = std::function<int(const Invocation&, Console&)>;
  ControlServer(boost::asio::io_context& context, const std::filesystem::path& home, Run run,
                std::chrono::milliseconds patience = std::chrono::seconds(5));
  ~ControlServer();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::tools
