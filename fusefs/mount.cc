// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount.h"

#include <spdlog/spdlog.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <optional>

#include "fusefs/fuse_ops.h"
#include "fusefs/init_reply.h"
#include "fusefs/invalidation.h"
#include "fusefs/mountpoint.h"
#include "fusefs/served.h"
#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

// Staging waits for its disk in these threads, but for copies of whole files; everything else
// answers from memory or parks.
constexpr unsigned kMaxThreads = 16;

// libfuse's own words, into our log.
void log_line(fuse_log_level level, const char* format, va_list arguments) {
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string text = line.data();
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  if (level <= FUSE_LOG_ERR) {
    spdlog::error("{}", text);
  } else {
    spdlog::debug("{}", text);
  }
}

class Arguments {
 public:
  explicit Arguments(const std::string& options) {
    fuse_opt_add_arg(&arguments_, "mixtape");
    fuse_opt_add_arg(&arguments_, "-o");
    fuse_opt_add_arg(&arguments_, options.c_str());
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  ~Arguments() { fuse_opt_free_args(&arguments_); }
  [[nodiscard]] fuse_args* get() { return &arguments_; }

 private:
  fuse_args arguments_ = FUSE_ARGS_INIT(0, nullptr);
};

std::string mount_options(const MountOptions& options) {
  std::string text = "fsname=mixtape,subtype=mixtape";
  if (options.allow_other) {
    text += ",allow_other,default_permissions";
  }
  if (options.read_only) {
    text += ",ro";
  }
  return text;
}

class SessionNotices : public KernelNotices {
 public:
  explicit SessionNotices(fuse_session* session) : session_(session) {}

  // What the kernel does not know (ENOENT) needs no notice, and a session that ends (ENODEV) none
  // either.
  void expire_name(NodeId parent, const std::string& name) override {
    const int result = fuse_lowlevel_notify_expire_entry(
        session_, static_cast<fuse_ino_t>(parent), name.c_str(), name.size(), FUSE_LL_EXPIRE_ONLY);
    if (result == -ENOSYS || result == -EINVAL) {
      // Kernels before 6.2 cannot only expire.
      drop_name(parent, name);
    }
  }
  void forget_attributes(NodeId node) override {
    // Pages too: only directories are named here, and theirs are their cached listing.
    fuse_lowlevel_notify_inval_inode(session_, static_cast<fuse_ino_t>(node), 0, 0);
  }
  void drop_name(NodeId parent, const std::string& name) override {
    fuse_lowlevel_notify_inval_entry(session_, static_cast<fuse_ino_t>(parent), name.c_str(),
                                     name.size());
  }

 private:
  fuse_session* session_;
};

struct DestroySession {
  void operator()(fuse_session* session) const { fuse_session_destroy(session); }
};

struct DestroyLoopConfig {
  void operator()(fuse_loop_config* config) const { fuse_loop_cfg_destroy(config); }
};

}  // namespace

struct Mount::Session {
  Session(const MountOptions& options, Sources sources)
      : mountpoint(std::filesystem::canonical(options.mountpoint).string()),
        served(std::move(sources)) {
    fuse_set_log_func(log_line);
    Arguments arguments(mount_options(options));
    const fuse_lowlevel_ops operations = all_operations();
    fuse.reset(fuse_session_new(arguments.get(), &operations, sizeof operations, &served));
    if (!fuse) {
      throw Error(ErrorCode::unsupported,
                  "mount on " + mountpoint + ": libfuse refuses; see the log");
    }
    if (fuse_session_mount(fuse.get(), mountpoint.c_str()) != 0) {
      throw Error(ErrorCode::not_permitted,
                  "mount on " + mountpoint +
                      ": not allowed; see the log, fusermount3(1) and /etc/fuse.conf");
    }
    mounted = true;
    allow_mappings_of_direct_files(fuse.get());
    notices.emplace(fuse.get());
    invalidation.emplace(served.readers, served.staging ? &*served.staging : nullptr, *notices);
  }

  ~Session() { unmount(); }

  // Parked requests refer to the session, and notices are written to a descriptor that would soon
  // be somebody else's.
  void say_no_more() {
    served.parked.close();
    served.changes.close();
    served.recall_walk.close();
    invalidation->stop();
  }
  void unmount() {
    if (std::exchange(mounted, false)) {
      say_no_more();
      // Closes the descriptor; the kernel then wakes whoever still waits in it.
      fuse_session_unmount(fuse.get());
    }
  }

  const std::string mountpoint;
  Served served;
  std::unique_ptr<fuse_session, DestroySession> fuse;
  bool mounted = false;
  std::optional<SessionNotices> notices;
  std::optional<Invalidation> invalidation;
};

Mount::Mount(const MountOptions& options, Sources sources) {
  check_mountpoint(options);
  if (options.read_only) {
    sources.staging = nullptr;
  }
  session_ = std::make_unique<Session>(options, std::move(sources));
}

Mount::~Mount() = default;

void Mount::run() {
  const std::unique_ptr<fuse_loop_config, DestroyLoopConfig> config(fuse_loop_cfg_create());
  fuse_loop_cfg_set_max_threads(config.get(), kMaxThreads);
  const int result = fuse_session_loop_mt(session_->fuse.get(), config.get());
  session_->unmount();
  if (result < 0) {
    throw_errno("serve the mount on " + session_->mountpoint, -result);
  }
}

void Mount::stop() {
  // While requests are still answered: a notice may wait in the kernel for one.
  session_->say_no_more();
  fuse_session_exit(session_->fuse.get());
  // The threads wait in the kernel for a request; any one wakes them. It is answered, or finds the
  // tree gone.
  struct statvfs ignored {};
  (void)::statvfs(session_->mountpoint.c_str(), &ignored);
}

void Mount::changed(std::vector<std::string> paths) {
  session_->served.forget_what_changed();
  session_->invalidation->changed(std::move(paths));
}

void Mount::everything_changed() {
  session_->served.forget_what_changed();
  session_->invalidation->everything_changed();
}

std::size_t Mount::parked_reads() const {
  return session_->served.parked.count();
}

std::size_t Mount::parked_changes() const {
  return session_->served.changes.count();
}

}  // namespace mixtape::fusefs
