// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/archaeology_set.h"

#include <algorithm>
#include <fstream>

#include <memory>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

namespace fs = std::filesystem;

// The archaeology may have this part of a medium.
constexpr std::uint64_t kPart = 1000;

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const fs::path& path) : path_(path), in_(path, std::ios::binary) {
    if (!in_) {
      fail();
    }
  }
  std::size_t read(MutableBytes into) override {
    in_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    if (in_.bad()) {
      fail();
    }
    return static_cast<std::size_t>(in_.gcount());
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::not_found,
                "read " + path_.string() +
                    " for the first tape file of a medium: it cannot be read; "
                    "install Mixtape again, or set archaeology = \"texts\"");
  }
  fs::path path_;
  std::ifstream in_;
};

std::vector<format::ArchaeologyFile> files_in(const ArchaeologySet::Source& source) {
  std::vector<format::ArchaeologyFile> files;
  std::error_code trouble;
  fs::recursive_directory_iterator entries(source.directory, trouble);
  for (const fs::recursive_directory_iterator end; !trouble && entries != end;
       entries.increment(trouble)) {
    std::error_code unreadable;
    const fs::path path = entries->path();
    const fs::file_status status = entries->symlink_status(unreadable);
    const std::uint64_t size =
        fs::is_regular_file(status) ? entries->file_size(unreadable) : std::uint64_t{0};
    if (unreadable || !fs::is_regular_file(status)) {
      continue;
    }
    files.push_back(
        {.name = source.prefix + path.lexically_relative(source.directory).string(),
         .size = size,
         .executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none,
         .open = [path] { return std::make_unique<FileSource>(path); }});
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

std::uint64_t bytes_of(std::span<const format::ArchaeologyFile> files) {
  std::uint64_t bytes = 0;
  for (const format::ArchaeologyFile& file : files) {
    bytes += format::archaeology_bytes(file);
  }
  return bytes;
}

}  // namespace

ArchaeologySet::ArchaeologySet(Extent extent, std::span<const Source> sources) : extent_(extent) {
  for (const Source& source : sources) {
    if (extent != Extent::texts) {
      groups_.push_back(files_in(source));
    }
  }
}

std::vector<format::ArchaeologyFile> ArchaeologySet::files_for(
    std::optional<std::uint64_t> capacity_bytes) const {
  const std::uint64_t most = capacity_bytes.value_or(0) / kPart;
  std::vector<format::ArchaeologyFile> taken;
  for (const auto& group : groups_) {
    if (extent_ == Extent::full || bytes_of(taken) + bytes_of(group) <= most) {
      taken.insert(taken.end(), group.begin(), group.end());
    }
  }
  return taken;
}

std::uint64_t ArchaeologySet::bytes_for(std::optional<std::uint64_t> capacity_bytes) const {
  return bytes_of(files_for(capacity_bytes));
}

}  // namespace mixtape::archive
