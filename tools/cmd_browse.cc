// SPDX-License-Identifier: Apache-2.0
// ls, history, where, find: what the catalog knows, without moving anything.

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "engine/catalog/lost_copies.h"
#include "engine/service/time_text.h"
#include "tapeio/error.h"
#include "tools/json_text.h"
#include "tools/options.h"

namespace mixtape::tools {
namespace {

using catalog::Entry;
using catalog::Version;
using nlohmann::json;

std::string mode_text(std::uint32_t mode) {
  std::string text = S_ISDIR(mode)    ? "d"
                     : S_ISLNK(mode)  ? "l"
                     : S_ISFIFO(mode) ? "p"
                     : S_ISCHR(mode)  ? "c"
                     : S_ISBLK(mode)  ? "b"
                                      : "-";
  for (int shift = 6; shift >= 0; shift -= 3) {
    const std::uint32_t bits = mode >> shift;
    text += (bits & 4) != 0 ? 'r' : '-';
    text += (bits & 2) != 0 ? 'w' : '-';
    text += (bits & 1) != 0 ? 'x' : '-';
  }
  // Set-user-id, set-group-id and sticky stand in the place of an x, as ls(1) shows them.
  constexpr std::pair<std::uint32_t, char> kSpecial[] = {{04000, 's'}, {02000, 's'}, {01000, 't'}};
  for (std::size_t i = 0; i < std::size(kSpecial); ++i) {
    if ((mode & kSpecial[i].first) != 0) {
      char& place = text[3 + 3 * i];
      place = place == 'x' ? kSpecial[i].second : static_cast<char>(kSpecial[i].second - 32);
    }
  }
  return text;
}

std::string owner_text(const catalog::Metadata& metadata) {
  const std::string user =
      metadata.owner.empty() ? std::to_string(metadata.uid) : printable(metadata.owner);
  const std::string group =
      metadata.group.empty() ? std::to_string(metadata.gid) : printable(metadata.group);
  return user + ":" + group;
}

std::string hash_text(const Version& version) {
  return version.hash ? to_hex(*version.hash) : "";
}

std::int64_t seconds(std::int64_t time_ns) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return time_ns >= 0 ? time_ns / kNanoseconds : -((-time_ns + kNanoseconds - 1) / kNanoseconds);
}

json version_json(const Version& version) {
  json object = {{"size", version.size},
                 {"mode", version.metadata.mode},
                 {"uid", version.metadata.uid},
                 {"gid", version.metadata.gid},
                 {"owner", version.metadata.owner},
                 {"group", version.metadata.group},
                 {"mtime_ns", version.metadata.mtime_ns},
                 {"inode", version.inode},
                 {"first_job", catalog::number(version.key.first_job)}};
  if (version.hash) {
    object["hash"] = hash_text(version);
  }
  if (version.last_job) {
    object["last_job"] = catalog::number(*version.last_job);
  }
  if (!version.metadata.symlink_target.empty()) {
    put_name(object, "target", version.metadata.symlink_target);
  }
  return object;
}

std::string long_line(const std::string& name, const Version& version) {
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, " %12llu ", static_cast<unsigned long long>(version.size));
  std::string line = mode_text(version.metadata.mode) + " " + owner_text(version.metadata) +
                     numbers + service::local_time(seconds(version.metadata.mtime_ns)) + " " +
                     printable(name);
  if (!version.metadata.symlink_target.empty()) {
    line += " -> " + printable(version.metadata.symlink_target);
  }
  return line + "\n";
}

struct ListOptions {
  std::string path = "/";
  std::string at;
  bool details = false;
  bool recursive = false;
};

// One line or one object per entry.
class Lister {
 public:
  Lister(Session& session, bool details) : session_(session), details_(details) {}

  // Throws Error{cancelled} when the user wants out: half a list must not look like a whole one.
  void add(const std::string& name, const Version& version) {
    if (session_.console().stop().stop_requested()) {
      throw Error(ErrorCode::cancelled, "stopped: the list is not whole");
    }
    if (session_.json()) {
      json object = version_json(version);
      put_name(object, "path", name);
      list_.push_back(std::move(object));
    } else {
      session_.console().out(details_ ? long_line(name, version) : printable(name) + "\n");
    }
  }

  void finish() {
    if (session_.json()) {
      print_json(session_.console(), list_);
    }
  }

 private:
  Session& session_;
  const bool details_;
  json list_ = json::array();
};

[[noreturn]] void no_such_path(const std::string& path) {
  throw Error(ErrorCode::not_found,
              "/" + printable(path) +
                  ": there is no such path (any more); `mixtape history` tells what there was, "
                  "`--at TIME` shows it, `mixtape find` looks for names");
}

