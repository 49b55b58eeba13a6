// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/hash_pool.h"

#include <algorithm>

namespace mixtape::archive {

HashPool::HashPool(unsigned threads, std::function<void(const std::string&)> while_reading)
    : while_reading_(std::move(while_reading)) {
  const unsigned count = threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

HashPool::~HashPool() {
  for (std::jthread& thread : threads_) {
    thread.request_stop();
  }
}

void HashPool::submit(HashBatch& batch) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(&batch);
  submitted_.notify_one();
}

bool HashPool::wait(HashBatch& batch, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return finished_.wait_for(lock, patience, [&] { return batch.done; });
}

void HashPool::work(const std::stop_token& stop) {
  FileReader reader(read_bytes_, while_reading_);
  while (true) {
    HashBatch* batch = nullptr;
    {
      std::unique_lock lock(mutex_);
      if (!submitted_.wait(lock, stop, [&] { return !queue_.empty(); })) {
        return;
      }
      batch = queue_.front();
      queue_.pop_front();
    }
    for (HashTask& task : batch->tasks) {
      if (stop.stop_requested()) {
        return;
      }
      if (task.read) {
        task.result = reader.hash(task.path, task.file, stop);
      }
    }
    const std::lock_guard lock(mutex_);
    batch->done = true;
    finished_.notify_one();
  }
}

}  // namespace mixtape::archive
