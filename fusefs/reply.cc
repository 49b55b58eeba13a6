// SPDX-License-Identifier: Apache-2.0
#include "fusefs/reply.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

constexpr double kDay = 86400;
constexpr double kBrief = 1;

int error_number_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::io:
    case ErrorCode::bad_medium:
    case ErrorCode::corrupt:
      return EIO;
    case ErrorCode::no_space:
      return ENOSPC;
    case ErrorCode::no_medium:
    case ErrorCode::wrong_medium:
      return ENOMEDIUM;
    case ErrorCode::write_protected:
      return EROFS;
    case ErrorCode::not_permitted:
      return EACCES;
    case ErrorCode::unsupported:
      return EOPNOTSUPP;
    case ErrorCode::not_found:
      return ENOENT;
    case ErrorCode::invalid:
      return EINVAL;
    case ErrorCode::conflict:
    case ErrorCode::locked:
    case ErrorCode::busy:
      return EBUSY;
    case ErrorCode::cancelled:
      return EINTR;
    case ErrorCode::exhausted:
      return EMFILE;
  }
  return EIO;
}

timespec to_timespec(std::int64_t time_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = time_ns / kSecond;
  std::int64_t rest = time_ns % kSecond;
  if (rest < 0) {
    --seconds;
    rest += kSecond;
  }
  return {seconds, rest};
}

}  // namespace

int error_number_of(const std::exception_ptr& error, std::string_view what) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const Refusal& refusal) {
    return refusal.error_number;
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::cancelled) {
      spdlog::error("{}: {}", what, failure.what());
    }
    return error_number_of(failure.code());
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  } catch (const std::exception& failure) {
    spdlog::error("{}: {}", what, failure.what());
    return EIO;
  }
}

void reply_error(fuse_req_t request, const std::exception_ptr& error,
                 std::string_view what) noexcept {
  fuse_reply_err(request, error_number_of(error, what));
}

MutableBytes thread_buffer(std::size_t size) {
  // The largest transfer that the kernel asks for (256 pages).
  constexpr std::size_t kMaxTransfer = 1 << 20;
  thread_local Bytes buffer;
  size = std::min(size, kMaxTransfer);
  if (buffer.size() < size) {
    buffer.resize(size);
  }
  return MutableBytes(buffer).first(size);
}

struct stat to_stat(const Attributes& attributes) {
  struct stat status {};
  status.st_ino = attributes.inode;
  status.st_mode = attributes.mode;
  status.st_nlink = attributes.nlink;
  status.st_uid = attributes.uid;
  status.st_gid = attributes.gid;
  status.st_rdev = attributes.device;
  status.st_size = static_cast<off_t>(attributes.size);
  status.st_blocks = static_cast<blkcnt_t>(attributes.blocks);
  status.st_blksize = 1 << 20;
  status.st_mtim = to_timespec(attributes.mtime_ns);
  status.st_ctim = to_timespec(attributes.ctime_ns);
  status.st_atim = to_timespec(attributes.atime_ns);
  return status;
}

double timeout_of(Freshness freshness) {
  switch (freshness) {
    case Freshness::forever:
      return kDay;
    case Freshness::brief:
      return kBrief;
    case Freshness::none:
      return 0;
  }
  return 0;
}

fuse_entry_param to_entry(const Found& found) {
  fuse_entry_param entry{};
  entry.ino = static_cast<fuse_ino_t>(found.node);
  entry.attr = to_stat(found.attributes);
  entry.entry_timeout = entry.attr_timeout = timeout_of(found.freshness);
  return entry;
}

}  // namespace mixtape::fusefs
