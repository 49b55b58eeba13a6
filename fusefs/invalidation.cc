// SPDX-License-Identifier: Apache-2.0
#include "fusefs/invalidation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "fusefs/names.h"
#include "tapeio/error.h"

namespace mixtape::fusefs {

using catalog::kRootPath;
using catalog::PathId;

struct Invalidation::Notice {
  NodeId node{};
  std::optional<std::string> name;  // Absent: the attributes of the node itself.
};

Invalidation::Invalidation(Readers& readers, StagingFs* staging, KernelNotices& kernel)
    : readers_(readers),
      staging_(staging),
      kernel_(kernel),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Invalidation::changed(std::vector<std::string> paths) {
  enqueue(std::move(paths), false);
}

void Invalidation::everything_changed() {
  enqueue({}, true);
}

void Invalidation::stop() {
  std::call_once(stopping_, [this] {
    thread_.request_stop();
    thread_.join();
  });
}

void Invalidation::enqueue(std::vector<std::string> paths, bool everything) {
  std::unique_lock lock(mutex_);
  everything_ = everything_ || everything || paths_.size() + paths.size() > kMaxPaths;
  if (everything_) {
    paths_.clear();
  } else {
    std::move(paths.begin(), paths.end(), std::back_inserter(paths_));
  }
  const std::uint64_t ticket = ++asked_;
  wake_.notify_all();
  wake_.wait(lock, [&] { return told_ >= ticket || stopped_; });
}

void Invalidation::run(const std::stop_token& stop) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return asked_ > told_; })) {
      stopped_ = true;
      wake_.notify_all();
      return;
    }
    const std::uint64_t ticket = asked_;
    const std::vector<std::string> paths = std::exchange(paths_, {});
    const bool everything = std::exchange(everything_, false);
    lock.unlock();
    try {
      tell_staging();
      if (everything) {
        tell_everything(stop);
      } else {
        tell_paths(paths);
      }
    } catch (const Error& error) {
      spdlog::error("refresh the mount: {}", error.what());
      // At least what nobody stands in is looked up again.
      kernel_.drop_name(Node::fixed(FixedNode::root).id(), "latest");
    }
    lock.lock();
    told_ = ticket;
    wake_.notify_all();
  }
}

void Invalidation::tell_staging() {
  if (staging_ == nullptr) {
    return;
  }
  for (const StagedName& name : staging_->take_vanished()) {
    kernel_.drop_name(Node::staging(name.parent).id(), name.name);
  }
}

void Invalidation::tell_paths(const std::vector<std::string>& paths) {
  std::vector<Notice> notices;
  {
    const auto reader = readers_.borrow();
    std::set<PathId> done;
    const auto refresh_directory = [&](PathId directory) {
      if (done.insert(directory).second) {
        notices.push_back({Node::latest(directory).id(), std::nullopt});
        notices.push_back({Node::history(directory).id(), std::nullopt});
      }
    };
    for (const std::string& path : paths) {
      PathId parent = kRootPath;
      std::string_view rest = path;
      // A directory appears with its first file and goes with its last, so each component may be
      // new.
      while (!rest.empty()) {
        const std::string name(rest.substr(0, rest.find('/')));
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
        refresh_directory(parent);
        const auto child = reader->tree.find_child(parent, name);
        if (!child) {
          break;
        }
        if (!done.contains(*child)) {
          notices.push_back({Node::latest(parent).id(), name});
        }
        refresh_directory(*child);
        parent = *child;
      }
    }
  }
  send(notices);
}

void Invalidation::tell_everything(const std::stop_token& stop) {
  const NodeId root = Node::fixed(FixedNode::root).id();
  kernel_.drop_name(root, "latest");
  kernel_.drop_name(root, "history");
  // What a process stands in or has open stays known to the kernel under names that may mean
  // something else now.
  std::vector<PathId> waiting{kRootPath};
  while (!waiting.empty() && !stop.stop_requested()) {
    const PathId directory = waiting.back();
    waiting.pop_back();
    std::vector<Notice> notices{{Node::latest(directory).id(), std::nullopt},
                                {Node::history(directory).id(), std::nullopt}};
    {
      const auto reader = readers_.borrow();
      reader->tree.names(directory, [&](const catalog::Tree::Name& name) {
        if (is_showable(name.name)) {
          notices.push_back({Node::latest(directory).id(), name.name});
        }
        if (name.has_children) {
          waiting.push_back(name.path);
        }
        return true;
      });
    }
    send(notices);
  }
}

void Invalidation::send(const std::vector<Notice>& notices) {
  // A name waits for whoever is reading its directory, rows from before the commit among them.
  // Dropped before that, the kernel's listing could be filled with them again.
  for (const Notice& notice : notices) {
    if (notice.name) {
      kernel_.expire_name(notice.node, *notice.name);
    }
  }
  for (const Notice& notice : notices) {
    if (!notice.name) {
      kernel_.forget_attributes(notice.node);
    }
  }
}

}  // namespace mixtape::fusefs
