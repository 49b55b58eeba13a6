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
  std::vector<std::string> passfiles;
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

std::vector<std::filesystem::path> absolute_paths(const Session& session,
                                                  const std::vector<std::string>& names) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& name : names) {
    paths.push_back(session.absolute(name));
  }
  return paths;
}

int encrypt(Session& session, const AgeOptions& options) {
  format::AgeEncryptRequest request;
  for (const std::string& recipient : options.recipients) {
    request.recipients.push_back(format::Recipient::parse(recipient));
  }
  if (options.passfiles.size() == 1) {
    request.passphrase = format::read_passphrase_file(session.absolute(options.passfiles[0]));
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
  const format::AgeDecryptKeys keys = format::load_age_keys(
      absolute_paths(session, options.identities), absolute_paths(session, options.passfiles));
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
  lock->add_option("--passfile", options->passfiles, "file whose first line is the passphrase")
      ->allow_extra_args(false);
  lock->add_flag("-a,--armor", options->armor, "write text");
  lock->add_option("FILE", options->file);

  CLI::App* open = add_command(*age, command, "decrypt", "decrypt FILE or standard input",
                               [=](Session& session) { return decrypt(session, *options); });
  open->add_option("-i,--identity", options->identities, "identity file; may be repeated")
      ->allow_extra_args(false);
  open->add_option("--passfile", options->passfiles,
                   "file whose first line is the passphrase; may be repeated")
      ->allow_extra_args(false);
  open->add_option("FILE", options->file);
}

}  // namespace mixtape::tools
