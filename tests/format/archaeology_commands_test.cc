// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "engine/catalog/catalog.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/age_stream.h"
#include "engine/format/archaeology.h"
#include "engine/format/digest.h"
#include "tests/format/shell.h"
#include "tests/format/tar_fixture.h"
#include "tests/support/temp_dir.h"

// The commands that README.txt tells a stranger, run as they stand there on a medium that is a
// directory, and recover.sh beside them.

namespace mixtape::format::test {
namespace {

namespace fs = std::filesystem;
using mixtape::test::read_text;
using mixtape::test::TempDir;
using mixtape::test::write_text;
using testing::HasSubstr;

constexpr std::uint64_t kRecord = 64 * KiB;
constexpr std::int64_t kJobTime = 1'795'000'000;

class BytesSink final : public ByteSink {
 public:
  void write(ByteView bytes) override { append(bytes_, bytes); }
  void finish() override {}
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

// The lines that begin with "$ " below the heading, without that.
std::string commands_below(const std::string& heading, const std::string& readme) {
  std::istringstream lines(readme);
  std::string commands;
  bool below = false;
  for (std::string line, before; std::getline(lines, line); before = line) {
    if (line.starts_with("---")) {
      below = before == heading;
    } else if (below && line.starts_with("    $ ")) {
      commands += line.substr(6) + "\n";
    }
  }
  EXPECT_NE(commands, "") << heading;
  return commands;
}

// As one word of the shell.
std::string word(const std::string& text) {
  std::string quoted = "'";
  for (const char byte : text) {
    quoted += byte == '\'' ? "'\\''" : std::string(1, byte);
  }
  return quoted + "'";
}

// A medium with one bundle and a closing index, as the program would have written it.
class ReadmeCommands : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"tar", "age", "sqlite3"}) {
      if (!installed(program)) {
        GTEST_SKIP() << program << " is not installed";
      }
    }
    fs::create_directory(medium_);
    fs::create_directory(here_);
    write_identity_file(key_, identity_, "test");
    catalog::create_catalog(directory_ / "catalog.db", "test");
    write_medium();
  }

  // Runs it where a stranger would, with README's own values set for this medium.
  Ran in_empty_directory(const std::string& commands) {
    return run("cd " + word(here_) + " && KEY=" + word(key_) + " && MEDIUM=" + word(medium_) +
               " && FILE=" + word(kPhoto) + " && set -e\n" + commands);
  }
  // The same with a tape drive: programs that go by the names of mt and dd, and move over the tape
  // files of the medium as the real ones do. /dev/null has the looks of a device.
  Ran with_tape(const std::string& commands) {
    const fs::path programs = directory_ / "programs";
    write_text(programs / "mt", kMt);
    write_text(programs / "dd", kDd);
    fs::permissions(programs / "mt", fs::perms::owner_all);
    fs::permissions(programs / "dd", fs::perms::owner_all);
    write_text(directory_ / "head", "0");
    return in_empty_directory("export PATH=" + word(programs) +
                              ":$PATH HEAD=" + word(directory_ / "head") +
                              " FILES=" + word(medium_) + " TAPE=/dev/null\n" + commands);
  }
  Ran follow(const std::string& heading) {
    return in_empty_directory(commands_below(heading, readme_));
  }

  static constexpr const char* kMt = R"(#!/bin/sh
head=$(cat "$HEAD")
case $3 in
  rewind) head=0 ;;
  fsf) head=$((head + $4)) ;;
  eod) head=$(ls "$FILES" | grep -c '^[0-9]') ;;
  bsfm) head=$((head - $4 + 1)) ;;
  status) echo "File number=$head, block number=0, partition=0." ;;
esac
echo "$head" > "$HEAD"
)";
  static constexpr const char* kDd = R"(#!/bin/sh
[ "$*" = "if=/dev/null bs=65536" ] || exit 1
head=$(cat "$HEAD")
echo $((head + 1)) > "$HEAD"
cat "$FILES/000$head".*
)";
  static constexpr const char* kPhoto = "home/anna/Photos/it's a \"photo\".raw";
  TempDir directory_;
  fs::path medium_ = directory_ / "MX0001";
  fs::path key_ = directory_ / "key.txt";
  fs::path here_ = directory_ / "here";
  Identity identity_ = Identity::generate();
  std::string readme_;

 private:
  void write_medium();
  void record_versions(catalog::Ledger& ledger, catalog::JobId job);
  std::vector<catalog::Copy> add_files(catalog::Ledger& ledger, catalog::JobId job);
  void write_encrypted(const std::string& name, const AgePreamble& preamble, ByteView plain);
  void write_index(catalog::Database& database, catalog::IndexRole role, std::uint64_t number,
                   const std::optional<catalog::Uuid>& bundle);

  std::vector<Content> contents_;
  MediumLabel label_;
};

