// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/snapshot.h"

#include <random>

#include "tests/catalog/catalog_fixture.h"

// Indexes as files: what is written, and what is refused.

namespace mixtape::catalog {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SnapshotTest : public CatalogTest {
 protected:
  SnapshotTest() {
    const MediumId medium = machine.add_medium("MX1");
    const Job job = machine.begin();
    for (int i = 0; i < 50; ++i) {
      machine.add_file(job, "home/me/" + std::to_string(i), "word " + std::to_string(i));
    }
    machine.write_all(job, medium);
    ledger.finish_job(job.id, machine.now);
    label.role = IndexRole::closing;
    label.catalog = ledger.catalog_uuid();
    label.medium = uuid_of("MX1");
    label.medium_label = "MX1";
    label.record_size = 1 << 20;
    label.tape_file = 5;
    label.last_bundle = 2;
    label.written_s = machine.now;
    label.sequence = ledger.next_sequence();
  }
  void expect_refused(ErrorCode code, std::string_view reason) {
    try {
      (void)inspect_index(index);
      FAIL() << "accepted: " << reason;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(std::string(reason)));
    }
  }
  void change_index(const std::string& statements) {
    Database database(index, Database::Mode::read_write);
    database.execute("PRAGMA journal_mode = MEMORY; " + statements);
  }

  IndexLabel label;
  std::filesystem::path index = directory / "index.sqlite";
};

TEST_F(SnapshotTest, AnOpenEndIsOfOneMediumAndOfNoIndex) {
  const MediumId one = ledger.medium("MX1")->id, two = machine.add_medium("MX2");
  ledger.set_open_end(one, true);
  ledger.set_open_end(one, true);
  EXPECT_TRUE(ledger.has_open_end(one));
  EXPECT_FALSE(ledger.has_open_end(two));
  export_index(machine.database, label, index);
  Database exported(index, Database::Mode::read_only);
  Statement keys(exported, "SELECT count(*) FROM meta");
  ASSERT_TRUE(keys.step());
  EXPECT_EQ(keys.integer(0), 3) << "uuid, name, sequence";
  ledger.set_open_end(one, false);
  EXPECT_FALSE(ledger.has_open_end(one));
}

TEST_F(SnapshotTest, LabelComesBackAsItWasWritten) {
  label.role = IndexRole::bundle;
  label.bundle = uuid_of("bundle");
  export_index(machine.database, label, index);
  const IndexLabel back = inspect_index(index);
  EXPECT_EQ(back.role, IndexRole::bundle);
  EXPECT_EQ(back.format, 1u);
  EXPECT_EQ(back.catalog, label.catalog);
  EXPECT_EQ(back.medium, label.medium);
  EXPECT_EQ(back.medium_label, "MX1");
  EXPECT_EQ(back.record_size, label.record_size);
  EXPECT_EQ(back.tape_file, 5u);
  EXPECT_EQ(back.bundle, label.bundle);
  EXPECT_EQ(back.last_bundle, 2u);
  EXPECT_EQ(back.written_s, label.written_s);
  EXPECT_EQ(back.sequence, label.sequence);
}

TEST_F(SnapshotTest, IndexStandsAlone) {
  export_index(machine.database, label, index);
  const std::string bytes = test::read_text(index);
  EXPECT_EQ(bytes[18], 1);
  EXPECT_EQ(bytes[19], 1);
  const std::filesystem::path locked = directory / "read-only";
  std::filesystem::create_directory(locked);
  std::filesystem::copy_file(index, locked / "index.sqlite");
  std::filesystem::permissions(
      locked, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_EQ(inspect_index(locked / "index.sqlite").sequence, label.sequence);
  std::filesystem::permissions(locked, std::filesystem::perms::owner_all);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(locked), {}), 1);
}

TEST_F(SnapshotTest, FileVersionTakesAtMost150BytesOfAnIndex) {
  constexpr int kFiles = 50'000;
  const MediumId medium = ledger.medium("MX1")->id;
  const Job job = machine.begin();
  Transaction transaction(machine.database);
  std::vector<ContentId> contents;
  PathId shoot{};
  for (int i = 0; i < kFiles; ++i) {
    if (i % 100 == 0) {
      shoot = ledger.path("Photos/shoot " + std::to_string(i / 100));
    }
    const std::string name = "IMG_" + std::to_string(1'000'000 + i) + ".dng";
    contents.push_back(ledger.add_content(
        20'000'000 + static_cast<std::uint64_t>(i) * 997 % 9'000'000, hash_of(name)));
    ledger.add_version(job.id, ledger.child(shoot, name),
                       file_metadata(1'700'000'000'123'456'789 + i), contents.back(), kStagingRoot);
  }
  machine.write(job, medium, contents);
  transaction.commit();
  export_index(machine.database, label, index);
  EXPECT_LE(std::filesystem::file_size(index) / kFiles, 150u);
}

TEST_F(SnapshotTest, InspectionDoesNotChangeTheFile) {
  export_index(machine.database, label, index);
  const std::string before = test::read_text(index);
  (void)inspect_index(index);
  EXPECT_EQ(test::read_text(index), before);
}

