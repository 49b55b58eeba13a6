// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "engine/format/age_armor.h"
#include "engine/format/age_keys.h"
#include "engine/format/age_stream.h"
#include "engine/format/memory_source.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::format {

namespace {

constexpr std::string_view kIdentityBegins = "AGE-SECRET-KEY-";
constexpr std::string_view kAnyAgeFile = "age-encryption.org/";
// Some hundreds of identities; more is not an identity file.
constexpr std::size_t kMaxSecretFile = 64 * KiB;

// Bytes of `secret` that are in use.
struct SecretText {
  Secret secret = Secret(kMaxSecretFile);
  std::size_t size = 0;

  [[nodiscard]] ByteView view() const { return secret.view().first(size); }
};

void refuse_large(std::size_t size, const std::string& name) {
  if (size == kMaxSecretFile) {
    throw Error(ErrorCode::invalid, "read " + name + ": too large to hold keys");
  }
}

class StringSink final : public ByteSink {
 public:
  void write(ByteView bytes) override { text_ += as_text(bytes); }
  void finish() override {}
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

SecretText read_secret_file(const tapeio::UniqueFd& fd, const std::string& name) {
  SecretText text;
  text.size = tapeio::read_full(fd.get(), text.secret.bytes(), name);
  refuse_large(text.size, name);
  return text;
}

SecretText unwrap_identity_file(ByteView wrapped, const std::string& name,
                                const AskPassphrase& ask) {
  MemorySource source(wrapped);
  const auto open = [&](ByteView preamble) {
    if (!needs_passphrase(preamble)) {
      throw Error(ErrorCode::unsupported,
                  "read identity file " + name + ": it is encrypted, but not with a passphrase");
    }
    if (!ask) {
      throw Error(ErrorCode::not_permitted,
                  "read identity file " + name + ": it needs a passphrase, and none was given");
    }
    return open_scrypt_preamble(preamble, ask("passphrase of " + name).view());
  };
  AgeDecryptor decryptor(source, open, true);
  SecretText text;
  while (true) {
    refuse_large(text.size, name);
    const std::size_t got = decryptor.read(text.secret.bytes().subspan(text.size));
    if (got == 0) {
      return text;
    }
    text.size += got;
  }
}

// Lines without LF or CRLF; calls `use(line, number)` from 1.
template <typename Use>
void for_each_line(std::string_view text, Use use) {
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    use(line, number);
  }
}

std::string_view without_blanks(std::string_view line) {
  constexpr std::string_view kBlank = " \t";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  return line.substr(0, line.find_last_not_of(kBlank) + 1);
}

// A line that is wrong is refused by number, so that the message never shows a secret.
void parse_line(std::string_view line, const std::string& where, IdentityFile& into) {
  if (line.empty() || line.starts_with('#')) {
    return;
  }
  if (is_foreign_identity(line)) {
    into.skipped.push_back(where + ": a post-quantum or plugin identity, which is not supported");
    return;
  }
  std::optional<Identity> identity = Identity::try_parse(line);
  if (!identity) {
    throw Error(ErrorCode::invalid,
                "read " + where + ": not an age identity (\"AGE-SECRET-KEY-1...\"), or mistyped");
  }
  into.identities.push_back(std::move(*identity));
}

// What people keep in a drawer, read or typed in again: prose around the key.
bool is_paper(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text.starts_with(kPaperBegins);
}

// Of a line of a paper its identity; empty where it has none.
std::string_view key_in(std::string_view line) {
  return line.starts_with(kIdentityBegins) ? line : std::string_view();
}

Secret identity_file_text(const Identity& identity, std::string_view comment) {
  std::string head;
  for_each_line(comment,
                [&](std::string_view line, int) { head += "# " + std::string(line) + '\n'; });
  head += "# public key: " + identity.recipient().text() + '\n';
  const Secret key = identity.text();
  Secret text(head.size() + key.view().size() + 1);
  auto at = std::copy_n(as_bytes(head).begin(), head.size(), text.bytes().begin());
  at = std::copy_n(key.view().begin(), key.view().size(), at);
  *at = std::byte{'\n'};
  return text;
}

// Under another name until it is whole, so that who dies here leaves no key that is none.
void create_secret_file(const std::filesystem::path& file, ByteView content) {
  const std::string fresh = file.string() + ".new";
  tapeio::remove_file(fresh);
  {
    const tapeio::UniqueFd fd =
        tapeio::open_file(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    tapeio::write_full(fd.get(), content, file.string());
    tapeio::fsync_file(fd.get(), file.string());
  }
  const int linked = ::link(fresh.c_str(), file.c_str()) == 0 ? 0 : errno;
  tapeio::remove_file(fresh);
  if (linked == EEXIST) {
    throw Error(ErrorCode::conflict,
                "create " + file.string() + ": it exists, and keys are never overwritten");
  }
  if (linked != 0) {
    throw_errno("create " + file.string(), linked);
  }
  const std::filesystem::path directory = file.has_parent_path() ? file.parent_path() : ".";
  tapeio::fsync_directory(directory.string());
}

}  // namespace

IdentityFile load_identity_file(const std::filesystem::path& file, const AskPassphrase& ask) {
  const std::string name = file.string();
  const tapeio::UniqueFd fd = tapeio::open_file(name, O_RDONLY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    throw_errno("stat " + name);
  }
  IdentityFile result;
  result.readable_by_others =
      S_ISREG(status.st_mode) && (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
  SecretText text = read_secret_file(fd, name);
  if (as_text(text.view()).starts_with(kAnyAgeFile) || looks_armored(text.view())) {
    text = unwrap_identity_file(text.view(), name, ask);
  }
  const bool paper = is_paper(as_text(text.view()));
  for_each_line(as_text(text.view()), [&](std::string_view line, int number) {
    line = without_blanks(line);
    parse_line(paper ? key_in(line) : line, name + " line " + std::to_string(number), result);
  });
  return result;
}

std::vector<Identity> read_identity_file(const std::filesystem::path& file,
                                         const AskPassphrase& ask) {
  const std::string name = file.string();
  IdentityFile content = load_identity_file(file, ask);
  if (content.readable_by_others) {
    throw Error(ErrorCode::not_permitted,
                "read identity file " + name + ": others can read it too; run: chmod 600 " + name);
  }
  if (content.identities.empty()) {
    throw content.skipped.empty()
        ? Error(ErrorCode::invalid, "read identity file " + name + ": it holds no identity")
        : Error(ErrorCode::unsupported, "read identity " + content.skipped.front());
  }
  return std::move(content.identities);
}

void write_identity_file(const std::filesystem::path& file, const Identity& identity,
                         std::string_view comment) {
  create_secret_file(file, identity_file_text(identity, comment).view());
}

void write_wrapped_identity_file(const std::filesystem::path& file, const Identity& identity,
                                 std::string_view comment, ByteView passphrase, int scrypt_log_n) {
  const Secret text = identity_file_text(identity, comment);
  const AgePreamble preamble = make_scrypt_preamble(passphrase, scrypt_log_n);
  Bytes sealed(text.view().size() + kSealedChunk - kChunk);
  seal_chunk(preamble.payload_key, 0, true, text.view(), sealed);
  StringSink armored;
  ArmorWriter armor(armored);
  armor.write(preamble.bytes);
  armor.write(sealed);
  armor.finish();
  create_secret_file(file, as_bytes(armored.text()));
}

Secret read_passphrase_file(const std::filesystem::path& file) {
  const std::string name = file.string();
  const SecretText text = read_secret_file(tapeio::open_file(name, O_RDONLY), name);
  const std::string_view all = as_text(text.view());
  std::string_view line = all.substr(0, std::min(all.find('\n'), all.size()));
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (line.empty()) {
    throw Error(ErrorCode::invalid, "read passphrase file " + name + ": its first line is empty");
  }
  return Secret::copy_of(as_bytes(line));
}

}  // namespace mixtape::format
