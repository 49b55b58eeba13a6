// SPDX-License-Identifier: Apache-2.0
#include "engine/format/digest.h"

#include <blake2.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/patterns.h"

namespace mixtape::format {
namespace {

using mixtape::test::pattern;

// libb2 is another implementation by other people; its serial BLAKE2b, as its parallel variants are
// other functions and wrong with fewer threads than they ask for.
Digest witness(ByteView bytes) {
  Digest digest{};
  blake2b(reinterpret_cast<std::uint8_t*>(digest.data()), bytes.data(), nullptr, digest.size(),
          bytes.size(), 0);
  return digest;
}

TEST(Digest, IsWhatB2sumPrints) {
  EXPECT_EQ(to_hex(digest_of({})),
            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  EXPECT_EQ(to_hex(digest_of(as_bytes("abc"))),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(Digest, AgreesWithAnotherImplementationAroundEveryBlockBorder) {
  for (const std::size_t border : {0, 64, 128, 256, 1024, 65536, 1 << 20}) {
    for (const int delta : {-1, 0, 1}) {
      if (border == 0 && delta < 0) {
        continue;
      }
      const Bytes bytes = pattern(border + static_cast<std::size_t>(delta), border);
      EXPECT_EQ(digest_of(bytes), witness(bytes)) << bytes.size();
    }
  }
}

TEST(Hasher, DoesNotCareHowBytesArrive) {
  const Bytes bytes = pattern(10'000);
  for (const std::size_t piece : {1, 127, 128, 129, 4096, 10'000}) {
    Hasher hasher;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      hasher.update(ByteView(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    }
    hasher.update({});
    EXPECT_EQ(hasher.finish(), digest_of(bytes));
  }
}

TEST(Hasher, StartsAnewAfterFinish) {
  Hasher hasher;
  hasher.update(as_bytes("something else"));
  (void)hasher.finish();
  EXPECT_EQ(hasher.finish(), digest_of({}));
  hasher.update(as_bytes("abc"));
  EXPECT_EQ(hasher.finish(), digest_of(as_bytes("abc")));
}

TEST(Hasher, GoesOnWhereItWasMovedTo) {
  Hasher hasher;
  hasher.update(as_bytes("ab"));
  Hasher heir = std::move(hasher);
  heir.update(as_bytes("c"));
  EXPECT_EQ(heir.finish(), digest_of(as_bytes("abc")));
}

}  // namespace
}  // namespace mixtape::format
