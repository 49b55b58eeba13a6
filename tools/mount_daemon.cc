// SPDX-License-Identifier: Apache-2.0
#include "tools/mount_daemon.h"

#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <thread>

#include "engine/home/home_lock.h"
#include "engine/service/status.h"
#include "fusefs/mount.h"
#include "fusefs/mountpoint.h"
#include "tapeio/error.h"
#include "tools/control_server.h"
#include "tools/queue_text.h"
#include "tools/status_text.h"
#include "tools/stop_signals.h"

namespace mixtape::tools {
namespace {

namespace asio = boost::asio;

fusefs::ColdReads cold_reads(home::RecallPolicy policy) {
  switch (policy) {
    case home::RecallPolicy::block:
      return fusefs::ColdReads::block;
    case home::RecallPolicy::queue:
      return fusefs::ColdReads::queue;
    case home::RecallPolicy::never:
      return fusefs::ColdReads::never;
  }
  MIXTAPE_ASSERT(!"every policy is handled above");
}

fusefs::ColdRules cold_rules(const home::Config& config) {
  return {.reads = cold_reads(config.recall),
          .never_for = config.never_recall_for,
          .always_for = config.always_recall_for,
          .files_per_second = config.cold_files_per_second};
}

fusefs::MountOptions mount_options(const MountCommand& command, const home::Home& home) {
  fusefs::MountOptions options;
  options.mountpoint = command.mountpoint;
  options.home = home.directory();
  options.allow_other = command.allow_other;
  options.read_only = command.read_only;
  options.nonempty = command.nonempty;
  return options;
}

std::string dump(const nlohmann::json& value) {
  return value.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

void check_mount(const MountCommand& command) {
  const home::Home home(command.home);
  (void)home.open_catalog(catalog::Access::read);
  fusefs::check_mountpoint(mount_options(command, home));
}

struct MountDaemon::Impl final : Daemon {
  explicit Impl(const MountCommand& command)
      : lock(home::Home(command.home).directory(), home::HomeLock::Role::daemon,
             "mount.mixtape " + command.mountpoint.string()),
        shared(home::Home(command.home)),
        recalls(
            shared, [](const std::string& line) { spdlog::warn("{}", line); },
            service::RecallService::Queue::kept),
        contents(shared.cache(), recalls.recall(), shared.previews(),
                 [this](const std::vector<catalog::WantedContent>& wanted) {
                   (void)recalls.list().add(wanted);
                 }),
        mount(mount_options(command, shared.home()), sources(command)),
        control(context, shared.home().directory(),
                [this](const Invocation& line, Console& console) {
                  return run_command_line(line, console, this);
                }) {
    // A catalog that cannot be read is told now, not by every ls.
    (void)service::Context(shared, catalog::Access::read).tree.at({}, catalog::kRootPath);
  }

  fusefs::Sources sources(const MountCommand& command) {
    return {
        .open_catalog = [this] { return shared.home().open_catalog(catalog::Access::read); },
        .contents = contents,
        .staging = command.read_only ? nullptr : &shared.staging(),
        .texts = {.status_json = [this] { return dump(status_json(status())); },
                  .queue_json = [this] { return dump(queue_json(recalls.recall().queue())); },
                  .status_text = [this] { return status_text(status()); }},
        .eta = [this](const recall::Content& content) { return recalls.recall().eta(content); },
        .cold = cold_rules(shared.home().config()),
    };
  }

  service::Status status() {
    service::Context reading(shared, catalog::Access::read);
    return service::status_of(reading);
  }

  service::Workspace& workspace() override { return shared; }
  service::RecallService& recall() override { return recalls; }
  void committed(const service::ChangedPaths& changed) override {
    if (changed.everything) {
      mount.everything_changed();
    } else {
      mount.changed(changed.paths);
    }
  }

  void run(const std::function<void()>& ready) {
    signals.set.async_wait([this](boost::system::error_code stopped, int) {
      if (!stopped) {
        mount.stop();
      }
    });
    std::jthread serving([this] {
      mount.run();
      asio::post(context, [this] { context.stop(); });
    });
    ready();
    spdlog::info("mounted");
    context.run();
    // Commands that wait for their recalls are stopped now; the recalls are not.
    recalls.list().keep_all();
    lock.say_ending();
    spdlog::info("unmounted");
  }

  // As long as it lives a signal ends nothing half-made: run() answers it. Behind it whoever made
  // the daemon clears away.
  struct Signals {
    explicit Signals(asio::io_context& context) : set(context, SIGINT, SIGTERM, SIGHUP) {
      let_stop_signals_through();
    }
    ~Signals() { hold_stop_signals_back(); }
    asio::signal_set set;
  };

  // In this order: who is used stands before who uses it, and ends after.
  asio::io_context context;
  Signals signals{context};
  home::HomeLock lock;
  service::Workspace shared;
  service::RecallService recalls;
  fusefs::RecalledContents contents;
  fusefs::Mount mount;
  ControlServer control;
};

MountDaemon::MountDaemon(const MountCommand& command) : impl_(std::make_unique<Impl>(command)) {}

MountDaemon::~MountDaemon() = default;

void MountDaemon::run(const std::function<void()>& ready) {
  impl_->run(ready);
}

}  // namespace mixtape::tools