void ReadmeCommands::write_encrypted(const std::string& name, const AgePreamble& preamble,
                                     ByteView plain) {
  BytesSink sink;
  AgeEncryptor encryptor(preamble, sink);
  encryptor.write(plain);
  encryptor.write(
      Bytes(padded_plain_size(preamble.bytes.size(), plain.size(), kRecord) - plain.size()));
  encryptor.finish();
  write_text(medium_ / name, as_text(sink.bytes()));
}

void ReadmeCommands::write_index(catalog::Database& database, catalog::IndexRole role,
                                 std::uint64_t number, const std::optional<catalog::Uuid>& bundle) {
  catalog::IndexLabel label;
  label.role = role;
  label.catalog = label_.catalog;
  label.medium = label_.medium;
  label.medium_label = label_.label;
  label.record_size = kRecord;
  label.tape_file = number;
  label.bundle = bundle;
  label.last_bundle = bundle ? 0 : 1;
  label.written_s = kJobTime;
  label.sequence = number;
  const fs::path plain = directory_ / ("index" + std::to_string(number));
  catalog::export_index(database, label, plain);
  const std::vector<Recipient> recipients{identity_.recipient()};
  write_encrypted("000" + std::to_string(number) + ".index.sqlite.age", make_preamble(recipients),
                  as_bytes(read_text(plain)));
}

// The photo, the same photo under another name, a sparse file, and what has no content.
std::vector<catalog::Copy> ReadmeCommands::add_files(catalog::Ledger& ledger, catalog::JobId job) {
  std::vector<catalog::Copy> copies;
  std::uint64_t offset = 0;
  const catalog::RootId root = ledger.root("home/anna");
  for (const Content& content : contents_) {
    const TarMember& member = content.member;
    const std::map<MemberType, std::uint32_t> types = {{MemberType::file, S_IFREG},
                                                       {MemberType::directory, S_IFDIR},
                                                       {MemberType::symlink, S_IFLNK},
                                                       {MemberType::fifo, S_IFIFO}};
    catalog::Metadata metadata;
    metadata.mode = types.at(member.type) | member.mode;
    metadata.uid = member.uid;
    metadata.gid = member.gid;
    metadata.owner = member.owner;
    metadata.group = member.group;
    metadata.mtime_ns = member.mtime_ns;
    metadata.symlink_target = member.link_target;
    std::optional<catalog::ContentId> id;
    const TarSize size = measure_member(member);
    if (member.size > 0) {
      const std::string data = read_archive(archive_of({content}))[0].data;
      id = ledger.add_content(member.size, digest_of(as_bytes(data)));
      catalog::Copy copy;
      copy.content = *id;
      copy.member_offset = offset;
      copy.data_offset = offset + size.header;
      copy.stored_size = size.stored;
      copy.sparse = member.sparse.has_value();
      copies.push_back(copy);
      if (member.name == kPhoto) {
        ledger.add_version(job, ledger.path("home/anna/renamed\nphoto.raw"), metadata, id, root);
      }
    }
    ledger.add_version(job, ledger.path(member.name), metadata, id, root);
    offset += size.total();
  }
  return copies;
}

