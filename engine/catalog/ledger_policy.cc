// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <unordered_map>

#include "engine/catalog/children.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"
#include "engine/catalog/walk.h"

// Which files need more copies.

namespace mixtape::catalog {
namespace {

// Where good copies count: media by bundle, and which of them are as one.
class Holders {
 public:
  Holders(Database& database, const std::vector<Medium>& media, const std::set<MediumId>& unseen,
          const std::function<std::string(const Medium&)>& domain,
          const std::function<std::string(const Medium&)>& place)
      : copies_(database, "SELECT bundle, state, verified FROM copy WHERE content = ?") {
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
    media_.clear();
    domains_.clear();
    places_.clear();
    spoilt_ = false;
    damaged_.clear();
    retired_.clear();
    lost_.clear();
    unseen_.clear();
    Running running(copies_);
    copies_.bind(1, content);
    while (copies_.step()) {
      const auto holder = bundles_.find(copies_.integer(0));
      if (holder == bundles_.end()) {
        continue;
      }
      const bool good = copies_.integer(1) == static_cast<std::int64_t>(CopyState::good);
      if (holder->second.state == MediumState::lost) {
        if (good) {
          enter(lost_, holder->second.medium);
        }
        continue;
      }
      if (!good) {
        spoilt_ = true;
        if (!copies_.is_null(2)) {
          enter(damaged_, holder->second.medium);
        }
        continue;
      }
      enter(media_, holder->second.medium);
      if (holder->second.state == MediumState::retired) {
        enter(retired_, holder->second.medium);
      }
      if (holder->second.domain != kNotCounted) {
        enter(holder->second.seen ? domains_ : unseen_, holder->second.domain);
      }
      if (holder->second.place != kNotCounted && holder->second.seen) {
        enter(places_, holder->second.place);
      }
    }
    return static_cast<std::uint32_t>(domains_.size());
  }
  // Of the content that was counted last: how many of so many copies lack a place of their own.
  [[nodiscard]] std::uint32_t crowded(std::uint32_t wanted) const {
    const std::size_t copies = std::min<std::size_t>(wanted, domains_.size());
    const std::size_t apart = std::max<std::size_t>(places_.size(), 1);
    return static_cast<std::uint32_t>(copies - std::min(copies, apart));
  }
  [[nodiscard]] Ledger::Need need(const std::string& path, Version version, std::uint32_t missing,
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
  std::vector<MediumId> media_, damaged_, retired_, lost_;
  std::vector<int> domains_, unseen_, places_;
  bool spoilt_ = false;
};

}  // namespace

std::vector<Medium> Ledger::unseen_media() {
  std::vector<Medium> unseen;
  Statement query(database_,
                  sql({"SELECT", kMediumColumns,
                       "FROM state.unseen u JOIN medium m ON m.uuid = u.medium ORDER BY m.id"}));
  while (query.step()) {
    unseen.push_back(medium_from(query, 0));
  }
  return unseen;
}

void Ledger::label_seen(const Medium& medium) {
  if (!database_.read_only()) {
    Statement(database_, "DELETE FROM state.unseen WHERE medium = ?").bind(1, medium.uuid).run();
  }
}

void Ledger::expect_label(const Medium& medium) {
  Statement(database_, "INSERT OR IGNORE INTO state.unseen VALUES (?)").bind(1, medium.uuid).run();
}

void Ledger::needs(const std::function<std::uint32_t(const std::string& path)>& wanted,
                   const std::function<std::string(const Medium&)>& domain,
                   const std::function<bool(const Need&)>& each, const CopyPlaces& places) {
  std::set<MediumId> unseen;
  for (const Medium& medium : unseen_media()) {
    unseen.insert(medium.id);
  }
  Holders holders(database_, media(), unseen, domain, places.of);
  VersionReader reader(database_);
  DepthFirst walk(database_, reader, kNow);
  walk.below(kRootPath, "", [&](const std::string& path, const std::vector<VersionRow>& versions) {
    const VersionRow* const visible = shown(versions, kNow);
    const VersionRow& newest = versions.back();
    if (visible != nullptr && visible->content != 0) {
      const std::uint32_t want = wanted(path);
      const std::uint32_t have = holders.count(visible->content);
      const std::uint32_t missing = want - std::min(have, want);
      const bool apart = places.must_differ && places.must_differ(path);
      const std::uint32_t crowded = apart ? holders.crowded(want) : 0;
      if (missing + crowded > 0 &&
          !each(holders.need(path, reader.version(*visible), missing, crowded))) {
        return false;
      }
    }
    if (!newest.written && newest.open()) {
      const std::uint32_t have = holders.count(newest.content);
      const std::uint32_t want = std::max(wanted(path), have + 1);
      return each(holders.need(path, reader.version(newest), want - have));
    }
    return true;
  });
}

}  // namespace mixtape::catalog
