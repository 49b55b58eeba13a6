// SPDX-License-Identifier: Apache-2.0
// age encrypt, age decrypt: the cipher of the media by itself, compatible with age(1).

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>

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

// A file, or standard input when none was named. Reading tells how far it is, and ends when the
// user wants out.
class Input final : public ByteSource {
 public:
  Input(Session& session, const std::string& file, std::string phase)
      : name_(file.empty() || file == "-" ? "standard input" : file),
        console_(session.console()),
        fd_(file.empty() || file == "-" ? tapeio::UniqueFd(::dup(STDIN_FILENO))
                                        : tapeio::open_file(session.absolute(file), O_RDONLY)) {
    struct stat status {};
    const bool sized = ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode);
    progress_ = {std::move(phase), 0, sized ? static_cast<std::uint64_t>(status.st_size) : 0, 0, 1};
  }

  std::size_t read(MutableBytes into) override {
    std::size_t got = 0;
    while (got < into.size()) {
      await_bytes();
      // What is there now: a pipe must not keep us from hearing Ctrl-C.
      const ssize_t more = ::read(fd_.get(), into.data() + got, into.size() - got);
      if (more < 0 && errno != EINTR && errno != EAGAIN) {
        throw_errno("read " + name_);
      }
      if (more == 0) {
        break;
      }
      got += more > 0 ? static_cast<std::size_t>(more) : 0;
    }
    progress_.done_bytes += got;
    progress_.done_files = got < into.size() ? 1 : 0;
    console_.progress(progress_);
    return got;
  }

 private:
  void await_bytes() {
    // Ctrl-C is a token that nothing can poll for.
    constexpr int kLookForStop = 100;  // Milliseconds.
    pollfd bytes{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    do {
      if (console_.stop().stop_requested()) {
        throw Error(ErrorCode::cancelled, progress_.phase + " " + name_ + ": stopped");
      }
    } while (::poll(&bytes, 1, kLookForStop) == 0);
  }

  const std::string name_;
  Console& console_;
  tapeio::UniqueFd fd_;
  Progress progress_;
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
    throw WrongUsage("age encrypt: name recipients with -r, or one --passfile");
  }
  request.armor = options.armor;
  Input in(session, options.file, "encrypt");
  Output out(session.console());
  format::age_encrypt(request, in, out);
  return kSuccess;
}

int decrypt(Session& session, const AgeOptions& options) {
  if (options.identities.empty() && options.passfiles.empty()) {
    throw WrongUsage("age decrypt: name an identity file with -i, or a --passfile");
  }
  const format::AgeDecryptKeys keys = format::load_age_keys(
      absolute_paths(session, options.identities), absolute_paths(session, options.passfiles));
  for (const std::string& warning : keys.warnings) {
    session.console().note("mixtape: " + warning);
  }
  Input in(session, options.file, "decrypt");
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
      ->check(readable_by([](const std::string& text) { (void)format::Recipient::parse(text); }))
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
