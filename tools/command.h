// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/home/home.h"
#include "engine/home/home_lock.h"
#include "engine/service/changed_paths.h"
#include "engine/service/context.h"
#include "engine/service/recall_service.h"
#include "tapeio/error.h"
#include "tools/console.h"

// The commands of the program: the same code whether this process or the daemon runs them.
//
// A command line is parsed into a Command. Commands that write, or that move media, are `routed`:
// when a daemon has the home mounted, it parses and runs the same line and sends the words back
// (control_client.h).

namespace CLI {
class App;
}

namespace mixtape::tools {

// Exit statuses; mixtape(1) documents them.
enum ExitStatus : int {
  kSuccess = 0,
  kFailure = 1,       // Nothing, or not all, was done; one sentence says why.
  kUsage = 2,         // The command line makes no sense.
  kWithProblems = 3,  // Done, but some items failed; each was named.
  kLocked = 4,        // Another process is writing.
  kNotFound = 5,      // What was named does not exist.
  kAgeHeader = 11,    // `mixtape age decrypt`: the header is damaged or no age header.
  kAgeNoMatch = 12,   //   no identity or passphrase opens it
  kAgePayload = 13,   //   the content is damaged or cut
  kAgeArmor = 14,     //   the text armor is damaged
  kCancelled = 130,   // Ctrl-C.
};

// A command line that makes no sense, of which that is seen only when it runs.
class WrongUsage final : public Error {
 public:
  explicit WrongUsage(const std::string& why) : Error(ErrorCode::invalid, why) {}
};

struct Invocation {
  std::vector<std::string> arguments;  // Without the program's name.
  std::filesystem::path directory;     // Where it was typed: relative paths start there.
  bool on_terminal = false;  // Somebody reads its words as they come, as far as one can know.
};

// What a running daemon lends to the commands that it runs.
class Daemon {
 public:
  virtual ~Daemon() = default;
  virtual service::Workspace& workspace() = 0;
  virtual service::RecallService& recall() = 0;
  // A job was committed: what the kernel remembers of these paths is stale. Returns when it knows.
  virtual void committed(const service::ChangedPaths& changed) = 0;
};

class Session {
 public:
  Session(Console& console, const Invocation& invocation, std::filesystem::path home, bool json,
          Daemon* daemon);

  Console& console() { return console_; }
  [[nodiscard]] bool json() const { return json_; }
  // The whole command line, for messages and the job's record.
  [[nodiscard]] std::string command_line() const;
  [[nodiscard]] std::filesystem::path absolute(const std::string& path) const;
  // A path as the catalog has it: made absolute, without leading slash, "." and ".." resolved by
  // name only; one that the catalog lacks, through the symlinks that lead to it. One below latest/
  // or history/ of a mount is what that shows; Error{invalid} below snapshots/ and tapes/. Opens
  // the catalog for reading, unless it is open.
  [[nodiscard]] std::string catalog_path(const std::string& path);
  [[nodiscard]] const std::filesystem::path& home_directory() const { return home_; }
  [[nodiscard]] Daemon* daemon() const { return daemon_; }

  // The daemon's workspace, or one opened now.
  service::Workspace& workspace();
  // Opens the catalog. For writing it takes the writer's lock first, held until the session ends.
  service::Context& reading();
  service::Context& writing();
  service::RecallService& recall();
  // What the drives did since the libraries were opened, where somebody counts; opens nothing.
  [[nodiscard]] std::string drive_reports();

 private:
  Console& console_;
  const Invocation& invocation_;
  const std::filesystem::path home_;
  const bool json_;
  Daemon* const daemon_;
  // Destroyed in reverse order: recall before the workspace it works on.
  std::unique_ptr<service::Workspace> workspace_;
  std::optional<home::HomeLock> lock_;
  std::unique_ptr<service::Context> context_;
  bool context_writes_ = false;
  std::unique_ptr<service::RecallService> recall_;
};

struct Command {
  std::string name;
  std::filesystem::path home;
  bool json = false;
  bool verbose = false;  // The log on standard error, of a command that runs here.
  bool routed = false;
  bool on_terminal = false;  // Of the invocation, from the beginning.
  std::function<int(Session&)> run;
};

// nullopt: the line asked for help or was wrong; that has been said and `status` is the exit
// status.
std::optional<Command> parse_command(const Invocation& invocation, Console& console, int& status);

// Says why a command failed, in one sentence, and returns its exit status.
int report_failure(const std::exception& failure, Console& console);

// Runs it; errors become one sentence on the console and an exit status.
int run_command(const Command& command, const Invocation& invocation, Console& console,
                Daemon* daemon);

// Both, for whoever needs to know nothing in between.
int run_command_line(const Invocation& invocation, Console& console, Daemon* daemon);

// One family of commands each; `command` outlives the parsing.
void add_home_commands(CLI::App& app, Command& command);    // init, key, doctor, status
void add_backup_commands(CLI::App& app, Command& command);  // backup, flush, forget
void add_browse_commands(CLI::App& app, Command& command);  // ls, history, where, find
void add_restore_command(CLI::App& app, Command& command);  // restore
void add_verify_command(CLI::App& app, Command& command);   // verify
void add_release_command(CLI::App& app, Command& command);  // release
void add_repack_command(CLI::App& app, Command& command);   // repack
void add_recall_commands(CLI::App& app, Command& command);  // recall, pin, queue, cancel
void add_recover_command(CLI::App& app, Command& command);
void add_map_command(CLI::App& app, Command& command);     // map
void add_media_commands(CLI::App& app, Command& command);  // media add, list, label, retire, ...
void add_age_commands(CLI::App& app, Command& command);    // age encrypt, age decrypt

}  // namespace mixtape::tools
