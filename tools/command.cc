// SPDX-License-Identifier: Apache-2.0
#include "tools/command.h"

#include <CLI/CLI.hpp>

#include "engine/format/age_header.h"
#include "tools/usage.h"

namespace mixtape::tools {
namespace {

int status_of(const Error& error) {
  if (dynamic_cast<const WrongUsage*>(&error) != nullptr) {
    return kUsage;
  }
  if (const auto* age = dynamic_cast<const format::AgeError*>(&error)) {
    switch (age->failure()) {
      case format::AgeFailure::header:
      case format::AgeFailure::hmac:
        return kAgeHeader;
      case format::AgeFailure::no_match:
        return kAgeNoMatch;
      case format::AgeFailure::payload:
        return kAgePayload;
      case format::AgeFailure::armor:
        return kAgeArmor;
    }
  }
  switch (error.code()) {
    case ErrorCode::locked:
    case ErrorCode::busy:
      return kLocked;
    case ErrorCode::not_found:
      return kNotFound;
    case ErrorCode::cancelled:
      return kCancelled;
    default:
      return kFailure;
  }
}

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  const auto known =
      app.get_subcommands([&](const CLI::App* command) { return command->check_name(name); });
  return known.empty() ? nullptr : known.front();
}

std::string names_of_commands(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  return names;
}

std::string commands_of(const CLI::App& app) {
  return app.get_name() + " has " + names_of_commands(app) + "; `mixtape " + app.get_name() +
         " --help` says more";
}

// What is wrong with the first words that are no options, where commands are expected of them:
// "there is no command x". Empty: they are commands.
std::string wrong_command(const CLI::App& all, const std::vector<std::string>& arguments) {
  const CLI::App* app = &all;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (*word == "--home" && std::next(word) != arguments.end()) {
      ++word;  // What follows it is no command.
      continue;
    }
    if (word->empty() || word->front() == '-') {
      continue;
    }
    const CLI::App* command = find_command(*app, *word);
    if (command == nullptr) {
      const std::string what = "there is no command ";
      return app == &all
                 ? what + printable(*word) + "; `mixtape --help` shows them"
                 : what + app->get_name() + " " + printable(*word) + ": " + commands_of(*app);
    }
    app = command;
    if (names_of_commands(*app).empty()) {
      return "";
    }
  }
  return app == &all ? "" : app->get_name() + " wants a command: " + commands_of(*app);
}

std::string wrong_options(const CLI::App& all, const CLI::ParseError& wrong) {
  const std::string command = typed_command(all);
  return printable(wrong_line(all, wrong)) + "; `mixtape" + (command.empty() ? "" : " " + command) +
         " --help` " + (command.empty() ? "shows the commands" : "says more");
}

// What a path below a mount is called in the archive: `latest` and `history` show it under its own
// name. nullopt: it lies in no mount. Looks at the directories above it.
std::optional<std::string> name_in_mount(const std::filesystem::path& path) {
  for (auto root = path.parent_path(); root != root.parent_path(); root = root.parent_path()) {
    std::error_code error;
    if (!std::filesystem::exists(root / ".mixtape" / "status.json", error)) {
      continue;
    }
    const std::filesystem::path inside = path.lexically_relative(root);
    const std::string view = inside.begin()->string();
    if (view == "snapshots" || view == "tapes") {
      throw Error(ErrorCode::invalid,
                  printable(path.string()) +
                      ": names a file of one moment or medium; name it as it is below latest/, and "
                      "the moment with --at where the command has that");
    }
    std::string name = inside.lexically_relative(view).string();
    if (view != "latest" && view != "history") {
      return std::nullopt;
    }
    while (name.ends_with('/')) {
      name.pop_back();
    }
    return name == "." ? "" : name;
  }
  return std::nullopt;
}

}  // namespace

Session::Session(Console& console, const Invocation& invocation, std::filesystem::path home,
                 bool json, Daemon* daemon)
    : console_(console),
      invocation_(invocation),
      home_(std::move(home)),
      json_(json),
      daemon_(daemon) {}

std::string Session::command_line() const {
  std::string line = "mixtape";
  for (const std::string& argument : invocation_.arguments) {
    line += " " + printable(tapeio::url_for_people(argument));
  }
  return line;
}

std::filesystem::path Session::absolute(const std::string& path) const {
  if (path.empty()) {
    throw WrongUsage("an empty path: it would mean this directory; write . for that");
  }
  return (invocation_.directory / path).lexically_normal();
}

std::string Session::catalog_path(const std::string& path) {
  const auto named = [](std::string text) {
    while (!text.empty() && text.back() == '/') {
      text.pop_back();
    }
    return text.empty() ? text : text.substr(1);
  };
  const std::string as_typed = named(absolute(path).string());
  if (reading().tree.find_path(as_typed)) {
    return as_typed;
  }
  if (const auto in_mount = name_in_mount(absolute(path))) {
    return *in_mount;
  }
  // Through a symlink, as backup follows it to its root; of what the path itself is nothing is
  // followed.
  const std::filesystem::path whole = absolute(path);
  std::error_code error;
  const auto parent = std::filesystem::canonical(whole.parent_path(), error);
  if (error) {
    return as_typed;
  }
  std::string resolved = named((parent / whole.filename()).string());
  if (!reading().tree.find_path(resolved)) {
    const auto root = std::filesystem::canonical(whole, error);
    resolved = error ? as_typed : named(root.string());
  }
  return reading().tree.find_path(resolved) ? resolved : as_typed;
}

