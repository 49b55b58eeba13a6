// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/age_header.h"
#include "engine/format/age_keys.h"
#include "engine/format/archaeology.h"
#include "tests/format/shell.h"
#include "tests/format/tar_fixture.h"
#include "tests/support/temp_dir.h"

// A medium that is a directory, and a stranger who knows only what its README.txt tells.

namespace mixtape::format::test {

namespace fs = std::filesystem;
using mixtape::test::read_text;
using mixtape::test::TempDir;
using mixtape::test::write_text;

// The lines that begin with "$ " below the heading, without that.
std::string commands_below(const std::string& heading, const std::string& readme);
// As one word of the shell.
std::string word(const std::string& text);

// A medium with one bundle and a closing index, as the program would have written it.
class ReadmeCommands : public testing::Test {
 protected:
  void SetUp() override;

  // Runs it where a stranger would, with README's own values set for this medium.
  Ran in_empty_directory(const std::string& commands);
  // The same with programs of the test's own that go before the system's: name and script.
  Ran with_programs(const std::vector<std::pair<std::string, std::string>>& programs,
                    const std::string& commands);
  // The same with a tape drive: programs that go by the names of mt and dd, and move over the tape
  // files of the medium as the real ones do. /dev/null has the looks of a device.
  Ran with_tape(const std::string& commands);
  Ran follow(const std::string& heading) {
    return in_empty_directory(commands_below(heading, readme_));
  }
  // Unpacks the texts and runs recover.sh from there.
  Ran restore_everything();

  // One bundle more, and a new closing index behind it.
  void append_bundle(const std::vector<Content>& contents);
  // Lets the newest index say something else: anybody can make one for a public key.
  void forge_index(const std::string& sql);
  // The newest index before it was encrypted; seal_index() puts it onto the medium again.
  [[nodiscard]] fs::path newest_plain_index() const {
    return directory_ / ("index" + std::to_string(tape_files_ - 1));
  }
  void seal_index();

  static constexpr const char* kPhoto = "home/anna/Photos/it's a \"photo\".raw";
  TempDir directory_;
  fs::path medium_ = directory_ / "MX0001";
  fs::path key_ = directory_ / "key.txt";
  fs::path here_ = directory_ / "here";
  Identity identity_ = Identity::generate();
  std::string readme_;

 private:
  void write_medium();
  std::vector<catalog::Copy> add_files(catalog::Ledger& ledger, catalog::JobId job,
                                       const std::vector<Content>& contents);
  void write_encrypted(const std::string& name, const AgePreamble& preamble, ByteView plain);
  void write_index(catalog::Database& database, catalog::IndexRole role,
                   const std::optional<catalog::Uuid>& bundle);

  MediumLabel label_;
  catalog::MediumId medium_id_{};
  std::uint64_t tape_files_ = 0;
  std::uint64_t bundles_ = 0;
};

}  // namespace mixtape::format::test
