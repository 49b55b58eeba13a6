// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "tapeio/bytes.h"
#include "tapeio/unique_fd.h"

// The system calls on one character device, and nothing else: what tests put a fake kernel behind.
//
// Threads: none.
// Errors:  none thrown; every call returns what the kernel says, a failure as -errno. A call that a
//          signal interrupts before it began is made again.

namespace mixtape::tapeio {

class DeviceFile {
 public:
  virtual ~DeviceFile() = default;
  // For messages: "/dev/nst0".
  [[nodiscard]] virtual std::string path() const = 0;
  // Closes what is open and opens it anew with O_CLOEXEC added. 0 or -errno.
  [[nodiscard]] virtual int open(int flags) = 0;
  [[nodiscard]] virtual ssize_t read(MutableBytes buffer) = 0;
  [[nodiscard]] virtual ssize_t write(ByteView bytes) = 0;
  [[nodiscard]] virtual int ioctl(unsigned long request, void* argument) = 0;
};

class KernelDeviceFile final : public DeviceFile {
 public:
  explicit KernelDeviceFile(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] std::string path() const override { return path_; }
  [[nodiscard]] int open(int flags) override;
  [[nodiscard]] ssize_t read(MutableBytes buffer) override;
  [[nodiscard]] ssize_t write(ByteView bytes) override;
  [[nodiscard]] int ioctl(unsigned long request, void* argument) override;

 private:
  std::string path_;
  UniqueFd fd_;
};

// Throws the Error for a device that open() refused with `result` (-errno): locked when somebody
// else has it, not_found, not_permitted, no_medium or io.
[[noreturn]] void throw_open_error(const std::string& path, int result);

}  // namespace mixtape::tapeio
