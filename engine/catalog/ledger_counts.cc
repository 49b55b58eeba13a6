// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <tuple>

#include "engine/catalog/counted.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"

// What media hold, counted over all copies: when they were verified, and what of them is damaged.

namespace mixtape::catalog {
namespace {

// The copies of one written bundle.
struct BundleCounts {
  std::int64_t copies = 0, never_verified = 0, oldest_s = 0;  // Good ones, and those found damaged.
  std::int64_t damaged = 0, last_found_s = 0;
};
using CountsByBundle = std::map<std::int64_t, BundleCounts>;

CountsByBundle count_copies(Database& database) {
  std::map<std::int64_t, std::int64_t> written_s;
  Statement bundles(database, "SELECT id, coalesce(written, 0) FROM bundle WHERE state = 1");
  while (bundles.step()) {
    written_s.emplace(bundles.integer(0), bundles.integer(1));
  }
  CountsByBundle counts;
  Statement copies(database, "SELECT bundle, state, verified FROM copy");
  while (copies.step()) {
    const bool good = copies.integer(1) == static_cast<std::int64_t>(CopyState::good);
    const auto verified_s = copies.maybe_integer(2);
    const auto bundle = written_s.find(copies.integer(0));
    if (bundle == written_s.end() || (!good && !verified_s)) {
      continue;
    }
    BundleCounts& of = counts[bundle->first];
    const std::int64_t read_s = verified_s.value_or(bundle->second);
    of.oldest_s = of.copies == 0 ? read_s : std::min(of.oldest_s, read_s);
    ++of.copies;
    of.never_verified += verified_s ? 0 : 1;
    if (!good) {
      of.last_found_s = std::max(of.last_found_s, *verified_s);
      ++of.damaged;
    }
  }
  return counts;
}

constexpr std::size_t kNumbersEach = 6;

CountsByBundle known_or_counted(Database& database) {
  Counted counted(database, "copies by bundle");
  CountsByBundle counts;
  if (const auto known = counted.known(); known && known->size() % kNumbersEach == 0) {
    for (auto at = known->begin(); at != known->end(); at += kNumbersEach) {
      counts.emplace(at[0], BundleCounts{at[1], at[2], at[3], at[4], at[5]});
    }
    return counts;
  }
  counts = count_copies(database);
  std::vector<std::int64_t> numbers;
  for (const auto& [bundle, of] : counts) {
    numbers.insert(numbers.end(), {bundle, of.copies, of.never_verified, of.oldest_s, of.damaged,
                                   of.last_found_s});
  }
  counted.keep(numbers);
  return counts;
}

// Of media that are not lost and hold copies.
std::map<std::int64_t, BundleCounts> counts_by_medium(Database& database) {
  const CountsByBundle by_bundle = known_or_counted(database);
  std::map<std::int64_t, BundleCounts> by_medium;
  Statement bundles(database,
                    "SELECT b.id, m.id FROM bundle b JOIN medium m ON m.id = b.medium WHERE "
                    "b.state = 1 AND m.state <> 3");
  while (bundles.step()) {
    const auto found = by_bundle.find(bundles.integer(0));
    if (found == by_bundle.end()) {
      continue;
    }
    const BundleCounts& from = found->second;
    BundleCounts& to = by_medium[bundles.integer(1)];
    to.oldest_s = to.copies == 0 ? from.oldest_s : std::min(to.oldest_s, from.oldest_s);
    to.copies += from.copies;
    to.never_verified += from.never_verified;
    to.damaged += from.damaged;
    to.last_found_s = std::max(to.last_found_s, from.last_found_s);
  }
  return by_medium;
}

}  // namespace

std::vector<Ledger::LastVerified> Ledger::last_verified() {
  std::vector<std::pair<std::string, LastVerified>> all;
  for (const auto& [medium, of] : counts_by_medium(database_)) {
    all.emplace_back(this->medium(MediumId{medium}).value().label,
                     LastVerified{.medium = MediumId{medium},
                                  .copies = static_cast<std::uint64_t>(of.copies),
                                  .never = static_cast<std::uint64_t>(of.never_verified),
                                  .oldest_s = of.oldest_s,
                                  .damaged = static_cast<std::uint64_t>(of.damaged),
                                  .last_found_s = of.last_found_s});
  }
  std::ranges::sort(all, {}, [](const auto& each) {
    return std::tuple(each.second.oldest_s, each.second.never == 0, each.first);
  });
  std::vector<LastVerified> sorted;
  for (const auto& [label, each] : all) {
    sorted.push_back(each);
  }
  return sorted;
}

}  // namespace mixtape::catalog