TEST_F(SnapshotTest, PaddingOfTheTapeFileDoesNoHarm) {
  export_index(machine.database, label, index);
  test::write_text(index, test::read_text(index) + std::string(1'000'001, '\0'));
  EXPECT_EQ(inspect_index(index).sequence, label.sequence);
}

TEST_F(SnapshotTest, IndexIsNeverWrittenOverAFile) {
  test::write_text(index, "precious");
  EXPECT_EQ(code_thrown_by([&] { export_index(machine.database, label, index); }),
            ErrorCode::conflict);
  EXPECT_EQ(test::read_text(index), "precious");
}

TEST_F(SnapshotTest, IndexThatCannotBecomeWholeIsRemoved) {
  Transaction transaction(machine.database);  // VACUUM cannot run inside one.
  EXPECT_THROW(export_index(machine.database, label, index), Error);
  EXPECT_FALSE(std::filesystem::exists(index));
}

TEST_F(SnapshotTest, NewerIndexesAreRefusedByNumber) {
  export_index(machine.database, label, index);
  change_index("PRAGMA user_version = 99");
  expect_refused(ErrorCode::unsupported, "99");
  change_index("PRAGMA user_version = 1; UPDATE tape_file SET format = 77");
  expect_refused(ErrorCode::unsupported, "77");
}

TEST_F(SnapshotTest, OtherFilesAreNoIndexes) {
  test::write_text(index, "");
  expect_refused(ErrorCode::corrupt, "not an SQLite database");
  test::write_text(index, std::string(100'000, 'x'));
  expect_refused(ErrorCode::corrupt, "not an SQLite database");
  std::filesystem::remove(index);
  Database(index, Database::Mode::create).execute("CREATE TABLE t(a)");
  expect_refused(ErrorCode::corrupt, "not a catalog");
  Database(index, Database::Mode::read_write).execute("PRAGMA journal_mode = WAL");
  expect_refused(ErrorCode::corrupt, "stands alone");
}

TEST_F(SnapshotTest, CatalogWithoutALabelIsNoIndex) {
  Statement(machine.database, "VACUUM INTO ?").bind_text(1, index.string()).run();
  expect_refused(ErrorCode::corrupt, "schema");
}

TEST_F(SnapshotTest, SchemaWithAnythingOfItsOwnIsRefused) {
  for (const char* statement :
       {"CREATE TRIGGER evil AFTER INSERT ON job BEGIN DELETE FROM version; END",
        "CREATE VIEW paths AS SELECT load_extension('evil')",
        "CREATE INDEX evil ON version(abs(path))", "CREATE TABLE more(a)",
        "DROP INDEX bundle_medium", "ALTER TABLE job ADD COLUMN evil INTEGER"}) {
    std::filesystem::remove(index);
    export_index(machine.database, label, index);
    change_index(statement);
    expect_refused(ErrorCode::corrupt, "schema");
  }
}

TEST_F(SnapshotTest, LabelsThatMakeNoSenseAreRefused) {
  for (const char* statement :
       {"DELETE FROM tape_file", "INSERT INTO tape_file SELECT * FROM tape_file",
        "UPDATE tape_file SET role = 'other'", "UPDATE tape_file SET role = 'bundle'",
        "UPDATE tape_file SET format = 0", "UPDATE tape_file SET record_size = -1",
        "UPDATE tape_file SET medium = x'00'", "UPDATE tape_file SET sequence = -1",
        "UPDATE tape_file SET medium_label = hex(zeroblob(1000))"}) {
    std::filesystem::remove(index);
    export_index(machine.database, label, index);
    change_index(statement);
    EXPECT_EQ(code_thrown_by([&] { (void)inspect_index(index); }), ErrorCode::corrupt) << statement;
  }
}

TEST_F(SnapshotTest, TruncatedIndexIsRefusedAtEveryLength) {
  export_index(machine.database, label, index);
  const std::string whole = test::read_text(index);
  for (std::size_t length = 0; length < whole.size(); length += 997) {
    test::write_text(index, whole.substr(0, length));
    EXPECT_EQ(code_thrown_by([&] { (void)inspect_index(index); }), ErrorCode::corrupt) << length;
  }
}

TEST_F(SnapshotTest, FlippedBytesAreRefusedOrHarmless) {
  export_index(machine.database, label, index);
  const std::string whole = test::read_text(index);
  std::mt19937 random(3);
  for (int round = 0; round < 150; ++round) {
    std::string damaged = whole;
    for (int flips = static_cast<int>(random() % 4); flips >= 0; --flips) {
      // Half of them in the first page, where the structure is densest.
      const std::size_t at = random() % (round % 2 == 0 ? 4096 : damaged.size());
      damaged[at] = static_cast<char>(random());
    }
    test::write_text(index, damaged);
    try {
      FoundIndex found;
      found.label = inspect_index(index);
      found.index = index;
      const std::filesystem::path to = directory / "recovered.db";
      std::filesystem::remove(to);
      (void)recover_catalog({found}, to);
      Machine recovered(directory.path(), "recovered");
      (void)recovered.shown();
    } catch (const Error&) {
      // What is not accepted is said; a crash would be the failure.
    }
  }
}

}  // namespace
}  // namespace mixtape::catalog
