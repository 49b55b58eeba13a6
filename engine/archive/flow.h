// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/archive/file_ends.h"
#include "engine/archive/record_ring.h"
#include "engine/archive/tar_stream.h"
#include "engine/format/digest.h"
#include "tapeio/error.h"

// The hand-overs between the stages of one archive: who may do what next, and who has to wait.
//
//   reader ──slabs──► sealers (seal any slab, hash each file in order) ──records──► drive
//
// A slab goes back to the reader when it is sealed and all files in it are hashed. Everything is
// bounded: a reader without a free slab waits, a sealer without room in the ring hashes or waits, a
// drive without a complete record waits. Files within one slab are hashed together; a file that
// spans slabs is a chain, of which one sealer at a time works on the next stretch.
//
// Threads:  a monitor: one mutex guards everything. Bytes of slabs and records are touched outside,
// by
//           whoever has them.
// Errors:   the first failure of any stage stops all; throw_if_failed tells all that were met.

namespace mixtape::archive {

struct FlowSizes {
  std::uint64_t preamble_bytes = 0;
  std::size_t record_size = 0;
  std::size_t ring_records = 0;
  std::size_t slabs = 0;
};

// The hash of a file that spans slabs, under way.
struct FileHash;

struct Task {
  enum class Kind { seal, hash_files, hash_stretch };
  Kind kind{};
  Slab* slab = nullptr;
  std::size_t first_piece = 0, end_piece = 0;  // Of the slab: what to hash.
  FileHash* file = nullptr;                    // hash_stretch
};

class ArchiveFlow {
 public:
  explicit ArchiveFlow(const FlowSizes& sizes);
  ~ArchiveFlow();

  // --- The reader. nullptr: nothing further is wanted.
  [[nodiscard]] Slab* take_free();
  void publish(Slab& slab);
  void finish_reading();

  // --- The sealers. Waits for something to do; nullopt: there will be nothing any more. For a seal
  // task `window` is the place of its ciphertext.
  [[nodiscard]] std::optional<Task> next_task(RecordWindow& window);
  void done(const Task& task);

  // --- The drive. False: the flow was stopped.
  [[nodiscard]] bool wait_ready(std::size_t records);
  [[nodiscard]] std::size_t ready();
  [[nodiscard]] ByteView front();
  void drop_front();
  // The archive ends earlier than planned: slabs behind `plain_bytes` are not sealed any more.
  void limit(std::uint64_t plain_bytes);
  // A stretch that is sealed and not yet taken.
  void open_sealed(std::uint64_t begin, std::uint64_t end, RecordWindow& window);

  // --- Anyone
  void stop();
  void fail(const char* stage, ErrorCode code, const std::string& message);
  // Throws one Error with all failures. Call when no thread works any more.
  void throw_if_failed() const;

 private:
  [[nodiscard]] std::uint64_t cipher_begin(const Slab& slab) const;
  [[nodiscard]] std::uint64_t cipher_end(const Slab& slab) const;
  void queue_hashes(Slab& slab);
  void queue_stretch(FileHash& file, const Task& task);
  [[nodiscard]] bool seal_is_next() const;
  void release(Slab& slab);

  const FlowSizes sizes_;
  std::mutex mutex_;
  std::condition_variable slab_free_, work_, record_ready_;
  // All below is guarded by mutex_.
  std::vector<std::unique_ptr<Slab>> slabs_;  // Made when they are first needed.
  std::vector<Slab*> free_;                   // Last in, first out: the warmest one.
  std::deque<Slab*> to_seal_;
  std::deque<Task> to_hash_;
  std::deque<std::unique_ptr<FileHash>> files_;
  FileHash* open_file_ = nullptr;  // Continues in the next slab.
  RecordRing ring_;
  std::uint64_t published_ = 0;  // Slabs.
  std::uint64_t slab_limit_ = UINT64_MAX;
  bool all_read_ = false;
  bool stopped_ = false;
  std::optional<ErrorCode> failure_;
  std::string messages_;
};

// What a sealer needs to continue the hash of a spanning file.
struct FileHash {
  format::Hasher hasher;
  FileEnds ends;
  std::deque<Task> waiting;
  bool queued = false;    // One of its stretches is in the queue or being hashed.
  bool complete = false;  // Its last stretch was hashed.
};

}  // namespace mixtape::archive
