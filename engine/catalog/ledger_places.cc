// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>

#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"

// Where many contents are, without asking for each of them.

namespace mixtape::catalog {
namespace {

// Contents between two wanted ones that are read past: as many cost as much as finding the next.
constexpr std::int64_t kMostPassed = 8;

// The bundles that copies are read from, each asked for once.
class ReadableBundles {
 public:
  explicit ReadableBundles(Database& database)
      : query_(database, sql({"SELECT", kBundleColumns, ",", kMediumColumns,
                              "FROM bundle b JOIN medium m ON m.id = b.medium WHERE b.id = ? AND "
                              "b.state = 1 AND m.state <> 3"})) {}

  // nullptr: no copy in it counts. Its `copy` is anybody's.
  CopyPlace* find(BundleId id) {
    const auto [known, is_new] = known_.try_emplace(number(id));
    if (is_new) {
      Running running(query_);
      if (query_.bind(1, number(id)).step()) {
        known->second = CopyPlace{.copy = {},
                                  .bundle = bundle_from(query_, 0),
                                  .medium = medium_from(query_, kBundleColumnCount)};
      }
    }
    return known->second ? &*known->second : nullptr;
  }

 private:
  Statement query_;
  std::unordered_map<std::int64_t, std::optional<CopyPlace>> known_;
};

struct Readable {
  Copy copy;
  CopyPlace* place;
};

// As Ledger::places has them.
bool preferred(const Readable& a, const Readable& b) {
  const auto rank = [](const Readable& readable) {
    return std::pair(readable.place->medium.state == MediumState::retired, readable.copy.bundle);
  };
  return rank(a) < rank(b);
}

}  // namespace

void Ledger::places_to_read(
    std::span<const ContentId> contents,
    const std::function<void(std::size_t which, const CopyPlace& place)>& each) {
  Statement copies(database_,
                   sql({"SELECT", kCopyColumns,
                        "FROM copy k CROSS JOIN content c ON c.id = k.content "
                        "WHERE k.content BETWEEN ? AND ? AND k.state = 0 ORDER BY k.content"}));
  ReadableBundles bundles(database_);
  std::vector<Readable> readable;  // Of contents[which].
  std::size_t which = 0;
  const auto tell = [&] {
    std::ranges::sort(readable, preferred);
    for (const Readable& one : readable) {
      one.place->copy = one.copy;
      each(which, *one.place);
    }
    if (readable.empty()) {
      for (const Damaged& one : damaged(contents[which])) {
        each(which, one.place);
      }
    }
    readable.clear();
    ++which;
  };
  while (which < contents.size()) {
    std::size_t end = which + 1;
    while (end < contents.size() &&
           number(contents[end]) - number(contents[end - 1]) <= kMostPassed) {
      ++end;
    }
    Running running(copies);
    copies.bind(1, number(contents[which])).bind(2, number(contents[end - 1]));
    while (copies.step()) {
      const ContentId content{copies.integer(0)};
      while (number(contents[which]) < number(content)) {
        tell();
      }
      if (contents[which] == content) {
        const Copy copy = copy_from(copies, 0);
        if (CopyPlace* const place = bundles.find(copy.bundle)) {
          readable.push_back({copy, place});
        }
      }
    }
    while (which < end) {
      tell();
    }
  }
}

}  // namespace mixtape::catalog
