// SPDX-License-Identifier: Apache-2.0
// backup, flush, forget: to the media.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "engine/archive/rules.h"
#include "engine/home/home_lock.h"
#include "engine/service/backup.h"
#include "engine/service/flush.h"
#include "engine/service/forget.h"
#include "engine/service/time_text.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/written_text.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;

struct BackupOptions {
  service::BackupRequest request;
  std::string explain;
};

// Lists of troubles end somewhere; the number beside them is whole.
constexpr std::size_t kMostShown = 20;
constexpr std::size_t kMostExamples = 3;

template <typename Troubles>
void report_troubles(Console& console, const Troubles& troubles, std::uint64_t count) {
  std::size_t shown = 0;
  for (const auto& trouble : troubles) {
    if (++shown > kMostShown) {
      break;
    }
    console.problem("/" + printable(trouble.path) + ": " + trouble.why);
  }
  if (count > kMostShown) {
    console.problem("and " + std::to_string(count - kMostShown) + " more");
  }
}

json recorded_json(const archive::Recorded& recorded) {
  return {{"new", recorded.fresh},
          {"changed", recorded.changed},
          {"metadata_only", recorded.metadata},
          {"gone", recorded.ended},
          {"new_contents", recorded.contents},
          {"new_content_bytes", recorded.content_bytes},
          {"duplicates", recorded.duplicates},
          {"duplicate_bytes", recorded.duplicate_bytes}};
}

std::string recorded_text(const archive::Recorded& recorded) {
  std::string text = "paths: " + std::to_string(recorded.fresh) + " new, " +
                     std::to_string(recorded.changed) + " changed, " +
                     std::to_string(recorded.metadata) + " with other metadata only, " +
                     std::to_string(recorded.ended) + " gone";
  if (recorded.duplicates > 0) {
    text += "; " + std::to_string(recorded.duplicates) + " (" +
            format_size(recorded.duplicate_bytes) + ") are on media already or twice here";
  }
  return text + "\n";
}

void report_written(Session& session, const archive::WriteOutcome& written) {
  Console& console = session.console();
  report_troubles(console, written.bad, written.bad.size());
  report_troubles(console, written.too_big, written.too_big.size());
  std::size_t shown = 0;
  for (const std::string& path : written.no_room) {
    if (++shown > kMostShown) {
      break;
    }
    console.problem("/" + printable(path) + ": no medium here can take it: " + written.why_no_room);
  }
  if (!written.no_room.empty()) {
    console.problem(counted(written.no_room.size(), "file") + " found no place; " +
                    printable(written.room_help) + ", then run this again");
    for (const std::string& absent : session.workspace().libraries().absent()) {
      console.problem("library not here: " + printable(absent));
    }
  }
}

std::string seconds_text(const service::Seconds& seconds) {
  char text[160];
  std::snprintf(text, sizeof text, "took %.1f s: scan %.1f, hash %.1f, record %.1f, write %.1f\n",
                seconds.scan + seconds.hash + seconds.record + seconds.write, seconds.scan,
                seconds.hash, seconds.record, seconds.write);
  return text;
}

void print_backup(Session& session, const service::BackupResult& result, bool dry_run) {
  Console& console = session.console();
  if (session.json()) {
    json object = {{"dry_run", dry_run},
                   {"files", result.files},
                   {"directories", result.directories},
                   {"others", result.others},
                   {"bytes", result.bytes},
                   {"skipped", result.skipped},
                   {"hashed_bytes", result.hashed_bytes},
                   {"recorded", recorded_json(result.recorded)},
                   {"written", written_json(result.written)},
                   {"out_of_reach", result.out_of_reach},
                   {"troubles", troubles_json(result.troubles)},
                   {"trouble_count", result.trouble_count},
                   {"seconds",
                    {{"scan", result.seconds.scan},
                     {"hash", result.seconds.hash},
                     {"record", result.seconds.record},
                     {"write", result.seconds.write}}}};
    object["snapshot"] = result.job ? json(service::snapshot_name(result.job->started_s)) : json();
    print_json(console, object);
  } else {
    console.out("looked at " + counted(result.files, "file") + " (" + format_size(result.bytes) +
                ") in " + counted(result.directories, "directory") + "\n" +
                recorded_text(result.recorded) + written_text(result.written, dry_run));
    if (result.trouble_count > 0) {
      console.out(std::to_string(result.trouble_count) +
                  " could not be read or changed meanwhile; they were named above\n");
    }
    if (!dry_run) {
      console.out(result.job ? "snapshot " + service::snapshot_name(result.job->started_s) + "\n"
                             : std::string("nothing has changed since the last backup\n"));
    }
    console.out(seconds_text(result.seconds));
  }
  report_written(session, result.written);
  if (result.out_of_reach > 0) {
    std::string some;
    for (std::size_t i = 0; i < result.out_of_reach_paths.size() && i < kMostExamples; ++i) {
      some += (i == 0 ? "/" : ", /") + printable(result.out_of_reach_paths[i]);
    }
    console.problem(counted(result.out_of_reach, "file") +
                    " should be on more media, but the source changed or is not here (" + some +
                    (result.out_of_reach > kMostExamples ? ", ..." : "") +
                    "); `mixtape recall` brings those that have a good copy, and the next backup "
                    "writes them");
  }
}