service::Workspace& Session::workspace() {
  if (daemon_ != nullptr) {
    return daemon_->workspace();
  }
  if (!workspace_) {
    workspace_ = std::make_unique<service::Workspace>(home::Home(home_));
  }
  return *workspace_;
}

std::string Session::drive_reports() {
  if (daemon_ == nullptr && !workspace_) {
    return {};
  }
  std::string text;
  for (tapeio::Library* library : workspace().libraries().opened()) {
    if (const std::string report = library->drive_report(); !report.empty()) {
      text += (text.empty() ? "" : "\n") + library->url() + ": " + report;
    }
  }
  return text;
}

service::Context& Session::reading() {
  if (!context_) {
    context_ = std::make_unique<service::Context>(workspace(), catalog::Access::read);
  }
  return *context_;
}

service::Context& Session::writing() {
  if (!context_writes_) {
    lock_.emplace(workspace().home().directory(), home::HomeLock::Role::writer, command_line());
    context_ = std::make_unique<service::Context>(workspace(), catalog::Access::write);
    context_writes_ = true;
  }
  return *context_;
}

service::RecallService& Session::recall() {
  if (daemon_ != nullptr) {
    return daemon_->recall();
  }
  if (!recall_) {
    recall_ = std::make_unique<service::RecallService>(
        workspace(), [this](const std::string& line) { console_.note(line); });
  }
  return *recall_;
}

std::optional<Command> parse_command(const Invocation& invocation, Console& console, int& status) {
  Command command;
  command.on_terminal = invocation.on_terminal;
  CLI::App app(
      "Mixtape keeps every version of your files on tapes and disks that explain themselves.",
      "mixtape");
  std::string home;
  app.set_version_flag("--version", std::string("mixtape ") + MIXTAPE_VERSION);
  app.add_option("--home", home,
                 "Mixtape's directory (default: $MIXTAPE_HOME, else "
                 "~/.local/share/mixtape, for root /var/lib/mixtape)");
  app.add_flag("-v,--verbose", command.verbose, "show the log, on standard error");
  app.require_subcommand(1);
  app.fallthrough();
  app.get_formatter()->column_width(34);
  add_home_commands(app, command);
  add_backup_commands(app, command);
  add_browse_commands(app, command);
  add_restore_command(app, command);
  add_verify_command(app, command);
  add_release_command(app, command);
  add_repack_command(app, command);
  add_recall_commands(app, command);
  add_recover_command(app, command);
  add_map_command(app, command);
  add_media_commands(app, command);
  add_age_commands(app, command);
  try {
    // CLI11 takes the arguments from the back.
    app.parse(std::vector<std::string>(invocation.arguments.rbegin(), invocation.arguments.rend()));
  } catch (const CLI::Success& done) {
    std::ostringstream words;
    app.exit(done, words, words);
    console.out(words.str());
    status = kSuccess;
    return std::nullopt;
  } catch (const CLI::ParseError& wrong) {
    const std::string what = wrong_command(app, invocation.arguments);
    console.error("mixtape: " + (what.empty() ? wrong_options(app, wrong) : what));
    status = kUsage;
    return std::nullopt;
  }
  command.home = home.empty() ? home::default_home() : invocation.directory / home;
  return command;
}

int report_failure(const std::exception& failure, Console& console) {
  if (dynamic_cast<const ReaderGone*>(&failure) != nullptr) {
    return kFailure;
  }
  if (const auto* error = dynamic_cast<const Error*>(&failure)) {
    console.error("mixtape: " + std::string(error->what()));
    return status_of(*error);
  }
  const bool memory = dynamic_cast<const std::bad_alloc*>(&failure) != nullptr;
  console.error("mixtape: " + (memory ? "not enough memory" : printable(failure.what())));
  return kFailure;
}

int run_command(const Command& command, const Invocation& invocation, Console& console,
                Daemon* daemon) {
  try {
    Session session(console, invocation, command.home, command.json, daemon);
    const std::string drives_before = session.drive_reports();
    const int status = command.run(session);
    if (const std::string drives = session.drive_reports(); drives != drives_before) {
      console.note(drives);
    }
    return status == kSuccess && console.problems() > 0 ? kWithProblems : status;
  } catch (const std::exception& failure) {
    return report_failure(failure, console);
  }
}

int run_command_line(const Invocation& invocation, Console& console, Daemon* daemon) {
  int status = kSuccess;
  const auto command = parse_command(invocation, console, status);
  return command ? run_command(*command, invocation, console, daemon) : status;
}

}  // namespace mixtape::tools
