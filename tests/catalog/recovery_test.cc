// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "engine/catalog/rows.h"
#include "engine/catalog/snapshot.h"
#include "tests/catalog/catalog_fixture.h"

// Catalogs out of indexes.

namespace mixtape::catalog {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

// Every row of every table but the one that only an index has.
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
      // Which index a medium carries is known to whoever wrote or read it, and does not travel.
      if (!line.starts_with("closing index ")) {
        rows.push_back(table + ": " + line);
      }
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

// What a catalog says, without its row numbers: by paths, uuids and hashes. Versions that nobody
// knows the bytes of are left out.
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

class RecoveryTest : public CatalogTest {
 protected:
  FoundIndex index_of(Machine& from, IndexRole role, std::string_view label,
                      std::optional<BundleId> bundle = std::nullopt) {
    FoundIndex found;
    found.index = directory / ("index-" + std::to_string(++indexes_));
    found.label.role = role;
    found.label.catalog = from.ledger.catalog_uuid();
    found.label.medium = uuid_of(label);
    found.label.medium_label = label;
    found.label.record_size = 1 << 20;
    found.label.tape_file = static_cast<std::uint64_t>(indexes_);
    found.label.written_s = from.now;
    found.label.sequence = from.ledger.next_sequence();
    if (bundle) {
      const Bundle row = *from.ledger.bundle(*bundle);
      found.label.bundle = row.uuid;
      found.bundle_exists = true;
      found.archive_block = 77;
      found.archive_plain_bytes = row.plain_bytes;
    }
    export_index(from.database, found.label, found.index);
    return found;
  }
  FoundIndex closing(Machine& from, std::string_view label) {
    return index_of(from, IndexRole::closing, label);
  }
  std::filesystem::path fresh() { return directory / ("to-" + std::to_string(++indexes_) + ".db"); }
  std::filesystem::path recovered(const std::vector<FoundIndex>& found) {
    const std::filesystem::path to = fresh();
    (void)recover_catalog(found, to);
    return to;
  }
  // Each alone, one after the other, into the same catalog.
  std::filesystem::path recovered_one_by_one(const std::vector<FoundIndex>& found) {
    const std::filesystem::path to = fresh();
    for (const FoundIndex& one : found) {
      (void)recover_catalog({one}, to);
    }
    return to;
  }
  Machine reopened(const std::filesystem::path& file) {
    const std::string name = file.stem().string();
    return Machine(file.parent_path(), name);
  }

  int indexes_ = 0;
};

// A history with everything in it: links, deletions, duplicates, bad and verified copies.
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
  ledger.mark_copy(machine.content("A"), copies, CopyState::bad);
  ledger.mark_verified(machine.content("CCC"), copies, machine.now);
  ledger.set_medium_location(second, "the other house");
  ledger.finish_job(two.id, ++machine.now);
}

void ledger_symlink(Machine& in, const Job& job, const std::string& path, std::int64_t target) {
  in.ledger.add_version(job.id, in.ledger.path(path), symlink_metadata(std::to_string(target)),
                        std::nullopt, kStagingRoot);
}

TEST_F(RecoveryTest, NewestClosingIndexIsTheLostCatalogRowByRow) {
  live_a_life(machine);
  const FoundIndex found = closing(machine, "MX2");
  EXPECT_EQ(all_rows(recovered({found})), all_rows(machine.catalog_db));
}

TEST_F(RecoveryTest, RecoveredCatalogIsSoundAndCanBeWritten) {
  live_a_life(machine);
  const auto before = machine.shown();
  Machine again = reopened(recovered({closing(machine, "MX2")}));
  EXPECT_EQ(check_catalog(again.database), "");
  EXPECT_EQ(again.shown(), before);
  again.now = machine.now;
  const Job job = again.begin();
  again.add_file(job, "home/me/new", "new");
  again.write_all(job, again.ledger.medium("MX1")->id);
  EXPECT_EQ(again.shown().size(), before.size() + 1);
}

