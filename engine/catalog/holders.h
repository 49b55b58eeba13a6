// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/catalog/copy_need.h"
#include "engine/catalog/rows.h"

// Which copies of a content count, and where they are. Private to this room.
//
// Threads: none; belongs to its connection.
// Memory:  of the media and the bundles.

namespace mixtape::catalog {

// Where good copies count: media by bundle, and which of them are as one.
class Holders {
 public:
  Holders(Database& database, const std::vector<Medium>& media, const std::set<MediumId>& unseen,
          const std::function<std::string(const Medium&)>& domain,
          const std::function<std::string(const Medium&)>& place)
      : copies_(database, sql({"SELECT", kColumns, "FROM copy WHERE content = ?"})) {
    std::unordered_map<std::string, int> domains, places;
    std::unordered_map<std::int64_t, Holder> by_medium;
    int next = 0;
    for (const Medium& medium : media) {
      Holder holder{medium.id, medium.state, kNotCounted, kNotCounted, !unseen.contains(medium.id)};
      if (medium.state != MediumState::retired && medium.state != MediumState::lost) {
        const std::string name = domain(medium);
        holder.domain = name.empty() ? next : domains.try_emplace(name, next).first->second;
        ++next;
        const std::string where = place ? place(medium) : "";
        if (!where.empty()) {
          holder.place = places.try_emplace(where, static_cast<int>(places.size())).first->second;
        }
      }
      by_medium.emplace(number(medium.id), holder);
      rule_ += sql({std::to_string(number(medium.id)), " ",
                    std::to_string(static_cast<int>(medium.state)), holder.seen ? " " : " unseen ",
                    std::to_string(holder.domain), " ", std::to_string(holder.place), "; "});
    }
    Statement bundles(database, "SELECT id, medium FROM bundle WHERE state = 1");
    while (bundles.step()) {
      const auto found = by_medium.find(bundles.integer(1));
      if (found != by_medium.end()) {
        bundles_.emplace(bundles.integer(0), found->second);
      }
    }
  }

  // Counts the good copies of a content, and keeps for need() where there are which.
  std::uint32_t count(std::int64_t content) {
    begin();
    Running running(copies_);
    copies_.bind(1, content);
    while (copies_.step()) {
      add(copies_, 0);
    }
    return counted();
  }

  // By which media copies are counted: the same text for the same counts.
  [[nodiscard]] const std::string& rule() const { return rule_; }

  // As count() for whoever reads the copies himself: of one content, row by row, in `row` from the
  // column `at` on what kColumns names.
  static constexpr std::string_view kColumns = " bundle, state, verified ";
  void begin() {
    media_.clear();
    domains_.clear();
    places_.clear();
    spoilt_ = false;
    damaged_.clear();
    retired_.clear();
    lost_.clear();
    unseen_.clear();
  }
  void add(const Statement& row, int at) {
    const auto found = bundles_.find(row.integer(at));
    if (found == bundles_.end()) {
      return;
    }
    const Holder& holder = found->second;
    const bool good = row.integer(at + 1) == static_cast<std::int64_t>(CopyState::good);
    if (holder.state == MediumState::lost) {
      if (good) {
        enter(lost_, holder.medium);
      }
      return;
    }
    if (!good) {
      spoilt_ = true;
      if (!row.is_null(at + 2)) {
        enter(damaged_, holder.medium);
      }
      return;
    }
    enter(media_, holder.medium);
    if (holder.state == MediumState::retired) {
      enter(retired_, holder.medium);
    }
    if (holder.domain != kNotCounted) {
      enter(holder.seen ? domains_ : unseen_, holder.domain);
    }
    if (holder.place != kNotCounted && holder.seen) {
      enter(places_, holder.place);
    }
  }
  [[nodiscard]] std::uint32_t counted() const {
    return static_cast<std::uint32_t>(domains_.size());
  }
  // Of the content that was counted last: how many of so many copies lack a place of their own.
  [[nodiscard]] std::uint32_t crowded(std::uint32_t wanted) const {
    const std::size_t copies = std::min<std::size_t>(wanted, domains_.size());
    const std::size_t apart = std::max<std::size_t>(places_.size(), 1);
    return static_cast<std::uint32_t>(copies - std::min(copies, apart));
  }
  [[nodiscard]] CopyNeed need(const std::string& path, Version version, std::uint32_t missing,
                              std::uint32_t crowded = 0) const {
    return {path,    std::move(version), missing, media_, damaged_, retired_, lost_,
            spoilt_, unseen(),           crowded};
  }

 private:
  // How many more there would be if every medium had been seen.
  [[nodiscard]] std::uint32_t unseen() const {
    return static_cast<std::uint32_t>(std::ranges::count_if(unseen_, [this](int domain) {
      return std::ranges::find(domains_, domain) == domains_.end();
    }));
  }

  static constexpr int kNotCounted = -1;
  struct Holder {
    MediumId medium;
    MediumState state;
    int domain, place;
    bool seen;
  };

  template <typename Value>
  static void enter(std::vector<Value>& values, Value value) {
    if (std::find(values.begin(), values.end(), value) == values.end()) {
      values.push_back(value);
    }
  }

  Statement copies_;
  std::unordered_map<std::int64_t, Holder> bundles_;
  std::string rule_;
  std::vector<MediumId> media_, damaged_, retired_, lost_;
  std::vector<int> domains_, unseen_, places_;
  bool spoilt_ = false;
};

}  // namespace mixtape::catalog
