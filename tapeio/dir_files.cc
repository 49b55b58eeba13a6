// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_files.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/medium_space.h"
#include "tapeio/unique_fd.h"

namespace mixtape::tapeio {
namespace {

constexpr std::size_t kMaxTapeFiles = 1'000'000;  // Bounds what a hostile directory makes us hold.
constexpr std::size_t kMostGaps = 10'000;         // Likewise.

}  // namespace

FileIdentity identity_of(const struct stat& status) {
  return {.inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::vector<FoundFile> find_tape_files(const std::string& medium_path) {
  UniqueFd fd = open_file(medium_path, O_RDONLY | O_DIRECTORY);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), ::closedir);
  if (stream == nullptr) {
    throw_errno("list " + medium_path);
  }
  const int directory = fd.release();  // The stream closes it from here on.
  std::vector<FoundFile> found;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      break;
    }
    const std::optional<TapeFileName> parsed = parse_tape_file_name(entry->d_name);
    if (!parsed.has_value()) {
      continue;
    }
    struct stat status;
    if (::fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
      found.push_back({*parsed, entry->d_name, identity_of(status), S_ISREG(status.st_mode)});
    } else if (errno != ENOENT) {
      throw_errno("look at " + medium_path + "/" + entry->d_name);
    }
    if (found.size() > kMaxTapeFiles) {
      throw Error(ErrorCode::corrupt,
                  "list " + medium_path + ": more tape files than a medium can have");
    }
  }
  if (errno != 0) {
    throw_errno("list " + medium_path);
  }
  std::sort(found.begin(), found.end(), [](const FoundFile& left, const FoundFile& right) {
    return left.parsed.number < right.parsed.number;
  });
  return found;
}

std::uint64_t used_bytes_of_medium(const std::string& medium_path) {
  std::uint64_t used = 0;
  for (const FoundFile& file : find_tape_files(medium_path)) {
    if (!file.parsed.unfinished && file.is_regular) {
      used += file.identity.size + MediumSpace{}.filemark_bytes;
    }
  }
  return used;
}

std::string stand_in_name(std::uint64_t number) {
  return tape_file_name(number, "lost");
}

std::vector<std::string> drop_idle_stand_ins(std::vector<FoundFile>& finished) {
  std::vector<std::string> dropped;
  std::vector<FoundFile> kept;
  for (std::size_t i = 0; i < finished.size(); ++i) {
    const std::uint64_t number = finished[i].parsed.number;
    const bool has_company = (i > 0 && finished[i - 1].parsed.number == number) ||
                             (i + 1 < finished.size() && finished[i + 1].parsed.number == number);
    if (has_company && finished[i].is_regular && finished[i].identity.size == 0 &&
        finished[i].name == stand_in_name(number)) {
      dropped.push_back(finished[i].name);
    } else {
      kept.push_back(finished[i]);
    }
  }
  finished = std::move(kept);
  return dropped;
}

std::vector<std::uint64_t> gaps_in(const std::vector<FoundFile>& finished) {
  std::vector<std::uint64_t> gaps;
  std::uint64_t next = 0;
  for (const FoundFile& file : finished) {
    for (; next < file.parsed.number && gaps.size() < kMostGaps; ++next) {
      gaps.push_back(next);
    }
    next = file.parsed.number + 1;
  }
  return gaps;
}

std::vector<std::uint64_t> missing_tape_files(const std::string& medium_path) {
  std::vector<FoundFile> found = find_tape_files(medium_path);
  std::erase_if(found, [](const FoundFile& file) { return file.parsed.unfinished; });
  return gaps_in(found);
}

std::string missing_tape_files_text(const std::vector<std::uint64_t>& missing) {
  std::string numbers;
  for (std::size_t i = 0; i < std::min(missing.size(), kMostGapsNamed); ++i) {
    numbers += (i > 0 ? ", " : "") + std::to_string(missing[i]);
  }
  const bool one = missing.size() == 1;
  return std::string(one ? "tape file " : "tape files ") + numbers +
         (missing.size() > kMostGapsNamed ? " and more" : "") + (one ? " is" : " are") + " missing";
}

}  // namespace mixtape::tapeio
