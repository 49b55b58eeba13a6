// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/secret.h"

// X25519 recipients ("age1...") and identities ("AGE-SECRET-KEY-1...") of age v1, as text and
// files.
//
// Format: archaeology/age.md, section "Keys as text"
// Errors: throws Error{invalid} for malformed text (never showing a secret), Error{unsupported} for
//         post-quantum and plugin keys, Error{not_permitted} for identity files others may read.

namespace mixtape::format {

struct Recipient {
  std::array<std::byte, 32> point{};
  static Recipient parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Recipient&) const = default;
};

class Identity {
 public:
  static Identity generate();
  static Identity parse(std::string_view text);
  // nullopt where parse() throws.
  static std::optional<Identity> try_parse(std::string_view text);
  [[nodiscard]] Recipient recipient() const;
  // The secret as text; the caller wipes what it does with it.
  [[nodiscard]] Secret text() const;
  [[nodiscard]] const Secret& scalar() const { return scalar_; }

 private:
  explicit Identity(Secret scalar) : scalar_(std::move(scalar)) {}
  Secret scalar_;
};

// Post-quantum and plugin identities: well known, but not supported.
bool is_foreign_identity(std::string_view text);

// Asks for a passphrase; called only when a file turns out to need one.
using AskPassphrase = std::function<Secret(const std::string& prompt)>;

// With this begins what people print and keep in a drawer: of such a text only the lines with an
// identity count, which may be indented.
inline constexpr std::string_view kPaperBegins = "Mixtape ";

// What an identity file holds: one identity a line, '#' comments and empty lines ignored; or such a
// file encrypted with a passphrase (age -p, armored or not); or the text of a printed key.
struct IdentityFile {
  std::vector<Identity> identities;
  // Lines with keys of other kinds, each as a message; a file may serve several programs.
  std::vector<std::string> skipped;
  // Group or others can read it. Pipes and devices never count as that.
  bool readable_by_others = false;
};
IdentityFile load_identity_file(const std::filesystem::path& file, const AskPassphrase& ask = {});

// The identities of a file that is ours to keep: at least one. Refuses a file that group or others
// can read, naming the chmod to run.
std::vector<Identity> read_identity_file(const std::filesystem::path& file,
                                         const AskPassphrase& ask = {});
// Creates the file with mode 0600; Error{conflict} when it exists. Durable on return.
void write_identity_file(const std::filesystem::path& file, const Identity& identity,
                         std::string_view comment);
// The same behind a passphrase, as `age -p -a` would write it: text that survives on paper.
void write_wrapped_identity_file(const std::filesystem::path& file, const Identity& identity,
                                 std::string_view comment, ByteView passphrase,
                                 int scrypt_log_n = 18);

// The first line of a file; Error{invalid} when it is empty.
Secret read_passphrase_file(const std::filesystem::path& file);

}  // namespace mixtape::format
