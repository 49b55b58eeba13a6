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
          const std::function<std::string(const Medium&)>& domain)
      : copies_(database, "SELECT bundle, state, verified FROM copy WHERE content = ?") {
    std::unordered_map<std::string, int> domains;
    std::unordered_map<std::int64_t, Holder> by_medium;
    int next = 0;
    for (const Medium& medium : media) {
      if (medium.state == MediumState::lost) {
        continue;
      }
      Holder holder{medium.id, kNotCounted, !unseen.contains(medium.id)};
      if (medium.state != MediumState::retired) {
        const std::string name = domain(medium);
        holder.domain = name.empty() ? next : domains.try_emplace(name, next).first->second;
        ++next;
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

  // Counts the good copies of a content; media() are those that hold one, damaged() those of copies
  // that were found damaged, spoilt() says whether there is a bad one.
  std::uint32_t count(std::int64_t content) {
    media_.clear();
    domains_.clear();
    spoilt_ = false;
    damaged_.clear();
    unseen_.clear();
    Running running(copies_);
    copies_.bind(1, content);
    while (copies_.step()) {
      const auto holder = bundles_.find(copies_.integer(0));
      if (holder == bundles_.end()) {
        continue;
      }
      if (copies_.integer(1) != static_cast<std::int64_t>(CopyState::good)) {
        spoilt_ = true;
        if (!copies_.is_null(2)) {
          enter(damaged_, holder->second.medium);
        }
        continue;
      }
      enter(media_, holder->second.medium);
      if (holder->second.domain != kNotCounted) {
        enter(holder->second.seen ? domains_ : unseen_, holder->second.domain);
      }
    }
    return static_cast<std::uint32_t>(domains_.size());
  }
  [[nodiscard]] const std::vector<MediumId>& media() const { return media_; }
  [[nodiscard]] const std::vector<MediumId>& damaged() const { return damaged_; }
  [[nodiscard]] bool spoilt() const { return spoilt_; }
  // How many more there would be if every medium had been seen.
  [[nodiscard]] std::uint32_t unseen() const {
    return static_cast<std::uint32_t>(std::ranges::count_if(unseen_, [this](int domain) {
      return std::ranges::find(domains_, domain) == domains_.end();
    }));
  }

 private:
  static constexpr int kNotCounted = -1;
  struct Holder {
    MediumId medium;
    int domain;
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
  std::vector<MediumId> media_, damaged_;
  std::vector<int> domains_, unseen_;
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

void Ledger::needs(const std::function<std::uint32_t(const std::string& path)>& wanted,
                   const std::function<std::string(const Medium&)>& domain,
                   const std::function<bool(const Need&)>& each) {
  std::set<MediumId> unseen;
  for (const Medium& medium : unseen_media()) {
    unseen.insert(medium.id);
  }
  Holders holders(database_, media(), unseen, domain);
  VersionReader reader(database_);
  DepthFirst walk(database_, reader, kNow);
  walk.below(kRootPath, "", [&](const std::string& path, const std::vector<VersionRow>& versions) {
    const VersionRow* const visible = shown(versions, kNow);
    const VersionRow& newest = versions.back();
    if (visible != nullptr && visible->content != 0) {
      const std::uint32_t want = wanted(path);
      const std::uint32_t have = holders.count(visible->content);
      if (have < want && !each({path, reader.version(*visible), want - have, holders.media(),
                                holders.damaged(), holders.spoilt(), holders.unseen()})) {
        return false;
      }
    }
    if (!newest.written && newest.open()) {
      const std::uint32_t have = holders.count(newest.content);
      const std::uint32_t want = std::max(wanted(path), have + 1);
      return each({path, reader.version(newest), want - have, holders.media(), holders.damaged(),
                   holders.spoilt(), holders.unseen()});
    }
    return true;
  });
}

}  // namespace mixtape::catalog
