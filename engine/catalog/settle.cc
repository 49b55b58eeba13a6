// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>

#include "engine/catalog/leading.h"
#include "engine/catalog/ledger_statements.h"
#include "tapeio/error.h"

// What becomes known when a bundle is written: hashes, and with them contents that were one all
// along; which contents are on a medium; which directories lead to them.

namespace mixtape::catalog {
namespace {

class HashSettler {
 public:
  explicit HashSettler(Database& database)
      : database_(database),
        row_(database, "SELECT hash, size, written FROM content WHERE id = ?"),
        same_(database,
              "SELECT id FROM content WHERE size = ?1 AND substr(hash, 1, 2) = substr(?2, 1, 2) "
              "AND hash = ?2 AND id <> ?3 ORDER BY id LIMIT 1"),
        set_hash_(database, "UPDATE content SET hash = ?2 WHERE id = ?1") {}

  void settle(std::int64_t content, const Hash& hash) {
    std::int64_t size = 0;
    {
      Running running(row_);
      if (!row_.bind(1, content).step()) {
        throw Error(ErrorCode::not_found,
                    "set the hash of content " + std::to_string(content) + ": there is none");
      }
      size = row_.integer(1);
      if (!row_.is_null(0)) {
        if (hash_from(row_.blob(0)) == hash) {
          return;
        }
        throw Error(ErrorCode::conflict,
                    "set the hash of content " + std::to_string(content) + ": it has another one");
      }
    }
    std::int64_t same = 0;
    {
      Running running(same_);
      if (same_.bind(1, size).bind(2, hash).bind(3, content).step()) {
        same = same_.integer(0);
      }
    }
    if (same == 0) {
      set_hash_.bind(1, content).bind(2, hash).run();
      return;
    }
    const auto [to, from] = std::minmax(content, same);
    moves_[from] = to;
    set_hash_.bind(1, from).bind_null(2).run();
    set_hash_.bind(1, to).bind(2, hash).run();
  }

  // Moves what refers to the higher numbers and forgets them.
  std::unordered_map<std::int64_t, std::int64_t> move() {
    for (auto& [from, to] : moves_) {
      for (auto next = moves_.find(to); next != moves_.end(); next = moves_.find(to)) {
        to = next->second;
      }
    }
    if (!moves_.empty()) {
      move_versions();
      for (const auto& [from, to] : moves_) {
        move_copies(from, to);
      }
    }
    return std::move(moves_);
  }

 private:
  struct Moved {
    std::int64_t path, first_job, from, node;
  };

  void move_versions() {
    std::vector<Moved> moved;
    Statement all(database_,
                  "SELECT path, first_job, content, node FROM version WHERE content IS NOT NULL");
    while (all.step()) {
      if (moves_.contains(all.integer(2))) {
        moved.push_back({all.integer(0), all.integer(1), all.integer(2), all.integer(3)});
      }
    }
    Statement update(
        database_, "UPDATE version SET content = ?3, node = ?4 WHERE path = ?1 AND first_job = ?2");
    for (const Moved& version : moved) {
      update.bind(1, version.path)
          .bind(2, version.first_job)
          .bind(3, moves_.at(version.from))
          .bind(4, node_after(version))
          .run();
    }
  }

  // A version that was shown keeps its inode number in full; one that never was gets a place among
  // those of its new content, together with its hardlinks.
  std::int64_t node_after(const Moved& version) {
    if (version.node >= std::int64_t{kNodesPerContent}) {
      return version.node;
    }
    const std::int64_t inode = version.from * std::int64_t{kNodesPerContent} + version.node;
    {
      Running running(row_);
      if (row_.bind(1, version.from).step() && row_.integer(2) != 0) {
        return inode;
      }
    }
    const auto known = nodes_.find(inode);
    if (known != nodes_.end()) {
      return known->second;
    }
    Statement take(database_,
                   "UPDATE content SET nodes = nodes + 1 WHERE id = ? RETURNING nodes - 1");
    take.bind(1, moves_.at(version.from)).step();
    std::int64_t node = take.integer(0);
    take.run();
    if (node >= std::int64_t{kNodesPerContent}) {
      node = static_cast<std::int64_t>(inode_without_content(version.path, version.first_job));
    }
    nodes_.emplace(inode, node);
    return node;
  }

  void move_copies(std::int64_t from, std::int64_t to) {
    const auto run = [&](const char* text) {
      Statement(database_, text).bind(1, from).bind(2, to).run();
    };
    // A bundle may hold both: one copy of the two stays, a good one if there is any.
    run("DELETE FROM copy WHERE content = ?2 AND state = 1 AND bundle IN "
        "(SELECT bundle FROM copy WHERE content = ?1 AND state = 0)");
    run("DELETE FROM copy WHERE content = ?1 AND bundle IN "
        "(SELECT bundle FROM copy WHERE content = ?2)");
    run("UPDATE bundle SET first_content = min(first_content, ?2) WHERE id IN "
        "(SELECT bundle FROM copy WHERE content = ?1)");
    run("UPDATE copy SET content = ?2 WHERE content = ?1");
    run("UPDATE content SET written = 1 WHERE id = ?2 AND "
        "(SELECT written FROM content WHERE id = ?1) = 1");
    Statement forget(database_, "DELETE FROM content WHERE id = ?");
    forget.bind(1, from).run();
  }

  Database& database_;
  Statement row_, same_, set_hash_;
  std::unordered_map<std::int64_t, std::int64_t> moves_;
  std::unordered_map<std::int64_t, std::int64_t> nodes_;  // By the inode number before.
};

}  // namespace

std::unordered_map<std::int64_t, std::int64_t> settle_hashes(
    Database& database, const std::vector<std::pair<ContentId, Hash>>& hashes) {
  HashSettler settler(database);
  for (const auto& [content, hash] : hashes) {
    settler.settle(number(content), hash);
  }
  return settler.move();
}

void enter_written_bundle(Database& database, std::int64_t bundle, std::uint64_t archive_block,
                          std::int64_t written_s) {
  Statement state(database,
                  "UPDATE bundle SET state = 1, archive_block = ?2, written = ?3 WHERE id = ?1");
  state.bind(1, bundle).bind(2, static_cast<std::int64_t>(archive_block)).bind(3, written_s).run();
  Statement contents(
      database,
      "UPDATE content SET written = 1 WHERE written = 0 AND id IN "
      "(SELECT k.content FROM bundle b CROSS JOIN copy k ON k.content BETWEEN b.first_content AND "
      "b.last_content AND k.bundle = b.id AND k.state = 0 WHERE b.id = ?)");
  contents.bind(1, bundle).run();
  fill_bundle_directories(database, bundle);
}

void fill_bundle_directories(Database& database, std::int64_t bundle) {
  Statement held(database,
                 "SELECT v.path FROM bundle b CROSS JOIN version v ON v.content BETWEEN "
                 "b.first_content AND b.last_content AND v.first_job <= b.job CROSS JOIN copy k ON "
                 "k.content = v.content AND k.bundle = b.id AND k.state = 0 WHERE b.id = ?");
  LeadingDirectories directories(database);
  held.bind(1, bundle);
  while (held.step()) {
    directories.add(held.integer(0));
  }
  Statement enter(database, "INSERT OR IGNORE INTO bundle_directory VALUES (?, ?)");
  for (const std::int64_t directory : directories.all()) {
    enter.bind(1, bundle).bind(2, directory).run();
  }
}

}  // namespace mixtape::catalog
