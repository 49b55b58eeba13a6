// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/catalog/sqlite.h"
#include "engine/format/digest.h"
#include "tapeio/bytes.h"
#include "tapeio/error.h"

// The first and the last bytes of contents, on disk: enough for programs that look at a file to see
// what it is (file managers, thumbnailers, indexers), so that they move no medium.
//
// What is kept here was seen while a content was hashed, and each entry has a checksum of its own;
// one that is damaged is dropped. Losing all of it costs time, never data, so nothing is flushed.
// Bounded: when it is full, what comes later is not kept.
//
// Layout:  DIR/previews.db
// Threads: internally synchronised; several processes may share the directory. keep() never waits
//          for the disk: a thread writes what is queued.
// Errors:  the constructor throws nothing: what cannot be used is told in the log, once, and then
//          nothing is known.
// Cost:    read(): one lookup and the checksum of an entry.

namespace mixtape::previews {

struct Limits {
  std::size_t head = 64 * KiB, tail = 16 * KiB;  // Of each content, at most kMostOfOne.
  std::uint64_t total = 4 * GiB;                 // 0: nothing is kept.
};
inline constexpr std::size_t kMostOfOne = 1 * MiB;
// What waits to be written, bytes; a content that comes while so much waits is not kept.
inline constexpr std::size_t kMostWaiting = 16 * MiB;

class Previews {
 public:
  // An existing directory.
  Previews(const std::filesystem::path& directory, Limits limits);
  ~Previews();  // Writes what waits.

  [[nodiscard]] const Limits& limits() const { return limits_; }

  // `head`: the first bytes of a content; `tail`: its last ones, none of which are in `head`. Both
  // together are all of it or lie apart.
  void keep(const format::Digest& hash, std::uint64_t size, ByteView head, ByteView tail);

  // How many bytes of the content from `offset` on are known, and these; 0: none.
  [[nodiscard]] std::size_t read(const format::Digest& hash, std::uint64_t offset,
                                 MutableBytes into);

  struct Usage {
    std::uint64_t bytes = 0, contents = 0;
  };
  [[nodiscard]] Usage usage();  // Of what is written.
  // Returns when everything that was kept is written.
  void flush();

 private:
  struct Entry {
    format::Digest hash{};
    std::uint64_t size = 0;
    Bytes head, tail;
  };
  struct Store;
  static std::unique_ptr<Store> open(const std::filesystem::path& file);
  void write(const std::stop_token& stop);
  // False: there is no room for more.
  static bool store(Store& store, const std::vector<Entry>& entries, std::uint64_t total);

  // Told once; a damaged file is removed, and the next process makes it anew.
  void give_up(const char* what, const Error& error);

  const std::filesystem::path file_;
  const Limits limits_;
  // Two connections, so that who reads does not wait for what is being written.
  std::mutex reading_mutex_;
  std::unique_ptr<Store> reading_;  // Guarded by reading_mutex_; none: nothing is known.
  std::unique_ptr<Store> writing_;  // Of the writer's thread.
  std::mutex queue_mutex_;
  std::condition_variable_any changed_;
  // Guarded by queue_mutex_:
  std::vector<Entry> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool busy_ = false;    // Something is being written.
  bool ended_ = false;   // Full, or what keeps it failed: no more is taken.
  std::jthread writer_;  // Last: it uses all of the above.
};

}  // namespace mixtape::previews
