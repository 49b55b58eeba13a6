// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "tapeio/error.h"

namespace mixtape::staging {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

// Nothing where this user may not read.
std::vector<Child> readable_children_of(int directory) {
  try {
    return children_of(directory);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_permitted) {
      throw;
    }
    return {};
  }
}

void each_below(int directory, const std::string& above,
                const std::function<void(const std::string& path)>& each) {
  for (const Child& child : readable_children_of(directory)) {
    const std::string path = above + child.name;
    each(path);
    if (child.is_directory()) {
      if (const auto below = find_readable_directory(directory, child.name)) {
        each_below(below->get(), path + "/", each);
      }
    }
  }
}

}  // namespace

std::optional<tapeio::UniqueFd> find_directory(int parent, const std::string& name) {
  tapeio::UniqueFd fd(::openat(parent, name.c_str(), kDirectory));
  if (fd.valid()) {
    return fd;
  }
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
    return std::nullopt;
  }
  throw_errno("open directory " + name);
}

std::optional<tapeio::UniqueFd> find_readable_directory(int parent, const std::string& name) {
  try {
    return find_directory(parent, name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_permitted) {
      throw;
    }
    return std::nullopt;
  }
}

tapeio::UniqueFd open_directory(const std::filesystem::path& path) {
  tapeio::UniqueFd fd(::open(path.c_str(), kDirectory));
  if (!fd.valid()) {
    throw_errno("open " + path.string());
  }
  return fd;
}

tapeio::UniqueFd make_directory(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) {
    throw_errno("create directory " + name);
  }
  tapeio::UniqueFd fd(::openat(parent, name.c_str(), kDirectory));
  if (!fd.valid()) {
    throw_errno("open directory " + name);
  }
  return fd;
}

std::vector<Child> children_of(int directory) {
  // A stream of its own: the offset of `directory` may be shared.
  tapeio::UniqueFd own(::openat(directory, ".", kDirectory));
  std::unique_ptr<DIR, CloseDirectory> stream(own.valid() ? ::fdopendir(own.get()) : nullptr);
  std::vector<Child> children;
  if (!stream) {
    if (errno == ENOENT) {
      return children;  // It was removed since it was opened.
    }
    throw_errno("open staged directory");
  }
  (void)own.release();
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) {
        throw_errno("read staged directory");
      }
      return children;
    }
    std::string name = entry->d_name;
    if (name == "." || name == "..") {
      continue;
    }
    if (const auto status = status_of(directory, name)) {
      children.push_back({std::move(name), *status});
    }
  }
}

std::optional<struct stat> status_of(int directory, const std::string& name) {
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return status;
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return std::nullopt;
  }
  throw_errno("stat staged " + name);
}

MadeWritable::MadeWritable(int directory) : directory_(directory) {
  struct stat status {};
  if (::fstat(directory, &status) != 0) {
    throw_errno("stat staged directory");
  }
  const mode_t mode = status.st_mode & 07777;
  // Where even that is not permitted, the change itself tells why.
  if ((mode & S_IRWXU) != S_IRWXU && ::fchmod(directory, mode | S_IRWXU) == 0) {
    mode_ = mode;
  }
}

MadeWritable::~MadeWritable() {
  if (mode_) {
    (void)::fchmod(directory_, *mode_);
  }
}

void clear_directory(int directory) {
  const MadeWritable writable(directory);
  for (const Child& child : children_of(directory)) {
    if (child.is_directory()) {
      if (const auto below = find_directory(directory, child.name)) {
        clear_directory(below->get());
      }
    }
    if (::unlinkat(directory, child.name.c_str(), child.is_directory() ? AT_REMOVEDIR : 0) != 0 &&
        errno != ENOENT) {
      throw_errno("remove staged " + child.name);
    }
  }
}

void each_below(int directory, const std::function<void(const std::string& path)>& each) {
  each_below(directory, "", each);
}

void sync_directory(int directory) {
  if (::fsync(directory) != 0) {
    throw_errno("sync staging directory");
  }
}

void sync_file_system(int any) {
  if (::syncfs(any) != 0) {
    throw_errno("sync staging");
  }
}

}  // namespace mixtape::staging