int list(Session& session, const ListOptions& options) {
  service::Context& context = session.reading();
  const catalog::View view = view_at(context, options.at);
  const std::string path = session.catalog_path(options.path);
  const auto id = context.tree.find_path(path);
  const auto version = id ? context.tree.at(view, *id) : std::nullopt;
  if (!id || (!version && *id != catalog::kRootPath)) {
    no_such_path(path);
  }
  Lister lister(session, options.details);
  if (version && !S_ISDIR(version->metadata.mode)) {
    lister.add(path, *version);
  } else if (options.recursive) {
    context.tree.walk(view, *id, [&](const std::string& whole, const Version& each) {
      lister.add(whole, each);
      return true;
    });
  } else {
    context.tree.list(view, *id, [&](const Entry& entry) {
      lister.add(entry.name, entry.version);
      return true;
    });
  }
  lister.finish();
  return kSuccess;
}

std::map<std::int64_t, catalog::Job> jobs_by_number(service::Context& context) {
  std::map<std::int64_t, catalog::Job> jobs;
  for (const catalog::Job& job : context.tree.snapshots()) {
    jobs.emplace(catalog::number(job.id), job);
  }
  return jobs;
}

int history(Session& session, const std::string& argument) {
  service::Context& context = session.reading();
  const std::string path = session.catalog_path(argument);
  const auto id = context.tree.find_path(path);
  const std::vector<Version> versions = id ? context.tree.history(*id) : std::vector<Version>();
  if (versions.empty()) {
    throw Error(ErrorCode::not_found, "/" + printable(path) +
                                          ": no version of it was ever written to a medium; "
                                          "`mixtape find` looks for names");
  }
  const auto jobs = jobs_by_number(context);
  json list = json::array();
  for (const Version& version : versions) {
    const auto job = jobs.find(catalog::number(version.key.first_job));
    const std::int64_t seen_s = job == jobs.end() ? 0 : job->second.started_s;
    if (session.json()) {
      json object = version_json(version);
      object["seen"] = service::snapshot_name(seen_s);
      list.push_back(std::move(object));
      continue;
    }
    const std::string hash = version.hash      ? hash_text(version).substr(0, 16)
                             : version.content ? "unhashed        "
                                               : "-               ";
    session.console().out(service::local_time(seen_s) + "  " + hash + "  " +
                          long_line(path.substr(path.rfind('/') + 1), version));
    if (version.last_job) {
      session.console().out("  gone since the backup after job " +
                            std::to_string(catalog::number(*version.last_job)) + "\n");
    }
  }
  if (session.json()) {
    print_json(session.console(), list);
  }
  return kSuccess;
}

// Where media are now.
class Slots {
 public:
  explicit Slots(Session& session)
      : slots_(session.workspace().libraries().slots(service::Libraries::Look::glance)) {}
  // "slot 3"; empty: on a disk that is here; absent: in no library.
  [[nodiscard]] std::optional<std::string> of(const catalog::Medium& medium) const {
    for (const service::Libraries::Slot& slot : slots_) {
      if (service::may_be(slot.medium.label, medium)) {
        return slot.medium.place;
      }
    }
    return std::nullopt;
  }

 private:
  const std::vector<service::Libraries::Slot> slots_;
};

json place_json(const catalog::CopyPlace& place, const Slots& slots) {
  const auto slot = slots.of(place.medium);
  return {{"medium", place.medium.label},
          {"location", place.medium.location},
          {"here", slot.has_value()},
          {"place", slot.value_or("")},
          {"bundle", place.bundle.number},
          {"tape_file", place.bundle.index_file + 1},
          {"block", place.bundle.archive_block.value_or(0)},
          {"offset", place.copy.data_offset},
          {"verified_s", place.copy.verified_s ? json(*place.copy.verified_s) : json(nullptr)}};
}

std::string place_text(const catalog::CopyPlace& place, const Slots& slots) {
  std::string line = "  medium " + place.medium.label;
  if (!place.medium.location.empty()) {
    line += " (" + printable(place.medium.location) + ")";
  }
  const std::string slot = printable(slots.of(place.medium).value_or("not here"));
  return line + (slot.empty() ? "" : ", " + slot) + ", tape file " +
         std::to_string(place.bundle.index_file + 1) + ", offset " +
         std::to_string(place.copy.data_offset);
}

std::string place_line(const catalog::CopyPlace& place, const Slots& slots) {
  const auto verified_s = place.copy.verified_s;
  return place_text(place, slots) +
         (verified_s ? ", verified " + service::local_time(*verified_s) : "") + "\n";
}

json damaged_json(const catalog::Ledger::Damaged& damaged, const Slots& slots) {
  json object = place_json(damaged.place, slots);
  object["verified_s"] = nullptr;
  object["damaged_s"] = damaged.found_s;
  object["damage"] = printable(damaged.found);
  return object;
}

