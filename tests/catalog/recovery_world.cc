// SPDX-License-Identifier: Apache-2.0
#include "tests/catalog/recovery_world.h"

#include <algorithm>
#include <map>

#include "engine/catalog/rows.h"

namespace mixtape::catalog {
namespace {

std::string hex_or_text(Statement& row, int column) {
  if (row.is_null(column)) {
    return "-";
  }
  const std::string text = row.text(column);
  const bool printable = std::all_of(text.begin(), text.end(), [](unsigned char letter) {
    return letter >= 0x20 && letter < 0x7f;
  });
  return printable ? text : "x" + to_hex(as_bytes(text));
}

std::vector<std::string> lines_of(Database& database, std::string_view query, int columns) {
  std::vector<std::string> lines;
  Statement rows(database, query);
  while (rows.step()) {
    std::string line;
    for (int column = 0; column < columns; ++column) {
      line += (column == 0 ? "" : "|") + hex_or_text(rows, column);
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

std::vector<std::string> all_rows(const std::filesystem::path& file) {
  Database database(file, Database::Mode::read_only);
  std::vector<std::string> rows;
  std::vector<std::pair<std::string, int>> tables;
  {
    Statement names(database,
                    "SELECT m.name, (SELECT count(*) FROM pragma_table_info(m.name)) FROM "
                    "sqlite_schema m WHERE m.type = 'table' AND m.name <> 'tape_file' ORDER BY 1");
    while (names.step()) {
      tables.emplace_back(names.text(0), static_cast<int>(names.integer(1)));
    }
  }
  for (const auto& [table, columns] : tables) {
    for (const std::string& line : lines_of(database, "SELECT * FROM " + table, columns)) {
      // Which index a medium carries, and what none tells, is known here, and does not travel.
      if (!line.starts_with("closing index ") && !line.starts_with("news|")) {
        rows.push_back(table + ": " + line);
      }
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<std::string> all_facts(const std::filesystem::path& file) {
  Database database(file, Database::Mode::read_only);
  std::vector<std::string> facts = lines_of(
      database,
      "WITH RECURSIVE tree(path, whole) AS (SELECT 0, '' UNION ALL SELECT n.path, whole || '/' || "
      "CAST(n.name AS TEXT) FROM tree t JOIN name n ON n.parent = t.path) "
      "SELECT 'version', whole, hex(j.uuid), hex(l.uuid), hex(c.hash), c.size, c.written, a.mode, "
      "v.mtime, "
      "CAST(r.path AS TEXT), s.target, a.synthetic, (SELECT group_concat(other.whole) FROM (SELECT "
      "t2.whole FROM version v2 JOIN "
      "tree t2 ON t2.path = v2.path WHERE v2.content = v.content AND v2.node = v.node ORDER BY 1) "
      "other) FROM tree t JOIN version v ON v.path = t.path JOIN job j ON j.id = v.first_job LEFT "
      "JOIN job l ON l.id = v.last_job LEFT JOIN content c ON c.id = v.content JOIN attribute a ON "
      "a.id = v.attribute JOIN root r ON r.id = a.root LEFT JOIN symlink s ON s.path = v.path AND "
      "s.first_job = v.first_job WHERE c.id IS NULL OR c.hash IS NOT NULL OR c.written = 1",
      13);
  const auto add = [&](std::string_view query, int columns) {
    const auto more = lines_of(database, query, columns);
    facts.insert(facts.end(), more.begin(), more.end());
  };
  add("SELECT 'copy', coalesce(hex(c.hash), 'unhashed'), hex(b.uuid), block, headers, stored, "
      "k.state, "
      "verified FROM copy k JOIN content c ON c.id = k.content JOIN bundle b ON b.id = k.bundle",
      8);
  add("SELECT 'bundle', hex(b.uuid), hex(m.uuid), hex(j.uuid), number, index_file, archive_block, "
      "hex(archive_header), plain_bytes, b.state, b.written FROM bundle b JOIN medium m ON m.id = "
      "b.medium JOIN job j ON j.id = b.job",
      11);
  add("SELECT 'medium', hex(uuid), label, kind, record_size, capacity, state, location FROM medium",
      8);
  add("SELECT 'job', hex(uuid), kind, started, finished, command, rank() OVER (ORDER BY id) FROM "
      "job",
      7);
  add("WITH RECURSIVE tree(path, whole) AS (SELECT 0, '' UNION ALL SELECT n.path, whole || '/' || "
      "CAST(n.name AS TEXT) FROM tree t JOIN name n ON n.parent = t.path) SELECT 'directory', "
      "hex(b.uuid), whole FROM bundle_directory d JOIN bundle b ON b.id = d.bundle JOIN tree t ON "
      "t.path = d.path",
      3);
  std::sort(facts.begin(), facts.end());
  return facts;
}

void live_a_life(Machine& machine) {
  Ledger& ledger = machine.ledger;
  const MediumId first = machine.add_medium("MX1", "shelf A");
  const MediumId second = machine.add_medium("MX2");
  const Job one = machine.begin();
  const RootId root = ledger.root("home/me");
  const PathId home = ledger.path("home/me");
  ledger.add_version(one.id, home, directory_metadata(), std::nullopt, root);
  machine.add_file(one, "home/me/a", "A");
  machine.add_file(one, "home/me/b", "BB");
  machine.add_file(one, "home/me/same as a", "A");
  const PathId link = ledger.path("home/me/link");
  ledger.add_version(one.id, link, symlink_metadata("a"), std::nullopt, root);
  const PathId hard1 = machine.add_file(one, "home/me/hard1", "HARD");
  ledger.add_version(one.id, ledger.path("home/me/hard2"), file_metadata(), machine.content("HARD"),
                     root, VersionKey{hard1, one.id});
  machine.write_all(one, first);
  ledger.finish_job(one.id, ++machine.now);

  const Job two = machine.begin();
  machine.add_file(two, "home/me/b", "CCC");
  machine.end(two, "home/me/same as a");
  machine.add_file(two, std::string("home/me/odd \xff\x01name"), "odd");
  const BundleId copies = machine.write(
      two, second, {machine.content("A"), machine.content("CCC"), machine.content("odd")});
  ledger.mark_damaged(machine.content("A"), copies, machine.now, "it is damaged");
  ledger.mark_verified(machine.content("CCC"), copies, machine.now);
  ledger.set_medium_location(second, "the other house");
  ledger.finish_job(two.id, ++machine.now);
}

void ledger_symlink(Machine& in, const Job& job, const std::string& path, std::int64_t target) {
  in.ledger.add_version(job.id, in.ledger.path(path), symlink_metadata(std::to_string(target)),
                        std::nullopt, kStagingRoot);
}

}  // namespace mixtape::catalog
