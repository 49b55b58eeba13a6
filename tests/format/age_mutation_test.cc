// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/format/age_armor.h"
#include "tests/format/age_fixture.h"
#include "tests/support/patterns.h"

// Hostile age files: small changes to good ones, the same in every run. Whatever happens, it is an
// AgeError or the right bytes.

namespace mixtape::format::test {
namespace {

// Of each kind of file; 10,000 together.
constexpr int kMutations = 3'334;

// Pieces that parsers of such text have stumbled over.
const std::vector<std::string>& hazards() {
  static const std::vector<std::string> all = {"\n",
                                               "\r\n",
                                               "\n\n",
                                               " ",
                                               "=",
                                               "-> ",
                                               "---",
                                               "--- ",
                                               std::string(1, '\0'),
                                               "-> X25519 ",
                                               "-> scrypt ",
                                               "X25519",
                                               "\xff\xfe",
                                               std::string(64, 'A') + "\n",
                                               "-----BEGIN AGE ENCRYPTED FILE-----\n",
                                               "-----END AGE ENCRYPTED FILE-----\n",
                                               "age-encryption.org/v1\n"};
  return all;
}

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::string operator()(std::string text, const std::string& donor) {
    for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
      change(text, donor);
    }
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  void change(std::string& text, const std::string& donor) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(below(20), text.size() - at);
    switch (below(7)) {
      case 0:
        if (at < text.size()) {
          text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        }
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, hazards()[below(hazards().size())]);
        break;
      case 3:
        text.insert(at, text.substr(at, length));
        break;
      case 4:
        text.resize(at);
        break;
      case 5:
        text.replace(at, length, donor.substr(below(donor.size()), length));
        break;
      case 6:
        text[below(std::max<std::size_t>(1, text.size()))] = static_cast<char>(random_());
        break;
    }
  }

  std::mt19937 random_;
};

std::string text_of(ByteView bytes) {
  return std::string(as_text(bytes));
}

std::string armored(ByteView bytes) {
  MemorySink sink;
  ArmorWriter writer(sink);
  writer.write(bytes);
  writer.finish();
  return text_of(sink.content);
}

class AgeMutations : public testing::Test {
 protected:
  const Identity identity = Identity::generate();
  const Bytes plain = mixtape::test::pattern(200);
  const std::vector<Recipient> recipients = {Identity::generate().recipient(),
                                             identity.recipient()};
  const Bytes for_identity = sealed_file(make_preamble(recipients), plain);
  const Bytes for_passphrase =
      sealed_file(make_scrypt_preamble(as_bytes("password"), kTestLogN), plain);

  // A changed work factor must not cost the test a second per mutation.
  static bool is_cheap(ByteView preamble) {
    const std::string text = text_of(preamble);
    const std::size_t stanza = text.find("-> scrypt ");
    const std::size_t line = text.find('\n', stanza);
    return stanza == std::string::npos || text[line - 2] == ' ';
  }

  AgePreamble open(ByteView preamble) const {
    if (!needs_passphrase(preamble)) {
      return open_preamble(preamble, {&identity, 1});
    }
    if (!is_cheap(preamble)) {
      throw AgeError(AgeFailure::header, "too expensive for this test");
    }
    return open_scrypt_preamble(preamble, as_bytes("password"));
  }

  void expect_harmless(const std::string& file) const {
    const Opened opened = open_file(
        as_bytes(file), [this](ByteView preamble) { return open(preamble); }, 100, 333);
    if (!opened.failure) {
      EXPECT_EQ(opened.plain, plain) << file;
    } else {
      ASSERT_LE(opened.plain.size(), plain.size());
      EXPECT_TRUE(std::equal(opened.plain.begin(), opened.plain.end(), plain.begin())) << file;
    }
  }
};

TEST_F(AgeMutations, OfBinaryFilesAreHarmless) {
  Mutator mutate(1);
  for (int i = 0; i < kMutations; ++i) {
    const bool first = i % 2 == 0;
    expect_harmless(mutate(text_of(first ? for_identity : for_passphrase),
                           text_of(first ? for_passphrase : for_identity)));
  }
}

TEST_F(AgeMutations, OfArmoredFilesAreHarmless) {
  const std::string one = armored(for_identity);
  const std::string other = armored(for_passphrase);
  Mutator mutate(2);
  for (int i = 0; i < kMutations; ++i) {
    expect_harmless(i % 2 == 0 ? mutate(one, other) : mutate(other, one));
  }
}

TEST_F(AgeMutations, OfHeadersInsideGoodArmorAreHarmless) {
  Mutator mutate(3);
  for (int i = 0; i < kMutations; ++i) {
    expect_harmless(armored(as_bytes(mutate(text_of(for_identity), text_of(for_passphrase)))));
  }
}

}  // namespace
}  // namespace mixtape::format::test
