// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "engine/recall/present_ranges.h"
#include "tapeio/bytes.h"
#include "tapeio/unique_fd.h"

// The file of a content that is not all there: its bytes at their places, and a table of which are
// there, so that a cancelled or killed recall goes on where it was.
//
// Format:  the content's bytes with holes where they are not there; from the next multiple of 4 KiB
//          on two tables of 64 KiB, written in turn: "MXPART1\n", size of the content, sequence
//          number, count (8 bytes each, big-endian), count times begin and end, BLAKE2b-256 of all
//          that. The whole one with the higher sequence number counts. A table lists only what was
//          on the disk before it was written: it is true after a power failure, too.
// Threads: internally synchronised; written by one thread, read by any.
// Errors:  throws Error{io, no_space}. A file without a table that can be true has nothing.

namespace mixtape::recall {

class PartFile {
 public:
  // An open file; `size` bytes when it is whole.
  PartFile(tapeio::UniqueFd fd, std::uint64_t size, std::string label);

  // What the tables of a file say, whatever the size of its content; null: they say nothing. Only
  // to be read from.
  [[nodiscard]] static std::shared_ptr<PartFile> look(const std::filesystem::path& file);

  // For writing. Makes the file as long as it gets, with room for tables if it `keeps` what is
  // there; takes over what they say already.
  void begin(bool keeps);
  // Writes at a place; `count` zeros leave a hole.
  void write(std::uint64_t offset, ByteView bytes);
  void write_zeros(std::uint64_t offset, std::uint64_t count);
  // Returns when the bytes are on the disk and the table that says so is written. The table itself
  // is on the disk after the next call.
  void list();
  // Cuts the tables off; returns when the content is on the disk, if `durably`.
  void become_whole(bool durably);

  [[nodiscard]] std::size_t read(std::uint64_t offset, MutableBytes into) const;
  [[nodiscard]] bool has(ByteRange range) const;
  [[nodiscard]] ByteRange missing(std::uint64_t from) const;
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  const tapeio::UniqueFd fd_;
  const std::uint64_t size_;
  const std::string label_;     // For messages.
  std::uint64_t sequence_ = 0;  // Of the table written last.
  mutable std::mutex mutex_;
  PresentRanges present_;  // Guarded by mutex_.
};

}  // namespace mixtape::recall
