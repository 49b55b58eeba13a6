// SPDX-License-Identifier: Apache-2.0
// restore: files and trees come back.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>

#include "engine/service/restore.h"
#include "engine/service/time_text.h"
#include "tapeio/error.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/usage.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;
using service::Conflict;

struct RestoreOptions {
  std::vector<std::string> paths;
  std::string to;
  std::string at;
  Conflict conflict = Conflict::refuse;
  bool dry_run = false;
  bool partial = false;
  tapeio::ForPeople for_people{};
};

constexpr std::size_t kMostShown = 20;

json partials_json(const service::RestoreResult& result) {
  json partials = json::array();
  for (const service::RestorePartial& partial : result.partials) {
    json holes = json::array();
    for (const service::FileHole& hole : partial.holes) {
      holes.push_back({{"offset", hole.offset}, {"length", hole.length}, {"why", hole.why}});
    }
    json object = {{"size", partial.size}, {"holes", std::move(holes)}};
    put_name(object, "path", partial.path);
    partials.push_back(std::move(object));
  }
  return partials;
}

json result_json(const service::RestoreResult& result, bool dry_run) {
  json media = json::array();
  for (const service::RestoreMedium& medium : result.media) {
    json object = {{"label", medium.label},
                   {"location", medium.location},
                   {"here", medium.here},
                   {"files", medium.files},
                   {"bytes", medium.bytes}};
    if (medium.times) {
      object["modelled"] = {{"tape", medium.times->tape},
                            {"locates", medium.times->locates},
                            {"locate_s", medium.times->locate_s},
                            {"least_locate_s", medium.times->least_locate_s},
                            {"read_s", medium.times->read_s}};
    }
    for (const std::string& path : medium.order) {
      json each;
      put_name(each, "path", path);
      object["order"].push_back(std::move(each));
    }
    media.push_back(std::move(object));
  }
  json troubles = json::array();
  for (const service::RestoreTrouble& trouble : result.troubles) {
    json object = {{"why", trouble.why}};
    put_name(object, "path", trouble.path);
    troubles.push_back(std::move(object));
  }
  return {{"dry_run", dry_run},
          {"partial", partials_json(result)},
          {"files", result.files},
          {"bytes", result.bytes},
          {"directories", result.directories},
          {"symlinks", result.symlinks},
          {"specials", result.specials},
          {"links", result.links},
          {"unchanged", result.unchanged},
          {"skipped", result.skipped},
          {"from_cache", result.from_cache},
          {"unverified", result.unverified},
          {"damaged_copies", result.damaged_copies},
          {"media", media},
          {"troubles", troubles},
          {"trouble_count", result.trouble_count},
          {"lost_attribute_count", result.lost_attribute_count}};
}

std::chrono::seconds whole_seconds(double seconds) {
  return std::chrono::seconds(std::llround(seconds));
}

// What the model of the tape says; nothing of disks.
std::string times_text(const service::RestoreMedium& medium) {
  if (!medium.times) {
    return "";
  }
  const service::RestoreMedium::Times& times = *medium.times;
  return ", modelled (" + times.tape +
         "): " + format_duration(whole_seconds(times.locate_s + times.read_s)) + ", of that " +
         format_duration(whole_seconds(times.locate_s)) + " for " +
         counted(times.locates, "locate") + " (no order needs less than " +
         format_duration(whole_seconds(times.least_locate_s)) + ")";
}

