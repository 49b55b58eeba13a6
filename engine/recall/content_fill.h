// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

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

// Fills what an entry of the cache lacks. The last byte is held back until the hash was confirmed,
// so that no reader has seen the end of a content that is not what it must be.
class CacheFill final : public ContentSink {
 public:
  CacheFill(WaitingRoom& room, RequestId id, std::shared_ptr<Cache::Incoming> incoming,
            std::uint64_t size)
      : room_(room), id_(id), incoming_(std::move(incoming)), size_(size) {}

  // What comes next belongs to `gap`; tells readers what is there already. False: nobody wants it.
  bool start(ByteRange gap);
  void write(ByteView bytes) override;
  void write_zeros(std::uint64_t count) override;

  // Somebody wants it, the cache takes it, and the end of the gap was not reached.
  [[nodiscard]] bool go_on() const { return go_on_ && at_ < gap_.end; }
  // So many bytes are there without a gap.
  [[nodiscard]] std::uint64_t done() const { return incoming_->missing(0).begin; }
  // So many were written by this object.
  [[nodiscard]] std::uint64_t brought() const { return brought_; }
  [[nodiscard]] std::exception_ptr failure() const { return failure_; }

 private:
  template <typename Write>
  void put(std::uint64_t count, Write write);
  void tell();

  WaitingRoom& room_;
  RequestId id_;
  std::shared_ptr<Cache::Incoming> incoming_;
  std::uint64_t size_;
  ByteRange gap_;
  std::uint64_t at_ = 0;
  std::uint64_t brought_ = 0;
  bool go_on_ = true;
  std::exception_ptr failure_;
};

// Keeps the last kWindow bytes in memory and goes no further than readers follow: before it takes
// more, it waits for one. Nothing is confirmed here beyond what age authenticates. What was read is
// left with `keep`, unless that is null, for later recalls of the content.
class WindowFill final : public ContentSink {
 public:
  WindowFill(WaitingRoom& room, RequestId id, std::uint64_t from, std::chrono::milliseconds linger,
             std::shared_ptr<Cache::Incoming> keep)
      : room_(room),
        id_(id),
        linger_(linger),
        keep_(std::move(keep)),
        ring_(kWindow),
        begin_(from),
        end_(from) {}

  void write(ByteView bytes) override;
  void write_zeros(std::uint64_t count) override;

  [[nodiscard]] bool go_on() const { return go_on_; }
  // `keep` took something no more and was discarded: nothing can come of it.
  [[nodiscard]] bool lost_part() const { return lost_part_; }

 private:
  void take(ByteView piece);
  void keep(ByteView piece);
  std::size_t read_back(std::uint64_t offset, MutableBytes into) const;

  WaitingRoom& room_;
  RequestId id_;
  std::chrono::milliseconds linger_;
  std::shared_ptr<Cache::Incoming> keep_;
  Bytes ring_;
  std::uint64_t begin_, end_;
  bool go_on_ = true;
  bool lost_part_ = false;
};

}  // namespace mixtape::recall
