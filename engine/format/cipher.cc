// SPDX-License-Identifier: Apache-2.0
#include "engine/format/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>
#include <new>

#include "engine/format/raw_bytes.h"
#include "tapeio/error.h"

namespace mixtape::format {

namespace {

// Large enough for any chunk; EVP takes lengths as int.
constexpr std::size_t kMaxMessage = 1 * GiB;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

enum Direction : int { kOpen = 0, kSeal = 1 };

// Finding the cipher takes locks and memory, so each thread does it once and afterwards only loads
// keys. The last key stays in the context until the thread ends, which wipes it.
EVP_CIPHER_CTX* context_with(Direction direction, ByteView key, ByteView nonce) {
  thread_local const Context context = [] {
    Context fresh(EVP_CIPHER_CTX_new());
    if (fresh == nullptr || EVP_CipherInit_ex(fresh.get(), EVP_chacha20_poly1305(), nullptr,
                                              nullptr, nullptr, kSeal) != 1) {
      throw std::bad_alloc();
    }
    return fresh;
  }();
  MIXTAPE_ASSERT(key.size() == kCipherKeySize && nonce.size() == kCipherNonceSize);
  const int ready =
      EVP_CipherInit_ex(context.get(), nullptr, nullptr, raw(key), raw(nonce), direction);
  MIXTAPE_ASSERT(ready == 1);
  return context.get();
}

// A stream cipher gives every byte at once; nothing is held back for the final call.
void transform(EVP_CIPHER_CTX* context, ByteView from, MutableBytes to) {
  if (from.empty()) {
    return;
  }
  int written = 0;
  const int done =
      EVP_CipherUpdate(context, raw_out(to), &written, raw(from), static_cast<int>(from.size()));
  MIXTAPE_ASSERT(done == 1 && written == static_cast<int>(from.size()));
}

bool finish(EVP_CIPHER_CTX* context) {
  unsigned char none[1];
  int written = 0;
  return EVP_CipherFinal_ex(context, none, &written) == 1;
}

}  // namespace

void cipher_seal(ByteView key, ByteView nonce, ByteView plain, MutableBytes sealed) {
  MIXTAPE_ASSERT(plain.size() <= kMaxMessage && sealed.size() == plain.size() + kCipherTagSize);
  EVP_CIPHER_CTX* context = context_with(kSeal, key, nonce);
  transform(context, plain, sealed);
  const bool sealed_well =
      finish(context) && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kCipherTagSize,
                                             sealed.data() + plain.size()) == 1;
  MIXTAPE_ASSERT(sealed_well);
}

bool cipher_open(ByteView key, ByteView nonce, ByteView sealed, MutableBytes plain) {
  MIXTAPE_ASSERT(plain.size() <= kMaxMessage && sealed.size() == plain.size() + kCipherTagSize);
  EVP_CIPHER_CTX* context = context_with(kOpen, key, nonce);
  auto* tag = const_cast<std::byte*>(sealed.data() + plain.size());  // EVP only reads it.
  const int tag_taken = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kCipherTagSize, tag);
  MIXTAPE_ASSERT(tag_taken == 1);
  transform(context, sealed.first(plain.size()), plain);
  if (finish(context)) {
    return true;
  }
  // OpenSSL decrypts before it has checked the tag; nobody may see that.
  OPENSSL_cleanse(plain.data(), plain.size());
  return false;
}

}  // namespace mixtape::format
