// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/format/age_keys.h"
#include "engine/format/age_stream.h"
#include "engine/format/secret.h"
#include "tapeio/byte_stream.h"

// `mixtape age encrypt` and `mixtape age decrypt`: whole age files, as the age program itself reads
// and writes them.
//
// Format: archaeology/age.md
// Errors: AgeError for what is wrong with the file, Error for what is wrong with keys and disks.

namespace mixtape::format {

// Either recipients or a passphrase: age forbids both in one file.
struct AgeEncryptRequest {
  std::vector<Recipient> recipients;
  std::optional<Secret> passphrase;
  int scrypt_log_n = 18;
  bool armor = false;
};
// Finishes `out`.
void age_encrypt(const AgeEncryptRequest& request, ByteSource& in, ByteSink& out);

struct AgeDecryptKeys {
  std::vector<Identity> identities;
  std::vector<Secret> passphrases;    // Tried one after the other.
  std::vector<std::string> warnings;  // For the user: open files, keys of kinds that are skipped.
};
// Like the age program, and unlike the keys of our own home, this takes identity files that others
// can read (with a warning) and skips keys of other kinds as long as one key remains.
// Error{invalid} when there is no key at all, Error{unsupported} when all are of other kinds. The
// first passphrase also opens identity files; without one, `ask` does.
AgeDecryptKeys load_age_keys(std::span<const std::filesystem::path> identity_files,
                             std::span<const std::filesystem::path> passphrase_files,
                             const AskPassphrase& ask = {});

// Armored or not. `out` is given every byte that is authentic, also of a file that fails later, and
// is finished only when the whole file was good; an AgeError after some output means: the output is
// a prefix.
void age_decrypt(const AgeDecryptKeys& keys, ByteSource& in, ByteSink& out);

}  // namespace mixtape::format
