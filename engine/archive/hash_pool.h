// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/archive/file_reader.h"
#include "engine/archive/hash_files.h"

// The threads that read files for hash_files.
//
// Threads:  submit and wait belong to one thread. A batch belongs to the pool between the two.
// Lifetime: batches must outlive the pool, or have been waited for.

namespace mixtape::archive {

struct HashTask {
  FirstReadResult choice;  // What was decided before; completed by the owner afterwards.
  bool read = false;       // The rest is set only then.
  std::string path;        // On disk.
  std::string catalog_path;
  catalog::FileIdentity file{};
  FileReader::Result result;
};

struct HashBatch {
  std::vector<HashTask> tasks;
  bool done = false;  // Guarded by the pool.
};

class HashPool {
 public:
  // 0 threads: one per processor.
  HashPool(unsigned threads, std::function<void(const std::string&)> while_reading);
  // Abandons what is not read yet.
  ~HashPool();

  void submit(HashBatch& batch);
  // True when every task of the batch has its result.
  [[nodiscard]] bool wait(HashBatch& batch, std::chrono::milliseconds patience);

  [[nodiscard]] std::uint64_t read_bytes() const { return read_bytes_; }

 private:
  void work(const std::stop_token& stop);

  std::atomic<std::uint64_t> read_bytes_ = 0;
  const std::function<void(const std::string&)> while_reading_;
  std::mutex mutex_;
  std::condition_variable_any submitted_;
  std::condition_variable finished_;
  std::deque<HashBatch*> queue_;  // Guarded by mutex_; as long as its owner's window.
  std::vector<std::jthread> threads_;
};

}  // namespace mixtape::archive
