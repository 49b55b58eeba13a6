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
#include <thread>
#include <vector>

#include "engine/format/age_keys.h"
#include "engine/recall/archive_reader.h"
#include "engine/recall/extent.h"
#include "engine/recall/tape_model.h"
#include "engine/service/content_hashes.h"
#include "engine/service/restore_batch.h"
#include "tapeio/tape_drive.h"

// Contents from one loaded medium: read and decrypted on a thread of their own, hashed on others,
// while the caller writes what came before.
//
// Threads:  belongs to the caller's; those that read and hash are inside.
// Memory:   kBatches batches at most; what one holds see restore_batch.h.
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

  // What happens next, in order; nullopt when all is done. `data` is valid until the next call.
  using Event = RestoreEvent;
  [[nodiscard]] std::optional<Event> next();

  // How long its locates took, by which drive; all of them once next() has said that all is done.
  struct Located {
    recall::TimedDrive drive;
    std::vector<order::LocateSample> samples;
  };
  [[nodiscard]] Located take_located();

 private:
  using Batch = RestoreBatch;
  class Filler;

  void read(std::unique_ptr<tapeio::TapeDrive> drive, std::span<const format::Identity> identities,
            std::size_t count, const std::function<Wanted(std::size_t)>& wanted);
  [[nodiscard]] std::unique_ptr<Batch> take_empty();
  void hand_over(std::unique_ptr<Batch> batch);
  [[nodiscard]] recall::ArchiveReader::Chunk take_spare();
  void recycle(std::unique_ptr<Batch> batch);  // Under mutex_.

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::deque<std::unique_ptr<Batch>> full_;    // Hashed or being hashed.
  std::vector<std::unique_ptr<Batch>> empty_;  // Last in, first out: the warmest one.
  std::size_t made_ = 0;                       // Batches; more are made when they are needed.
  std::vector<recall::ArchiveReader::Chunk> spare_;
  Located located_;
  bool done_ = false;     // Nothing more will be handed over.
  bool stopped_ = false;  // Nothing more is wanted.

  std::unique_ptr<Batch> current_;
  std::size_t event_ = 0;
  ContentHashes hashes_;
  std::thread thread_;
};

}  // namespace mixtape::service
