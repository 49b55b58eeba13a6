// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/archive/parent_directory.h"
#include "engine/catalog/sources.h"
#include "engine/format/digest.h"
#include "tapeio/bytes.h"

// Hashes one source file after the other, each as it stood when it was scanned or not at all.
//
// Threads: none; each reading thread has its own. The counter may be shared.

namespace mixtape::archive {

class FileReader {
 public:
  enum class Outcome { hashed, changed, vanished, unreadable, stopped };

  // `read_bytes` counts while large files are read.
  FileReader(std::atomic<std::uint64_t>& read_bytes,
             const std::function<void(const std::string&)>& while_reading);

  // `digest` is set when hashed, `error` (errno) when unreadable.
  struct Result {
    Outcome outcome = Outcome::unreadable;
    int error = 0;
    format::Digest digest{};
  };
  [[nodiscard]] Result hash(const std::string& path, const catalog::FileIdentity& expected,
                            const std::stop_token& stop);

 private:
  [[nodiscard]] int open_source(const std::string& path);

  std::atomic<std::uint64_t>& read_bytes_;
  const std::function<void(const std::string&)>& while_reading_;
  format::Hasher hasher_;
  Bytes buffer_;
  ParentDirectory parent_;
  int no_access_time_;  // O_NOATIME until the kernel refuses it once.
};

}  // namespace mixtape::archive
