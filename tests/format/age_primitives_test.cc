// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_primitives.h"

#include <gtest/gtest.h>

#include "engine/format/bech32.h"
#include "engine/format/cipher.h"
#include "tests/format/age_fixture.h"
#include "tests/support/patterns.h"

namespace mixtape::format::test {
namespace {

std::string hex(const Secret& secret) {
  return to_hex(secret.view());
}

TEST(AgePrimitives, HmacGivesWhatRfc4231Gives) {
  const Bytes key(20, std::byte{0x0b});
  EXPECT_EQ(to_hex(hmac_sha256(key, as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(AgePrimitives, HkdfGivesTheFirstBlockOfRfc5869) {
  const Bytes key_material(22, std::byte{0x0b});
  const Bytes salt = from_hex("000102030405060708090a0b0c");
  const Bytes info = from_hex("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(hex(hkdf_sha256(key_material, salt, as_text(info))),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  EXPECT_EQ(hex(hkdf_sha256(key_material, {}, "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(AgePrimitives, ScryptGivesTheFirstBytesOfRfc7914) {
  // The one of its examples with r = 8 and p = 1.
  EXPECT_EQ(hex(scrypt_key(as_bytes("pleaseletmein"), as_bytes("SodiumChloride"), 14)),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
}

TEST(AgePrimitives, CipherGivesWhatRfc8439Gives) {
  // Section 2.8.2: its associated data, which age never has, changes the tag but no ciphertext.
  const Bytes key = from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const Bytes nonce = from_hex("070000004041424344454647");
  const std::string_view plain =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
      "sunscreen would be it.";
  Bytes sealed(plain.size() + kCipherTagSize);
  cipher_seal(key, nonce, as_bytes(plain), sealed);
  EXPECT_EQ(to_hex(ByteView(sealed).first(16)), "d31a8d34648e60db7b86afbc53ef7ec2");
  Bytes opened(plain.size());
  ASSERT_TRUE(cipher_open(key, nonce, sealed, opened));
  EXPECT_EQ(as_text(opened), plain);
}

TEST(AgePrimitives, CipherLeavesZerosWhereNothingIsAuthentic) {
  const Bytes key(kCipherKeySize, std::byte{1});
  const Bytes nonce(kCipherNonceSize, std::byte{2});
  for (const std::size_t size : {0, 1, 15, 16, 17, 1000}) {
    const Bytes plain = mixtape::test::pattern(size);
    Bytes sealed(size + kCipherTagSize);
    cipher_seal(key, nonce, plain, sealed);
    for (std::size_t at = 0; at < sealed.size(); ++at) {
      sealed[at] ^= std::byte{0x10};
      Bytes opened(size, std::byte{0x77});
      EXPECT_FALSE(cipher_open(key, nonce, sealed, opened));
      EXPECT_EQ(opened, Bytes(size));
      sealed[at] ^= std::byte{0x10};
    }
  }
}

TEST(AgePrimitives, Base64IsReadOnlyInItsOneCanonicalForm) {
  EXPECT_EQ(base64_encode(as_bytes("fo"), Padding::none), "Zm8");
  EXPECT_EQ(base64_encode(as_bytes("fo"), Padding::required), "Zm8=");
  EXPECT_EQ(base64_decode("", Padding::none), Bytes{});
  EXPECT_EQ(base64_decode("Zm8", Padding::none), bytes_of("fo"));
  EXPECT_EQ(base64_decode("Zm8=", Padding::required), bytes_of("fo"));
  for (const std::string_view wrong :
       {"Zm8=", "Zm9", "Zm8 ", " Zm8", "Zm8\n", "Z", "Zm-_", "Zm8A="}) {
    EXPECT_EQ(base64_decode(wrong, Padding::none), std::nullopt) << wrong;
  }
  for (const std::string_view wrong : {"Zm8", "Zm9=", "Zm8==", "Zg=", "Zm8=\r", "====", "="}) {
    EXPECT_EQ(base64_decode(wrong, Padding::required), std::nullopt) << wrong;
  }
}

TEST(AgePrimitives, Base64HasNoCharactersBesideItsAlphabet) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool known = byte < 128 && (std::isalnum(byte) != 0 || c == '+' || c == '/');
    for (const std::size_t at : {0, 1, 2, 3}) {
      std::string text = "AAAA";
      text[at] = c;
      EXPECT_EQ(base64_decode(text, Padding::none).has_value(), known) << byte;
      if (!known && !(c == '=' && at == 3)) {
        EXPECT_FALSE(base64_decode(text, Padding::required)) << byte;
      }
    }
  }
}

TEST(AgePrimitives, Base64RoundTripsEveryLength) {
  for (std::size_t size = 0; size < 200; ++size) {
    const Bytes bytes = mixtape::test::pattern(size, size);
    for (const Padding padding : {Padding::none, Padding::required}) {
      EXPECT_EQ(base64_decode(base64_encode(bytes, padding), padding), bytes);
    }
  }
}

TEST(Bech32, ReadsWhatBip173CallsValid) {
  for (const std::string_view valid :
       {"A12UEL5L", "a12uel5l", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "?1ezyfcl",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tg"
        "s"}) {
    EXPECT_TRUE(bech32_decode(valid)) << valid;
  }
}

TEST(Bech32, RefusesWhatBip173CallsInvalid) {
  for (const std::string_view invalid :
       {"pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "de1lg7wt\xff", "A1G7SGD8",
        "10a06t8", "1qzzfhee", "A12uEL5L", "", "a12uel5m",
        "\x20"
        "1nwldj5",
        "\x7f"
        "1axkwrx"}) {
    EXPECT_FALSE(bech32_decode(invalid)) << invalid;
  }
}

TEST(Bech32, RoundTripsEveryLengthAndRefusesEveryChangedCharacter) {
  for (std::size_t size = 0; size < 70; ++size) {
    const Bytes data = mixtape::test::pattern(size, size);
    const Secret text = bech32_encode("tape", data);
    const std::optional<Bech32> decoded = bech32_decode(as_text(text.view()));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->prefix, "tape");
    EXPECT_EQ(to_hex(decoded->data.view()), to_hex(data));
    for (std::size_t at = 0; at < text.view().size(); ++at) {
      std::string changed(as_text(text.view()));
      changed[at] = changed[at] == 'q' ? 'p' : 'q';
      EXPECT_FALSE(bech32_decode(changed)) << changed;
    }
  }
}

TEST(Secret, IsZeroAtFirstAndEmptyAfterItWasMoved) {
  Secret first(100);
  EXPECT_EQ(Bytes(100), Bytes(first.view().begin(), first.view().end()));
  first.bytes()[3] = std::byte{7};
  const Secret second = std::move(first);
  EXPECT_EQ(second.view()[3], std::byte{7});
  EXPECT_TRUE(first.view().empty());
}

TEST(Secret, CanBeHeldByTheThousandWhateverTheLimitOnLockedMemory) {
  std::vector<Secret> many;
  for (int i = 0; i < 3000; ++i) {
    many.push_back(Secret::copy_of(as_bytes("sixteen bytes...")));
  }
  EXPECT_EQ(as_text(many.front().view()), "sixteen bytes...");
}

}  // namespace
}  // namespace mixtape::format::test
