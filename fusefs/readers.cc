// SPDX-License-Identifier: Apache-2.0
#include "fusefs/readers.h"

namespace mixtape::fusefs {

Readers::Lease::~Lease() {
  const std::lock_guard lock(readers_.mutex_);
  readers_.idle_.push_back(std::move(reader_));
}

Readers::Lease Readers::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      // The one used last: its pages are the warmest.
      std::unique_ptr<Reader> reader = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(reader)};
    }
  }
  return {*this, std::make_unique<Reader>(open_())};
}

std::optional<std::int64_t> Readers::started_s(Reader& reader, catalog::JobId job) {
  const auto known = [&]() -> std::optional<std::int64_t> {
    const std::lock_guard lock(mutex_);
    const auto found = started_s_.find(catalog::number(job));
    return found == started_s_.end() ? std::nullopt : std::optional(found->second);
  };
  if (const auto started = known()) {
    return started;
  }
  const std::vector<catalog::Job> finished = reader.tree.snapshots();
  {
    const std::lock_guard lock(mutex_);
    for (const catalog::Job& one : finished) {
      started_s_[catalog::number(one.id)] = one.started_s;
    }
  }
  return known();
}

}  // namespace mixtape::fusefs
