// SPDX-License-Identifier: Apache-2.0
// age encrypt, age decrypt: the cipher of the media by itself, compatible with age(1).

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "engine/format/age_tool.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tools/options.h"

namespace mixtape::tools {
namespace {

struct AgeOptions {
  std::vector<std::string> recipients;
  std::vector<std::string> identities;
  std::string passfile;
  std::string file;
  bool armor = false;
};

// A file, or standard input when none was named.
class Input final : public ByteSource {
 public:
  Input(const Session& session, const std::string& file)
      : name_(file.empty() || file == "-" ? "standard input" : file),
        fd_(file.empty() || file == "-" ? tapeio::UniqueFd(::dup(STDIN_FILENO))
                                        : tapeio::open_file(session.absolute(file), O_RDONLY)) {}

  std::size_t read(MutableBytes into) override { return tapeio::read_full(fd_.get(), into, name_); }

 private:
  const std::string name_;
  tapeio::UniqueFd fd_;
};

// Results go to the console whole: binary, and wherever the console leads.
class Output final : public ByteSink {
 public:
  explicit Output(Console& console) : console_(console) {}
  void write(ByteView bytes) override { console_.out(as_text(bytes)); }
  void finish() override {}

 private:
  Console& console_;
};

format::Secret first_line(const std::filesystem::path& file) {
  constexpr std::uint64_t kMaxPassphraseFile = 64 * KiB;
  const Bytes bytes = tapeio::read_file(file, kMaxPassphraseFile);
  const std::string_view text = as_text(bytes);
  return format::Secret::copy_of(as_bytes(text.substr(0, text.find_first_of("\r\n"))));
}

int encrypt(Session& session, const AgeOptions& options) {
  format::AgeEncryptRequest request;
  for (const std::string& recipient : options.recipients) {
    request.recipients.push_back(format::Recipient::parse(recipient));
  }
  if (!options.passfile.empty()) {
    request.passphrase = first_line(session.absolute(options.passfile));
  }
  if (request.recipients.empty() == !request.passphrase) {
    throw Error(ErrorCode::invalid, "age encrypt: name recipients with -r, or one --passfile");
  }
  request.armor = options.armor;
  Input in(session, options.file);
  Output out(session.console());
  format::age_encrypt(request, in, out);
  return kSuccess;
}

int decrypt(Session& session, const AgeOptions& options) {
  std::vector<std::filesystem::path> identities;
  for (const std::string& identity : options.identities) {
    identities.push_back(session.absolute(identity));
  }
  std::optional<std::filesystem::path> passfile;
  if (!options.passfile.empty()) {
    passfile = session.absolute(options.passfile);
  }
  const format::AgeDecryptKeys keys = format::load_age_keys(identities, passfile);
  for (const std::string& warning : keys.warnings) {
    session.console().note("mixtape: " + warning);
  }
  Input in(session, options.file);
  Output out(session.console());
  format::age_decrypt(keys, in, out);
  return kSuccess;
}

}  // namespace

void add_age_commands(CLI::App& app, Command& command) {
  CLI::App* age = app.add_subcommand("age", "the cipher of the media by itself, as age(1)");
  age->require_subcommand(1);
  const auto options = std::make_shared<AgeOptions>();

  CLI::App* lock = add_command(*age, command, "encrypt", "encrypt FILE or standard input",
                               [=](Session& session) { return encrypt(session, *options); });
  lock->add_option("-r,--recipient", options->recipients, "age1...; may be repeated")
      ->allow_extra_args(false);
  lock->add_option("--passfile", options->passfile, "file whose first line is the passphrase");
  lock->add_flag("-a,--armor", options->armor, "write text");
  lock->add_option("FILE", options->file);

  CLI::App* open = add_command(*age, command, "decrypt", "decrypt FILE or standard input",
                               [=](Session& session) { return decrypt(session, *options); });
  open->add_option("-i,--identity", options->identities, "identity file; may be repeated")
      ->allow_extra_args(false);
  open->add_option("--passfile", options->passfile, "file whose first line is the passphrase");
  open->add_option("FILE", options->file);
}

}  // namespace mixtape::tools