std::string damaged_line(const catalog::Ledger::Damaged& damaged, const Slots& slots) {
  return place_text(damaged.place, slots) + ", damaged: found " +
         service::local_time(damaged.found_s) +
         (damaged.found.empty() ? "" : ", " + printable(damaged.found)) + "\n";
}

std::string lost_line(const catalog::CopyPlace& place, const Slots& slots) {
  return place_text(place, slots) + ", lost: it is not read until `mixtape media found " +
         place.medium.label + "`\n";
}

int where(Session& session, const std::string& argument, const std::string& at) {
  service::Context& context = session.reading();
  const std::string path = session.catalog_path(argument);
  const auto id = context.tree.find_path(path);
  const auto version = id ? context.tree.at(view_at(context, at), *id) : std::nullopt;
  if (!version) {
    no_such_path(path);
  }
  std::vector<catalog::CopyPlace> places;
  std::vector<catalog::Ledger::Damaged> damaged;
  std::vector<catalog::CopyPlace> lost;
  if (version->content) {
    places = context.ledger.places(*version->content);
    damaged = context.ledger.damaged(*version->content);
    lost = catalog::lost_places(context.database, *version->content);
  }
  const Slots slots(session);
  if (session.json()) {
    json object = version_json(*version);
    put_name(object, "path", path);
    object["copies"] = json::array();
    for (const auto& place : places) {
      object["copies"].push_back(place_json(place, slots));
    }
    object["damaged"] = json::array();
    for (const auto& one : damaged) {
      object["damaged"].push_back(damaged_json(one, slots));
    }
    object["lost"] = json::array();
    for (const auto& place : lost) {
      object["lost"].push_back(place_json(place, slots));
    }
    print_json(session.console(), object);
    return kSuccess;
  }
  session.console().out("/" + printable(path) + "\n");
  if (!version->content) {
    session.console().out("  no content: it is in the catalog on every medium\n");
  } else if (places.empty()) {
    session.console().out("  no good copy is known\n");
  }
  for (const auto& place : places) {
    session.console().out(place_line(place, slots));
  }
  for (const auto& one : damaged) {
    session.console().out(damaged_line(one, slots));
  }
  for (const auto& place : lost) {
    session.console().out(lost_line(place, slots));
  }
  return kSuccess;
}

int find(Session& session, const std::string& pattern, bool details) {
  Lister lister(session, details);
  std::size_t found = 0;
  session.reading().tree.find(pattern, [&](const std::string& path, const Version& version) {
    lister.add("/" + path, version);
    ++found;
    return true;
  });
  lister.finish();
  if (found == 0) {
    throw Error(ErrorCode::not_found, "find " + printable(pattern) +
                                          ": no path ever seen matches; * stands for any "
                                          "characters, and with a slash whole paths are compared");
  }
  return kSuccess;
}

}  // namespace

void add_browse_commands(CLI::App& app, Command& command) {
  auto list_options = std::make_shared<ListOptions>();
  CLI::App* ls = add_command(app, command, "ls", "list a directory as it was last backed up",
                             [=](Session& session) { return list(session, *list_options); });
  ls->add_option("PATH", list_options->path, "directory or file (default: /)");
  add_at_option(*ls, list_options->at);
  ls->add_flag("-l,--long", list_options->details, "mode, owner, size and time");
  ls->add_flag("-R,--recursive", list_options->recursive, "everything below");
  add_json_flag(*ls, command);

  auto path = std::make_shared<std::string>();
  auto at = std::make_shared<std::string>();
  CLI::App* versions = add_command(app, command, "history", "list every version of a file",
                                   [=](Session& session) { return history(session, *path); });
  versions->add_option("PATH", *path, "file")->required();
  add_json_flag(*versions, command);

  CLI::App* places = add_command(
      app, command, "where", "on which media a file is, and where there",
      [=](Session& session) { return where(session, *path, *at); }, Where::daemon_if_running);
  places->add_option("PATH", *path, "file")->required();
  add_at_option(*places, *at);
  add_json_flag(*places, command);

  auto pattern = std::make_shared<std::string>();
  auto details = std::make_shared<bool>(false);
  CLI::App* names =
      add_command(app, command, "find", "find paths by name, deleted ones too",
                  [=](Session& session) { return find(session, *pattern, *details); });
  names
      ->add_option("PATTERN", *pattern,
                   "like *.jpg; with a slash it is matched against whole paths")
      ->required();
  names->add_flag("-l,--long", *details, "mode, owner, size and time");
  add_json_flag(*names, command);
}

}  // namespace mixtape::tools
