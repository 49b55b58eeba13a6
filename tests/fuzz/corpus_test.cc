// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "tests/fuzz/targets.h"
#include "tests/support/temp_dir.h"

// The seeds of the fuzzers, and what they once found, one file each: with the sanitizers of the
// developer's build, a file that breaks a parser ends the test.

namespace mixtape::fuzz {
namespace {

namespace fs = std::filesystem;

class Corpus : public testing::Test {
 protected:
  void SetUp() override {
    const char* source = std::getenv("MIXTAPE_SOURCE_DIR");
    if (source == nullptr) {
      GTEST_SKIP() << "MIXTAPE_SOURCE_DIR is not set";
    }
    corpus_ = fs::path(source) / "tests/corpus";
  }
  fs::path corpus_;
};

TEST_F(Corpus, IsAnsweredByEveryParserWithAValueOrAnError) {
  for (const auto& entry : fs::recursive_directory_iterator(corpus_)) {
    if (!entry.is_regular_file()) {
      continue;
    }
    SCOPED_TRACE(entry.path().string());
    const std::string input = test::read_text(entry.path());
    for (const Target& target : targets()) {
      feed(target, as_bytes(input));
    }
  }
}

TEST_F(Corpus, HasSeedsForEveryTargetAndNothingElse) {
  std::set<std::string> seeded, known;
  for (const auto& entry : fs::directory_iterator(corpus_)) {
    EXPECT_FALSE(fs::is_empty(entry.path())) << entry.path();
    seeded.insert(entry.path().filename());
  }
  for (const Target& target : targets()) {
    known.insert(std::string(target.name));
  }
  EXPECT_EQ(seeded, known);
}

// A fuzzer that starts from inputs which are all refused at once finds nothing.
TEST_F(Corpus, HasAValueForEveryTarget) {
  for (const Target& target : targets()) {
    bool answered = false;
    for (const auto& entry : fs::directory_iterator(corpus_ / target.name)) {
      const std::string input = test::read_text(entry.path());
      try {
        target.parse(as_bytes(input));
        answered = true;
      } catch (const std::exception&) {
        // Others may.
      }
    }
    EXPECT_TRUE(answered) << target.name;
  }
}

}  // namespace
}  // namespace mixtape::fuzz
