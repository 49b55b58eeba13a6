// SPDX-License-Identifier: Apache-2.0
// media add, list, label, load, unload, export, clean, move, retire, lost, found.

#include <CLI/CLI.hpp>

#include "engine/service/media.h"
#include "engine/service/media_state.h"
#include "tapeio/changer.h"
#include "tools/drive_text.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/status_text.h"

namespace mixtape::tools {
namespace {

struct MediaOptions {
  std::string label;
  std::string library;
  std::string capacity;
  std::string location;
  std::string drive;
  bool force = false;
  bool dry_run = false;
};
using Options = std::shared_ptr<MediaOptions>;

int add(Session& session, const MediaOptions& options) {
  std::optional<std::uint64_t> capacity;
  if (!options.capacity.empty()) {
    capacity = home::parse_size(options.capacity);
  }
  const std::string label =
      service::add_medium(session.writing(), options.label, options.library, capacity);
  session.console().out("Made medium " + label + ".\n");
  return kSuccess;
}

int list(Session& session) {
  const auto media = service::media_status(session.reading());
  if (session.json()) {
    print_json(session.console(), media_json(media));
  } else {
    session.console().out(media_text(media));
    if (const auto drives = service::drives(session.reading()); !drives.empty()) {
      session.console().out("drives:\n" + drives_text(drives));
    }
    session.console().out(cleaning_text(service::cleaning_cartridges(session.reading())));
    session.console().out(absent_text(session.workspace().libraries().absent()));
  }
  return kSuccess;
}

int label(Session& session, const MediaOptions& options) {
  service::label_medium(session.writing(), options.label, options.force, session.console(),
                        options.library);
  session.console().out("Medium " + options.label + " belongs to this catalog now.\n");
  return kSuccess;
}

int move(Session& session, const MediaOptions& options) {
  service::move_medium(session.writing(), options.label, options.location);
  const auto library = service::library_with(session.writing(), options.label);
  const std::string medium = "Medium " + options.label;
  if (options.location.empty()) {
    session.console().out(medium + " has no place noted any more.\n");
  } else if (library) {
    session.console().out(medium + " is to be found at " + printable(options.location) +
                          " once it is carried there: now it is in " + printable(*library) + ".\n");
  } else {
    session.console().out(medium + " is at " + printable(options.location) + ".\n");
  }
  return kSuccess;
}

int load(Session& session, const MediaOptions& options) {
  service::load_medium(session.reading(), options.label, session.console());
  session.console().out("Medium " + options.label + " is in a drive.\n");
  return kSuccess;
}

int unload(Session& session, const MediaOptions& options) {
  service::unload_medium(session.reading(), options.label);
  session.console().out("Medium " + options.label + " is out of its drive.\n");
  return kSuccess;
}

int export_medium(Session& session, const MediaOptions& options) {
  const std::string place = service::export_medium(session.reading(), options.label);
  if (tapeio::is_cleaning_barcode(options.label)) {
    session.console().out("Cleaning cartridge " + options.label + " is in " + printable(place) +
                          "; take it out.\n");
    return kSuccess;
  }
  session.console().out("Medium " + options.label + " is in " + printable(place) +
                        "; when you have carried it away, run `mixtape media move " +
                        options.label + " LOCATION`.\n");
  return kSuccess;
}

int clean(Session& session, const MediaOptions& options) {
  service::clean_drive(session.reading(), options.drive);
  session.console().out("Cleaned " + printable(options.drive) + ".\n");
  return kSuccess;
}

const char* state_word(catalog::MediumState state) {
  switch (state) {
    case catalog::MediumState::active:
    case catalog::MediumState::full:
      return "in use";
    case catalog::MediumState::retired:
      return "retired";
    case catalog::MediumState::lost:
      return "lost";
  }
  return "unknown";
}

std::string change_text(const std::string& label, const service::StateChange& change,
                        bool dry_run) {
  const std::string state = state_word(change.after);
  std::string text = "Medium " + label +
                     (!change.changed() ? " is " + state + " already"
                      : dry_run         ? " would be " + state
                                        : " is " + state + " now");
  if (change.after == catalog::MediumState::lost || change.after == catalog::MediumState::retired) {
    text += ": its copies do not count";
  }
  if (change.lacking_files > 0) {
    text += "; " + counted(change.lacking_files, "file") + " (" +
            home::format_size(change.lacking_bytes) + ") with a copy on it " +
            (change.lacking_files == 1 ? "is" : "are") +
            " on fewer media than the policy asks for, `mixtape backup` "
            "writes what is here";
  }
  if (change.only_here_files > 0) {
    text += "; " + counted(change.only_here_files, "file") + " (" +
            home::format_size(change.only_here_bytes) + ") can be read from no other medium";
  }
  return text + ".\n";
}

// Retire, lost, found.
int change_state(Session& session, const MediaOptions& options,
                 service::StateChange (*change)(service::Context&, std::string_view, bool)) {
  const service::StateChange done = change(session.writing(), options.label, options.dry_run);
  if (session.json()) {
    print_json(session.console(), {{"label", options.label},
                                   {"dry_run", options.dry_run},
                                   {"before", state_word(done.before)},
                                   {"after", state_word(done.after)},
                                   {"changed", done.changed()},
                                   {"lacking_files", done.lacking_files},
                                   {"lacking_bytes", done.lacking_bytes},
                                   {"only_here_files", done.only_here_files},
                                   {"only_here_bytes", done.only_here_bytes}});
  } else {
    session.console().out(change_text(options.label, done, options.dry_run));
  }
  return kSuccess;
}

int retire(Session& session, const MediaOptions& options) {
  return change_state(session, options, service::retire_medium);
}
int lose(Session& session, const MediaOptions& options) {
  return change_state(session, options, service::lose_medium);
}
int find(Session& session, const MediaOptions& options) {
  return change_state(session, options, service::find_medium);
}

// The options of media add.
void describe_new(CLI::App& make, const Options& options) {
  make.add_option("LABEL", options->label, "1 to 32 of A-Z a-z 0-9 . _ - (default: next MX number)")
      ->check(readable_by([](const std::string& label) {
        if (!label.empty()) {
          tapeio::require_valid_label(label);
        }
      }));
  make.add_option("--library", options->library,
                  "dir:/PATH, or as in mixtape.toml (default: first)");
  add_size_option(make, "--capacity", options->capacity,
                  "like \"500 GiB\" (default: medium_capacity)")
      ->check(readable_by([](const std::string& size) {
        service::require_usable_capacity(home::parse_size(size));
      }));
}

}  // namespace

void add_media_commands(CLI::App& app, Command& command) {
  CLI::App* media = app.add_subcommand("media", "the cartridges and disk media");
  media->require_subcommand(1);
  const auto options = std::make_shared<MediaOptions>();
  const auto verb = [&](const std::string& name, const std::string& description,
                        int (*run)(Session&, const MediaOptions&)) {
    return add_command(
        *media, command, name, description,
        [=](Session& session) { return run(session, *options); }, Where::daemon_if_running);
  };
  describe_new(*verb("add", "make an empty disk medium", add), options);

  CLI::App* show = add_command(*media, command, "list", "state, place and usage of each", list,
                               Where::daemon_if_running);
  add_json_flag(*show, command);

  CLI::App* own = verb("label", "make an empty medium this catalog's own", label);
  own->add_option("LABEL", options->label)->required();
  own->add_option("--library", options->library, "whose drive holds it, where several might");
  own->add_flag("--force", options->force, "also when it holds something else, which is lost then");

  verb("load", "put a cartridge into a drive", load)
      ->add_option("LABEL", options->label)
      ->required();
  verb("unload", "take a cartridge out of its drive", unload)
      ->add_option("LABEL", options->label)
      ->required();
  verb("export", "move a cartridge to where it can be taken out", export_medium)
      ->add_option("LABEL", options->label)
      ->required();
  verb("clean", "put a cleaning cartridge through a drive", clean)
      ->add_option("DRIVE", options->drive, "as `mixtape media list` names it")
      ->required();

  CLI::App* carry = verb("move", "note where a medium is kept", move);
  carry->add_option("LABEL", options->label)->required();
  carry->add_option("LOCATION", options->location, "like \"shelf B\"; \"\": none any more")
      ->required();

  const auto state = [&](const char* name, const char* description,
                         int (*run)(Session&, const MediaOptions&)) {
    CLI::App* const one = verb(name, description, run);
    one->add_option("LABEL", options->label)->required();
    one->add_flag("--dry-run", options->dry_run, "say what would lack copies; note nothing");
    add_json_flag(*one, command);
  };
  state("retire", "write to it no more and count its copies no more", retire);
  state("lost", "it is gone: neither write to it nor read from it, nor count its copies", lose);
  state("found", "it is in use again, lost or retired before", find);
}

}  // namespace mixtape::tools
