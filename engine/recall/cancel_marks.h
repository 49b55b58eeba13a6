// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

// Who reads a content on while somebody takes its recall out of the queue: he may have no read
// parked just then, and his next one would ask for it all over again.
//
// Threads: internally synchronised; the mutex is a leaf.
// Limits:  as many as there are readers who hold one, and as many again.

namespace mixtape::recall {

// Turns true, and stays so.
using CancelMark = std::shared_ptr<const std::atomic<bool>>;

class CancelMarks {
 public:
  // Of a reader that begins now; shared by all who begin before the next cancel.
  [[nodiscard]] CancelMark of(std::int64_t content);
  void cancelled(std::int64_t content);
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t kFewest = 64;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::unordered_map<std::int64_t, std::weak_ptr<std::atomic<bool>>> marks_;
  std::size_t most_ = kFewest;  // When there are so many, those that nobody holds go.
};

}  // namespace mixtape::recall
