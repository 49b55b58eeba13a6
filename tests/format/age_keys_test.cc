// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/format/age_tool.h"
#include "engine/format/bech32.h"
#include "tests/format/age_fixture.h"
#include "tests/support/temp_dir.h"

namespace mixtape::format::test {
namespace {

using mixtape::test::read_text;
using mixtape::test::TempDir;
using mixtape::test::write_text;

// Bob of RFC 7748, section 6.1.
constexpr std::string_view kBobSecret =
    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
constexpr std::string_view kBobPublic =
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";

std::string text_of(const Identity& identity) {
  return std::string(as_text(identity.text().view()));
}

std::string upper(std::string text) {
  for (char& c : text) {
    c = static_cast<char>(std::toupper(c));
  }
  return text;
}

std::filesystem::path private_file(const TempDir& home, const std::string& text) {
  const std::filesystem::path file = home / "key";
  write_text(file, text);
  ::chmod(file.c_str(), 0600);
  return file;
}

AskPassphrase answering(const std::string& passphrase) {
  return [passphrase](const std::string&) { return Secret::copy_of(as_bytes(passphrase)); };
}

TEST(AgeKeys, TextHasTheLengthsAndLettersOfAge) {
  const Identity identity = Identity::generate();
  EXPECT_EQ(text_of(identity).size(), 74U);
  EXPECT_TRUE(text_of(identity).starts_with("AGE-SECRET-KEY-1"));
  EXPECT_EQ(identity.recipient().text().size(), 62U);
  EXPECT_TRUE(identity.recipient().text().starts_with("age1"));
}

TEST(AgeKeys, TextRoundTripsInBothCases) {
  const Identity identity = Identity::generate();
  for (const std::string& text : {text_of(identity), std::string("age-secret-key-1") + [&] {
                                    std::string rest = text_of(identity).substr(16);
                                    for (char& c : rest) {
                                      c = static_cast<char>(std::tolower(c));
                                    }
                                    return rest;
                                  }()}) {
    EXPECT_EQ(text_of(Identity::parse(text)), text_of(identity));
  }
  const Recipient recipient = identity.recipient();
  EXPECT_EQ(Recipient::parse(recipient.text()), recipient);
  EXPECT_EQ(Recipient::parse(upper(recipient.text())), recipient);
}

TEST(AgeKeys, RecipientIsThePublicPointOfTheIdentity) {
  const Secret text = bech32_encode("age-secret-key-", from_hex(kBobSecret));
  const Identity bob = Identity::parse(as_text(text.view()));
  EXPECT_EQ(to_hex(bob.recipient().point), kBobPublic);
}

TEST(AgeKeys, MistypedTextIsInvalidAndNeverShown) {
  const std::string good = text_of(Identity::generate());
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = bad[at] == 'Q' ? 'P' : 'Q';
    try {
      Identity::parse(bad);
      ADD_FAILURE() << "accepted with a wrong character " << at;
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::corrupt);
      EXPECT_EQ(std::string(error.what()).find(bad.substr(20)), std::string::npos);
    }
  }
  try {
    Recipient::parse(good);
    ADD_FAILURE() << "an identity was taken for a recipient";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find(good.substr(20)), std::string::npos);
  }
}

TEST(AgeKeys, KeysOfAnotherLengthAreInvalid) {
  for (const std::size_t size : {0, 31, 33, 64, 5000}) {
    const Secret recipient = bech32_encode("age", Bytes(size));
    EXPECT_EQ(error_of([&] { Recipient::parse(as_text(recipient.view())); }), ErrorCode::invalid);
  }
}

TEST(AgeKeys, OtherKindsOfKeysAreUnsupportedByName) {
  for (const std::string_view text :
       {"age1pq1qqqq", "age1yubikey1qqqq", "ssh-ed25519 AAAA", "ssh-rsa AAAA"}) {
    EXPECT_EQ(error_of([&] { Recipient::parse(text); }), ErrorCode::unsupported) << text;
  }
  for (const std::string_view text : {"AGE-SECRET-KEY-PQ-1QQQQ", "AGE-PLUGIN-YUBIKEY-1QQQQ"}) {
    EXPECT_EQ(error_of([&] { Identity::parse(text); }), ErrorCode::unsupported) << text;
  }
}

