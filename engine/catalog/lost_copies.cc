// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/lost_copies.h"

#include "engine/catalog/ledger_statements.h"

namespace mixtape::catalog {

std::vector<CopyPlace> lost_places(Database& database, ContentId content) {
  std::vector<CopyPlace> all;
  Statement query(
      database,
      sql({"SELECT", kCopyColumns, ",", kBundleColumns, ",", kMediumColumns,
           "FROM copy k JOIN content c ON c.id = k.content JOIN bundle b ON b.id = k.bundle JOIN "
           "medium m ON m.id = b.medium WHERE k.content = ? AND k.state = 0 AND b.state = 1 AND "
           "m.state = 3 ORDER BY b.id"}));
  query.bind(1, number(content));
  while (query.step()) {
    all.push_back(place_from(query));
  }
  return all;
}

std::string told_of_lost(Database& database, ContentId content) {
  std::string media;
  std::string last;
  for (const CopyPlace& place : lost_places(database, content)) {
    if (place.medium.label != last) {
      last = place.medium.label;
      media += (media.empty() ? "" : ", ") + last;
    }
  }
  const bool is_one = media == last;
  return media.empty() ? ""
                       : media + (is_one ? " had one and is" : " had one each and are") +
                             " noted as lost: when " + (is_one ? "it" : "one") +
                             " turns up, run `mixtape media found " + last + "`";
}

}  // namespace mixtape::catalog
