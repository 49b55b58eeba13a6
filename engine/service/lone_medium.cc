// SPDX-License-Identifier: Apache-2.0
#include "engine/service/lone_medium.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/snapshot.h"
#include "engine/home/home.h"
#include "engine/service/last_index.h"
#include "tapeio/dir_library.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/library.h"

namespace mixtape::service {
namespace fs = std::filesystem;
namespace {

void check_stop(const std::stop_token& stop, const std::string& medium) {
  if (stop.stop_requested()) {
    throw Error(ErrorCode::cancelled, "mount medium " + medium + ": stopped");
  }
}

struct Wanted {
  std::string label;
  std::vector<std::string> libraries;  // URLs.
};

Wanted wanted(const LoneMediumRequest& request) {
  if (request.medium.find('/') != std::string::npos) {
    const fs::path directory = fs::absolute(request.medium).lexically_normal();
    const fs::path medium = directory.has_filename() ? directory : directory.parent_path();
    return {medium.filename().string(), {"dir:" + medium.parent_path().string()}};
  }
  if (!request.library.empty()) {
    return {request.medium, {request.library}};
  }
  if (!fs::exists(request.home)) {
    return {request.medium, {}};
  }
  return {request.medium, home::Home(request.home).library_urls()};
}

bool has(tapeio::Library& library, const std::string& label) {
  for (const tapeio::MediumSlot& slot : library.media()) {
    if (slot.label == label) {
      return true;
    }
  }
  return false;
}

// Of a directory that was named: whether it is one that a medium could be.
void require_disk_medium(const LoneMediumRequest& request) {
  if (request.medium.find('/') == std::string::npos) {
    return;
  }
  const std::string doing = "mount medium " + request.medium + ": ";
  std::error_code unseen;
  if (!fs::is_directory(request.medium, unseen)) {
    throw Error(ErrorCode::not_found,
                doing +
                    (fs::exists(request.medium, unseen) ? "it is no directory"
                                                        : "there is no such directory") +
                    "; name the directory of a disk medium, or a label and --library URL");
  }
  const Wanted medium = wanted(request);
  const auto library = tapeio::open_library(medium.libraries.front(), read_label_text);
  if (!has(*library, medium.label)) {
    throw Error(ErrorCode::not_found,
                doing +
                    "it is no disk medium: name one of the directories that `mixtape init` and "
                    "`mixtape media add` make in that of a library");
  }
}

// The files that hold the keys.
std::vector<fs::path> identity_files(const LoneMediumRequest& request) {
  if (!request.identity_file.empty()) {
    return {request.identity_file};
  }
  std::vector<fs::path> files;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(request.home / "keys", absent)) {
    if (entry.path().extension() == ".identity") {
      files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    throw Error(ErrorCode::not_found, "mount medium " + request.medium + ": " +
                                          request.home.string() +
                                          " has no key: give one with --identity FILE");
  }
  return files;
}

catalog::FoundIndex read_index(tapeio::Library& library, const std::string& label,
                               const std::vector<format::Identity>& identities, const fs::path& to,
                               const std::stop_token& stop) {
  const std::string doing = "mount medium " + label + ": ";
  const auto drive = library.load(label, tapeio::Library::Access::read, {.stop = stop});
  check_stop(stop, label);
  if (const std::string trouble = tapeio::trouble_of_disk_medium(library, label);
      !trouble.empty()) {
    spdlog::warn("{}{}", doing, trouble);
  }
  std::optional<format::MediumLabel> medium;
  std::optional<Error> damage;
  try {
    medium = read_label(*drive);
  } catch (const Error& error) {
    if (!is_damage(error.code())) {
      throw;
    }
    damage = error;
  }
  if (!medium && !damage) {
    throw Error(ErrorCode::not_found, doing + "it is empty");
  }
  check_stop(stop, label);
  const PassedOver passed_over = [&](std::uint64_t file, const std::string& why) {
    spdlog::warn("{}{}", doing, told_of_passed_over(file, why));
  };
  try {
    if (damage) {
      catalog::FoundIndex index =
          read_last_index_without_label(*drive, *damage, identities, to, passed_over);
      spdlog::warn("{}{}", doing, told_of_damaged_label(label, *damage));
      return index;
    }
    if (auto index = read_last_index(*drive, *medium, identities, to, passed_over)) {
      if (index->label.medium != medium->medium) {
        spdlog::warn("{}{}", doing, told_of_damaged_uuid(*medium, index->label));
      }
      return std::move(*index);
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_permitted) {
      throw Error(error.code(), doing + "none of the keys opens it (" + error.what() +
                                    "): give the right one with --identity FILE");
    }
    if (!is_damage(error.code())) {
      throw;
    }
    throw Error(error.code(), doing + (damage ? "neither its label nor an index" : "no index") +
                                  " of it can be read (" + error.what() + "): " +
                                  (damage ? "with dd, age and tar its archives can be read all the "
                                            "same"
                                          : "`mixtape recover --scan --library URL --identity "
                                            "FILE` reads its archives themselves"));
  }
  throw Error(ErrorCode::not_found, doing + "nothing was ever written to it but its label");
}

// In its catalog the medium has the label under which the library has it: a directory or a
// cartridge may be called otherwise than when it was written.
void call_as_in_library(const fs::path& home, const catalog::Uuid& uuid, const std::string& label) {
  catalog::Database database =
      catalog::open_catalog(home / "catalog.db", home / "state.db", catalog::Access::write);
  catalog::Ledger ledger(database);
  for (const catalog::Medium& medium : ledger.media()) {
    if (medium.uuid == uuid && medium.label != label) {
      if (const auto other = ledger.medium(label)) {
        ledger.set_medium_label(other->id, label + "~" + to_hex(other->uuid));
      }
      ledger.set_medium_label(medium.id, label);
      return;
    }
  }
}

// Home::prepare() copies none that is among the keys already: a killed process leaves no secrets.
void refer_to(const std::vector<fs::path>& identities, const fs::path& home) {
  tapeio::make_directories(home / "keys", S_IRWXU);
  std::size_t number = 0;
  for (const fs::path& file : identities) {
    fs::create_symlink(fs::absolute(file),
                       home / "keys" / ("key-" + std::to_string(++number) + ".identity"));
  }
}

}  // namespace

LoneMedium::LoneMedium(const LoneMediumRequest& request, const std::stop_token& stop) {
  fill(request, stop);
}

void LoneMedium::fill(const LoneMediumRequest& request, const std::stop_token& stop) const {
  const std::vector<fs::path> files = identity_files(request);
  std::vector<format::Identity> identities;
  for (const fs::path& file : files) {
    for (format::Identity& identity : format::read_identity_file(file)) {
      identities.push_back(std::move(identity));
    }
  }
  require_disk_medium(request);
  const Wanted medium = wanted(request);
  std::string looked_in;
  for (const std::string& url : medium.libraries) {
    looked_in += (looked_in.empty() ? "" : ", ") + tapeio::url_for_people(url);
    check_stop(stop, medium.label);
    const auto library = tapeio::open_library(url, read_label_text);
    if (!has(*library, medium.label)) {
      continue;
    }
    const catalog::FoundIndex found =
        read_index(*library, medium.label, identities, home() / "index", stop);
    check_stop(stop, medium.label);
    std::vector<format::Recipient> recipients;
    for (const format::Identity& identity : identities) {
      recipients.push_back(identity.recipient());
    }
    refer_to(files, home());
    (void)home::Home::prepare(home(), files.front(), recipients, url);
    (void)catalog::recover_catalog({found}, home() / "catalog.db",
                                   catalog::Seen{home() / "state.db", {found.label.medium}});
    call_as_in_library(home(), found.label.medium, medium.label);
    check_stop(stop, medium.label);
    return;
  }
  std::error_code unseen;
  throw Error(ErrorCode::not_found,
              "mount medium " + request.medium + ": it is not in " +
                  (looked_in.empty() ? "any library" : looked_in) +
                  ": put it into a drive there, or say with --library URL where it is" +
                  (fs::is_directory(request.medium, unseen)
                       ? "; a directory is named with a slash: ./" + request.medium
                       : ""));
}

}  // namespace mixtape::service
