// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_library.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "tapeio/dir_description.h"
#include "tapeio/dir_drive.h"
#include "tapeio/dir_files.h"
#include "tapeio/dir_layout.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::tapeio {
namespace {

MediumSlot slot_of(const std::string& label, const std::string& medium_path) {
  MediumSlot slot{.label = label, .loaded = true};
  struct stat status;
  if (::stat(medium_path.c_str(), &status) == 0) {
    slot.device_id = status.st_dev;
  }
  try {
    slot.used_bytes = used_bytes_of_medium(medium_path);
    slot.capacity_bytes = read_medium_description(medium_path).capacity_bytes;
  } catch (const Error&) {
    // One damaged medium must not hide the others; what is wrong with it is said when it is loaded.
  }
  return slot;
}

// Made by an add_medium that did not come to its end, and by nobody else.
bool is_half_made(const std::string& medium_path) {
  const std::string unfinished = std::string(kMediumDescriptionName) + ".new";
  std::error_code failure;
  const std::filesystem::directory_iterator entries(medium_path, failure);
  return !failure &&
         std::all_of(entries, std::filesystem::directory_iterator(),
                     [&](const auto& entry) { return entry.path().filename() == unfinished; });
}

}  // namespace

DirLibrary::DirLibrary(std::string path) : path_(std::move(path)) {
  if (!path_.starts_with('/')) {
    throw Error(ErrorCode::invalid, "open library dir:" + path_ + ": the path must be absolute");
  }
  // A dead network mount or a directory of somebody else is an answer, too.
  std::error_code failure;
  if (!std::filesystem::is_directory(path_, failure)) {
    if (failure && failure != std::errc::no_such_file_or_directory &&
        failure != std::errc::not_a_directory) {
      throw_errno("open library dir:" + path_, failure.value());
    }
    throw Error(ErrorCode::not_found, "open library dir:" + path_ + ": there is no such directory");
  }
}

std::string DirLibrary::path_of(std::string_view label) const {
  return path_ + (path_.ends_with('/') ? "" : "/") + std::string(label);
}

std::vector<MediumSlot> DirLibrary::media() {
  std::error_code failure;
  std::filesystem::directory_iterator entries(path_, failure);
  std::vector<MediumSlot> slots;
  while (!failure && entries != std::filesystem::directory_iterator()) {
    const std::string name = entries->path().filename();
    if (is_valid_label(name) && is_disk_medium(path_of(name))) {
      slots.push_back(slot_of(name, path_of(name)));
    }
    entries.increment(failure);
  }
  if (failure) {
    throw_errno("list library " + url(), failure.value());
  }
  std::sort(slots.begin(), slots.end(), [](const MediumSlot& left, const MediumSlot& right) {
    return left.label < right.label;
  });
  return slots;
}

void DirLibrary::add_medium(std::string_view label, std::uint64_t capacity_bytes) {
  require_valid_label(label);
  const std::string name(label);
  if (capacity_bytes == 0) {
    throw Error(ErrorCode::invalid, "add medium " + name + ": it needs a capacity");
  }
  // Held until the end, so that two makers of one label do not meet, in whatever process.
  const UniqueFd lock = open_file(path_, O_RDONLY | O_DIRECTORY);
  if (::flock(lock.get(), LOCK_EX) < 0) {
    throw_errno("lock library " + url());
  }
  const std::string medium_path = path_of(name);
  if (::mkdir(medium_path.c_str(), 0755) < 0) {
    if (errno != EEXIST) {
      throw_errno("make directory " + medium_path);
    }
    if (!std::filesystem::is_directory(medium_path) || !is_half_made(medium_path)) {
      throw Error(ErrorCode::conflict, "add medium " + name + ": " + medium_path + " exists");
    }
  }
  write_medium_description(medium_path, {.capacity_bytes = capacity_bytes});
  fsync_file(lock.get(), path_);
}

std::unique_ptr<TapeDrive> DirLibrary::load(std::string_view label, Access access,
                                            const LoadWatch& /*watch*/) {
  require_valid_label(label);
  const std::string medium_path = path_of(label);
  if (!is_disk_medium(medium_path)) {
    throw Error(ErrorCode::not_found,
                "load medium " + std::string(label) + ": it is not in library " + url());
  }
  return std::make_unique<DirDrive>(medium_path,
                                    DirDriveOptions{.writable = access == Access::write});
}

std::string trouble_of_disk_medium(const Library& library, std::string_view label) {
  const auto path = path_of_disk_medium(library, label);
  return path ? trouble_of_description(*path) : std::string();
}

std::optional<std::string> path_of_disk_medium(const Library& library, std::string_view label) {
  constexpr std::string_view kScheme = "dir:";
  const std::string url = library.url();
  return url.starts_with(kScheme)
             ? std::optional(url.substr(kScheme.size()) + "/" + std::string(label))
             : std::nullopt;
}

std::unique_ptr<TapeDrive> load_despite_gaps(const std::string& medium_path) {
  return std::make_unique<DirDrive>(medium_path, DirDriveOptions{.despite_gaps = true});
}

}  // namespace mixtape::tapeio
