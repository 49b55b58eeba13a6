// SPDX-License-Identifier: Apache-2.0
#include "engine/service/destination.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <filesystem>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::service {

namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
// A restored directory is its owner's alone until it gets its own mode; what only leads to it is as
// the umask has it.
constexpr mode_t kPrivate = 0700;
constexpr mode_t kParent = 0777;

std::string_view next_component(std::string_view& path) {
  const std::string_view component = path.substr(0, path.find('/'));
  path.remove_prefix(std::min(component.size() + 1, path.size()));
  return component;
}

// Before anything is made: not even a directory of a path that leads out.
void check_path(std::string_view path) {
  std::string_view rest = path;
  bool is_below = !path.empty() && !path.ends_with('/') && path.find('\0') == path.npos;
  while (!rest.empty()) {
    const std::string_view component = next_component(rest);
    is_below = is_below && !component.empty() && component != "." && component != ".." &&
               component.size() <= NAME_MAX;
  }
  if (!is_below) {
    throw Error(ErrorCode::invalid,
                "restore " + std::string(path) + ": it is no path below a directory");
  }
}

}  // namespace

Destination::Destination(const std::string& directory, bool make)
    : directory_(directory), as_root_(::geteuid() == 0) {
  std::error_code error;
  if (!make && !std::filesystem::exists(directory, error)) {
    return;
  }
  for (std::filesystem::path above = directory;
       !above.empty() && !std::filesystem::exists(above, error); above = above.parent_path()) {
    made_above_.push_back(above);
  }
  tapeio::make_directories(directory);
  root_ = std::make_shared<tapeio::UniqueFd>(tapeio::open_file(directory, O_RDONLY | O_DIRECTORY));
}

std::uint64_t Destination::free_bytes() const {
  struct statvfs status {};
  if (::fstatvfs(root_->get(), &status) != 0) {
    throw_errno("look at the space below " + directory_);
  }
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

Destination::Directory Destination::open_directory(std::string_view path, Make make) {
  check_path(path);
  if (last_ && last_path_ == path) {
    return last_;
  }
  if (make != Make::nothing) {
    absent_.clear();
  }
  Directory above = root_;
  for (std::string_view rest = path; !rest.empty();) {
    const std::string name(next_component(rest));
    const mode_t mode = make == Make::itself && rest.empty() ? kPrivate : kParent;
    if (make != Make::nothing) {
      if (::mkdirat(above->get(), name.c_str(), mode) == 0) {
        const std::size_t end = path.size() - rest.size();
        made_.emplace_back(path.substr(0, rest.empty() ? end : end - 1));
      } else if (errno != EEXIST) {
        throw_errno("make directory " + std::string(path));
      }
    }
    tapeio::UniqueFd fd(::openat(above->get(), name.c_str(), kOpenDirectory | O_CLOEXEC));
    if (!fd.valid()) {
      const int why = errno;
      if (why == ELOOP || why == ENOTDIR) {
        throw Error(ErrorCode::conflict, "restore below " + std::string(path) + ": " + name +
                                             " is there and is no directory");
      }
      if (why == ENOENT) {
        absent_ = path.substr(0, path.size() - rest.size());
        if (!absent_.ends_with('/')) {
          absent_ += '/';
        }
      }
      throw_errno("open directory " + std::string(path), why);
    }
    above = std::make_shared<tapeio::UniqueFd>(std::move(fd));
  }
  last_path_ = path;
  last_ = above;
  return above;
}

Destination::Anchored Destination::anchor(const std::string& path, bool make_parents) {
  check_path(path);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {root_, path};
  }
  return {open_directory(std::string_view(path).substr(0, slash),
                         make_parents ? Make::parents : Make::nothing),
          path.substr(slash + 1)};
}

