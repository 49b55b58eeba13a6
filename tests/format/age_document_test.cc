// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "engine/format/age_armor.h"
#include "tests/format/age_fixture.h"
#include "tests/support/temp_dir.h"

// archaeology/age.md against the program: its examples are what we write, and we open them.

namespace mixtape::format::test {
namespace {

constexpr std::string_view kIndent = "    ";

// Gives the runs of bytes that the document calls R(first, size), one for each call.
class Runs {
 public:
  explicit Runs(std::vector<std::uint8_t> firsts) : firsts_(std::move(firsts)) {}
  void operator()(MutableBytes into) {
    Counting run(firsts_.at(next_++));
    run(into);
  }

 private:
  std::vector<std::uint8_t> firsts_;
  std::size_t next_ = 0;
};

class AgeDocument : public testing::Test {
 protected:
  void SetUp() override {
    const char* source = std::getenv("MIXTAPE_SOURCE_DIR");
    if (source == nullptr) {
      GTEST_SKIP() << "MIXTAPE_SOURCE_DIR does not name the source";
    }
    std::istringstream text(
        mixtape::test::read_text(std::filesystem::path(source) / "archaeology/age.md"));
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with(kIndent)) {
        examples.push_back(line.substr(kIndent.size()));
      }
    }
  }

  // The example lines that begin so.
  [[nodiscard]] std::vector<std::string> lines_with(std::string_view start) const {
    std::vector<std::string> found;
    for (const std::string& line : examples) {
      if (line.starts_with(start)) {
        found.push_back(line);
      }
    }
    return found;
  }

  // Without the one that shows the layout in words.
  [[nodiscard]] std::vector<std::string> armored_files() const {
    std::vector<std::string> files;
    std::string file;
    for (const std::string& line : examples) {
      if (line.starts_with("-----BEGIN")) {
        file.clear();
      }
      file += line + '\n';
      if (line.starts_with("-----END") && file.find("of the whole file") == std::string::npos) {
        files.push_back(file);
      }
    }
    return files;
  }

  [[nodiscard]] Identity identity() const {
    const std::vector<std::string> keys = lines_with("AGE-SECRET-KEY-1QQQ");
    return Identity::parse(keys.at(0));
  }

  std::vector<std::string> examples;
};

std::string armored(ByteView bytes) {
  MemorySink sink;
  ArmorWriter writer(sink);
  writer.write(bytes);
  writer.finish();
  return std::string(as_text(sink.content));
}

TEST_F(AgeDocument, NamesTheRecipientOfItsIdentity) {
  EXPECT_EQ(lines_with("age13aqv"), std::vector<std::string>{identity().recipient().text()});
}

TEST_F(AgeDocument, ShowsTheFilesThatWeWrite) {
  const std::vector<std::string> files = armored_files();
  ASSERT_EQ(files.size(), 2U);
  const Recipient recipient = identity().recipient();
  EXPECT_EQ(files[0], armored(sealed_file(make_preamble({&recipient, 1}, Runs({0x40, 0x20, 0x50})),
                                          as_bytes("Mixtape remembers.\n"))));
  EXPECT_EQ(files[1], armored(sealed_file(
                          make_scrypt_preamble(as_bytes("mixtape"), 4, Runs({0x40, 0x60, 0x70})),
                          as_bytes("Behind a passphrase.\n"))));
}

TEST_F(AgeDocument, ShowsFilesThatWeOpen) {
  const std::vector<std::string> files = armored_files();
  ASSERT_EQ(files.size(), 2U);
  const Identity key = identity();
  EXPECT_EQ(as_text(open_file(as_bytes(files[0]), with(key)).plain), "Mixtape remembers.\n");
  EXPECT_EQ(as_text(open_file(as_bytes(files[1]), with_passphrase("mixtape")).plain),
            "Behind a passphrase.\n");
}

TEST_F(AgeDocument, ShowsTheHeaderOfItsFirstFile) {
  const Recipient recipient = identity().recipient();
  const AgePreamble preamble = make_preamble({&recipient, 1}, Runs({0x40, 0x20, 0x50}));
  std::istringstream header(
      std::string(as_text(ByteView(preamble.bytes).first(preamble.bytes.size() - kAgeNonceSize))));
  for (std::string line; std::getline(header, line);) {
    EXPECT_NE(std::find(examples.begin(), examples.end(), line), examples.end()) << line;
  }
}

TEST_F(AgeDocument, NamesThePayloadKeysOfItsFiles) {
  const Recipient recipient = identity().recipient();
  const auto line = [](const AgePreamble& preamble) {
    return "payload key  " + to_hex(preamble.payload_key.view());
  };
  EXPECT_EQ(lines_with("payload key  "),
            (std::vector<std::string>{
                line(make_preamble({&recipient, 1}, Runs({0x40, 0x20, 0x50}))),
                line(make_preamble({&recipient, 1}, Runs({0x40, 0x20, 0x50}))),
                line(make_scrypt_preamble(as_bytes("mixtape"), 4, Runs({0x40, 0x60, 0x70})))}));
}

}  // namespace
}  // namespace mixtape::format::test
