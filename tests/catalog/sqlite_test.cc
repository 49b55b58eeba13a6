// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/sqlite.h"

#include "tests/catalog/catalog_fixture.h"

namespace mixtape::catalog {
namespace {

using testing::HasSubstr;
using testing::Not;

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() { database.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b ANY) STRICT"); }
  std::int64_t rows() {
    Statement count(database, "SELECT count(*) FROM t");
    count.step();
    return count.integer(0);
  }

  test::TempDir directory;
  std::filesystem::path file = directory / "test.db";
  Database database{file, Database::Mode::create};
};

TEST_F(SqliteTest, TransactionThatIsNotCommittedLeavesNothing) {
  const std::uint64_t before = database.rollbacks();
  {
    Transaction transaction(database);
    database.execute("INSERT INTO t VALUES (1, 1)");
  }
  EXPECT_EQ(rows(), 0);
  EXPECT_EQ(database.rollbacks(), before + 1);
}

TEST_F(SqliteTest, NestedTransactionBecomesDurableWithTheOuterOne) {
  {
    Transaction outer(database);
    {
      Transaction inner(database);
      database.execute("INSERT INTO t VALUES (1, 1)");
      inner.commit();
    }
    Database other(file, Database::Mode::read_only);
    Statement count(other, "SELECT count(*) FROM t");
    count.step();
    EXPECT_EQ(count.integer(0), 0);
    count.reset();
    outer.commit();
  }
  EXPECT_EQ(rows(), 1);
}

TEST_F(SqliteTest, OuterTransactionCannotCommitAfterAnInnerOneFailed) {
  {
    Transaction outer(database);
    {
      Transaction inner(database);
      database.execute("INSERT INTO t VALUES (1, 1)");
    }
    EXPECT_EQ(code_thrown_by([&] { outer.commit(); }), ErrorCode::conflict);
  }
  EXPECT_EQ(rows(), 0);
  Transaction next(database);
  database.execute("INSERT INTO t VALUES (2, 2)");
  next.commit();
  EXPECT_EQ(rows(), 1);
}

TEST_F(SqliteTest, EmptyNameIsAValueAndNotNull) {
  Statement(database, "INSERT INTO t VALUES (1, ?)").bind_name(1, "").run();
  Statement query(database, "SELECT b FROM t");
  ASSERT_TRUE(query.step());
  EXPECT_FALSE(query.is_null(0));
  EXPECT_TRUE(query.blob(0).empty());
}

TEST_F(SqliteTest, NamesKeepEveryByte) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) {
    bytes += static_cast<char>(byte);
  }
  Statement(database, "INSERT INTO t VALUES (1, ?)").bind_name(1, bytes).run();
  Statement query(database, "SELECT b FROM t");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.text(0), bytes);
}

TEST_F(SqliteTest, FailuresSayWhatWasTriedAndHaveACode) {
  EXPECT_EQ(code_thrown_by([&] { Database(directory / "none.db", Database::Mode::read_write); }),
            ErrorCode::not_found);
  database.execute("INSERT INTO t VALUES (1, 1)");
  EXPECT_EQ(code_thrown_by([&] { database.execute("INSERT INTO t VALUES (1, 1)"); }),
            ErrorCode::conflict);
  Database reader(file, Database::Mode::read_only);
  EXPECT_EQ(code_thrown_by([&] { reader.execute("DELETE FROM t"); }), ErrorCode::write_protected);
  test::write_text(directory / "text", std::string(4096, 'x'));
  EXPECT_EQ(code_thrown_by([&] {
              Database text(directory / "text", Database::Mode::read_only);
              Statement(text, "SELECT * FROM sqlite_schema").step();
            }),
            ErrorCode::corrupt);
  try {
    Statement(database, "SELECT missing FROM t");
    FAIL() << "a column that does not exist";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("no such column: missing"));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("SELECT"))) << "users know no SQL";
  }
}

std::string words_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST_F(SqliteTest, FullDiskIsSaidInWordsAndNotInSql) {
  database.execute("PRAGMA max_page_count = 3");
  const auto fill = [&] { database.execute("INSERT INTO t VALUES (1, zeroblob(100000))"); };
  EXPECT_EQ(code_thrown_by(fill), ErrorCode::no_space);
  EXPECT_EQ(words_of(fill), "write catalog " + file.string() +
                                ": its disk is full; free some space and run it again, nothing was "
                                "lost");
}

TEST_F(SqliteTest, FileInUseSaysWhatToEnd) {
  Database other(file, Database::Mode::read_write);
  const Transaction transaction(other);
  database.execute("PRAGMA busy_timeout = 0");
  const auto insert = [&] { database.execute("INSERT INTO t VALUES (1, 1)"); };
  EXPECT_EQ(code_thrown_by(insert), ErrorCode::locked);
  EXPECT_THAT(words_of(insert), testing::AllOf(HasSubstr("use catalog " + file.string()),
                                               HasSubstr("unmount"), Not(HasSubstr("INSERT"))));
}

TEST_F(SqliteTest, DamagedFileSaysWhatToDoAboutAFileOfItsKind) {
  const std::string damaged = (directory / "damaged").string();
  test::write_text(damaged, std::string(4096, 'x'));
  const auto words = [&](Database::Kind kind) {
    return words_of([&] {
      Database open(damaged, Database::Mode::read_only, kind);
      (void)Statement(open, "SELECT * FROM sqlite_schema").step();
    });
  };
  EXPECT_THAT(words(Database::Kind::catalog),
              HasSubstr("read catalog " + damaged + ": it is damaged "));
  EXPECT_THAT(words(Database::Kind::catalog),
              HasSubstr("move " + damaged +
                        "* aside and run `mixtape recover --library URL --identity FILE`"));
  EXPECT_THAT(words(Database::Kind::state), HasSubstr("delete " + damaged + "*"));
  EXPECT_THAT(words(Database::Kind::index), Not(HasSubstr("recover")));
}

TEST_F(SqliteTest, FileThatCannotBeOpenedIsNamedWithTheReason) {
  const std::filesystem::path there = directory.path();
  const auto open = [&] { Database(there, Database::Mode::read_write); };
  EXPECT_THAT(words_of(open), testing::AllOf(HasSubstr("open catalog " + there.string()),
                                             HasSubstr("Is a directory"),
                                             HasSubstr("this user may read and write it")));
}

TEST_F(SqliteTest, ParametersNeverStandInAMessage) {
  database.execute("INSERT INTO t VALUES (1, 1)");
  const std::string words = words_of([&] {
    Statement(database, "INSERT INTO t VALUES (1, ?)").bind_text(1, "a private name").run();
  });
  EXPECT_THAT(words, testing::AllOf(HasSubstr("t.a"), Not(HasSubstr("private"))));
}

TEST_F(SqliteTest, StatementLeftInTheMiddleIsResetAtTheEndOfItsScope) {
  database.execute("PRAGMA journal_mode = WAL; INSERT INTO t VALUES (1, 1), (2, 2)");
  Database reader(file, Database::Mode::read_only);
  Statement query(reader, "SELECT a FROM t");
  {
    Running running(query);
    ASSERT_TRUE(query.step());
  }
  database.execute("DELETE FROM t");
  EXPECT_FALSE(query.step()) << "the reader still had its old snapshot";
}

}  // namespace
}  // namespace mixtape::catalog