void ReadmeCommands::write_medium() {
  catalog::Database database = catalog::open_catalog(
      directory_ / "catalog.db", directory_ / "state.db", catalog::Access::write);
  catalog::Ledger ledger(database);
  const std::vector<Recipient> recipients{identity_.recipient()};

  label_.label = "MX0001";
  label_.medium[0] = std::byte{7};
  label_.catalog = ledger.catalog_uuid();
  label_.record_size = kRecord;
  label_.recipients = {identity_.recipient().text()};
  label_.created_s = kJobTime;
  label_.program = "mixtape test";
  const Bytes archaeology = build_archaeology(label_);
  write_text(medium_ / "0000.archaeology.tar", as_text(archaeology));
  write_text(medium_ / "mixtape-medium", "not part of the format");
  readme_ = read_archive(archaeology)[0].data;

  TarMember directory = member_of_type(MemberType::directory, "home/anna/Photos");
  directory.mode = 0750;
  contents_ = {{directory, ""},
               text_file("home/anna/Photos/\xff", "not utf-8"),
               text_file("home/anna/Photos/empty", ""),
               text_file(kPhoto, std::string(100'000, 'p')),
               {link_to(MemberType::symlink, "home/anna/Photos/link", "it's a target"), ""},
               {member_of_type(MemberType::fifo, "home/anna/Photos/pipe"), ""},
               sparse_file("home/anna/Photos/sparse.img")};

  catalog::Medium medium;
  medium.uuid = label_.medium;
  medium.label = label_.label;
  medium.kind = "dir";
  medium.record_size = kRecord;
  catalog::Bundle bundle;
  bundle.medium = ledger.add_medium(medium);
  const catalog::Job job = ledger.begin_job(catalog::JobKind::backup, "backup", kJobTime);
  bundle.job = job.id;
  bundle.uuid[0] = std::byte{9};
  bundle.index_file = 1;
  const AgePreamble preamble = make_preamble(recipients);
  bundle.archive_header = preamble.bytes;
  const Bytes archive = archive_of(contents_);
  bundle.plain_bytes = padded_plain_size(preamble.bytes.size(), archive.size(), kRecord);
  const catalog::BundleId id = ledger.plan_bundle(bundle, add_files(ledger, job.id));
  write_index(database, catalog::IndexRole::bundle, 1, bundle.uuid);
  write_encrypted("0002.archive.tar.age", preamble, archive);
  ledger.commit_bundle(id, {.archive_block = 10,
                            .plain_bytes_written = bundle.plain_bytes,
                            .written_s = kJobTime,
                            .hashes = {},
                            .bad = {}});
  ledger.finish_job(job.id, kJobTime + 1);
  write_index(database, catalog::IndexRole::closing, 3, std::nullopt);
}

TEST_F(ReadmeCommands, LeadFromTheFirstTapeFileToAllFiles) {
  const Ran texts = follow("From a disk: these texts");
  ASSERT_EQ(texts.status, 0) << texts.output;
  EXPECT_EQ(read_text(here_ / "README.txt"), readme_);

  const Ran index = follow("From a disk: the newest index");
  ASSERT_EQ(index.status, 0) << index.output;

  const Ran unpacked = follow("From a disk: a whole archive");
  ASSERT_EQ(unpacked.status, 0) << unpacked.output;
  EXPECT_EQ(read_text(here_ / "unpacked" / kPhoto), std::string(100'000, 'p'));
}

TEST_F(ReadmeCommands, AskTheIndexAndFindOneFileByItsPlace) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  ASSERT_EQ(follow("From a disk: the newest index").status, 0);
  // A quote in a path is doubled in SQL, so this asks for the file without one.
  const std::string plain_file = "FILE=home/anna/Photos/sparse.img\n";
  const Ran answers = in_empty_directory(plain_file + commands_below("Ask the index", readme_));
  EXPECT_EQ(answers.status, 0) << answers.output;
  EXPECT_THAT(answers.output, HasSubstr(std::string(kPhoto) + "|100000|2026-11-18"));
  EXPECT_THAT(answers.output, HasSubstr("home/anna/Photos/sparse.img|2026-11-18 "));
  EXPECT_THAT(answers.output, HasSubstr("|MX0001|2|"));

  const Ran found = in_empty_directory(
      plain_file + commands_below("From a disk: one file by its place", readme_));
  ASSERT_EQ(found.status, 0) << found.output;
  EXPECT_EQ(read_text(here_ / "found").size(), MiB);
  EXPECT_EQ(read_text(here_ / "found").substr(700'416, 6), "second");
}

TEST_F(ReadmeCommands, WithTheScriptListAndRestoreEverything) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  const Ran script = follow("With the script");
  ASSERT_EQ(script.status, 0) << script.output;
  EXPECT_THAT(script.output, HasSubstr(kPhoto));
  EXPECT_THAT(script.output, testing::Not(HasSubstr("DAMAGED")));
  EXPECT_THAT(script.output, testing::Not(HasSubstr("not on this medium")));
  EXPECT_EQ(read_text(here_ / "restored" / kPhoto), std::string(100'000, 'p'));
  EXPECT_FALSE(fs::exists(here_ / "restored/home/anna/Photos/empty"));

  const fs::path all = here_ / "everything" / "home/anna";
  EXPECT_EQ(read_text(all / "renamed\nphoto.raw"), std::string(100'000, 'p'));
  EXPECT_EQ(read_text(all / "Photos/\xff"), "not utf-8");
  EXPECT_EQ(read_text(all / "Photos/empty"), "");
  EXPECT_EQ(read_text(all / "Photos/sparse.img").substr(700'416, 6), "second");
  EXPECT_EQ(fs::read_symlink(all / "Photos/link"), "it's a target");
  EXPECT_TRUE(fs::is_fifo(all / "Photos/pipe"));
  struct stat status {};
  ASSERT_EQ(lstat((all / "Photos/empty").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'795'000'000);
  EXPECT_EQ(status.st_mtim.tv_nsec, 123'456'789);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
  ASSERT_EQ(lstat((all / "Photos").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
  EXPECT_EQ(status.st_mtim.tv_nsec, 123'456'789);
}

TEST_F(ReadmeCommands, LeadFromATapeToAllFiles) {
  const Ran all = with_tape(commands_below("From a tape: these texts", readme_) +
                            commands_below("From a tape: the newest index", readme_) +
                            commands_below("From a tape: a whole archive", readme_) +
                            "FILE=home/anna/Photos/sparse.img\n" +
                            commands_below("From a tape: one file by its place", readme_));
  ASSERT_EQ(all.status, 0) << all.output;
  EXPECT_EQ(read_text(here_ / "README.txt"), readme_);
  EXPECT_THAT(all.output, HasSubstr("SQLite format 3"));
  EXPECT_EQ(read_text(here_ / "unpacked" / kPhoto), std::string(100'000, 'p'));
  EXPECT_EQ(read_text(here_ / "found").substr(700'416, 6), "second");
}

TEST_F(ReadmeCommands, OfAnInterruptedTapeLeadToTheIndexBeforeItsArchive) {
  fs::remove(medium_ / "0003.index.sqlite.age");
  std::string commands = commands_below("From a tape: the newest index", readme_);
  EXPECT_THAT(with_tape(commands).output, testing::Not(HasSubstr("SQLite format 3")));
  commands.replace(commands.find("bsfm 2"), 6, "bsfm 3");
  EXPECT_THAT(with_tape(commands).output, HasSubstr("SQLite format 3"));
}

TEST_F(ReadmeCommands, WithTheScriptATapeIsRestored) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  const Ran script = with_tape("sh recover.sh restore \"$TAPE\" \"$KEY\" out");
  ASSERT_EQ(script.status, 0) << script.output;
  EXPECT_EQ(read_text(here_ / "out" / kPhoto), std::string(100'000, 'p'));
  EXPECT_EQ(read_text(here_ / "out/home/anna/renamed\nphoto.raw"), std::string(100'000, 'p'));
}

TEST_F(ReadmeCommands, WithTheScriptAnInterruptedMediumIsRestoredFromItsBundleIndex) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  fs::rename(medium_ / "0003.index.sqlite.age", medium_ / "0003.index.sqlite.age.part");
  const Ran script = in_empty_directory("sh recover.sh restore \"$MEDIUM\" \"$KEY\" out");
  ASSERT_EQ(script.status, 0) << script.output;
  EXPECT_THAT(script.output, HasSubstr("the newest index is tape file 1"));
  EXPECT_EQ(read_text(here_ / "out" / kPhoto), std::string(100'000, 'p'));
}

TEST_F(ReadmeCommands, WithTheScriptSayWhatIsDamagedOrCannotBeOpened) {
  ASSERT_EQ(follow("From a disk: these texts").status, 0);
  const fs::path stranger = directory_ / "stranger.txt";
  write_identity_file(stranger, Identity::generate(), "stranger");
  const Ran closed = in_empty_directory("sh recover.sh list \"$MEDIUM\" " + word(stranger));
  EXPECT_NE(closed.status, 0);
  EXPECT_THAT(closed.output, HasSubstr("no index on"));

  std::string archive = read_text(medium_ / "0002.archive.tar.age");
  archive[archive.size() / 2] ^= 1;
  write_text(medium_ / "0002.archive.tar.age", archive);
  const Ran damaged = in_empty_directory("sh recover.sh restore \"$MEDIUM\" \"$KEY\" out");
  EXPECT_TRUE(damaged.status != 0 || damaged.output.find("DAMAGED") != std::string::npos)
      << damaged.output;
}

}  // namespace
}  // namespace mixtape::format::test