int backup(Session& session, const BackupOptions& options) {
  service::BackupRequest request = options.request;
  for (std::string& root : request.roots) {
    root = session.absolute(root).string();
  }
  request.command = session.command_line();
  if (!options.explain.empty()) {
    session.console().out(printable(service::explain_backup(session.reading(), request,
                                                            session.absolute(options.explain))) +
                          "\n");
    return kSuccess;
  }
  const service::BackupResult result =
      service::backup(session.writing(), request, session.console());
  if (session.daemon() != nullptr && result.job) {
    session.daemon()->committed(result.changed);
  }
  print_backup(session, result, request.dry_run);
  return kSuccess;
}

std::string left_open_text(const staging::LeftOpen& left) {
  std::string text = counted(left.files, "file") +
                     " left for the next flush, because somebody writes there still:";
  for (const std::string& path : left.first) {
    text += " /" + printable(path);
  }
  return left.first.size() < left.files ? text + " and more" : text;
}

void print_flush(Session& session, const service::FlushResult& result, bool dry_run) {
  Console& console = session.console();
  if (session.json()) {
    json object = {{"dry_run", dry_run},
                   {"files", result.files},
                   {"bytes", result.bytes},
                   {"recorded", recorded_json(result.recorded)},
                   {"written", written_json(result.written)},
                   {"pinned_files", result.pinned_files},
                   {"still_staged", result.still_staged},
                   {"left_open", result.left_open.files},
                   {"troubles", troubles_json(result.troubles)}};
    object["snapshot"] = result.job ? json(service::snapshot_name(result.job->started_s)) : json();
    print_json(console, object);
  } else if (result.files == 0 && !result.job) {
    console.out(result.left_open.files == 0 ? "nothing is staged\n"
                                            : "nothing is staged but what is open\n");
  } else {
    console.out("staged: " + counted(result.files, "file") + ", " + format_size(result.bytes) +
                "\n" + recorded_text(result.recorded) + written_text(result.written, dry_run));
  }
  if (result.left_open.files > 0) {
    console.note(left_open_text(result.left_open));
  }
  report_written(session, result.written);
  if (result.still_staged && !dry_run) {
    console.problem("not everything could be written: it is all staged as before");
  }
  if (result.pinned_files > 0) {
    console.note(
        counted(result.pinned_files, "file") +
        " should be on more media, or in more places; what is in them stays on this disk until "
        "then");
  }
}

int flush(Session& session, bool dry_run, tapeio::ForPeople for_people) {
  // A mount that begins meanwhile would change what is being taken. Where one runs, it is this
  // process that has it.
  std::optional<home::HomeLock> no_mount;
  if (session.daemon() == nullptr) {
    no_mount.emplace(session.workspace().home().directory(), home::HomeLock::Role::staging,
                     session.command_line());
  }
  const service::FlushResult result = service::flush(session.writing(), session.command_line(),
                                                     session.console(), dry_run, for_people);
  if (session.daemon() != nullptr && !dry_run) {
    session.daemon()->committed(result.changed);
  }
  print_flush(session, result, dry_run);
  return kSuccess;
}

int forget(Session& session, const std::vector<std::string>& arguments, bool dry_run) {
  std::vector<std::string> paths;
  for (const std::string& argument : arguments) {
    paths.push_back(session.catalog_path(argument));
    if (paths.back().empty() && !dry_run) {
      throw WrongUsage(
          "forget /: that would take everything out of latest; name the directories that are to "
          "leave it, `mixtape ls /` shows them");
    }
  }
  const service::ForgetResult result =
      service::forget(session.writing(), paths, session.command_line(), session.console(), dry_run);
  if (session.daemon() != nullptr && !dry_run) {
    session.daemon()->committed(result.changed);
  }
  session.console().out((dry_run ? "would forget " : "forgot ") + counted(result.paths, "path") +
                        "; history keeps them\n");
  return kSuccess;
}

}  // namespace

void add_backup_commands(CLI::App& app, Command& command) {
  const auto options = std::make_shared<BackupOptions>();
  CLI::App* save = add_command(
      app, command, "backup", "write what is new or changed below PATHs",
      [=](Session& session) { return backup(session, *options); }, Where::daemon_if_running);
  const CLI::Validator pattern =
      readable_by([](const std::string& text) { (void)archive::Pattern(text); });
  save->add_option("PATH", options->request.roots, "directories or files")->required();
  save->add_option("--include", options->request.include, "only what matches this pattern")
      ->check(pattern)
      ->allow_extra_args(false);
  save->add_option("--exclude", options->request.exclude, "not what matches this pattern")
      ->check(pattern)
      ->allow_extra_args(false);
  save->add_flag("--one-file-system", options->request.one_file_system,
                 "stay on the file system of each PATH");
  save->add_option("--explain", options->explain, "say which rule decides about this path");
  save->add_flag("--dry-run", options->request.dry_run, "say what would be written");
  add_wait_flags(*save, command, options->request.for_people);
  add_json_flag(*save, command);

  const auto dry_run = std::make_shared<bool>(false);
  const auto for_people = std::make_shared<tapeio::ForPeople>();
  CLI::App* write = add_command(
      app, command, "flush", "write what was staged through the mount",
      [=](Session& session) { return flush(session, *dry_run, *for_people); },
      Where::daemon_if_running);
  add_wait_flags(*write, command, *for_people);
  write->add_flag("--dry-run", *dry_run, "say what would be written");
  add_json_flag(*write, command);

  const auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* drop = add_command(
      app, command, "forget", "take paths out of latest, never out of history",
      [=](Session& session) { return forget(session, *paths, *dry_run); },
      Where::daemon_if_running);
  drop->add_option("PATH", *paths)->required();
  drop->add_flag("--dry-run", *dry_run, "say how many paths would leave");
}

}  // namespace mixtape::tools
