// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_header.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/format/age_grammar.h"
#include "engine/format/age_primitives.h"
#include "engine/format/age_stanza.h"
#include "engine/format/bech32.h"
#include "tests/format/age_fixture.h"
#include "tests/support/patterns.h"

namespace mixtape::format::test {
namespace {

const Secret& file_key() {
  static const Secret key = Secret::copy_of(as_bytes("ORANGE SUBMARINE"));
  return key;
}

const Identity& identity() {
  static const Identity one = [] {
    const Secret text = bech32_encode("age-secret-key-", mixtape::test::pattern(32, 1));
    return Identity::parse(as_text(text.view()));
  }();
  return one;
}

std::string for_identity() {
  const Secret ephemeral = Secret::copy_of(mixtape::test::pattern(32, 2));
  return stanza_text(wrap_x25519(file_key(), identity().recipient(), ephemeral));
}

std::string for_passphrase() {
  return stanza_text(
      wrap_scrypt(file_key(), as_bytes("password"), mixtape::test::pattern(16), kTestLogN));
}

// A preamble with exactly these stanzas and the MAC that belongs to them.
Bytes preamble_of(const std::string& stanzas) {
  std::string text = "age-encryption.org/v1\n" + stanzas + "---";
  const Secret mac_key = hkdf_sha256(file_key().view(), {}, "header");
  text += ' ' + base64_encode(hmac_sha256(mac_key.view(), as_bytes(text)), Padding::none) + '\n';
  return joined(as_bytes(text), mixtape::test::pattern(kAgeNonceSize));
}

std::optional<AgeFailure> failure_with_identity(const std::string& stanzas) {
  return failure_of([&] { open_preamble(preamble_of(stanzas), {&identity(), 1}); });
}

std::optional<AgeFailure> failure_with_passphrase(const std::string& stanzas) {
  return failure_of([&] { open_scrypt_preamble(preamble_of(stanzas), as_bytes("password")); });
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(AgePreamble, OpensForEachOfItsRecipientsAndNobodyElse) {
  std::vector<Identity> identities;
  std::vector<Recipient> recipients;
  for (int i = 0; i < 3; ++i) {
    identities.push_back(Identity::generate());
    recipients.push_back(identities.back().recipient());
  }
  const AgePreamble made = make_preamble(recipients);
  for (const Identity& one : identities) {
    const AgePreamble opened = open_preamble(made.bytes, {&one, 1});
    EXPECT_EQ(opened.bytes, made.bytes);
    EXPECT_EQ(to_hex(opened.payload_key.view()), to_hex(made.payload_key.view()));
  }
  const Identity other = Identity::generate();
  EXPECT_EQ(failure_of([&] { open_preamble(made.bytes, {&other, 1}); }), AgeFailure::no_match);
  EXPECT_EQ(failure_of([&] { open_preamble(made.bytes, {}); }), AgeFailure::no_match);
}

TEST(AgePreamble, HasTheSizeThatOffsetsOnTapeCountOn) {
  for (std::size_t count = 1; count <= 5; ++count) {
    const std::vector<Recipient> recipients(count, identity().recipient());
    const AgePreamble made = make_preamble(recipients);
    EXPECT_EQ(made.bytes.size(), 70 + 98 * count + kAgeNonceSize);
    EXPECT_EQ(header_size(made.bytes), 70 + 98 * count);
  }
}

TEST(AgePreamble, ForAPassphraseOpensWithItAlone) {
  const AgePreamble made = make_scrypt_preamble(as_bytes("password"), kTestLogN);
  EXPECT_TRUE(needs_passphrase(made.bytes));
  const AgePreamble opened = open_scrypt_preamble(made.bytes, as_bytes("password"));
  EXPECT_EQ(to_hex(opened.payload_key.view()), to_hex(made.payload_key.view()));
  EXPECT_EQ(failure_of([&] { open_scrypt_preamble(made.bytes, as_bytes("Password")); }),
            AgeFailure::no_match);
  EXPECT_EQ(failure_of([&] { open_preamble(made.bytes, {&identity(), 1}); }), AgeFailure::no_match);
}

TEST(AgePreamble, NeverRepeatsItself) {
  const Recipient recipient = identity().recipient();
  const AgePreamble first = make_preamble({&recipient, 1});
  const AgePreamble second = make_preamble({&recipient, 1});
  EXPECT_NE(to_hex(first.payload_key.view()), to_hex(second.payload_key.view()));
  EXPECT_NE(first.bytes, second.bytes);
}

TEST(AgePreamble, IsTheSameFromTheSameRandomness) {
  const Recipient recipient = identity().recipient();
  const AgePreamble first = make_preamble({&recipient, 1}, Counting(7));
  EXPECT_EQ(first.bytes, make_preamble({&recipient, 1}, Counting(7)).bytes);
  EXPECT_NE(first.bytes, make_preamble({&recipient, 1}, Counting(8)).bytes);
}

TEST(AgePreamble, IsNotMadeForNobodyOrNonsense) {
  EXPECT_EQ(error_of([] { make_preamble({}); }), ErrorCode::invalid);
  const Recipient zero{};
  EXPECT_EQ(error_of([&] { make_preamble({&zero, 1}); }), ErrorCode::invalid);
  const std::vector<Recipient> crowd(700, identity().recipient());
  EXPECT_EQ(error_of([&] { make_preamble(crowd); }), ErrorCode::invalid);
  for (const int log_n : {0, -1, 23, 64}) {
    EXPECT_EQ(error_of([&] { make_scrypt_preamble(as_bytes("p"), log_n); }), ErrorCode::invalid);
  }
}

TEST(AgePreamble, CutInTheNonceIsAHeaderFailureButLast) {
  const Bytes whole = preamble_of(for_identity());
  const Identity other = Identity::generate();
  for (std::size_t missing = 1; missing <= kAgeNonceSize; ++missing) {
    const ByteView cut = ByteView(whole).first(whole.size() - missing);
    EXPECT_EQ(failure_of([&] { open_preamble(cut, {&identity(), 1}); }), AgeFailure::header);
    EXPECT_EQ(failure_of([&] { open_preamble(cut, {&other, 1}); }), AgeFailure::no_match);
  }
}

TEST(AgePreamble, CutInTheHeaderIsAHeaderFailure) {
  const Bytes whole = preamble_of(for_identity());
  for (std::size_t size = 0; size < whole.size() - kAgeNonceSize; ++size) {
    const ByteView cut = ByteView(whole).first(size);
    EXPECT_EQ(failure_of([&] { open_preamble(cut, {&identity(), 1}); }), AgeFailure::header);
    EXPECT_EQ(header_size(cut), std::nullopt);
  }
}

TEST(AgePreamble, SkipsStanzasOfUnknownTypes) {
  for (const std::string& grease :
       {std::string("-> ~grease%&()[]{}\n\n"), std::string("-> x25519 AAAA\nAAAA\n"),
        std::string("-> mlkem768x25519 ") + std::string(1460, 'A') + "\n" + std::string(43, 'A') +
            "\n",
        "-> a b c d e f\n" + std::string(64, 'A') + "\n" + std::string(64, 'A') + "\n\n",
        "-> x\n" + std::string(63, 'A').substr(0, 62) + "\n"}) {
    EXPECT_EQ(failure_with_identity(grease + for_identity()), std::nullopt) << grease;
    EXPECT_EQ(failure_with_identity(for_identity() + grease), std::nullopt) << grease;
    EXPECT_EQ(failure_with_identity(grease), AgeFailure::no_match) << grease;
  }
}

TEST(AgePreamble, WithAPassphraseStanzaHasNoOther) {
  for (const std::string& stanzas :
       {for_passphrase() + for_identity(), for_identity() + for_passphrase(),
        for_passphrase() + for_passphrase(), for_passphrase() + "-> grease\n\n",
        "-> grease\n\n" + for_passphrase()}) {
    EXPECT_EQ(failure_with_passphrase(stanzas), AgeFailure::header);
    EXPECT_EQ(failure_with_identity(stanzas), AgeFailure::header);
  }
}

TEST(AgePreamble, AcceptsWorkFactorsOnlyAsPlainNumbersWithinTheLimit) {
  const std::string written = " " + std::to_string(kTestLogN) + "\n";
  for (const std::string factor : {"0", "04", "+4", "-4", "4.0", "0x4", "4 ", " 4", "4\t", "", "a",
                                   "23", "99", "100", "18446744073709551620", "4,"}) {
    EXPECT_EQ(failure_with_passphrase(replaced(for_passphrase(), written, " " + factor + "\n")),
              AgeFailure::header)
        << factor;
  }
  EXPECT_EQ(failure_with_passphrase(replaced(for_passphrase(), written, " 5\n")),
            AgeFailure::no_match);
}

TEST(AgePreamble, WithAStanzaOfTheWrongShapeIsAHeaderFailure) {
  const std::string good = for_identity();
  const std::string share = good.substr(10, 43);
  const std::string body = good.substr(54, 43);
  ASSERT_EQ(good, "-> X25519 " + share + "\n" + body + "\n");
  for (const std::string& bad : {
           "-> X25519\n" + body + "\n",
           "-> X25519 " + share + " more\n" + body + "\n",
           "-> X25519 " + share + "A\n" + body + "\n",
           "-> X25519 " + share.substr(1) + "\n" + body + "\n",
           "-> X25519 " + share + "=\n" + body + "\n",
           "-> X25519 " + share + "\n\n",
           "-> X25519 " + share + "\n" + body.substr(0, 42) + "\n",
           "-> X25519 " + share + "\n" + body + "AAA\n",
           "-> X25519 " + std::string(43, 'A') + "\n" + body + "\n",
       }) {
    EXPECT_EQ(failure_with_identity(bad), AgeFailure::header) << bad;
    EXPECT_EQ(failure_with_identity(good + bad), bad.find(std::string(43, 'A')) == std::string::npos
                                                     ? std::optional(AgeFailure::header)
                                                     : std::nullopt)
        << bad;
  }
}

TEST(AgePreamble, WithLayoutThatIsNearlyRightIsAHeaderFailure) {
  const std::string good = for_identity();
  const std::string full_line(64, 'A');
  for (const std::string& bad : {
           std::string(),
           replaced(good, "-> ", "->"),
           replaced(good, "-> ", "->  "),
           replaced(good, "-> ", " -> "),
           replaced(good, "-> ", "=> "),
           replaced(good, "X25519 ", "X25519  "),
           replaced(good, "X25519 ", "X25519\t"),
           replaced(good, "\n", " \n"),
           replaced(good, "\n", "\r\n"),
           good.substr(0, good.size() - 1) + "\r\n",
           good + "\n",
           "\n" + good,
           good + "-> \n\n",
           good + "->\n\n",
           good + "-> g\n",
           good + "-> g\n" + full_line + "\n",
           good + "-> g\n" + full_line + "A\n\n",
           good + "-> g\nAAAA\nAAAA\n",
           good + "-> g\nA\n",
           good + "-> g\nAB\n",
           good + "-> g\nAA==\n",
           good + "-> g\n AAAA\n",
           good + "-> g \xc3\xa8\n\n",
           good + "-> g\x7f\n\n",
           good + std::string("-> g\0\n\n", 7),
       }) {
    EXPECT_EQ(failure_with_identity(bad), AgeFailure::header) << bad;
  }
}

TEST(AgePreamble, WithALastLineThatIsNearlyRightIsAHeaderFailure) {
  const Bytes whole = preamble_of(for_identity());
  const std::string text(as_text(ByteView(whole).first(whole.size() - kAgeNonceSize)));
  const std::size_t last = text.rfind("---");
  const std::string mac = text.substr(last + 4, 43);
  for (const std::string& line :
       {"---" + mac + "\n", "---  " + mac + "\n", "--- " + mac + " \n", "--- " + mac + "\r\n",
        "--- " + mac + "=\n", "--- " + mac + "A\n", "--- " + mac.substr(1) + "\n",
        std::string("---\n"), std::string("--- \n"), "--- " + mac + " AAAA\n", "---- " + mac + "\n",
        "---\t" + mac + "\n", "-- " + mac + "\n"}) {
    const std::string bad = text.substr(0, last) + line + std::string(16, 'n');
    EXPECT_EQ(failure_of([&] {
                open_preamble(as_bytes(bad), {&identity(), 1});
              }),
              AgeFailure::header)
        << line;
  }
}

TEST(AgePreamble, WithAChangedMacOrUnknownStanzaIsAnHmacFailure) {
  Bytes whole = preamble_of(for_identity() + "-> grease AAAA\n\n");
  const std::string text(as_text(whole));
  whole[text.rfind("AAAA")] = std::byte{'B'};
  EXPECT_EQ(failure_of([&] { open_preamble(whole, {&identity(), 1}); }), AgeFailure::hmac);
}

TEST(AgePreamble, OfAnotherVersionIsAHeaderFailure) {
  for (const std::string_view first :
       {"age-encryption.org/v2\n", "age-encryption.org/v1 \n", "age-encryption.org/v1\r\n",
        " age-encryption.org/v1\n", "Age-encryption.org/v1\n", "age-encryption.org/v12\n", "\n"}) {
    EXPECT_EQ(failure_of([&] { (void)header_size(as_bytes(first)); }), AgeFailure::header) << first;
  }
}

TEST(HeaderSize, IsKnownAtItsLastByteHoweverMuchFollows) {
  const Bytes whole = preamble_of(for_identity());
  const std::size_t header = whole.size() - kAgeNonceSize;
  EXPECT_EQ(header_size(ByteView(whole).first(header)), header);
  EXPECT_EQ(header_size(whole), header);
  EXPECT_EQ(header_size(joined(whole, mixtape::test::pattern(100'000))), header);
}

TEST(HeaderSize, GivesUpEarlyOnWhatCannotBecomeAHeader) {
  EXPECT_EQ(failure_of([] { (void)header_size(as_bytes("agx")); }), AgeFailure::header);
  EXPECT_EQ(failure_of([] { (void)header_size(as_bytes("age-encryption.org/v1\n\x01")); }),
            AgeFailure::header);
  std::string endless = "age-encryption.org/v1\n";
  while (endless.size() < kMaxAgeHeader) {
    EXPECT_EQ(header_size(as_bytes(endless)), std::nullopt);
    for (int i = 0; i < 40; ++i) {
      endless += "-> g\n" + std::string(60, 'A') + "\n";
    }
  }
  EXPECT_EQ(failure_of([&] { (void)header_size(as_bytes(endless)); }), AgeFailure::header);
  EXPECT_EQ(failure_of([&] {
              (void)header_size(as_bytes("age-encryption.org/v1\n-> " + std::string(70'000, 'g')));
            }),
            AgeFailure::header);
}

}  // namespace
}  // namespace mixtape::format::test
