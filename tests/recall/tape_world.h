// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/format/age_keys.h"
#include "engine/format/tar.h"
#include "engine/recall/extent.h"
#include "tapeio/memory_library.h"

// Media with real archives on them, one drive to read them with, and what a catalog would know of
// both.

namespace mixtape::recall {

// A file in an archive; `data` makes it sparse: where it is not zeros.
struct ArchivedFile {
  Bytes bytes;
  std::optional<std::vector<format::SparseExtent>> data;
};

inline constexpr std::uint64_t kRecordOfTapes = 64 * KiB;

// Writes index and archive behind what the medium has; where each file then is. `bundle`: a number
// of its own.
std::vector<Extent> write_archive(tapeio::Library& library, const format::Identity& identity,
                                  const std::string& label, std::uint8_t bundle,
                                  const std::vector<ArchivedFile>& files);

class TapeWorld {
 public:
  static constexpr std::uint64_t kRecord = kRecordOfTapes;

  TapeWorld();

  // Writes index and archive behind what the medium (made when new) has; where each file then is.
  std::vector<Extent> write_archive(const std::string& label,
                                    const std::vector<ArchivedFile>& files);
  Extent write_one(const std::string& label, const Bytes& bytes) {
    return write_archive(label, {{bytes, {}}}).front();
  }

  // Damages the record that holds the byte at `offset` of a copy.
  void damage(const Extent& extent, std::uint64_t offset);
  // Drives that load this medium from now on cannot read these blocks.
  void lose_blocks(const std::string& label, std::set<std::uint64_t> blocks);
  // Called before each record that is read, without any lock.
  void on_read(std::function<void()> hook);

  [[nodiscard]] tapeio::MemoryLibrary& library() { return library_; }
  [[nodiscard]] tapeio::DriveTrace& trace() { return library_.trace(); }
  [[nodiscard]] std::span<const format::Identity> identities() const { return identities_; }

 private:
  std::unique_ptr<tapeio::TapeDrive> wrap(std::unique_ptr<tapeio::TapeDrive> drive,
                                          tapeio::MemoryMedium& medium);

  std::vector<format::Identity> identities_;
  std::mutex mutex_;
  std::map<std::string, std::set<std::uint64_t>> lost_;
  std::function<void()> on_read_;
  std::uint8_t archives_ = 0;
  tapeio::MemoryLibrary library_;
};

}  // namespace mixtape::recall
