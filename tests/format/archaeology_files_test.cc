// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "engine/format/archaeology.h"
#include "tapeio/error.h"
#include "tests/format/tar_fixture.h"
#include "tests/support/errors.h"

// What stands behind the texts of the archaeology, and where the README says that things stand.

namespace mixtape::format::test {
namespace {

class Collected final : public ByteSink {
 public:
  void write(ByteView more) override { bytes.insert(bytes.end(), more.begin(), more.end()); }
  void finish() override { ADD_FAILURE() << "the tape file is not its business"; }
  Bytes bytes;
};

MediumLabel label_for(std::size_t recipients) {
  MediumLabel label;
  label.label = "MX0001";
  label.record_size = 64 * KiB;
  label.recipients.assign(recipients, "age1" + std::string(58, 'q'));
  label.created_s = 1'795'000'000;
  label.program = "mixtape 0.1.0";
  return label;
}

ArchaeologyFile file_of(const std::string& name, const std::string& text, std::uint64_t size,
                        bool executable = false) {
  return {.name = name, .size = size, .executable = executable, .open = [&text] {
            return std::make_unique<MemorySource>(as_bytes(text), 1000);
          }};
}

TEST(ArchaeologyFiles, StandBehindTheTextsAsTheyAre) {
  const std::string program(100'000, 'p'), none, block(kTarBlock, 'b');
  const std::vector<ArchaeologyFile> files = {
      file_of("program/mixtape", program, program.size(), true), file_of("source/empty", none, 0),
      file_of("source/" + std::string(300, 'n'), block, block.size())};
  Collected with;
  write_archaeology(label_for(1), files, with);
  EXPECT_EQ(with.bytes.size() % (64 * KiB), 0U);

  const auto texts = read_archive(build_archaeology(label_for(1)));
  const auto members = read_archive(with.bytes);
  ASSERT_EQ(members.size(), texts.size() + files.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(members[i].member.name, texts[i].member.name);
    EXPECT_TRUE(members[i].data == texts[i].data) << texts[i].member.name;
  }
  const auto* behind = &members[texts.size()];
  EXPECT_EQ(behind[0].member.name, "program/mixtape");
  EXPECT_EQ(behind[0].member.mode, 0755U);
  EXPECT_TRUE(behind[0].data == program);
  EXPECT_EQ(behind[1].member.mode, 0644U);
  EXPECT_TRUE(behind[1].data.empty());
  EXPECT_EQ(behind[2].member.name, files[2].name);
  EXPECT_TRUE(behind[2].data == block);
}

TEST(ArchaeologyFiles, WithoutAnyItIsTheSameTapeFile) {
  Collected without;
  write_archaeology(label_for(2), {}, without);
  EXPECT_TRUE(without.bytes == build_archaeology(label_for(2)));
}

TEST(ArchaeologyFiles, TakeWhatWasSaidOfThem) {
  const std::string text(70'000, 't');
  for (const std::uint64_t size : {0U, 1U, 511U, 512U, 513U, 70'000U}) {
    const ArchaeologyFile file = file_of("extra/" + std::string(200, 'x'), text, size);
    MediumLabel label = label_for(1);
    label.record_size = kTarBlock * 128;
    Collected with;
    write_archaeology(label, std::vector<ArchaeologyFile>{file}, with);
    const auto texts = read_archive(build_archaeology(label));
    const auto members = read_archive(with.bytes);
    ASSERT_EQ(members.size(), texts.size() + 1);
    EXPECT_EQ(archaeology_bytes(file) % kTarBlock, 0U);
    EXPECT_GE(archaeology_bytes(file), size + kTarBlock);
  }
}

TEST(ArchaeologyFiles, OneThatBecameShorterIsRefusedByName) {
  const std::string text(1000, 't');
  Collected out;
  const std::vector<ArchaeologyFile> files = {file_of("program/mixtape", text, 1001)};
  EXPECT_EQ(mixtape::test::error_of([&] { write_archaeology(label_for(1), files, out); }),
            ErrorCode::conflict);
}

// However long the README is, and with it the number of digits that it is told in.
TEST(ArchaeologyFiles, ReadmeTellsWhereTheWitnessStands) {
  for (std::size_t recipients = 0; recipients < 200; recipients += 3) {
    const Bytes archaeology = build_archaeology(label_for(recipients));
    const auto members = read_archive(archaeology);
    const std::string& readme = members[0].data;
    const auto number_behind = [&](const std::string& word) {
      const std::size_t at = readme.find(word);
      return at == std::string::npos
                 ? 0
                 : std::strtoull(readme.c_str() + at + word.size(), nullptr, 10);
    };
    const std::uint64_t offset = number_behind("skip="), size = number_behind(" count=");
    ASSERT_GT(offset, 0U);
    ASSERT_GT(size, 0U);
    ASSERT_LE(offset + size, archaeology.size());
    const std::string_view text =
        as_text(ByteView(archaeology)).substr(offset, static_cast<std::size_t>(size));
    const auto witness = std::find_if(members.begin(), members.end(), [](const auto& content) {
      return content.member.name == "unmixtape.c";
    });
    ASSERT_NE(witness, members.end());
    EXPECT_TRUE(text == witness->data) << recipients << " recipients";
  }
}

}  // namespace
}  // namespace mixtape::format::test