TEST(IdentityFile, HoldsOneIdentityALineAmongComments) {
  const TempDir home;
  const Identity first = Identity::generate();
  const Identity second = Identity::generate();
  const auto file = private_file(
      home, "# mine\n\n" + text_of(first) + "\r\n#" + text_of(second) + "\n" + text_of(second));
  const std::vector<Identity> identities = read_identity_file(file);
  ASSERT_EQ(identities.size(), 2U);
  EXPECT_EQ(text_of(identities[0]), text_of(first));
  EXPECT_EQ(text_of(identities[1]), text_of(second));
}

TEST(IdentityFile, APrintedKeyIsTakenAsItStandsOnThePaper) {
  const TempDir home;
  const Identity identity = Identity::generate();
  const std::string prose = "\n" + std::string(kPaperBegins) +
                            "recovery key. Keep this paper away.\n\n  " + text_of(identity) +
                            " \r\n  opens what is written for " + identity.recipient().text() +
                            "\n\nWith this line in a file it opens everything.\n";
  const std::vector<Identity> identities = read_identity_file(private_file(home, prose));
  ASSERT_EQ(identities.size(), 1U);
  EXPECT_EQ(text_of(identities[0]), text_of(identity));
}

TEST(IdentityFile, BlanksAroundAKeyThatWasCopiedAreLeftOut) {
  const TempDir home;
  const Identity identity = Identity::generate();
  const auto file = private_file(home, "  " + text_of(identity) + "\t\n");
  EXPECT_EQ(text_of(read_identity_file(file).at(0)), text_of(identity));
}

TEST(IdentityFile, OtherProseIsRefusedAndAMistypedKeyOnAPaperToo) {
  const TempDir home;
  const std::string key = text_of(Identity::generate());
  EXPECT_EQ(error_of([&] { read_identity_file(private_file(home, "my key is\n  " + key + "\n")); }),
            ErrorCode::invalid);
  const std::string mistyped = key.substr(0, key.size() - 2) + "QQ";
  EXPECT_EQ(error_of([&] {
              read_identity_file(
                  private_file(home, std::string(kPaperBegins) + "recovery key.\n" + mistyped));
            }),
            ErrorCode::invalid);
}

TEST(IdentityFile, ThatOthersCanReadIsRefusedWithTheCommandThatHelps) {
  const TempDir home;
  const auto file = private_file(home, text_of(Identity::generate()));
  for (const mode_t mode : {0640, 0604, 0644, 0666}) {
    ::chmod(file.c_str(), mode);
    try {
      read_identity_file(file);
      ADD_FAILURE() << "mode " << std::oct << mode << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::not_permitted);
      EXPECT_NE(std::string(error.what()).find("chmod 600 " + file.string()), std::string::npos);
    }
  }
  for (const mode_t mode : {0600, 0400, 0700}) {
    ::chmod(file.c_str(), mode);
    EXPECT_EQ(read_identity_file(file).size(), 1U);
  }
}

TEST(IdentityFile, WithoutAnIdentityIsRefused) {
  const TempDir home;
  EXPECT_EQ(error_of([&] { read_identity_file(home / "absent"); }), ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { read_identity_file(private_file(home, "# empty\n")); }),
            ErrorCode::invalid);
  EXPECT_EQ(error_of([&] { read_identity_file(private_file(home, "rubbish\n")); }),
            ErrorCode::invalid);
  EXPECT_EQ(error_of([&] { read_identity_file(private_file(home, std::string(65536, '#'))); }),
            ErrorCode::invalid);
  EXPECT_EQ(error_of([&] { read_identity_file(private_file(home, "AGE-PLUGIN-X-1QQ\n")); }),
            ErrorCode::unsupported);
}

TEST(IdentityFile, MayHoldKeysForOtherProgramsBesideOurs) {
  const TempDir home;
  const auto file =
      private_file(home, "AGE-SECRET-KEY-PQ-1QQQQ\n" + text_of(Identity::generate()) + "\n");
  const IdentityFile content = load_identity_file(file);
  EXPECT_EQ(content.identities.size(), 1U);
  ASSERT_EQ(content.skipped.size(), 1U);
  EXPECT_NE(content.skipped[0].find("line 1"), std::string::npos);
}

