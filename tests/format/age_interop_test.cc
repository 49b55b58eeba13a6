// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "engine/format/age_tool.h"
#include "tests/format/age_fixture.h"
#include "tests/format/shell.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

// With the age program: what one seals, the other opens.

namespace mixtape::format::test {
namespace {

using mixtape::test::pattern;
using mixtape::test::read_text;
using mixtape::test::TempDir;
using mixtape::test::write_text;

class AgeProgram : public testing::Test {
 protected:
  void SetUp() override {
    if (!installed("age")) {
      GTEST_SKIP() << "the age program is not installed";
    }
    write_identity_file(key(), identity, "a test's key");
  }

  std::string key() const { return (home / "key").string(); }
  std::string file(std::string_view name) const { return (home / name).string(); }

  const TempDir home;
  const Identity identity = Identity::generate();
};

const std::size_t kSizes[] = {0, 1, kChunk - 1, kChunk, kChunk + 1, 3 * kChunk, 1'000'000};

TEST_F(AgeProgram, OpensWhatWeSealed) {
  for (const std::size_t size : kSizes) {
    for (const bool armor : {false, true}) {
      const Bytes plain = pattern(size);
      AgeEncryptRequest request;
      request.recipients = {Identity::generate().recipient(), identity.recipient()};
      request.armor = armor;
      MemorySource in(plain);
      MemorySink out;
      age_encrypt(request, in, out);
      EXPECT_TRUE(out.finished);
      write_text(file("sealed"), as_text(out.content));
      const Ran ran = run("age -d -i " + key() + " " + file("sealed") + " > " + file("plain"));
      ASSERT_EQ(ran.status, 0) << ran.output;
      EXPECT_EQ(read_text(file("plain")), as_text(plain));
    }
  }
}

TEST_F(AgeProgram, SealsWhatWeOpen) {
  const std::filesystem::path key_file = key();
  const AgeDecryptKeys keys = load_age_keys({&key_file, 1}, {});
  for (const std::size_t size : kSizes) {
    for (const std::string flags : {"", "-a "}) {
      const Bytes plain = pattern(size, 1);
      write_text(file("plain"), as_text(plain));
      const Ran ran = run("age " + flags + "-r " + identity.recipient().text() + " -o " +
                          file("sealed") + " " + file("plain"));
      ASSERT_EQ(ran.status, 0) << ran.output;
      const std::string sealed = read_text(file("sealed"));
      MemorySource in(as_bytes(sealed));
      MemorySink out;
      age_decrypt(keys, in, out);
      EXPECT_EQ(out.content, plain);
    }
  }
}

TEST_F(AgeProgram, ReadsOurIdentityFiles) {
  const Ran ran = run("age-keygen -y " + key());
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(ran.output, identity.recipient().text() + "\n");
}

TEST_F(AgeProgram, WritesIdentityFilesThatWeRead) {
  const Ran ran = run("age-keygen -o " + file("theirs") + " && age-keygen -y " + file("theirs"));
  ASSERT_EQ(ran.status, 0) << ran.output;
  const std::vector<Identity> identities = read_identity_file(file("theirs"));
  ASSERT_EQ(identities.size(), 1U);
  EXPECT_NE(ran.output.find(identities[0].recipient().text() + "\n"), std::string::npos);
}

TEST_F(AgeProgram, OpensWhatWeSealedWithAPassphrase) {
  if (!installed("script")) {
    GTEST_SKIP()
        << "the script program, which gives age a terminal for its passphrase, is not installed";
  }
  const Bytes sealed =
      sealed_file(make_scrypt_preamble(as_bytes("open sesame"), 10), as_bytes("behind a phrase"));
  write_text(file("sealed"), as_text(sealed));
  const Ran ran = run("echo open sesame | script -qec 'age -d -o " + file("plain") + " " +
                      file("sealed") + "' /dev/null");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(read_text(file("plain")), "behind a phrase");
}

}  // namespace
}  // namespace mixtape::format::test
