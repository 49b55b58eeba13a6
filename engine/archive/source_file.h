// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "engine/archive/parent_directory.h"
#include "engine/archive/plan.h"
#include "tapeio/bytes.h"
#include "tapeio/unique_fd.h"

// The files whose bytes go to a medium, and what happened to them meanwhile.
//
// A source may change, shrink, grow, vanish or refuse to be read at any moment. It is read through
// one descriptor, opened once; its planned extent is always filled, with zeros where nothing could
// be read, and what was wrong is told in words. None of this is an exception: one bad source never
// stops a job.
//
// Threads: none; belongs to the thread that reads.

namespace mixtape::archive {

class SourceFile {
 public:
  // Opens `item.source` relative to `directory` as `name` and compares it with what the item
  // expects. `access_times`: set to false once the kernel refuses to leave the time of access
  // alone.
  static SourceFile open(const Item& item, int directory, const char* name, bool& keep_access_time);
  // A source whose directory could not be opened.
  static SourceFile missing(std::string fault);

  // Fills `into` with the bytes at `offset`.
  void read(std::uint64_t offset, MutableBytes into);

  // Looks at the file again, closes it and tells what was wrong with it; empty: nothing.
  std::string finish();

 private:
  struct Stamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t mtime_ns = 0, ctime_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  // False: it cannot be looked at, or is no regular file.
  bool stamp(Stamp& into) const;

  tapeio::UniqueFd fd_;
  bool ctime_matters_ = true;  // Not where the item leaves it open: links may come and go.
  Stamp before_;
  std::string fault_;  // The first one; those that follow come from it.
};

// Opens sources in archive order, some of them ahead, so that a disk has work while we copy.
//
// Lifetime: items must outlive the queue.
class SourceQueue {
 public:
  explicit SourceQueue(std::vector<const Item*> items) : items_(std::move(items)) {}

  // The next source in order; there must be one.
  SourceFile next();

 private:
  SourceFile open(const Item& item);

  std::vector<const Item*> items_;
  std::size_t opened_ = 0;
  std::deque<SourceFile> ahead_;
  ParentDirectory parent_;
  bool keep_access_time_ = true;
};

// Where the data of a file with holes is, in order; nullopt when it has none (or cannot be looked
// at: then it is read as it is). The end of the file is always in the map's size, never in an
// extent of its own.
std::optional<std::vector<format::SparseExtent>> find_extents(const std::string& path,
                                                              std::uint64_t size);

}  // namespace mixtape::archive
