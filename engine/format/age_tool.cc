// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_tool.h"

#include "engine/format/age_armor.h"
#include "engine/format/age_header.h"
#include "tapeio/error.h"

namespace mixtape::format {

namespace {

// Several whole chunks: few calls, and the decryptor writes straight into the buffer.
constexpr std::size_t kCopyBuffer = 8 * kChunk;

void copy_all(ByteSource& in, ByteSink& out) {
  Bytes buffer(kCopyBuffer);
  while (const std::size_t size = in.read(buffer)) {
    out.write(ByteView(buffer).first(size));
  }
}

AgePreamble preamble_for(const AgeEncryptRequest& request) {
  if (request.passphrase && !request.recipients.empty()) {
    throw Error(ErrorCode::invalid, "encrypt: a passphrase and recipients exclude each other");
  }
  return request.passphrase ? make_scrypt_preamble(request.passphrase->view(), request.scrypt_log_n)
                            : make_preamble(request.recipients);
}

AgePreamble open_with_any(ByteView preamble, std::span<const Secret> passphrases) {
  for (const Secret& passphrase : passphrases.first(passphrases.size() - 1)) {
    try {
      return open_scrypt_preamble(preamble, passphrase.view());
    } catch (const AgeError& error) {
      if (error.failure() != AgeFailure::no_match) {
        throw;
      }
    }
  }
  return open_scrypt_preamble(preamble, passphrases.back().view());
}

}  // namespace

void age_encrypt(const AgeEncryptRequest& request, ByteSource& in, ByteSink& out) {
  const AgePreamble preamble = preamble_for(request);
  ArmorWriter armor(out);
  AgeEncryptor encryptor(preamble, request.armor ? static_cast<ByteSink&>(armor) : out);
  copy_all(in, encryptor);
  encryptor.finish();
  if (request.armor) {
    armor.finish();
  }
  out.finish();
}

AgeDecryptKeys load_age_keys(std::span<const std::filesystem::path> identity_files,
                             std::span<const std::filesystem::path> passphrase_files,
                             const AskPassphrase& ask) {
  AgeDecryptKeys keys;
  for (const std::filesystem::path& file : passphrase_files) {
    keys.passphrases.push_back(read_passphrase_file(file));
  }
  const AskPassphrase known = [&](const std::string&) {
    return Secret::copy_of(keys.passphrases.front().view());
  };
  std::optional<std::string> skipped;
  for (const std::filesystem::path& file : identity_files) {
    IdentityFile content = load_identity_file(file, keys.passphrases.empty() ? ask : known);
    if (content.readable_by_others) {
      keys.warnings.push_back(file.string() + ": others can read it too; run: chmod 600 " +
                              file.string());
    }
    for (std::string& message : content.skipped) {
      keys.warnings.push_back("skipped " + message);
      skipped = message;
    }
    for (Identity& identity : content.identities) {
      keys.identities.push_back(std::move(identity));
    }
  }
  if (keys.identities.empty() && keys.passphrases.empty()) {
    throw skipped ? Error(ErrorCode::unsupported, "read identity " + *skipped)
                  : Error(ErrorCode::invalid, "decrypt: no identity and no passphrase given");
  }
  return keys;
}

void age_decrypt(const AgeDecryptKeys& keys, ByteSource& in, ByteSink& out) {
  const auto open = [&](ByteView preamble) {
    return !keys.passphrases.empty() && needs_passphrase(preamble)
               ? open_with_any(preamble, keys.passphrases)
               : open_preamble(preamble, keys.identities);
  };
  AgeDecryptor decryptor(in, open, true);
  copy_all(decryptor, out);
  out.finish();
}

}  // namespace mixtape::format
