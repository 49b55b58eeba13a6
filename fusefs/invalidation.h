// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fusefs/node_id.h"
#include "fusefs/readers.h"
#include "fusefs/staging_fs.h"

// Tells the kernel what a commit changed, so that it may otherwise believe for a day what it was
// told.
//
// Only names and attributes are taken back: a file's node is one immutable version, so its pages
// never go stale, and taking pages back could wait behind a parked read.
//
// Threads:  internally synchronised. All notices come from one thread, which holds neither a lock
// nor a reader
//           while it calls the kernel; never call changed() from a callback of libfuse.
// Limits:   more than kMaxPaths at a time are treated as "everything": the kernel drops what nobody
// uses, and a
//           pass over all names (a second per million) takes back what is in use.

namespace mixtape::fusefs {

// What can be said to the kernel; libfuse's session behind it, or a test's notes.
class KernelNotices {
 public:
  virtual ~KernelNotices() = default;
  // The name must be looked up again before it is used.
  virtual void expire_name(NodeId parent, const std::string& name) = 0;
  // Attributes, and the cached listing of a directory.
  virtual void forget_attributes(NodeId node) = 0;
  // The name and what was looked up below it, unless it is in use.
  virtual void drop_name(NodeId parent, const std::string& name) = 0;
};

class Invalidation {
 public:
  // `staging` is null in a mount that has none.
  Invalidation(Readers& readers, StagingFs* staging, KernelNotices& kernel);

  // These paths have other newest versions now, or none, and a flush may have taken names out of
  // staging. Returns when the kernel was told, or the object stops.
  void changed(std::vector<std::string> paths);
  void everything_changed();
  // Returns when the last notice is out; none follows. Idempotent. A notice may wait in the kernel
  // for a request that has no answer yet: to be called while requests are answered, or when nobody
  // can make any.
  void stop();

  static constexpr std::size_t kMaxPaths = 65536;

 private:
  struct Notice;
  void enqueue(std::vector<std::string> paths, bool everything);
  void run(const std::stop_token& stop);
  void tell_paths(const std::vector<std::string>& paths);
  void tell_staging();
  void tell_everything(const std::stop_token& stop);
  void send(const std::vector<Notice>& notices);

  Readers& readers_;
  StagingFs* const staging_;
  KernelNotices& kernel_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  // Guarded by mutex_.
  std::vector<std::string> paths_;
  bool everything_ = false;
  std::uint64_t asked_ = 0;
  std::uint64_t told_ = 0;
  bool stopped_ = false;
  std::once_flag stopping_;
  std::jthread thread_;  // Last: it uses the members above.
};

}  // namespace mixtape::fusefs
