// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/format/age_keys.h"
#include "engine/recall/extent.h"
#include "engine/recall/tape_model.h"
#include "tapeio/error.h"
#include "tapeio/tape_drive.h"

// Contents from one loaded medium, read and decrypted on a thread of their own while the caller
// hashes and writes what came before: reading and writing each keep a core busy.
//
// What passes from thread to thread is batches, so that a million small files do not mean a million
// hand-overs.
//
// Threads:  belongs to the caller's; the thread that reads is inside.
// Memory:   kBatches batches of kBatchBytes.
// Lifetime: destroying it stops the reading and joins.

namespace mixtape::service {

class RestoreStream {
 public:
  struct Wanted {
    recall::Extent extent;
    std::uint64_t size = 0;  // Of the content.
  };
  // `wanted(i)` for i in [0, count) is asked on the reading thread, in order.
  RestoreStream(std::unique_ptr<tapeio::TapeDrive> drive,
                std::span<const format::Identity> identities, std::size_t count,
                std::function<Wanted(std::size_t)> wanted);
  ~RestoreStream();

  // What happens next, in order; nullopt when all is done. Each content begins, has data and zeros,
  // and ends or fails. `data` is valid until the next call.
  struct Event {
    enum class Kind { begin, data, zeros, end, failed };
    Kind kind{};
    std::size_t number = 0;   // Of the content.
    ByteView data;            // data
    std::uint64_t zeros = 0;  // zeros
    std::string why;          // failed
    ErrorCode code{};
  };
  [[nodiscard]] std::optional<Event> next();

  // How long its locates took, by which drive; all of them once next() has said that all is done.
  struct Located {
    recall::TimedDrive drive;
    std::vector<order::LocateSample> samples;
  };
  [[nodiscard]] Located take_located();

 private:
  struct Batch;
  class Filler;

  void read(std::unique_ptr<tapeio::TapeDrive> drive, std::span<const format::Identity> identities,
            std::size_t count, const std::function<Wanted(std::size_t)>& wanted);
  [[nodiscard]] std::unique_ptr<Batch> take_empty();
  void hand_over(std::unique_ptr<Batch> batch);

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::deque<std::unique_ptr<Batch>> full_;
  std::vector<std::unique_ptr<Batch>> empty_;
  Located located_;
  bool done_ = false;     // Nothing more will be handed over.
  bool stopped_ = false;  // Nothing more is wanted.

  std::unique_ptr<Batch> current_;
  std::size_t event_ = 0;
  std::thread thread_;
};

}  // namespace mixtape::service
