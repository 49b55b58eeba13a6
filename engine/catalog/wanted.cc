// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/wanted.h"

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::catalog {

namespace {

// What no table of ours has: state.db may have been damaged, or written by somebody else.
std::optional<WantedContent> wanted_in(const Statement& row) {
  WantedContent wanted;
  wanted.content = ContentId{row.integer(1)};
  const std::int64_t size = row.integer(2);
  const ByteView path = row.blob(4);
  if (row.integer(1) <= 0 || size <= 0 || path.size() > 64 * KiB) {
    return std::nullopt;
  }
  wanted.size = static_cast<std::uint64_t>(size);
  wanted.path.assign(as_text(path));
  if (!row.is_null(3)) {
    const ByteView hash = row.blob(3);
    if (hash.size() != Hash{}.size()) {
      return std::nullopt;
    }
    std::copy(hash.begin(), hash.end(), wanted.hash.emplace().begin());
  }
  return wanted;
}

}  // namespace

std::int64_t Wanted::add(std::span<const WantedContent> contents) {
  Transaction transaction(database_);
  if (count() + static_cast<std::int64_t>(contents.size()) > kMost) {
    throw Error(ErrorCode::conflict, "queue " + std::to_string(contents.size()) +
                                         " recalls: the queue would have more than " +
                                         std::to_string(kMost) + "; ask for fewer at a time");
  }
  Statement insert(database_, "INSERT INTO state.wanted VALUES (NULL, ?, ?, ?, ?)");
  std::int64_t first = 0;
  for (const WantedContent& wanted : contents) {
    insert.bind(1, number(wanted.content)).bind(2, static_cast<std::int64_t>(wanted.size));
    if (wanted.hash) {
      insert.bind(3, ByteView(*wanted.hash));
    } else {
      insert.bind_null(3);
    }
    insert.bind_name(4, wanted.path).run();
    if (first == 0) {
      first = database_.last_insert_id();
    }
  }
  transaction.commit();
  return first;
}

std::vector<Wanted::Row> Wanted::after(std::int64_t number, std::int64_t limit) {
  Statement query(database_,
                  "SELECT number, content, size, hash, path FROM state.wanted WHERE number > ? "
                  "ORDER BY number LIMIT ?");
  query.bind(1, number).bind(2, limit);
  std::vector<Row> rows;
  while (query.step()) {
    rows.push_back({query.integer(0), wanted_in(query)});
  }
  return rows;
}

void Wanted::remove(std::span<const std::int64_t> numbers) {
  Transaction transaction(database_);
  Statement remove(database_, "DELETE FROM state.wanted WHERE number = ?");
  for (const std::int64_t number : numbers) {
    remove.bind(1, number).run();
  }
  transaction.commit();
}

void Wanted::remove_range(std::int64_t first, std::int64_t last) {
  Statement(database_, "DELETE FROM state.wanted WHERE number BETWEEN ? AND ?")
      .bind(1, first)
      .bind(2, last)
      .run();
}

std::int64_t Wanted::count() {
  Statement query(database_, "SELECT count(*) FROM state.wanted");
  query.step();
  return query.integer(0);
}

std::int64_t Wanted::last_number() {
  Statement query(database_, "SELECT coalesce(max(number), 0) FROM state.wanted");
  query.step();
  return query.integer(0);
}

}  // namespace mixtape::catalog
