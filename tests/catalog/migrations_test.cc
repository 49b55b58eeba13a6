// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/migrations.h"

#include <cstdlib>

#include "tests/catalog/catalog_fixture.h"

namespace mixtape::catalog {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class MigrationsTest : public testing::Test {
 protected:
  Database open(Access access = Access::write) { return open_catalog(file, state, access); }
  void set_version(const std::filesystem::path& database, int version) {
    Database(database, Database::Mode::read_write)
        .execute("PRAGMA user_version = " + std::to_string(version));
  }

  test::TempDir directory;
  std::filesystem::path file = directory / "catalog.db";
  std::filesystem::path state = directory / "state.db";
};

TEST_F(MigrationsTest, NewCatalogHasTheSchemaOfTheGoldenFile) {
  const char* const source = std::getenv("MIXTAPE_SOURCE_DIR");
  if (source == nullptr) {
    GTEST_SKIP() << "MIXTAPE_SOURCE_DIR does not say where the golden files are";
  }
  create_catalog(file, "nas");
  Database database = open();
  EXPECT_EQ(schema_text(database),
            test::read_text(std::filesystem::path(source) / "tests/golden/schema-v1.sql"));
}

TEST_F(MigrationsTest, NewCatalogIsSoundAndKnowsItsName) {
  create_catalog(file, "nas");
  Database database = open();
  EXPECT_EQ(check_catalog(database), "");
  EXPECT_EQ(schema_version(database, "main"), catalog_steps().size());
  Statement name(database, "SELECT value FROM meta WHERE key = 'name'");
  ASSERT_TRUE(name.step());
  EXPECT_EQ(name.text(0), "nas");
}

TEST_F(MigrationsTest, CatalogIsNeverCreatedOverAnother) {
  create_catalog(file, "nas");
  EXPECT_EQ(code_thrown_by([&] { create_catalog(file, "nas"); }), ErrorCode::conflict);
}

TEST_F(MigrationsTest, MissingCatalogIsNotFound) {
  EXPECT_EQ(code_thrown_by([&] { open(); }), ErrorCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(MigrationsTest, NewerCatalogIsRefusedByNumberAndLeftAlone) {
  create_catalog(file, "nas");
  set_version(file, 99);
  const std::string before = test::read_text(file);
  for (const Access access : {Access::read, Access::write}) {
    try {
      open(access);
      FAIL() << "a newer catalog was opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("99"), HasSubstr("up to 1")));
    }
  }
  EXPECT_EQ(test::read_text(file), before);
}

TEST_F(MigrationsTest, OlderCatalogIsNotReadBeforeItWasMigrated) {
  create_catalog(file, "nas");
  set_version(file, 0);
  EXPECT_EQ(code_thrown_by([&] { open(Access::read); }), ErrorCode::conflict);
}

TEST_F(MigrationsTest, OtherDatabaseIsNoCatalog) {
  Database(file, Database::Mode::create).execute("CREATE TABLE t(a)");
  EXPECT_EQ(code_thrown_by([&] { open(); }), ErrorCode::corrupt);
}

TEST_F(MigrationsTest, LostStateIsMadeAgain) {
  create_catalog(file, "nas");
  { Database database = open(Access::read); }
  ASSERT_TRUE(std::filesystem::exists(state));
  std::filesystem::remove(state);
  { Database database = open(Access::read); }
  EXPECT_TRUE(std::filesystem::exists(state));
}

TEST_F(MigrationsTest, OlderStateIsMigratedAndKept) {
  create_catalog(file, "nas");
  {
    Database database = open();
    database.execute(
        "INSERT INTO state.source VALUES (1, 2, 3, 4, 1); DROP TABLE state.unseen;"
        "DROP TABLE state.health; DROP TABLE state.locate; DROP TABLE state.damage;"
        "DROP TABLE state.verification;"
        "DROP TABLE state.wanted; DROP TABLE state.counted;"
        "DROP TABLE state.scan_loss; DROP TABLE state.lost_name;"
        "PRAGMA state.user_version = 1");
  }
  Database database = open(Access::read);
  EXPECT_EQ(schema_version(database, "state"), state_steps().size());
  Statement rows(database,
                 "SELECT (SELECT count(*) FROM state.source), count(*) FROM state.unseen");
  ASSERT_TRUE(rows.step());
  EXPECT_EQ(rows.integer(0), 1);
  EXPECT_EQ(rows.integer(1), 0);
}

TEST_F(MigrationsTest, NewerStateIsRefused) {
  create_catalog(file, "nas");
  { Database database = open(); }
  set_version(state, 99);
  EXPECT_EQ(code_thrown_by([&] { open(); }), ErrorCode::unsupported);
}

TEST_F(MigrationsTest, MissingStepsRunInOrder) {
  Database database(file, Database::Mode::create);
  constexpr std::string_view steps[] = {"CREATE TABLE a(x)", "ALTER TABLE a ADD COLUMN y",
                                        "INSERT INTO a VALUES (1, 2)"};
  migrate(database, "main", std::span(steps).first(1), "test");
  EXPECT_EQ(schema_version(database, "main"), 1u);
  migrate(database, "main", steps, "test");
  EXPECT_EQ(schema_version(database, "main"), 3u);
  Statement query(database, "SELECT y FROM a");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.integer(0), 2);
}

TEST_F(MigrationsTest, StepThatFailsUndoesThoseBefore) {
  Database database(file, Database::Mode::create);
  constexpr std::string_view steps[] = {"CREATE TABLE a(x)", "CREATE TABLE a(y)"};
  EXPECT_THROW(migrate(database, "main", steps, "test"), Error);
  EXPECT_EQ(schema_version(database, "main"), 0u);
  EXPECT_EQ(schema_text(database), "");
}

TEST_F(MigrationsTest, ConnectionsGuardKeysAndDurability) {
  create_catalog(file, "nas");
  Database database = open();
  const auto pragma = [&](const std::string& name) {
    Statement query(database, "PRAGMA " + name);
    query.step();
    return query.text(0);
  };
  EXPECT_EQ(pragma("main.journal_mode"), "wal");
  EXPECT_EQ(pragma("main.synchronous"), "2");
  EXPECT_EQ(pragma("foreign_keys"), "1");
  EXPECT_EQ(pragma("trusted_schema"), "0");
  EXPECT_EQ(pragma("temp_store"), "2");
}

TEST_F(MigrationsTest, FirstReaderNeedsNoWriterBeforeIt) {
  create_catalog(file, "nas");
  { Database database = open(); }
  ASSERT_FALSE(std::filesystem::exists(file.string() + "-wal"));
  Database reader = open(Access::read);
  Statement jobs(reader, "SELECT count(*) FROM job");
  EXPECT_TRUE(jobs.step());
}

TEST_F(MigrationsTest, ReadersReadWhileAWriterWrites) {
  create_catalog(file, "nas");
  Machine writer(directory.path(), "catalog");
  Transaction transaction(writer.database);
  const Job job = writer.begin();
  Database reader = open_catalog(writer.catalog_db, writer.state_db, Access::read);
  Statement jobs(reader, "SELECT count(*) FROM job");
  ASSERT_TRUE(jobs.step());
  EXPECT_EQ(jobs.integer(0), 0);
  jobs.reset();
  transaction.commit();
  ASSERT_TRUE(jobs.step());
  EXPECT_EQ(jobs.integer(0), 1);
}

}  // namespace
}  // namespace mixtape::catalog
