// SPDX-License-Identifier: Apache-2.0
#include "tests/format/readme_fixture.h"

#include <sys/stat.h>

#include <map>
#include <sstream>

#include "engine/format/age_stream.h"
#include "engine/format/digest.h"

namespace mixtape::format::test {
namespace {

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

constexpr const char* kMt = R"sh(#!/bin/sh
head=$(cat "$HEAD")
end=$(ls "$FILES" | grep -c '^[0-9]')
case $3 in
  rewind) head=0 ;;
  fsf) [ "$head" -lt "${STUCK:-$end}" ] || exit 1; head=$((head + $4)) ;;
  eod) head=$end ;;
  bsfm) head=$((head - $4 + 1)) ;;
  status) echo "File number=$head, block number=0, partition=0." ;;
esac
echo "$head" > "$HEAD"
)sh";
// In tape file BAD only the first GOOD bytes can be read; from tape file STUCK on nothing moves.
constexpr const char* kDd = R"sh(#!/bin/sh
[ "$1 $2" = "if=/dev/null bs=65536" ] || exit 1
[ $# -lt 3 ] || exec > "${3#of=}"
head=$(cat "$HEAD")
[ "$head" != "${BAD:-}" ] || { head -c "${GOOD:-0}" "$FILES/000$head".*; exit 1; }
[ "$head" -lt "$(ls "$FILES" | grep -c '^[0-9]')" ] || exit 0
echo $((head + 1)) > "$HEAD"
cat "$FILES/000$head".*
)sh";

}  // namespace

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

void ReadmeCommands::SetUp() {
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

Ran ReadmeCommands::in_empty_directory(const std::string& commands) {
  return run("cd " + word(here_) + " && KEY=" + word(key_) + " && MEDIUM=" + word(medium_) +
             " && FILE=" + word(kPhoto) + " && set -e\n" + commands);
}

Ran ReadmeCommands::with_programs(const std::vector<std::pair<std::string, std::string>>& programs,
                                  const std::string& commands) {
  const fs::path folder = directory_ / "programs";
  for (const auto& [name, script] : programs) {
    write_text(folder / name, script);
    fs::permissions(folder / name, fs::perms::owner_all);
  }
  return in_empty_directory("export PATH=" + word(folder) + ":$PATH\n" + commands);
}

Ran ReadmeCommands::with_tape(const std::string& commands) {
  write_text(directory_ / "head", "0");
  return with_programs({{"mt", kMt}, {"dd", kDd}}, "export HEAD=" + word(directory_ / "head") +
                                                       " FILES=" + word(medium_) +
                                                       " TAPE=/dev/null\n" + commands);
}

Ran ReadmeCommands::restore_everything() {
  return in_empty_directory(commands_below("From a disk: these texts", readme_) +
                            "sh recover.sh restore \"$MEDIUM\" \"$KEY\" out");
}

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
                                 const std::optional<catalog::Uuid>& bundle) {
  catalog::IndexLabel label;
  label.role = role;
  label.catalog = label_.catalog;
  label.medium = label_.medium;
  label.medium_label = label_.label;
  label.record_size = kRecord;
  label.tape_file = tape_files_++;
  label.bundle = bundle;
  label.last_bundle = bundle ? bundles_ - 1 : bundles_;
  label.written_s = kJobTime;
  label.sequence = label.tape_file;
  fs::remove(newest_plain_index());
  catalog::export_index(database, label, newest_plain_index());
  seal_index();
}

void ReadmeCommands::forge_index(const std::string& sql) {
  const Ran ran = run("sqlite3 -batch -bail " + word(newest_plain_index()) + " " + word(sql));
  ASSERT_EQ(ran.status, 0) << ran.output;
  seal_index();
}

void ReadmeCommands::seal_index() {
  const std::vector<Recipient> recipients{identity_.recipient()};
  write_encrypted("000" + std::to_string(tape_files_ - 1) + ".index.sqlite.age",
                  make_preamble(recipients), as_bytes(read_text(newest_plain_index())));
}

// The photo has the same content under another name.
std::vector<catalog::Copy> ReadmeCommands::add_files(catalog::Ledger& ledger, catalog::JobId job,
                                                     const std::vector<Content>& contents) {
  std::vector<catalog::Copy> copies;
  std::uint64_t offset = 0;
  const catalog::RootId root = ledger.root("home/anna");
  for (const Content& content : contents) {
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
  catalog::Medium medium;
  medium.uuid = label_.medium;
  medium.label = label_.label;
  medium.kind = "dir";
  medium.record_size = kRecord;
  medium_id_ = ledger.add_medium(medium);
  tape_files_ = 2;  // The archaeology, and a closing index that the first bundle overwrites.

  TarMember directory = member_of_type(MemberType::directory, "home/anna/Photos");
  directory.mode = 0750;
  append_bundle({{directory, ""},
                 text_file("home/anna/Photos/\xff", "not utf-8"),
                 text_file("home/anna/Photos/empty", ""),
                 text_file(kPhoto, std::string(100'000, 'p')),
                 {link_to(MemberType::symlink, "home/anna/Photos/link", "it's a target"), ""},
                 {member_of_type(MemberType::fifo, "home/anna/Photos/pipe"), ""},
                 sparse_file("home/anna/Photos/sparse.img")});
}

void ReadmeCommands::append_bundle(const std::vector<Content>& contents) {
  catalog::Database database = catalog::open_catalog(
      directory_ / "catalog.db", directory_ / "state.db", catalog::Access::write);
  catalog::Ledger ledger(database);
  --tape_files_;
  ++bundles_;
  const std::int64_t now = kJobTime + static_cast<std::int64_t>(bundles_);
  const catalog::Job job = ledger.begin_job(catalog::JobKind::backup, "backup", now);
  catalog::Bundle bundle;
  bundle.medium = medium_id_;
  bundle.job = job.id;
  bundle.uuid[0] = static_cast<std::byte>(bundles_);
  bundle.index_file = tape_files_;
  const std::vector<Recipient> recipients{identity_.recipient()};
  const AgePreamble preamble = make_preamble(recipients);
  bundle.archive_header = preamble.bytes;
  const Bytes archive = archive_of(contents);
  bundle.plain_bytes = padded_plain_size(preamble.bytes.size(), archive.size(), kRecord);
  const catalog::BundleId id = ledger.plan_bundle(bundle, add_files(ledger, job.id, contents));
  write_index(database, catalog::IndexRole::bundle, bundle.uuid);
  write_encrypted("000" + std::to_string(tape_files_++) + ".archive.tar.age", preamble, archive);
  ledger.commit_bundle(id, {.archive_block = 10,
                            .plain_bytes_written = bundle.plain_bytes,
                            .written_s = now,
                            .hashes = {},
                            .bad = {}});
  ledger.finish_job(job.id, now);
  write_index(database, catalog::IndexRole::closing, std::nullopt);
}

}  // namespace mixtape::format::test
