// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "engine/catalog/counted.h"
#include "engine/catalog/holders.h"
#include "engine/catalog/leading.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"
#include "engine/catalog/walk.h"

// Which files need more copies.

namespace mixtape::catalog {
namespace {

// Contents of which a file may lack copies, unless they are many.
class ShortContents {
 public:
  // `holders` counts; what has `most_wanted` copies has enough, if they lie `apart` where they have
  // to. One pass over contents and copies.
  ShortContents(Database& database, Holders& holders, std::uint32_t most_wanted, bool apart) {
    Statement contents(database, "SELECT id, written FROM content ORDER BY id");
    Statement copies(database, sql({"SELECT content,", Holders::kColumns,
                                    "FROM copy ORDER BY content, bundle"}));
    bool more = copies.step();
    while (!many() && contents.step()) {
      const std::int64_t content = contents.integer(0);
      holders.begin();
      for (; more && copies.integer(0) <= content; more = copies.step()) {
        if (copies.integer(0) == content) {
          holders.add(copies, 1);
        }
      }
      if (contents.integer(1) == 0 || holders.counted() < most_wanted ||
          (apart && holders.crowded(most_wanted) > 0)) {
        contents_.push_back(content);
      }
    }
  }

  [[nodiscard]] bool none() const { return contents_.empty(); }
  // So many that a walk of the whole tree is not much more work than to find out what it may spare.
  [[nodiscard]] bool many() const { return contents_.size() > kFew; }
  [[nodiscard]] bool contains(std::int64_t content) const {
    return content >= contents_.front() && content <= contents_.back() &&
           std::ranges::binary_search(contents_, content);
  }

 private:
  static constexpr std::size_t kFew = 100'000;

  std::vector<std::int64_t> contents_;  // By number.
};

// Where a walk that looks for needs has to go.
struct Way {
  explicit Way(Database& database) : directories(database) {}

  bool everywhere = false, nowhere = false;
  LeadingDirectories directories;  // Of all else.
};

Way way_to_needs(Database& database, Holders& holders, const CopyScope& scope, bool apart) {
  Way way(database);
  if (scope.beside) {
    for (const PathId path : *scope.beside) {
      way.directories.add(number(path));
    }
    way.nowhere = scope.beside->empty();
    return way;
  }
  if (scope.most_wanted == CopyScope::kAnyNumber) {
    way.everywhere = true;
    return way;
  }
  Counted counted(
      database, "contents short of copies",
      sql({std::to_string(scope.most_wanted), apart ? " apart; " : "; ", holders.rule()}));
  if (counted.known() == std::vector<std::int64_t>{0}) {
    way.nowhere = true;
    return way;
  }
  const ShortContents lacking(database, holders, scope.most_wanted, apart);
  way.nowhere = lacking.none();
  if (way.nowhere) {
    counted.keep({0});
  }
  way.everywhere = lacking.many();
  if (!way.nowhere && !way.everywhere) {
    Statement versions(database, "SELECT path, content FROM version WHERE content IS NOT NULL");
    while (versions.step()) {
      if (lacking.contains(versions.integer(1))) {
        way.directories.add(versions.integer(0));
      }
    }
  }
  return way;
}

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
                   const std::function<bool(const Need&)>& each, const CopyPlaces& places,
                   const CopyScope& scope) {
  std::set<MediumId> unseen;
  for (const Medium& medium : unseen_media()) {
    unseen.insert(medium.id);
  }
  Holders holders(database_, media(), unseen, domain, places.of);
  const Way way = way_to_needs(database_, holders, scope, places.must_differ != nullptr);
  if (way.nowhere) {
    return;
  }
  VersionReader reader(database_);
  const auto look_at = [&](const std::string& path, const std::vector<VersionRow>& versions) {
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
  };
  DepthFirst(database_, reader, kNow).below(kRootPath, "", look_at, [&way](std::int64_t directory) {
    return way.everywhere || way.directories.contains(directory);
  });
}

}  // namespace mixtape::catalog