std::string result_text(const service::RestoreResult& result, bool dry_run) {
  std::string text;
  for (const service::RestoreMedium& medium : result.media) {
    text += "  " + printable(medium.label) +
            (medium.location.empty() ? "" : " (" + printable(medium.location) + ")") +
            (medium.here ? ": " : ", not here: ") + counted(medium.files, "file") + ", " +
            format_size(medium.bytes) + times_text(medium) + "\n";
  }
  text += (dry_run ? "would restore " : "restored ") + counted(result.files, "file") + " (" +
          format_size(result.bytes) + "), " + counted(result.directories, "directory") + ", " +
          counted(result.symlinks, "symlink");
  if (result.unchanged > 0) {
    text += "; " + std::to_string(result.unchanged) + " were there already";
  }
  if (result.skipped > 0) {
    text += "; " + std::to_string(result.skipped) + " left as they are";
  }
  if (result.damaged_copies > 0) {
    text += "; " + counted(result.damaged_copies, "damaged copy");
  }
  if (result.unverified > 0) {
    text += "; " + std::to_string(result.unverified) + " without a hash to compare with";
  }
  text += "\n";
  for (const service::RestorePartial& partial : result.partials) {
    text += "  /" + printable(partial.path) + ":\n";
    for (const service::FileHole& hole : partial.holes) {
      text += "    hole at byte " + std::to_string(hole.offset) + ", " +
              std::to_string(hole.length) + " bytes (" + printable(hole.why) + ")\n";
    }
  }
  return text;
}

void report(Console& console, const service::RestoreResult& result) {
  for (std::size_t i = 0; i < result.troubles.size() && i < kMostShown; ++i) {
    console.problem("/" + printable(result.troubles[i].path) + ": " +
                    printable(result.troubles[i].why));
  }
  if (result.trouble_count > kMostShown) {
    console.problem("and " + std::to_string(result.trouble_count - kMostShown) + " more");
  }
  for (std::size_t i = 0; i < result.lost_attributes.size() && i < kMostShown; ++i) {
    console.problem("could not be set here: /" + printable(result.lost_attributes[i]));
  }
  if (result.lost_attribute_count > kMostShown) {
    console.problem("and " + std::to_string(result.lost_attribute_count - kMostShown) +
                    " more attributes");
  }
}

int restore(Session& session, const RestoreOptions& options) {
  service::RestoreRequest request;
  for (const std::string& path : options.paths) {
    request.paths.push_back("/" + session.catalog_path(path));
  }
  request.to = session.absolute(options.to).string();
  if (!options.at.empty()) {
    request.at_s = service::parse_time(options.at);
  }
  request.conflict = options.conflict;
  request.dry_run = options.dry_run;
  request.partial = options.partial;
  request.for_people = options.for_people;
  PrintableReporter reporter(session.console());
  const service::RestoreResult result = service::restore(session.reading(), request, reporter);
  if (session.json()) {
    print_json(session.console(), result_json(result, options.dry_run));
  } else {
    session.console().out(result_text(result, options.dry_run));
  }
  report(session.console(), result);
  return kSuccess;
}

}  // namespace

void add_restore_command(CLI::App& app, Command& command) {
  const auto options = std::make_shared<RestoreOptions>();
  CLI::App* back = add_command(
      app, command, "restore", "bring files and trees back below a directory",
      [=](Session& session) { return restore(session, *options); }, Where::daemon_if_running);
  back->add_option("PATH", options->paths)->required();
  back->add_option("--to", options->to, "directory; PATH lands below it with its whole name")
      ->required();
  add_at_option(*back, options->at);
  const std::map<std::string, Conflict> kConflicts = {{"skip", Conflict::skip},
                                                      {"newer", Conflict::newer},
                                                      {"rename", Conflict::rename},
                                                      {"overwrite", Conflict::overwrite}};
  back->add_option("--conflict", options->conflict, "what exists: skip, newer, rename, overwrite")
      ->transform(CLI::Transformer(kConflicts).description("RULE"))
      ->transform(one_of({"skip", "newer", "rename", "overwrite"}));  // It comes first.
  back->add_flag("--dry-run", options->dry_run, "say what would be read from which media");
  back->add_flag("--partial", options->partial,
                 "also what is whole of damaged files, as PATH.partial");
  add_wait_flags(*back, command, options->for_people);
  add_json_flag(*back, command);
}

}  // namespace mixtape::tools
