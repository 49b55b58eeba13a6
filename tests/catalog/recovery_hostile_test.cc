// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/rows.h"
#include "tests/catalog/recovery_world.h"

// Indexes that no catalog of ours wrote are left out, and the others recover.

namespace mixtape::catalog {
namespace {

using namespace std::string_literals;

TEST_F(RecoveryTest, RowsThatReferToNothingAreRefused) {
  live_a_life(machine);
  for (const char* statement :
       {"UPDATE name SET path = 1000000 WHERE name = x'61'",
        "UPDATE name SET name = x'2e2e' WHERE path = 3",
        "UPDATE name SET name = x'612f62' WHERE path = 3", "UPDATE path_run SET parent = 3",
        "UPDATE version SET content = 1000", "PRAGMA foreign_keys = OFF; DELETE FROM job",
        "UPDATE name SET path = 3 WHERE path = 4",
        "UPDATE version SET attribute = (SELECT id FROM attribute WHERE mode & 61440 = 32768 "
        "LIMIT 1) WHERE path = 0",
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

}  // namespace
}  // namespace mixtape::catalog
