// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/record.h"

#include <sys/stat.h>
#include <unistd.h>

#include "engine/format/digest.h"
#include "tests/archive/scan_fixture.h"

namespace mixtape::archive {
namespace {

class RecordTest : public ScanTest {
 protected:
  [[nodiscard]] std::optional<catalog::ContentId> content(std::string_view name) {
    const auto version = newest(name);
    return version ? version->content : std::nullopt;
  }
  [[nodiscard]] std::int64_t versions_of(std::string_view name) {
    catalog::Statement statement(database_, "SELECT count(*) FROM version WHERE path = ?");
    statement.bind(1, catalog::number(*tree_.find_path(path_of(name))));
    return statement.step() ? statement.integer(0) : -1;
  }
  // As after a job that wrote everything: contents that were first read then have their hashes now.
  void write_everything() {
    for (const auto& file : std::filesystem::recursive_directory_iterator(tree)) {
      const auto version = newest(file.path().lexically_relative(tree).string());
      if (file.is_regular_file() && version && version->content && !version->hash) {
        ledger_.set_hash(*version->content,
                         format::digest_of(as_bytes(test::read_text(file.path()))));
      }
    }
    database_.execute("UPDATE content SET written = 1");
  }
};

TEST_F(RecordTest, RecordsNewFilesWithTheirContents) {
  write("a", "1");
  write("d/b", "22");
  const Recorded recorded = backup();
  EXPECT_EQ(recorded.fresh, 4U);
  EXPECT_EQ(recorded.contents, 2U);
  EXPECT_EQ(recorded.content_bytes, 3U);
  EXPECT_TRUE(present("d"));
  EXPECT_EQ(newest("d/b")->size, 2U);
}

TEST_F(RecordTest, AScanWithoutChangesRecordsNothing) {
  write("a", "1");
  backup();
  EXPECT_FALSE(backup().anything());
  EXPECT_EQ(count("job"), 1);
}

// S-04: one transaction: without its commit nothing of a scan is there.
TEST_F(RecordTest, WithoutACommitNothingIsRecorded) {
  write("a", "1");
  const Scan scanned = scan_now();
  const HashedFiles hashed = hash(scanned);
  {
    const catalog::Transaction transaction(database_);
    const catalog::Job job = ledger_.begin_job(catalog::JobKind::backup, "backup", ++now_s_);
    EXPECT_TRUE(record(scanned, hashed, job.id, RecordAs::source, known()).anything());
  }
  EXPECT_EQ(count("version"), 0);
  EXPECT_EQ(count("job"), 0);
  EXPECT_FALSE(stamp("a"));
}

// S-12: a deleted file leaves latest, never history.
TEST_F(RecordTest, ADeletedFileKeepsItsHistory) {
  write("a", "1");
  write("d/b", "2");
  backup();
  write_everything();
  remove("a");
  remove("d");
  EXPECT_EQ(backup().ended, 3U);
  EXPECT_FALSE(present("a"));
  EXPECT_TRUE(newest("a")->content);
  EXPECT_FALSE(stamp("d/b"));
}

// H-02: seeing a content again adds no content; only what is different about the file is recorded.
TEST_F(RecordTest, ATouchedFileSharesItsContent) {
  write("a", "1");
  backup();
  write_everything();
  const auto before = content("a");
  set_mtime("a", 12345);
  const Recorded recorded = backup();
  EXPECT_EQ(recorded.metadata, 1U);
  EXPECT_EQ(recorded.contents, 0U);
  EXPECT_EQ(content("a"), before);
  EXPECT_EQ(count("content"), 1);
  EXPECT_EQ(newest("a")->metadata.mtime_ns, 12345'000'000'000);
}

TEST_F(RecordTest, AFileThatOnlyMovedOnDiskGetsNoNewVersion) {
  write("a", "1");
  write("other", "2");
  set_mtime("a", 1000);
  backup();
  write_everything();
  const std::int64_t directory_mtime = mtime_s("");
  write("copy", "1");
  set_mtime("copy", 1000);
  rename("copy", "a");
  set_mtime("", directory_mtime);
  const Recorded recorded = backup();
  EXPECT_EQ(recorded.fresh + recorded.changed + recorded.contents + recorded.duplicates, 0U);
  EXPECT_EQ(versions_of("a"), 1);
  EXPECT_TRUE(changes().empty());
}

// A file that is renamed, moved or copied costs no content.
TEST_F(RecordTest, RenamedAndCopiedFilesShareTheirContent) {
  write("a", "unique text");
  write("b", "another");
  backup();
  write_everything();
  const auto id = content("a");
  rename("a", "moved");
  write("copy", "unique text");
  const Recorded recorded = backup();
  EXPECT_EQ(recorded.contents, 0U);
  EXPECT_EQ(recorded.duplicates, 2U);
  EXPECT_EQ(recorded.duplicate_bytes, 22U);
  EXPECT_EQ(content("moved"), id);
  EXPECT_EQ(content("copy"), id);
  EXPECT_FALSE(present("a"));
}

TEST_F(RecordTest, DuplicatesWithinOneScanAreOneContent) {
  write("a", "same");
  write("b", "same");
  write("c", "diff");
  const Recorded recorded = backup();
  EXPECT_EQ(recorded.contents, 2U);
  EXPECT_EQ(recorded.duplicates, 1U);
  EXPECT_EQ(content("a"), content("b"));
  EXPECT_NE(content("a"), content("c"));
}

// H-09, H-10, X-08: A, B, A: three versions, two contents, and A is current again.
TEST_F(RecordTest, AContentThatReturnsIsCurrentAgain) {
  write("a", "AAAA");
  write("x", "xxxx");
  backup();
  write_everything();
  const auto first = content("a");
  write("a", "BBBB");
  set_mtime("a", 2000);
  backup();
  write_everything();
  EXPECT_NE(content("a"), first);
  write("a", "AAAA");
  set_mtime("a", 3000);
  backup();
  EXPECT_EQ(content("a"), first);
  EXPECT_EQ(versions_of("a"), 3);
}

TEST_F(RecordTest, AFileThatCameBackIsPresentAgain) {
  write("a", "AAAA");
  write("b", "BBBB");
  backup();
  write_everything();
  const auto first = content("a");
  remove("a");
  backup();
  write("a", "AAAA");
  const Recorded recorded = backup();
  EXPECT_EQ(recorded.fresh, 1U);
  EXPECT_EQ(content("a"), first);
  EXPECT_TRUE(present("a"));
}

TEST_F(RecordTest, NamesOfOneFileShareInodeAndCount) {
  write("a", "1");
  ASSERT_EQ(link((tree / "a").c_str(), (tree / "b").c_str()), 0);
  backup();
  EXPECT_EQ(newest("a")->metadata.nlink, 2U);
  EXPECT_EQ(newest("a")->inode, newest("b")->inode);
  EXPECT_EQ(content("a"), content("b"));
  EXPECT_TRUE(changes().contains("a"));  // Only to be weighed against its other names.
  EXPECT_FALSE(backup().anything());
}

TEST_F(RecordTest, AThirdNameGivesAllOfThemANewVersion) {
  write("a", "1");
  ASSERT_EQ(link((tree / "a").c_str(), (tree / "b").c_str()), 0);
  backup();
  write_everything();
  const auto id = content("a");
  ASSERT_EQ(link((tree / "a").c_str(), (tree / "d").c_str()), 0);
  backup();
  for (const char* name : {"a", "b", "d"}) {
    EXPECT_EQ(newest(name)->metadata.nlink, 3U) << name;
    EXPECT_EQ(newest(name)->inode, newest("a")->inode) << name;
    EXPECT_EQ(content(name), id) << name;
  }
  remove("b");
  remove("d");
  backup();
  EXPECT_EQ(newest("a")->metadata.nlink, 1U);
  EXPECT_FALSE(backup().anything());
}

TEST_F(RecordTest, ChangingALinkedFileChangesAllItsNames) {
  write("a", "1");
  ASSERT_EQ(link((tree / "a").c_str(), (tree / "b").c_str()), 0);
  backup();
  write_everything();
  write("b", "changed");
  backup();
  EXPECT_EQ(newest("a")->size, 7U);
  EXPECT_EQ(newest("b")->size, 7U);
  EXPECT_EQ(newest("a")->inode, newest("b")->inode);
  EXPECT_EQ(content("a"), content("b"));
}

// What came through staging is never ended by a scan, and an old file on disk does not come before
// it.
TEST_F(RecordTest, AnUnchangedSourceDoesNotReplaceWhatWasStaged) {
  write("a", "old");
  backup();
  write_everything();
  {
    catalog::Transaction transaction(database_);
    const catalog::Job job = ledger_.begin_job(catalog::JobKind::flush, "flush", ++now_s_);
    catalog::Metadata metadata = newest("a")->metadata;
    metadata.mtime_ns += 5;
    for (const char* name : {"a", "only-staged"}) {
      ledger_.add_version(job.id, ledger_.path(path_of(name)), metadata,
                          ledger_.add_content(9, std::nullopt), catalog::kStagingRoot);
    }
    ledger_.finish_job(job.id, ++now_s_);
    transaction.commit();
  }
  EXPECT_FALSE(backup().anything());
  EXPECT_EQ(newest("a")->size, 9U);
  EXPECT_TRUE(present("only-staged"));
  write("a", "newer on disk");
  backup();
  EXPECT_EQ(newest("a")->size, 13U);
}

TEST_F(RecordTest, LosingStateCostsOneRoundOfHashingAndNoVersion) {
  write("a", "1");
  write("b", "2");
  backup();
  write_everything();
  database_.execute("DELETE FROM state.source");
  const Scan scanned = scan_now();
  const HashedFiles hashed = hash(scanned);
  EXPECT_EQ(hashed.files, 2U);
  EXPECT_FALSE(record_now(scanned, hashed).anything());
  EXPECT_TRUE(changes().empty());
}

}  // namespace
}  // namespace mixtape::archive
