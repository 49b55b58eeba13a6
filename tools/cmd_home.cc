// SPDX-License-Identifier: Apache-2.0
// init, key, status, doctor: the home and how things stand in it.

#include <CLI/CLI.hpp>

#include "engine/service/doctor.h"
#include "tapeio/error.h"
#include "tools/drive_text.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/status_text.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;

int init(Session& session) {
  home::Home::create(session.home_directory());
  const home::Home home(session.home_directory());
  std::string words = "Made " + home.directory().string() + ":\n";
  words += "  mixtape.toml   the configuration; every line is optional\n";
  words += "  keys/          the daily and the recovery key\n";
  words += "  catalog.db     what is where\n";
  words += "  library/       disk media:";
  for (const service::Libraries::Slot& slot : service::Libraries(home.library_urls()).slots()) {
    words += " " + slot.medium.label;
  }
  words += ", up to " + format_size(home.config().medium_capacity) + " each\n";
  words +=
      "Next: `mixtape key paper` and keep what it prints in a drawer; `mixtape backup PATH`.\n";
  session.console().out(words);
  return kSuccess;
}

int show_recipients(Session& session) {
  const home::Home home(session.home_directory());
  json list = json::array();
  std::vector<format::Recipient> mine;
  for (const format::Identity& identity : home.identities()) {
    mine.push_back(identity.recipient());
  }
  for (const format::Recipient& recipient : home.recipients()) {
    const bool here = std::find(mine.begin(), mine.end(), recipient) != mine.end();
    list.push_back({{"recipient", recipient.text()}, {"identity_here", here}});
    if (!session.json()) {
      session.console().out(recipient.text() + (here ? "  its identity is here\n" : "\n"));
    }
  }
  if (session.json()) {
    print_json(session.console(), list);
  }
  return kSuccess;
}

int print_paper(Session& session, bool done) {
  const home::Home home(session.home_directory());
  if (done) {
    home.set_recovery_kept_elsewhere();
    session.console().out("Noted: the recovery key is kept elsewhere.\n");
    return kSuccess;
  }
  // A recovered home has the identity that the user brought: that one belongs into the drawer,
  // whichever it was.
  const auto made = home.keys() / "recovery.identity";
  const auto brought = home.keys() / "recovered.identity";
  const bool is_made = std::filesystem::exists(made);
  const std::vector<format::Identity> identities =
      format::read_identity_file(is_made ? made : brought);
  std::string words = std::string(format::kPaperBegins) +
                      (is_made ? "recovery key." : "key that the catalog was recovered with.");
  words += " Keep this paper away from the machine and the media.\n\n";
  for (const format::Identity& identity : identities) {
    words += std::string(as_text(identity.text().view())) + "\n";
    words += "opens what is written for " + identity.recipient().text() + "\n\n";
  }
  words +=
      "With this line in a file and any one medium, `age -d -i FILE` opens everything on it;\n"
      "README.txt at the beginning of each medium says how. With Mixtape:\n"
      "  mixtape recover --library URL --identity FILE\n"
      "where FILE may hold this whole text; only you may be able to read it (chmod 600 FILE).\n";
  session.console().out(words);
  return kSuccess;
}

int add_recipient(Session& session, const std::string& text, const std::string& comment) {
  const home::Home home(session.home_directory());
  home.add_recipient(format::Recipient::parse(text), comment);
  session.console().out("Added. Media written from now on can be read with its identity too.\n");
  return kSuccess;
}

int show_status(Session& session, bool drive_times) {
  if (drive_times) {
    const auto drives = service::drive_times(session.reading());
    if (session.json()) {
      print_json(session.console(), drive_times_json(drives));
    } else {
      session.console().out(drive_times_text(drives));
    }
    return kSuccess;
  }
  const service::Status status = service::status_of(session.reading());
  if (session.json()) {
    print_json(session.console(), status_json(status));
  } else {
    session.console().out(status_text(status));
  }
  return kSuccess;
}

int doctor(Session& session) {
  const std::vector<service::Finding> findings =
      service::examine(session.home_directory(), session.console());
  json list = json::array();
  bool bad = false;
  for (const service::Finding& finding : findings) {
    const bool good = finding.verdict == service::Finding::Verdict::good;
    const char* verdict = good                                                    ? "ok"
                          : finding.verdict == service::Finding::Verdict::warning ? "warning"
                                                                                  : "bad";
    bad = bad || finding.verdict == service::Finding::Verdict::bad;
    list.push_back({{"verdict", verdict},
                    {"subject", finding.subject},
                    {"words", finding.words},
                    {"advice", finding.advice}});
    if (!session.json()) {
      session.console().out(std::string(verdict) + ": " + finding.subject + ": " +
                            printable(finding.words) + "\n" +
                            (good ? "" : "    " + printable(finding.advice) + "\n"));
    }
  }
  if (session.json()) {
    print_json(session.console(), list);
  }
  return bad ? kFailure : kSuccess;
}

}  // namespace

void add_home_commands(CLI::App& app, Command& command) {
  add_command(app, command, "init", "make keys, catalog and a library of three disk media", init);
  const auto drive_times = std::make_shared<bool>(false);
  CLI::App* status = add_command(
      app, command, "status", "what is on which medium and what is not yet",
      [=](Session& session) { return show_status(session, *drive_times); },
      Where::daemon_if_running);
  status->add_flag("--drive", *drive_times,
                   "how long each LTO drive takes to position a tape, beside what is published");
  add_json_flag(*status, command);
  CLI::App* examine =
      add_command(app, command, "doctor", "check FUSE, permissions, space, keys, media and catalog",
                  doctor, Where::daemon_if_running);
  add_json_flag(*examine, command);

  CLI::App* key = app.add_subcommand("key", "who can read what is written");
  key->require_subcommand(1);
  CLI::App* show = add_command(*key, command, "show", "list the recipients", show_recipients);
  add_json_flag(*show, command);
  auto done = std::make_shared<bool>(false);
  CLI::App* paper =
      add_command(*key, command, "paper", "print the recovery key, to be kept in a drawer",
                  [=](Session& session) { return print_paper(session, *done); });
  paper->add_flag("--done", *done, "the paper is in the drawer: `doctor` need not ask again");
  auto recipient = std::make_shared<std::string>();
  auto comment = std::make_shared<std::string>("added by `mixtape key add`");
  CLI::App* add = add_command(
      *key, command, "add", "let another age recipient read what is written from now on",
      [=](Session& session) { return add_recipient(session, *recipient, *comment); });
  add->add_option("RECIPIENT", *recipient, "age1...")
      ->check(readable_by([](const std::string& text) { (void)format::Recipient::parse(text); }))
      ->required();
  add->add_option("--comment", *comment, "whose it is");
}

}  // namespace mixtape::tools