TEST(IdentityFile, IsWrittenForItsOwnerAloneAndNeverOverwritten) {
  const TempDir home;
  const Identity identity = Identity::generate();
  const auto file = home / "written";
  write_identity_file(file, identity, "daily key\nof the studio");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(read_text(file), "# daily key\n# of the studio\n# public key: " +
                                 identity.recipient().text() + "\n" + text_of(identity) + "\n");
  EXPECT_EQ(text_of(read_identity_file(file).front()), text_of(identity));
  EXPECT_EQ(error_of([&] { write_identity_file(file, identity, ""); }), ErrorCode::conflict);
}

TEST(WrappedIdentityFile, OpensWithItsPassphraseOnly) {
  const TempDir home;
  const Identity identity = Identity::generate();
  const auto file = home / "wrapped";
  write_wrapped_identity_file(file, identity, "recovery key", as_bytes("correct horse"), kTestLogN);
  EXPECT_TRUE(read_text(file).starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
  EXPECT_EQ(text_of(read_identity_file(file, answering("correct horse")).front()),
            text_of(identity));
  EXPECT_EQ(failure_of([&] { read_identity_file(file, answering("wrong")); }),
            AgeFailure::no_match);
  EXPECT_EQ(error_of([&] { read_identity_file(file); }), ErrorCode::not_permitted);
}

TEST(WrappedIdentityFile, MayBeBinary) {
  const TempDir home;
  const Identity identity = Identity::generate();
  const Bytes wrapped = sealed_file(make_scrypt_preamble(as_bytes("p"), kTestLogN),
                                    as_bytes(text_of(identity) + "\n"));
  const auto file = private_file(home, std::string(as_text(wrapped)));
  EXPECT_EQ(text_of(read_identity_file(file, answering("p")).front()), text_of(identity));
}

TEST(WrappedIdentityFile, ForARecipientIsUnsupported) {
  const TempDir home;
  const Recipient recipient = Identity::generate().recipient();
  const Bytes wrapped = sealed_file(make_preamble({&recipient, 1}), as_bytes("x"));
  const auto file = private_file(home, std::string(as_text(wrapped)));
  EXPECT_EQ(error_of([&] { read_identity_file(file, answering("p")); }), ErrorCode::unsupported);
}

TEST(PassphraseFile, IsItsFirstLine) {
  const TempDir home;
  const auto passphrase = [&](const std::string& text) {
    return std::string(as_text(read_passphrase_file(private_file(home, text)).view()));
  };
  EXPECT_EQ(passphrase("open sesame"), "open sesame");
  EXPECT_EQ(passphrase("open sesame\n"), "open sesame");
  EXPECT_EQ(passphrase("open sesame\r\nsecond"), "open sesame");
  EXPECT_EQ(passphrase(" spaces count \n"), " spaces count ");
  EXPECT_EQ(error_of([&] { passphrase("\nsecond"); }), ErrorCode::invalid);
}

TEST(AgeTool, TakesAnOpenIdentityFileWithAWarning) {
  const TempDir home;
  const std::filesystem::path file =
      private_file(home, "AGE-PLUGIN-X-1QQ\n" + text_of(Identity::generate()));
  ::chmod(file.c_str(), 0644);
  const AgeDecryptKeys keys = load_age_keys({&file, 1}, {});
  EXPECT_EQ(keys.identities.size(), 1U);
  EXPECT_EQ(keys.warnings.size(), 2U);
}

TEST(AgeTool, OpensWrappedIdentitiesWithThePassphraseOfThePassfile) {
  const TempDir home;
  const Identity identity = Identity::generate();
  const std::filesystem::path wrapped = home / "wrapped";
  write_wrapped_identity_file(wrapped, identity, "", as_bytes("both"), kTestLogN);
  const std::filesystem::path passphrase = private_file(home, "both\n");
  const AgeDecryptKeys keys = load_age_keys({&wrapped, 1}, {&passphrase, 1});
  ASSERT_EQ(keys.identities.size(), 1U);
  EXPECT_EQ(text_of(keys.identities[0]), text_of(identity));
}

TEST(AgeTool, NeedsAKeyOfAKindItKnows) {
  const TempDir home;
  EXPECT_EQ(error_of([] { load_age_keys({}, {}); }), ErrorCode::invalid);
  const std::filesystem::path foreign = private_file(home, "AGE-SECRET-KEY-PQ-1QQ\n");
  EXPECT_EQ(error_of([&] { load_age_keys({&foreign, 1}, {}); }), ErrorCode::unsupported);
}

}  // namespace
}  // namespace mixtape::format::test
