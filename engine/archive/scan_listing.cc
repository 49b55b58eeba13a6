// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/scan_listing.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>

#include "tapeio/bytes.h"

namespace mixtape::archive {
namespace {

// Some thousand names per system call.
constexpr std::size_t kNamesBuffer = 128 * KiB;

}  // namespace

int Listing::read(int directory, const std::function<Rules::Choice(std::string_view)>& choose) {
  alignas(dirent64) static thread_local char buffer[kNamesBuffer];
  while (true) {
    const ssize_t size = getdents64(directory, buffer, sizeof(buffer));
    if (size < 0) {
      return errno;
    }
    if (size == 0) {
      return 0;
    }
    for (ssize_t at = 0; at < size;) {
      const auto* found = reinterpret_cast<const dirent64*>(buffer + at);
      at += found->d_reclen;
      const std::string_view name = found->d_name;
      if (name == "." || name == "..") {
        continue;
      }
      const Rules::Choice choice = choose(name);
      if (choice != Rules::Choice::taken && choice != Rules::Choice::leads) {
        continue;
      }
      Entry& entry = entries_.emplace_back();
      entry.name_at = static_cast<std::uint32_t>(names_.size());
      entry.name_size = static_cast<std::uint32_t>(name.size());
      entry.inode = found->d_ino;
      entry.choice = choice;
      names_.append(name).push_back('\0');
    }
  }
}

void Listing::stat_all(int directory) {
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.inode < b.inode; });
  for (Entry& entry : entries_) {
    entry.error = stat_at(directory, names_.c_str() + entry.name_at, entry.stat);
  }
  std::erase_if(entries_, [](const Entry& entry) { return entry.error == ENOENT; });
  std::sort(entries_.begin(), entries_.end(),
            [&](const Entry& a, const Entry& b) { return name(a) < name(b); });
  // A directory that changes while it is read may give a name twice.
  const auto same = [&](const Entry& a, const Entry& b) { return name(a) == name(b); };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
}

}  // namespace mixtape::archive
