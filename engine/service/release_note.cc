// SPDX-License-Identifier: Apache-2.0
#include "engine/service/release_note.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include "engine/service/write_needed.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::service {
namespace {

constexpr std::uint64_t kMostBytes = 4 * MiB;  // A batch is some dozens of paths.

std::filesystem::path note_of(const home::Home& home) {
  return home.scratch() / "releasing";
}

// The next of the strings that each end with a NUL; nullopt when there is none that is whole.
std::optional<std::string> take_string(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == rest.npos) {
    return std::nullopt;
  }
  std::string text(rest.substr(0, end));
  rest.remove_prefix(end + 1);
  return text;
}

// A file whose directory is not there either may be on a disk that is not mounted.
bool is_deleted(const std::filesystem::path& file) {
  struct stat status {};
  return ::lstat(file.parent_path().c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         ::lstat(file.c_str(), &status) != 0 && errno == ENOENT;
}

void tell_of_unknown(const std::set<std::string>& roots, Reporter& reporter) {
  if (roots.empty()) {
    return;
  }
  std::string names;
  for (const std::string& root : roots) {
    names += (names.empty() ? "/" : ", /") + (root == "/" ? "" : root);
  }
  reporter.problem("a release that died left files of " + names +
                   ", which this catalog never backed up: they stay in latest, and `mixtape "
                   "forget` takes out what was deleted since");
}

}  // namespace

std::vector<ReleasingFile> noted_releasing(const home::Home& home) {
  Bytes bytes;
  try {
    bytes = tapeio::read_file(note_of(home), kMostBytes);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) {
      return {};
    }
    const std::string note = note_of(home).string();
    throw Error(error.code(),
                "look at what a release that died has left: " + std::string(error.what()) +
                    (error.code() == ErrorCode::not_permitted
                         ? "; `sudo chown $USER " + note + "` lets the next job do so"
                         : "; `rm -r " + note + "` leaves in latest what it noted there"));
  }
  std::vector<ReleasingFile> noted;
  std::string_view rest = as_text(bytes);
  while (auto path = take_string(rest)) {
    if (auto root = take_string(rest)) {
      noted.push_back({std::move(*path), std::move(*root)});
    }
  }
  return noted;
}

void note_releasing(const home::Home& home, const std::vector<ReleasingFile>& files) {
  std::string text;
  for (const ReleasingFile& file : files) {
    text += file.path + '\0' + file.root + '\0';
  }
  tapeio::write_file_durably(note_of(home), as_bytes(text), 0600);
}

void forget_releasing(const home::Home& home, const std::vector<ReleasingFile>& still) {
  if (still.empty()) {
    std::error_code stays;
    std::filesystem::remove(note_of(home), stays);
    return;
  }
  try {
    note_releasing(home, still);
  } catch (const Error&) {
    // The whole note stays, and the next job settles the same again.
  }
}

std::vector<ReleasingFile> take_back_releasing(Context& context,
                                               const std::vector<ReleasingFile>& noted,
                                               Reporter& reporter) {
  if (noted.empty()) {
    return {};
  }
  std::vector<ReleasingFile> still;
  std::set<std::string> unknown;
  catalog::Transaction transaction(context.database);
  for (const ReleasingFile& file : noted) {
    const std::string source = "/" + file.path;
    const auto id = context.tree.find_path(file.path);
    const auto newest = id ? context.ledger.newest(*id) : std::nullopt;
    if (!newest || newest->origin != catalog::kStagingRoot || is_deleted(source)) {
      continue;
    }
    if (const auto root = context.tree.find_root(file.root); !root) {
      unknown.insert(file.root);
    } else if (source_at(source, *newest)) {
      context.ledger.set_origin(newest->key, *root);
    } else {
      still.push_back(file);
    }
  }
  transaction.commit();
  if (still.size() != noted.size()) {
    forget_releasing(context.workspace.home(), still);
  }
  tell_of_unknown(unknown, reporter);
  return still;
}

}  // namespace mixtape::service
