// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fusefs/staging_fs.h"
#include "tapeio/bytes.h"

// staging/: open files, what they contain, and every change of a file that is there.
//
// A file that is open for writing is registered with Staging until it is released, so no flush
// takes half of it. When fsync returns, the file and the names that lead to it survive a crash.
//
// Threads: every method from any thread.
// Errors:  as StagingFs.

namespace mixtape::fusefs {

// What setattr changes; absent members stay.
struct Changes {
  std::optional<mode_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<std::uint64_t> size;
  std::optional<timespec> atime;  // tv_nsec UTIME_NOW: now.
  std::optional<timespec> mtime;
};

class StagingFiles {
 public:
  explicit StagingFiles(StagingFs& names) : names_(names) {}

  // `flags` of open(2); those that only the kernel acts on are left out.
  [[nodiscard]] std::unique_ptr<StagedFile> open(std::uint64_t number, int flags);
  [[nodiscard]] std::pair<Found, std::unique_ptr<StagedFile>> create(std::uint64_t parent,
                                                                     const std::string& name,
                                                                     mode_t mode, int flags,
                                                                     Caller caller);
  // Every close(2) comes here before its descriptor is gone; the last one is followed by release().
  void closing(const StagedFile& file);
  void release(std::unique_ptr<StagedFile> file);

  [[nodiscard]] std::size_t read(const StagedFile& file, MutableBytes into, std::uint64_t offset);
  [[nodiscard]] std::size_t write(const StagedFile& file, ByteView bytes, std::uint64_t offset);
  void allocate(const StagedFile& file, int mode, off_t offset, off_t length);
  [[nodiscard]] off_t seek(const StagedFile& file, off_t offset, int whence);
  void sync(const StagedFile& file, bool data_only);
  void sync_directory(std::uint64_t number);

  // `file`: the open file through which it is asked for, if any; a size may then change against the
  // mode.
  [[nodiscard]] Attributes change(std::uint64_t number, const Changes& changes,
                                  const StagedFile* file);

  [[nodiscard]] std::string xattr(std::uint64_t number, const std::string& name);
  [[nodiscard]] std::string xattr_names(std::uint64_t number);
  void set_xattr(std::uint64_t number, const std::string& name, ByteView value, int flags);
  void remove_xattr(std::uint64_t number, const std::string& name);

  [[nodiscard]] struct statvfs space();

 private:
  void sync_parents(std::uint64_t number);
  void register_open(StagedFile& file);

  StagingFs& names_;
};

}  // namespace mixtape::fusefs