std::optional<struct stat> Destination::look(const std::string& path) {
  if (!root_) {
    return std::nullopt;
  }
  check_path(path);
  if (!absent_.empty() && path.starts_with(absent_)) {
    return std::nullopt;
  }
  try {
    const Anchored at = anchor(path, false);
    struct stat status {};
    if (::fstatat(at.fd(), at.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      return status;
    }
    if (errno != ENOENT) {
      throw_errno("look at " + path);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) {
      throw;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Destination::read_symlink(const std::string& path) {
  const Anchored at = anchor(path, false);
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(at.fd(), at.name.c_str(), target.data(), target.size());
  if (size < 0) {
    return std::nullopt;
  }
  target.resize(static_cast<std::size_t>(size));
  return target;
}

void Destination::drop_empty_directories() {
  for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
    try {
      const Anchored at = anchor(*path, false);
      ::unlinkat(at.fd(), at.name.c_str(), AT_REMOVEDIR);  // Fails where something came.
    } catch (const Error&) {
      // Gone, or another's by now.
    }
  }
  made_.clear();
  for (const std::filesystem::path& above : made_above_) {
    ::rmdir(above.c_str());
  }
}

void Destination::make_directory(const std::string& path) {
  (void)open_directory(path, Make::itself);
}

std::string Destination::temporary_name() {
  return ".mixtape-" + std::to_string(::getpid()) + "-" + std::to_string(names_++) + ".part";
}

void Destination::settle(int directory, const std::string& temporary, const std::string& name,
                         const std::string& path, Existing existing) {
  const unsigned flags = existing == Existing::keep ? RENAME_NOREPLACE : 0;
  int done = ::renameat2(directory, temporary.c_str(), directory, name.c_str(), flags);
  if (done != 0 && errno == EINVAL) {
    // Not every file system can rename without replacing; a second name never replaces.
    done = ::linkat(directory, temporary.c_str(), directory, name.c_str(), 0);
    if (done == 0) {
      ::unlinkat(directory, temporary.c_str(), 0);
    }
  }
  const int why = errno;
  if (done == 0) {
    return;
  }
  ::unlinkat(directory, temporary.c_str(), 0);
  if (why == EEXIST || why == EISDIR || why == ENOTEMPTY) {
    throw Error(ErrorCode::conflict, "restore " + path + ": something is there already");
  }
  throw_errno("restore " + path, why);
}

void Destination::make_symlink(const std::string& path, const catalog::Metadata& metadata,
                               Existing existing) {
  Anchored at = anchor(path, true);
  const std::string temporary = temporary_name();
  if (::symlinkat(metadata.symlink_target.c_str(), at.fd(), temporary.c_str()) != 0) {
    throw_errno("restore symlink " + path);
  }
  set_metadata_of_node({at.directory, temporary}, metadata, path);
  settle(at.fd(), temporary, at.name, path, existing);
}

void Destination::make_special(const std::string& path, const catalog::Metadata& metadata,
                               Existing existing) {
  Anchored at = anchor(path, true);
  const std::string temporary = temporary_name();
  if (::mknodat(at.fd(), temporary.c_str(), (metadata.mode & S_IFMT) | 0600, metadata.device) !=
      0) {
    throw_errno("restore " + path);
  }
  if (::fchmodat(at.fd(), temporary.c_str(), metadata.mode & 07777, 0) != 0) {
    lose(path, "mode");
  }
  set_metadata_of_node({at.directory, temporary}, metadata, path);
  settle(at.fd(), temporary, at.name, path, existing);
}

void Destination::make_link(const std::string& from, const std::string& path, Existing existing) {
  const Anchored source = anchor(from, false);
  const Anchored at = anchor(path, true);
  const std::string temporary = temporary_name();
  if (::linkat(source.fd(), source.name.c_str(), at.fd(), temporary.c_str(), 0) != 0) {
    throw_errno("link " + path + " to " + from);
  }
  settle(at.fd(), temporary, at.name, path, existing);
  // Of two names of one inode rename(2) leaves both.
  ::unlinkat(at.fd(), temporary.c_str(), 0);
}

std::unique_ptr<Destination::NewFile> Destination::create(const std::string& path) {
  return std::unique_ptr<NewFile>(new NewFile(*this, path));
}

Destination::NewFile::NewFile(Destination& destination, std::string path)
    : destination_(destination), path_(std::move(path)), temporary_(destination.temporary_name()) {
  const Anchored at = destination_.anchor(path_, true);
  name_ = at.name;
  directory_ = at.directory;
  fd_ = tapeio::open_file_at(directory_->get(), temporary_, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
                             0600);
}

Destination::NewFile::~NewFile() {
  if (!finished_) {
    ::unlinkat(directory_->get(), temporary_.c_str(), 0);
  }
}

void Destination::NewFile::write(ByteView bytes) {
  tapeio::write_full_at(fd_.get(), bytes, size_, path_);
  size_ += bytes.size();
}

void Destination::NewFile::write_zeros(std::uint64_t count) {
  size_ += count;
  ends_in_hole_ = true;
}

void Destination::NewFile::write_at(std::uint64_t offset, ByteView bytes) {
  tapeio::write_full_at(fd_.get(), bytes, offset, path_);
  size_ = std::max<std::uint64_t>(size_, offset + bytes.size());
}

void Destination::NewFile::extend_to(std::uint64_t size) {
  ends_in_hole_ = ends_in_hole_ || size > size_;
  size_ = std::max(size_, size);
}

std::size_t Destination::NewFile::read_back(std::uint64_t offset, MutableBytes into) const {
  return tapeio::read_full_at(fd_.get(), into, offset, path_);
}

std::uint64_t Destination::NewFile::next_data(std::uint64_t offset) const {
  const off_t data = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) {
    return errno == ENXIO ? UINT64_MAX : offset;
  }
  return static_cast<std::uint64_t>(data);
}

void Destination::NewFile::rename(const std::string& name) {
  check_path(name);
  MIXTAPE_ASSERT(name.find('/') == name.npos);
  path_ = path_.substr(0, path_.size() - name_.size()) + name;
  name_ = name;
}

void Destination::NewFile::finish(const catalog::Metadata& metadata, Existing existing) {
  if (ends_in_hole_ && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
    throw_errno("extend " + path_);
  }
  destination_.set_metadata(fd_.get(), metadata, path_);
  finished_ = true;
  destination_.settle(directory_->get(), temporary_, name_, path_, existing);
}

}  // namespace mixtape::service
