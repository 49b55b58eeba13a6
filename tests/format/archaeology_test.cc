// SPDX-License-Identifier: Apache-2.0
#include "engine/format/archaeology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "engine/format/age_stream.h"
#include "tapeio/error.h"
#include "tests/format/shell.h"
#include "tests/format/tar_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"

namespace mixtape::format::test {
namespace {

using mixtape::test::read_text;
using mixtape::test::TempDir;
using mixtape::test::write_text;
using testing::HasSubstr;

MediumLabel some_label() {
  MediumLabel label;
  for (std::size_t i = 0; i < label.medium.size(); ++i) {
    label.medium[i] = static_cast<std::byte>(i * 17);
    label.catalog[i] = static_cast<std::byte>(255 - i);
  }
  label.label = "MX0001";
  label.record_size = 512 * KiB;
  label.recipients = {"age1first", "age1second"};
  label.created_s = 1'795'000'000;
  label.program = "mixtape 0.1.0";
  return label;
}

MediumLabel parse(ByteView archaeology) {
  MemorySource source(archaeology, 5000);
  return parse_archaeology(source);
}

std::map<std::string, std::string> members_of(ByteView archaeology) {
  std::map<std::string, std::string> members;
  for (const Content& content : read_archive(archaeology)) {
    members[content.member.name] = content.data;
  }
  return members;
}

Bytes with_json(const std::string& json) {
  return archive_of({text_file("README.txt", "hello"), text_file("mixtape-tape.json", json)});
}

std::string json_of(const MediumLabel& label) {
  return members_of(build_archaeology(label)).at("mixtape-tape.json");
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

ErrorCode code_of_parsing(ByteView archaeology, std::string* message = nullptr) {
  try {
    (void)parse(archaeology);
    ADD_FAILURE() << "accepted";
    return ErrorCode::io;
  } catch (const Error& error) {
    if (message != nullptr) {
      *message = error.what();
    }
    return error.code();
  }
}

// --- Written and read

TEST(Archaeology, TellsAgainWhatItWasTold) {
  EXPECT_EQ(parse(build_archaeology(some_label())), some_label());
  MediumLabel bare = some_label();
  bare.recipients.clear();
  bare.created_s = -1;
  bare.label = "Z";
  EXPECT_EQ(parse(build_archaeology(bare)), bare);
}

TEST(Archaeology, IsWholeRecords) {
  for (const std::uint64_t record : {64 * KiB, 512 * KiB, MiB, 4 * MiB}) {
    MediumLabel label = some_label();
    label.record_size = record;
    const Bytes archaeology = build_archaeology(label);
    EXPECT_EQ(archaeology.size() % record, 0U);
    EXPECT_EQ(parse(archaeology), label);
  }
}

TEST(Archaeology, BeginsWithTheTextForPeople) {
  const auto members = read_archive(build_archaeology(some_label()));
  ASSERT_GE(members.size(), 2U);
  EXPECT_EQ(members[0].member.name, "README.txt");
  EXPECT_EQ(members[1].member.name, "mixtape-tape.json");
}

TEST(Archaeology, ReadmeSpeaksOfThisVeryMedium) {
  const std::string readme = members_of(build_archaeology(some_label())).at("README.txt");
  for (const char* fact :
       {"MX0001", "00112233-4455-6677-8899-aabbccddeeff", "fffefdfc-fbfa-f9f8-f7f6-f5f4f3f2f1f0",
        "bs=524288", "age1first\n    age1second\n", "2026-11-18", "mixtape 0.1.0"}) {
    EXPECT_THAT(readme, HasSubstr(fact));
  }
  EXPECT_THAT(readme, testing::Not(HasSubstr("@")));
}

TEST(Archaeology, CarriesTheTextsAsTheyAreInTheSource) {
  const char* source = std::getenv("MIXTAPE_SOURCE_DIR");
  if (source == nullptr) {
    GTEST_SKIP() << "MIXTAPE_SOURCE_DIR is not set";
  }
  auto members = members_of(build_archaeology(some_label()));
  EXPECT_EQ(members.erase("README.txt"), 1U);
  EXPECT_EQ(members.erase("mixtape-tape.json"), 1U);
  EXPECT_TRUE(members.contains("tape-format.md"));
  for (const auto& [name, text] : members) {
    EXPECT_TRUE(text == read_text(std::string(source) + "/archaeology/" + name)) << name;
  }
}

TEST(Archaeology, ListsItsTextsInTheReadme) {
  const auto members = members_of(build_archaeology(some_label()));
  const std::string& readme = members.at("README.txt");
  std::istringstream list(readme.substr(readme.find("What else is in this archive")));
  std::set<std::string> listed = {"README.txt"};
  for (std::string line; std::getline(list, line);) {
    // Directories are on large media only.
    if (line.starts_with("    ") && line.find("/ ") == std::string::npos) {
      listed.insert(line.substr(4, line.find(' ', 4) - 4));
    }
  }
  std::set<std::string> present;
  for (const auto& [name, text] : members) {
    present.insert(name);
  }
  EXPECT_EQ(listed, present);
}

TEST(Archaeology, IsReadByTar) {
  if (!installed("tar")) {
    GTEST_SKIP() << "tar is not installed";
  }
  TempDir directory;
  write_text(directory / "0000.archaeology.tar", as_text(build_archaeology(some_label())));
  const Ran ran =
      run("cd '" + directory.path().string() +
          "' && tar -xf 0000.archaeology.tar && head -n 1 README.txt && sh -n recover.sh");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.output, testing::StartsWith("READ ME FIRST"));
}

TEST(Archaeology, LabelsThatCannotBeAreRefused) {
  const auto refused = [](auto change) {
    MediumLabel label = some_label();
    change(label);
    try {
      build_archaeology(label);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid);
    }
  };
  for (const char* text : {"", ".hidden", "-option", "a/b", "two words", "caf\xe9"}) {
    refused([&](MediumLabel& label) { label.label = text; });
  }
  refused([](MediumLabel& label) { label.label = std::string(33, 'x'); });
  for (const std::uint64_t size : {std::uint64_t{0}, 64 * KiB - 512, MiB + 1, 4 * MiB + 512}) {
    refused([&](MediumLabel& label) { label.record_size = size; });
  }
  refused([](MediumLabel& label) { label.recipients = {"two\nlines"}; });
  refused([](MediumLabel& label) { label.created_s = 9'223'372'037; });
}

// --- From another program, damaged or made to harm

TEST(Archaeology, OfANewerFormatIsRefusedNamingBothVersions) {
  const std::string json = replaced(json_of(some_label()), "\"format\": 1", "\"format\": 7");
  std::string message;
  EXPECT_EQ(code_of_parsing(with_json(json), &message), ErrorCode::unsupported);
  EXPECT_THAT(message, HasSubstr("version 7"));
  EXPECT_THAT(message, HasSubstr("up to 1"));
}

TEST(Archaeology, OfANewerFormatMayLackEverythingElse) {
  EXPECT_EQ(code_of_parsing(with_json("{\"format\": 2}")), ErrorCode::unsupported);
}

TEST(Archaeology, KeysThatWeDoNotKnowArePassedOver) {
  const std::string json =
      replaced(json_of(some_label()), "\"format\": 1,", "\"format\": 1, \"new\": [{}],");
  EXPECT_EQ(parse(with_json(json)), some_label());
}

TEST(Archaeology, WithWrongFactsIsCorrupt) {
  const std::string json = json_of(some_label());
  for (const auto& [what, with] :
       std::vector<std::pair<std::string, std::string>>{{"\"format\": 1", "\"format\": 0"},
                                                        {"\"format\": 1", "\"format\": -1"},
                                                        {"\"format\": 1", "\"format\": 1.5"},
                                                        {"\"format\": 1", "\"format\": \"1\""},
                                                        {"\"MX0001\"", "\"../MX0001\""},
                                                        {"\"MX0001\"", "1"},
                                                        {"524288", "524289"},
                                                        {"524288", "99999999999999999999"},
                                                        {"524288", "0"},
                                                        {"1795000000", "18446744073709551615e3"},
                                                        {"1795000000", "\"now\""},
                                                        {"1795000000", "9223372037"},
                                                        {"00112233-", "00112233"},
                                                        {"00112233-", "0011223x-"},
                                                        {"00112233-", "00112233-00"},
                                                        {"\"age1first\"", "1"},
                                                        {"\"age1first\"", "\"\\n\""},
                                                        {"\"recipients\"", "\"others\""},
                                                        {"\"catalog\"", "\"catalogue\""}}) {
    EXPECT_EQ(code_of_parsing(with_json(replaced(json, what, with))), ErrorCode::corrupt)
        << what << " as " << with;
  }
}

TEST(Archaeology, WithoutTheTextForProgramsIsCorrupt) {
  EXPECT_EQ(code_of_parsing(archive_of({})), ErrorCode::corrupt);
  EXPECT_EQ(code_of_parsing(archive_of({text_file("README.txt", "hello")})), ErrorCode::corrupt);
  EXPECT_EQ(code_of_parsing(with_json("")), ErrorCode::corrupt);
  EXPECT_EQ(code_of_parsing(with_json("[]")), ErrorCode::corrupt);
  EXPECT_EQ(code_of_parsing(with_json("{")), ErrorCode::corrupt);
  EXPECT_EQ(code_of_parsing(with_json("{\"format\": 1, \"\xff\": 2}")), ErrorCode::corrupt);
  EXPECT_EQ(code_of_parsing(with_json(std::string(60 * KiB, '['))), ErrorCode::corrupt);
  EXPECT_EQ(code_of_parsing(with_json(std::string(65 * KiB, ' '))), ErrorCode::corrupt);
  EXPECT_EQ(code_of_parsing(
                archive_of({{member_of_type(MemberType::directory, "mixtape-tape.json"), ""}})),
            ErrorCode::corrupt);
  std::vector<Content> many(100, text_file("another", ""));
  EXPECT_EQ(code_of_parsing(archive_of(many)), ErrorCode::corrupt);
}

// Gives what it has, then zeros for ever.
class Endless final : public ByteSource {
 public:
  explicit Endless(ByteView bytes) : begin_(bytes) {}
  std::size_t read(MutableBytes into) override {
    const std::size_t size = begin_.read(into);
    std::fill(into.begin() + static_cast<std::ptrdiff_t>(size), into.end(), std::byte{0});
    given += into.size();
    return into.size();
  }
  std::uint64_t given = 0;

 private:
  MemorySource begin_;
};

TEST(Archaeology, AMemberInFrontThatNeverEndsIsNotReadThrough) {
  const TarHeader readme = encode_header(file_named("README.txt", std::uint64_t{1} << 62));
  Endless source(readme.blocks);
  EXPECT_EQ(mixtape::test::error_of([&] { return parse_archaeology(source); }), ErrorCode::corrupt);
  EXPECT_LE(source.given, 17 * MiB);
}

TEST(Archaeology, CutAnywhereIsCorrupt) {
  const Bytes archaeology = with_json(json_of(some_label()));
  // Behind the JSON nothing more is read: its data end two blocks and some padding before the end.
  const std::size_t end = archaeology.size() - 2 * kTarBlock - kTarBlock;
  for (std::size_t size = 0; size < end; size += 37) {
    EXPECT_EQ(code_of_parsing(ByteView(archaeology).first(size)), ErrorCode::corrupt) << size;
  }
}

// --- The examples in the format document

TEST(TapeFormat, PaddingExampleHolds) {
  EXPECT_EQ(padded_plain_size(184, 5'007'360, MiB), 5'241'416U);
  EXPECT_EQ(cipher_size(184, 5'241'416), 5'242'880U);
}

// The words in the first column of the table that begins with `name`.
std::set<std::string> first_cells(const std::string& text, const std::string& name) {
  std::set<std::string> cells;
  const std::size_t begin = text.find("\n| `" + name + "` |", text.find("## 5. Index"));
  if (begin == std::string::npos) {
    return cells;
  }
  std::istringstream rows(text.substr(begin + 1, text.find("\n\n", begin) - begin));
  for (std::string row; std::getline(rows, row);) {
    std::string cell = row.substr(1, row.find('|', 1) - 1);
    std::replace(cell.begin(), cell.end(), ',', ' ');
    std::istringstream words(cell);
    for (std::string word; words >> word;) {
      cells.insert(word);
    }
  }
  return cells;
}

// Every table of the schema has its own in the text, with a row or a word for every column.
TEST(TapeFormat, NamesEveryColumnOfTheIndex) {
  const char* source = std::getenv("MIXTAPE_SOURCE_DIR");
  if (source == nullptr) {
    GTEST_SKIP() << "MIXTAPE_SOURCE_DIR is not set";
  }
  const std::string text = read_text(std::string(source) + "/archaeology/tape-format.md");
  std::istringstream schema(read_text(std::string(source) + "/tests/golden/schema-v1.sql"));
  std::set<std::string> described;  // The words in the first column of the table's rows.
  for (std::string line; std::getline(schema, line);) {
    std::istringstream words(line);
    std::string first, second, name;
    words >> first >> second >> name;
    if (line.starts_with("CREATE TABLE ") && line.ends_with("(")) {
      described = first_cells(text, name.substr(0, name.size() - 1));
      EXPECT_FALSE(described.empty()) << name;
    } else if (line.starts_with("  ") && std::islower(line[2]) != 0) {
      EXPECT_TRUE(described.contains(first)) << first << " of a table";
    }
  }
}

}  // namespace
}  // namespace mixtape::format::test