TEST_F(RecoveryTest, AnyOrderOfMediaGivesTheSameCatalog) {
  const MediumId media[] = {machine.add_medium("MX1"), machine.add_medium("MX2"),
                            machine.add_medium("MX3")};
  std::vector<FoundIndex> found;
  for (int round = 0; round < 3; ++round) {
    const Job job = machine.begin();
    machine.add_file(job, "same", std::string(static_cast<std::size_t>(round) + 1, 'x'));
    machine.add_file(job, "only " + std::to_string(round), "word " + std::to_string(round));
    machine.add_file(job, "dir/file",
                     ledger.add_content(1000 + static_cast<std::uint64_t>(round), std::nullopt));
    std::vector<ContentId> contents;
    Statement query(machine.database, "SELECT id FROM content WHERE written = 0 ORDER BY id");
    while (query.step()) {
      contents.push_back(ContentId{query.integer(0)});
    }
    const BundleId bundle = machine.plan(job, media[round], contents);
    found.push_back(index_of(machine, IndexRole::bundle, "MX" + std::to_string(round + 1), bundle));
    Ledger::Outcome outcome = machine.outcome(contents.size());
    outcome.hashes = {{contents.back(), hash_of("late " + std::to_string(round))}};
    ledger.commit_bundle(bundle, outcome);
    if (round > 0) {
      machine.end(job, "only " + std::to_string(round - 1));
      ledger.mark_verified(contents.front(), bundle, machine.now);
    }
    ledger.finish_job(job.id, ++machine.now);
    found.push_back(closing(machine, "MX" + std::to_string(round + 1)));
  }
  const auto truth = all_facts(machine.catalog_db);
  std::vector<std::size_t> order{0, 1, 2, 3, 4, 5};
  std::size_t permutations = 0;
  do {
    std::vector<FoundIndex> permuted;
    for (const std::size_t i : order) {
      permuted.push_back(found[i]);
    }
    if (++permutations % 80 == 1) {
      ASSERT_EQ(all_facts(recovered_one_by_one(permuted)), truth) << "permutation " << permutations;
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(RecoveryTest, BundleIndexAloneKnowsItsArchiveOnlyIfThatExists) {
  const MediumId medium = machine.add_medium("MX1");
  const Job job = machine.begin();
  const ContentId unhashed = ledger.add_content(100, std::nullopt);
  const ContentId cut = ledger.add_content(200, std::nullopt);
  machine.add_file(job, "hashed", "hashed");
  machine.add_file(job, "unhashed", unhashed);
  machine.add_file(job, "cut", cut);
  const BundleId bundle = machine.plan(job, medium, {machine.content("hashed"), unhashed, cut});
  FoundIndex found = index_of(machine, IndexRole::bundle, "MX1", bundle);

  found.archive_plain_bytes = 2 * Machine::kMember + 512;
  const std::filesystem::path to = fresh();
  const Recovered recovered_counts = recover_catalog({found}, to);
  EXPECT_EQ(recovered_counts.unhashed, 1u);
  Machine with_archive = reopened(to);
  EXPECT_THAT(with_archive.shown(), ElementsAre("hashed 6", "unhashed 100"));
  EXPECT_FALSE(with_archive.tree.lookup({}, kRootPath, "unhashed")->version.hash);
  const auto place = with_archive.ledger.places(unhashed);
  ASSERT_EQ(place.size(), 1u);
  EXPECT_EQ(place.front().bundle.archive_block, 77u);
  EXPECT_EQ(place.front().bundle.plain_bytes, found.archive_plain_bytes);
  EXPECT_TRUE(with_archive.tree.lookup_bundle(place.front().bundle.id, kRootPath, "hashed"));

  found.bundle_exists = false;
  Machine without = reopened(recovered({found}));
  EXPECT_THAT(without.shown(), IsEmpty());
  EXPECT_EQ(without.ledger.bundle(bundle)->state, BundleState::abandoned);
  EXPECT_EQ(check_catalog(without.database), "");
}

TEST_F(RecoveryTest, ClosingIndexBringsTheHashesOfWhatWasUnhashed) {
  const MediumId medium = machine.add_medium("MX1");
  const Job job = machine.begin();
  const ContentId first = ledger.add_content(100, std::nullopt);
  const ContentId twin = ledger.add_content(100, std::nullopt);
  machine.add_file(job, "a", first);
  machine.add_file(job, "b", twin);
  const BundleId bundle = machine.plan(job, medium, {first, twin});
  const FoundIndex planned = index_of(machine, IndexRole::bundle, "MX1", bundle);
  Ledger::Outcome outcome = machine.outcome(2);
  outcome.hashes = {{first, hash_of("same")}, {twin, hash_of("same")}};
  ledger.commit_bundle(bundle, outcome);
  const FoundIndex closed = closing(machine, "MX1");
  const auto truth = all_facts(machine.catalog_db);
  EXPECT_EQ(all_facts(recovered_one_by_one({planned, closed})), truth);
  EXPECT_EQ(all_facts(recovered_one_by_one({closed, planned})), truth);
}

TEST_F(RecoveryTest, FileThatWasBadFromTheStartIsNotBelievedToBeWritten) {
  const MediumId medium = machine.add_medium("MX1");
  const Job job = machine.begin();
  machine.add_file(job, "a", "changed");
  const BundleId bundle = machine.plan(job, medium, {machine.content("changed")});
  const FoundIndex planned = index_of(machine, IndexRole::bundle, "MX1", bundle);
  Ledger::Outcome outcome = machine.outcome(1);
  outcome.bad = {machine.content("changed")};
  ledger.commit_bundle(bundle, outcome);
  const FoundIndex closed = closing(machine, "MX1");
  const auto truth = all_facts(machine.catalog_db);
  EXPECT_EQ(all_facts(recovered_one_by_one({planned, closed})), truth);
  EXPECT_EQ(all_facts(recovered_one_by_one({closed, planned})), truth);
}

TEST_F(RecoveryTest, DoingItTwiceChangesNothing) {
  live_a_life(machine);
  const FoundIndex found = closing(machine, "MX2");
  EXPECT_EQ(all_facts(recovered_one_by_one({found, found, found})), all_facts(recovered({found})));
}

// A catalog that was lost, recovered from an old medium and written further, meets its other life.
TEST_F(RecoveryTest, TwoLivesOfOneCatalogBecomeOneInTheOrderOfTheirJobs) {
  const MediumId medium = machine.add_medium("MX1");
  const Job one = machine.begin();
  machine.add_file(one, "p", "A");
  machine.add_file(one, "q", "Q");
  machine.write_all(one, medium);
  ledger.finish_job(one.id, machine.now);
  Machine other = reopened(recovered({closing(machine, "MX1")}));

  const auto live = [](Machine& in, std::int64_t at, std::string_view word, const char* label) {
    in.now = at;
    const MediumId another = in.add_medium(label);
    for (int i = 0; i < 2; ++i) {
      in.now += 100;
      const Job job = in.begin();
      in.add_file(job, "p", std::string(word) + std::to_string(i));
      in.add_file(job, "dir of " + std::string(label) + "/" + std::to_string(i), word);
      ledger_symlink(in, job, "link of " + std::string(label), job.started_s);
      in.write_all(job, another);
      in.ledger.finish_job(job.id, in.now);
    }
  };
  live(machine, one.started_s + 1000, "mine", "MX2");
  live(other, one.started_s + 1050, "theirs!", "MX3");
  const FoundIndex mine = closing(machine, "MX2"), theirs = closing(other, "MX3");
  const auto facts = all_facts(recovered({mine, theirs}));
  EXPECT_EQ(all_facts(recovered_one_by_one({mine, theirs})), facts);
  EXPECT_EQ(all_facts(recovered_one_by_one({theirs, mine})), facts);

  Machine both = reopened(recovered_one_by_one({theirs, mine, theirs}));
  EXPECT_EQ(check_catalog(both.database), "");
  std::vector<std::uint64_t> sizes;
  for (const Version& version : both.tree.history(*both.tree.find_path("p"))) {
    sizes.push_back(version.size);
  }
  EXPECT_THAT(sizes, ElementsAre(1, 5, 8, 5, 8));
  std::vector<std::int64_t> starts;
  for (const Job& job : both.tree.snapshots()) {
    starts.push_back(job.started_s);
  }
  EXPECT_TRUE(std::is_sorted(starts.begin(), starts.end()));
  EXPECT_EQ(starts.size(), 5u);
}

TEST_F(RecoveryTest, LaterChangeOfAMediumWins) {
  const MediumId medium = machine.add_medium("MX1");
  const FoundIndex before = closing(machine, "MX1");
  ledger.set_medium_location(medium, "the bank");
  ledger.set_medium_label(medium, "MX9");
  ledger.set_medium_state(medium, MediumState::retired);
  const FoundIndex after = closing(machine, "MX9");
  for (const auto& order : {std::vector{before, after}, std::vector{after, before}}) {
    Machine again = reopened(recovered_one_by_one(order));
    ASSERT_TRUE(again.ledger.medium("MX9"));
    EXPECT_EQ(again.ledger.medium("MX9")->location, "the bank");
    EXPECT_EQ(again.ledger.medium("MX9")->state, MediumState::retired);
    EXPECT_EQ(again.ledger.media().size(), 1u);
  }
}

TEST_F(RecoveryTest, ForeignCatalogStandsUnderItsName) {
  live_a_life(machine);
  Machine other(directory.path(), "laptop");
  other.now = machine.now + 1000;
  const MediumId medium = other.add_medium("LT1");
  const Job job = other.begin();
  other.add_file(job, "home/me/a", "A");
  other.add_file(job, "home/you/b", "laptop only");
  other.write_all(job, medium);
  other.ledger.finish_job(job.id, other.now);
  const auto ours = machine.shown();
  const FoundIndex mine = closing(machine, "MX2"), foreign = closing(other, "LT1");

  const std::filesystem::path to = recovered({mine});
  for (int twice = 0; twice < 2; ++twice) {
    (void)recover_catalog({foreign}, to);
    Machine both = reopened(to);
    auto shown = both.shown();
    std::vector<std::string> below;
    std::erase_if(shown, [&](const std::string& line) {
      const bool is_foreign = line.starts_with("@laptop/");
      if (is_foreign) {
        below.push_back(line);
      }
      return is_foreign;
    });
    EXPECT_EQ(shown, ours);
    EXPECT_THAT(below,
                ElementsAre("@laptop/", "@laptop/home/", "@laptop/home/me/", "@laptop/home/me/a 1",
                            "@laptop/home/you/", "@laptop/home/you/b 11"));
    EXPECT_EQ(both.tree.find_path("@laptop/home/me/a").has_value(), true);
    EXPECT_EQ(both.ledger.places(both.content("A")).size(), 2u);
    EXPECT_EQ(check_catalog(both.database), "");
  }
}

TEST_F(RecoveryTest, MediaOfTwoCatalogsMayHaveOneLabel) {
  machine.add_medium("MX1");
  Machine other(directory.path(), "laptop");
  Medium same;
  same.uuid = uuid_of("another MX1");
  same.label = "MX1";
  same.kind = "dir";
  same.record_size = 1 << 20;
  (void)other.ledger.add_medium(same);
  const FoundIndex mine = closing(machine, "MX1");
  FoundIndex foreign = closing(other, "MX1");
  for (int twice = 0; twice < 2; ++twice) {
    Machine both = reopened(recovered_one_by_one({mine, foreign, foreign, mine}));
    const auto media = both.ledger.media();
    ASSERT_EQ(media.size(), 2u);
    const Medium& marked = media[0].label == "MX1" ? media[1] : media[0];
    EXPECT_THAT(marked.label, testing::MatchesRegex("MX1~[0-9a-f]{8}"));
    EXPECT_EQ(marked.uuid, same.uuid) << "another catalog's medium takes no name away";
  }
}

TEST_F(RecoveryTest, NothingFoundIsNotFound) {
  EXPECT_EQ(code_thrown_by([&] { (void)recover_catalog({}, fresh()); }), ErrorCode::not_found);
}

TEST_F(RecoveryTest, CatalogThatKnowsNothingIsReplaced) {
  live_a_life(machine);
  const std::filesystem::path to = fresh();
  create_catalog(to, "fresh after init");
  (void)recover_catalog({closing(machine, "MX2")}, to);
  EXPECT_EQ(all_rows(to), all_rows(machine.catalog_db));
}

TEST_F(RecoveryTest, LogOfALostCatalogIsNotPlayedIntoTheNewOne) {
  live_a_life(machine);
  const FoundIndex found = closing(machine, "MX2");
  const auto truth = all_rows(recovered({found}));
  machine.add_file(machine.begin(), "home/me/later", "later");
  const std::filesystem::path to = fresh();
  std::filesystem::copy_file(machine.catalog_db.string() + "-wal", to.string() + "-wal");
  (void)recover_catalog({found}, to);
  { Machine again = reopened(to); }
  EXPECT_EQ(all_rows(to), truth);
}

TEST_F(RecoveryTest, CatalogInUseIsNotReplaced) {
  live_a_life(machine);
  const FoundIndex found = closing(machine, "MX2");
  machine.database.execute("BEGIN IMMEDIATE");
  Database reader = open_catalog(machine.catalog_db, machine.state_db, Access::read);
  const auto before = all_rows(machine.catalog_db);
  machine.database.execute("ROLLBACK");
  Statement reading(reader, "SELECT * FROM job");
  Running running(reading);
  ASSERT_TRUE(reading.step());
  EXPECT_EQ(code_thrown_by([&] { (void)recover_catalog({found}, machine.catalog_db); }),
            ErrorCode::locked);
  EXPECT_EQ(all_rows(machine.catalog_db), before);
}

TEST_F(RecoveryTest, RowsThatReferToNothingAreRefused) {
  live_a_life(machine);
  for (const char* statement :
       {"UPDATE name SET path = 1000000 WHERE name = x'61'",
        "UPDATE name SET name = x'2e2e' WHERE path = 3",
        "UPDATE name SET name = x'612f62' WHERE path = 3", "UPDATE path_run SET parent = 3",
        "UPDATE version SET content = 1000", "PRAGMA foreign_keys = OFF; DELETE FROM job",
        "UPDATE name SET path = 3 WHERE path = 4",
        "INSERT INTO version SELECT path + 1000, first_job, "
        "last_job, content, node, attribute, mtime FROM version"}) {
    const FoundIndex hostile = closing(machine, "MX2");
    Database(hostile.index, Database::Mode::read_write)
        .execute("PRAGMA journal_mode = MEMORY; " + std::string(statement));
    EXPECT_EQ(code_thrown_by([&] { (void)recover_catalog({hostile}, fresh()); }),
              ErrorCode::corrupt)
        << statement;
    const FoundIndex good = closing(machine, "MX2");
    const std::filesystem::path to = recovered({good});
    const auto before = all_rows(to);
    EXPECT_EQ(code_thrown_by([&] { (void)recover_catalog({hostile}, to); }), ErrorCode::corrupt)
        << statement;
    EXPECT_EQ(all_rows(to), before);
  }
}

// Anybody who knows a recipient can write such an index: each has one value that we never write.
TEST_F(RecoveryTest, IndexWithAnImpossibleValueIsLeftOutAndTheOthersRecover) {
  live_a_life(machine);
  const FoundIndex good = closing(machine, "MX1");
  const auto truth = all_rows(recovered({good}));
  const std::string most = std::to_string(INT64_MAX);
  for (const std::string& change : {
           "medium SET record_size = 0"s,
           "medium SET record_size = 1048575"s,
           "medium SET record_size = 8388608"s,
           "medium SET kind = 'of its own'"s,
           "medium SET state = 4"s,
           "medium SET state = -1"s,
           "medium SET capacity = -2"s,
           "medium SET revision = " + most,
           "medium SET uuid = x'00' WHERE label = 'MX1'"s,
           "medium SET label = 'MX1' || char(27) || '[31m' WHERE label = 'MX1'"s,
           "medium SET label = '../MX1' WHERE label = 'MX1'"s,
           "meta SET value = " + most + " WHERE key = 'sequence'",
           "meta SET value = 'many' WHERE key = 'sequence'"s,
           "meta SET value = 7 WHERE key = 'uuid'"s,
           "meta SET key = 'nobody' WHERE key = 'name'"s,
           "job SET kind = 9"s,
           "job SET started = " + most + " WHERE id = 1",
           "job SET uuid = zeroblob(15) WHERE id = 1"s,
           "job SET id = 8388607 WHERE id = 2; UPDATE version SET first_job = 8388607 WHERE "
           "first_job = 2; UPDATE bundle SET job = 8388607 WHERE job = 2"s,
           "content SET hash = zeroblob(31) WHERE id = 1"s,
           "content SET size = " + most,
           "content SET written = 2"s,
           "sqlite_sequence SET seq = " + most,
           "sqlite_sequence SET seq = 'many'"s,
           "version SET node = -1"s,
           "attribute SET mode = -1 WHERE id = 1"s,
           "attribute SET xattrs = x'ff' WHERE id = 1"s,
           "name SET name = CAST(hex(zeroblob(200)) AS BLOB) WHERE path = 4"s,
           "path_run SET parent = first WHERE first > 0"s,
           "bundle SET number = " + most,
           "bundle SET state = 3"s,
           "bundle SET archive_block = NULL"s,
           "bundle SET archive_block = -1"s,
           "bundle SET plain_bytes = " + most,
           "bundle SET uuid = zeroblob(17) WHERE id = 1"s,
           "copy SET block = " + most,
           "copy SET state = 2"s,
           "copy SET stored = -1"s,
           "copy SET verified = " + most,
       }) {
    const FoundIndex hostile = closing(machine, "MX2");
    Database(hostile.index, Database::Mode::read_write)
        .execute("PRAGMA journal_mode = MEMORY; PRAGMA foreign_keys = OFF; UPDATE " + change);
    const std::filesystem::path to = fresh();
    const Recovered recovered = recover_catalog({hostile, good}, to);
    ASSERT_EQ(recovered.left_out.size(), 1u) << change;
    EXPECT_EQ(recovered.left_out.front().index, hostile.index);
    EXPECT_EQ(recovered.left_out.front().error.code(), ErrorCode::corrupt) << change;
    EXPECT_EQ(all_rows(to), truth) << change;
    Machine again = reopened(to);
    EXPECT_EQ(check_catalog(again.database), "") << change;
  }
}

TEST_F(RecoveryTest, IndexThatCannotBeMergedIsLeftOutWholeAndTheNextIsMerged) {
  machine.add_medium("MX1");
  const std::filesystem::path to = recovered({closing(machine, "MX1")});
  machine.add_medium("MX2");
  const FoundIndex good = closing(machine, "MX2");
  Machine laptop(directory.path(), "laptop");
  laptop.add_medium("LT1");
  while (laptop.ledger.last_sequence() <= ledger.last_sequence()) {
    (void)laptop.ledger.next_sequence();
  }
  const FoundIndex foreign = closing(laptop, "LT1");
  // Both names that its directory could have are taken.
  const std::string mark = to_hex(ByteView(laptop.ledger.catalog_uuid())).substr(0, 8);
  Database(to, Database::Mode::read_write)
      .execute(
          "INSERT INTO foreign_catalog VALUES (zeroblob(16), CAST('@laptop' AS BLOB)), "
          "(randomblob(16), CAST('@laptop-" +
          mark + "' AS BLOB))");
  const Recovered recovered = recover_catalog({good, foreign}, to);
  ASSERT_EQ(recovered.left_out.size(), 1u);
  EXPECT_EQ(recovered.left_out.front().index, foreign.index);
  Machine again = reopened(to);
  EXPECT_TRUE(again.ledger.medium("MX2"));
  EXPECT_FALSE(again.ledger.medium("LT1"));
  EXPECT_EQ(check_catalog(again.database), "");
}

TEST_F(RecoveryTest, KnownMediumKeepsItsKindAndRecordSize) {
  const MediumId medium = machine.add_medium("MX1");
  const std::filesystem::path to = recovered({closing(machine, "MX1")});
  ledger.set_medium_location(medium, "the bank");
  const FoundIndex later = closing(machine, "MX1");
  Database(later.index, Database::Mode::read_write)
      .execute("PRAGMA journal_mode = MEMORY; UPDATE medium SET record_size = 65536, kind = 'lto'");
  (void)recover_catalog({later}, to);
  const Medium known = *reopened(to).ledger.medium("MX1");
  EXPECT_EQ(known.location, "the bank");
  EXPECT_EQ(known.record_size, 1u << 20);
  EXPECT_EQ(known.kind, "dir");
}

TEST_F(RecoveryTest, MediaThatWereNewAndNotSeenThemselvesAreUnseen) {
  machine.add_medium("MX1");
  machine.add_medium("MX2");
  const FoundIndex early = closing(machine, "MX1");
  machine.add_medium("MX3");
  const FoundIndex late = closing(machine, "MX2");
  const std::filesystem::path to = directory / "seen.db", state = directory / "seen-state.db";
  const auto unseen = [&] {
    std::vector<std::string> labels;
    for (const Medium& medium : reopened(to).ledger.unseen_media()) {
      labels.push_back(medium.label);
    }
    return labels;
  };
  (void)recover_catalog({early}, to, Seen{state, {uuid_of("MX1")}});
  EXPECT_THAT(unseen(), ElementsAre("MX2"));
  {
    Machine again = reopened(to);
    again.ledger.label_seen(*again.ledger.medium("MX2"));
  }
  (void)recover_catalog({late}, to, Seen{state, {}});
  EXPECT_THAT(unseen(), ElementsAre("MX3")) << "what was seen before stays seen";
  (void)recover_catalog({late}, to, Seen{state, {uuid_of("MX3")}});
  EXPECT_THAT(unseen(), IsEmpty());
}

TEST_F(RecoveryTest, AnotherCatalogChangesNoMediumThatIsKnown) {
  machine.add_medium("MX1", "shelf A");
  const FoundIndex mine = closing(machine, "MX1");
  Machine laptop(directory.path(), "laptop");
  laptop.add_medium("LT1");
  Machine both = reopened(recovered_one_by_one({closing(laptop, "LT1"), mine}));
  both.ledger.set_medium_location(both.ledger.medium("MX1")->id, "nowhere");
  both.ledger.set_medium_state(both.ledger.medium("MX1")->id, MediumState::lost);
  const std::filesystem::path to = recovered({mine});
  const Recovered merged = recover_catalog({closing(both, "LT1")}, to);
  EXPECT_THAT(merged.directories, ElementsAre("@laptop"));
  const Medium known = *reopened(to).ledger.medium("MX1");
  EXPECT_EQ(known.location, "shelf A");
  EXPECT_EQ(known.state, MediumState::active);
}

}  // namespace
}  // namespace mixtape::catalog
