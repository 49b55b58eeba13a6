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
                             const std::optional<std::filesystem::path>& passphrase_file,
                             const AskPassphrase& ask) {
  AgeDecryptKeys keys;
  if (passphrase_file) {
    keys.passphrase = read_passphrase_file(*passphrase_file);
  }
  const AskPassphrase known = [&](const std::string&) {
    return Secret::copy_of(keys.passphrase->view());
  };
  std::optional<std::string> skipped;
  for (const std::filesystem::path& file : identity_files) {
    IdentityFile content = load_identity_file(file, keys.passphrase ? known : ask);
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
  if (keys.identities.empty() && !keys.passphrase) {
    throw skipped ? Error(ErrorCode::unsupported, "read identity " + *skipped)
                  : Error(ErrorCode::invalid, "decrypt: no identity and no passphrase given");
  }
  return keys;
}

void age_decrypt(const AgeDecryptKeys& keys, ByteSource& in, ByteSink& out) {
  const auto open = [&](ByteView preamble) {
    return keys.passphrase && needs_passphrase(preamble)
               ? open_scrypt_preamble(preamble, keys.passphrase->view())
               : open_preamble(preamble, keys.identities);
  };
  AgeDecryptor decryptor(in, open, true);
  copy_all(decryptor, out);
  out.finish();
}

}  // namespace mixtape::format
