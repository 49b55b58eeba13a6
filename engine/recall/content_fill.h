// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>

#include "engine/recall/cache.h"
#include "engine/recall/content_sink.h"
#include "engine/recall/waiting_room.h"

// Where a recalled content arrives: in the cache, or in a window of memory when the cache has no
// room. Either answers the reads that wait for what has just come.
//
// Threads: written by the worker.
// Errors:  what the cache throws is kept in failure(), so that it is never taken for damage of the
// medium.

namespace mixtape::recall {

// How much of a content is at hand while the cache has no room, and the largest read that is
// answered then.
inline constexpr std::size_t kWindow = 8 * MiB;

// Fills an entry of the cache. The last byte is held back until the hash was confirmed, so that no
// reader has seen the end of a content that is not what it must be.
class CacheFill final : public ContentSink {
 public:
  // `done`: what `incoming` has already.
  CacheFill(WaitingRoom& room, RequestId id, std::shared_ptr<Cache::Incoming> incoming,
            std::uint64_t size, std::uint64_t done)
      : room_(room), id_(id), incoming_(std::move(incoming)), size_(size), done_(done) {}

  void write(ByteView bytes) override;
  void write_zeros(std::uint64_t count) override;

  [[nodiscard]] bool go_on() const { return go_on_; }
  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] std::exception_ptr failure() const { return failure_; }

 private:
  template <typename Write>
  void put(std::uint64_t count, Write write);

  WaitingRoom& room_;
  RequestId id_;
  std::shared_ptr<Cache::Incoming> incoming_;
  std::uint64_t size_;
  std::uint64_t done_;
  bool go_on_ = true;
  std::exception_ptr failure_;
};

// Keeps the last kWindow bytes in memory and goes no further than readers follow: before it takes
// more, it waits for one. Nothing is confirmed here beyond what age authenticates.
class WindowFill final : public ContentSink {
 public:
  WindowFill(WaitingRoom& room, RequestId id, std::uint64_t from, std::chrono::milliseconds linger)
      : room_(room), id_(id), linger_(linger), ring_(kWindow), begin_(from), end_(from) {}

  void write(ByteView bytes) override;
  void write_zeros(std::uint64_t count) override;

  [[nodiscard]] bool go_on() const { return go_on_; }

 private:
  void take(ByteView piece);
  std::size_t read_back(std::uint64_t offset, MutableBytes into) const;

  WaitingRoom& room_;
  RequestId id_;
  std::chrono::milliseconds linger_;
  Bytes ring_;
  std::uint64_t begin_, end_;
  bool go_on_ = true;
};

}  // namespace mixtape::recall
