// SPDX-License-Identifier: Apache-2.0
#include "tapeio/device_file.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "tapeio/error.h"

namespace mixtape::tapeio {
namespace {

template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result < 0 ? static_cast<decltype(result)>(-errno) : result;
}

}  // namespace

int KernelDeviceFile::open(int flags) {
  fd_.reset();
  const int fd = uninterrupted([&] { return ::open(path_.c_str(), flags | O_CLOEXEC); });
  if (fd < 0) {
    return fd;
  }
  fd_.reset(fd);
  return 0;
}

ssize_t KernelDeviceFile::read(MutableBytes buffer) {
  return uninterrupted([&] { return ::read(fd_.get(), buffer.data(), buffer.size()); });
}

ssize_t KernelDeviceFile::write(ByteView bytes) {
  return uninterrupted([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
}

int KernelDeviceFile::ioctl(unsigned long request, void* argument) {
  return uninterrupted([&] { return ::ioctl(fd_.get(), request, argument); });
}

void throw_open_error(const std::string& path, int result) {
  switch (-result) {
    case EBUSY:
      throw Error(ErrorCode::locked, "open " + path +
                                         ": another program is using this device; `fuser -v " +
                                         path + "` says which: wait for it, or stop it");
    case ENXIO:
    case ENODEV:
      throw Error(ErrorCode::not_found, "open " + path + ": no device is attached there now");
    case ENOMEDIUM:
      throw Error(ErrorCode::no_medium, "open " + path + ": no cartridge is in the drive");
    default:
      throw_errno("open " + path, -result);
  }
}

}  // namespace mixtape::tapeio
