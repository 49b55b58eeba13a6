// SPDX-License-Identifier: Apache-2.0
#include "fusefs/staging_nodes.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fusefs/node.h"
#include "tapeio/error.h"

namespace mixtape::fusefs {

StagingNodes::StagingNodes(const StagedKey& top) {
  nodes_[kStagingTop].key = top;
  nodes_[kStagingTop].lookups = 1;  // The kernel never counts it down: the mount holds it.
  by_key_[top] = kStagingTop;
}

StagingNodes::Node& StagingNodes::at(std::uint64_t number) {
  const auto found = nodes_.find(number);
  if (found == nodes_.end()) {
    throw Refusal{ESTALE};
  }
  return found->second;
}

const StagingNodes::Node& StagingNodes::at(std::uint64_t number) const {
  const auto found = nodes_.find(number);
  if (found == nodes_.end()) {
    throw Refusal{ESTALE};
  }
  return found->second;
}

void StagingNodes::give_name(std::uint64_t number, const Name& name) {
  take_name(name);
  by_name_[name] = number;
  at(number).names.push_back(name);
  ++at(name.first).children;
}

void StagingNodes::take_name(const Name& name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    return;
  }
  const std::uint64_t number = found->second;
  by_name_.erase(found);
  std::erase(at(number).names, name);
  --at(name.first).children;
  drop_unused(number);
  drop_unused(name.first);
}

void StagingNodes::drop_unused(std::uint64_t number) {
  const auto found = nodes_.find(number);
  if (found == nodes_.end() || found->second.lookups > 0 || found->second.children > 0) {
    return;
  }
  const Node gone = std::move(found->second);
  nodes_.erase(found);
  if (const auto key = by_key_.find(gone.key); key != by_key_.end() && key->second == number) {
    by_key_.erase(key);
  }
  for (const Name& name : gone.names) {
    by_name_.erase(name);
    --at(name.first).children;
    drop_unused(name.first);
  }
}

std::uint64_t StagingNodes::enter(std::uint64_t parent, const std::string& name,
                                  const StagedKey& key) {
  const std::lock_guard lock(mutex_);
  (void)at(parent);
  const auto [known, is_new] = by_key_.try_emplace(key, next_);
  const std::uint64_t number = known->second;
  if (is_new) {
    ++next_;
    nodes_[number].key = key;
  }
  ++at(number).lookups;
  const auto named = by_name_.find({parent, name});
  if (named == by_name_.end() || named->second != number) {
    give_name(number, {parent, name});
  }
  return number;
}

void StagingNodes::forget(std::uint64_t number, std::uint64_t lookups) {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(number);
  if (found == nodes_.end() || number == kStagingTop) {
    return;
  }
  found->second.lookups -= std::min(found->second.lookups, lookups);
  drop_unused(number);
}

StagedKey StagingNodes::key(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  return at(number).key;
}

std::optional<std::string> StagingNodes::find_path(const Name* name) const {
  std::vector<const std::string*> parts;
  std::size_t length = 0;
  for (;;) {
    parts.push_back(&name->second);
    length += name->second.size() + 1;
    if (name->first == kStagingTop) {
      break;
    }
    const Node& parent = at(name->first);
    if (parent.names.empty()) {
      return std::nullopt;
    }
    name = &parent.names.front();
  }
  std::string path;
  path.reserve(length);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    path += path.empty() ? "" : "/";
    path += **part;
  }
  return path;
}

std::string StagingNodes::path_of(const Name& name) const {
  std::optional<std::string> path = find_path(&name);
  if (!path) {
    throw Refusal{ESTALE};
  }
  return std::move(*path);
}

std::vector<StagedName> StagingNodes::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<StagedName> all;
  all.reserve(by_name_.size());
  for (const auto& [name, number] : by_name_) {
    all.push_back({name.first, name.second});
  }
  return all;
}

std::optional<StagingNodes::Seen> StagingNodes::find_seen(const StagedName& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find({name.parent, name.name});
  if (found == by_name_.end()) {
    return std::nullopt;
  }
  std::optional<std::string> path = find_path(&found->first);
  return path ? std::optional(Seen{std::move(*path), at(found->second).key}) : std::nullopt;
}

std::string StagingNodes::path(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  if (number == kStagingTop) {
    return "";
  }
  const Node& node = at(number);
  if (node.names.empty()) {
    throw Refusal{ESTALE};
  }
  return path_of(node.names.front());
}

std::vector<std::string> StagingNodes::paths(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const Name& name : at(number).names) {
    all.push_back(path_of(name));
  }
  return all;
}

bool StagingNodes::has_name(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  return number == kStagingTop || !at(number).names.empty();
}

void StagingNodes::removed(std::uint64_t parent, const std::string& name) {
  const std::lock_guard lock(mutex_);
  take_name({parent, name});
}

void StagingNodes::renamed(std::uint64_t from, const std::string& old_name, std::uint64_t to,
                           const std::string& new_name) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find({from, old_name});
  if (found == by_name_.end()) {
    take_name({to, new_name});
    return;
  }
  const std::uint64_t number = found->second;
  // The new name first: a node without lookups must not vanish in between.
  give_name(number, {to, new_name});
  take_name({from, old_name});
}

void StagingNodes::exchanged(std::uint64_t from, const std::string& old_name, std::uint64_t to,
                             const std::string& new_name) {
  const std::lock_guard lock(mutex_);
  const auto first = by_name_.find({from, old_name});
  const auto second = by_name_.find({to, new_name});
  const bool both = first != by_name_.end() && second != by_name_.end();
  if (!both) {
    // What was not seen under its old name will be looked up under its new one.
    take_name({from, old_name});
    take_name({to, new_name});
    return;
  }
  std::replace(at(first->second).names.begin(), at(first->second).names.end(), Name{from, old_name},
               Name{to, new_name});
  std::replace(at(second->second).names.begin(), at(second->second).names.end(), Name{to, new_name},
               Name{from, old_name});
  std::swap(first->second, second->second);
}

void StagingNodes::replaced(std::uint64_t number, const StagedKey& after,
                            const std::function<tapeio::UniqueFd(const StagedFile&)>& reopen) {
  const std::lock_guard lock(mutex_);
  Node& node = at(number);
  by_key_.erase(node.key);
  node.key = after;
  by_key_[after] = number;
  for (StagedFile* file : node.open) {
    // In place, because other threads may be reading from this descriptor now.
    const tapeio::UniqueFd fresh = reopen(*file);
    if (!fresh.valid() || ::dup3(fresh.get(), file->fd.get(), O_CLOEXEC) < 0) {
      throw_errno("reopen staged file");
    }
  }
}

void StagingNodes::opened(StagedFile* file) {
  const std::lock_guard lock(mutex_);
  at(file->node).open.push_back(file);
}

void StagingNodes::closed(StagedFile* file) {
  const std::lock_guard lock(mutex_);
  if (const auto found = nodes_.find(file->node); found != nodes_.end()) {
    std::erase(found->second.open, file);
  }
}

tapeio::UniqueFd StagingNodes::any_open(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const Node& node = at(number);
  if (node.open.empty()) {
    return {};
  }
  return tapeio::UniqueFd(::fcntl(node.open.front()->fd.get(), F_DUPFD_CLOEXEC, 0));
}

}  // namespace mixtape::fusefs
