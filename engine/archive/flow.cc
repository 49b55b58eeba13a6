// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/flow.h"

#include "engine/format/age_stream.h"

namespace mixtape::archive {

ArchiveFlow::ArchiveFlow(const FlowSizes& sizes)
    : sizes_(sizes), ring_(sizes.record_size, sizes.ring_records) {}

ArchiveFlow::~ArchiveFlow() = default;

Slab* ArchiveFlow::take_free() {
  std::unique_lock lock(mutex_);
  slab_free_.wait(lock, [&] {
    return stopped_ || published_ >= slab_limit_ || !free_.empty() || slabs_.size() < sizes_.slabs;
  });
  if (stopped_ || published_ >= slab_limit_) {
    return nullptr;
  }
  if (free_.empty()) {
    return slabs_.emplace_back(std::make_unique<Slab>()).get();
  }
  Slab* slab = free_.back();
  free_.pop_back();
  return slab;
}

void ArchiveFlow::publish(Slab& slab) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      return;
    }
    ++published_;
    slab.users = 0;
    queue_hashes(slab);
    if (slab.index < slab_limit_) {
      ++slab.users;
      to_seal_.push_back(&slab);
    }
    if (slab.users == 0) {
      release(slab);
    }
  }
  work_.notify_all();
}

void ArchiveFlow::finish_reading() {
  {
    const std::lock_guard lock(mutex_);
    all_read_ = true;
  }
  work_.notify_all();
}

void ArchiveFlow::queue_hashes(Slab& slab) {
  const std::size_t count = slab.pieces.size();
  std::size_t begin = 0;
  if (open_file_ != nullptr && count > 0) {
    const std::uint32_t member = slab.pieces.front().member;
    while (begin < count && slab.pieces[begin].member == member) {
      ++begin;
    }
    queue_stretch(*open_file_, {Task::Kind::hash_stretch, &slab, 0, begin, open_file_});
    if (slab.pieces[begin - 1].last) {
      open_file_ = nullptr;
    }
  }
  std::size_t end = count;
  if (begin < count && !slab.pieces.back().last) {
    const std::uint32_t member = slab.pieces.back().member;
    while (end > begin && slab.pieces[end - 1].member == member) {
      --end;
    }
    open_file_ = files_.emplace_back(std::make_unique<FileHash>()).get();
    queue_stretch(*open_file_, {Task::Kind::hash_stretch, &slab, end, count, open_file_});
  }
  if (begin < end) {
    ++slab.users;
    to_hash_.push_back({Task::Kind::hash_files, &slab, begin, end, nullptr});
  }
}

void ArchiveFlow::queue_stretch(FileHash& file, const Task& task) {
  ++task.slab->users;
  if (file.queued) {
    file.waiting.push_back(task);
  } else {
    file.queued = true;
    to_hash_.push_back(task);
  }
}

bool ArchiveFlow::seal_is_next() const {
  if (to_seal_.empty() || !ring_.has_room(cipher_end(*to_seal_.front()))) {
    return false;
  }
  // The older slab first: it is the one that everything behind it waits for. Hashes go first among
  // equals, because those of one file cannot be shared out.
  return to_hash_.empty() || to_seal_.front()->index < to_hash_.front().slab->index;
}

std::optional<Task> ArchiveFlow::next_task(RecordWindow& window) {
  std::unique_lock lock(mutex_);
  bool seal = false;
  work_.wait(lock, [&] {
    seal = seal_is_next();
    return stopped_ || seal || !to_hash_.empty() || (all_read_ && to_seal_.empty());
  });
  if (stopped_ || (!seal && to_hash_.empty())) {
    return std::nullopt;
  }
  if (seal) {
    Slab* slab = to_seal_.front();
    to_seal_.pop_front();
    ring_.open(cipher_begin(*slab), cipher_end(*slab), window);
    return Task{.kind = Task::Kind::seal, .slab = slab};
  }
  const Task task = to_hash_.front();
  to_hash_.pop_front();
  return task;
}

void ArchiveFlow::done(const Task& task) {
  {
    const std::lock_guard lock(mutex_);
    if (task.kind == Task::Kind::seal) {
      ring_.filled(cipher_begin(*task.slab), cipher_end(*task.slab));
      record_ready_.notify_one();
    } else if (FileHash* file = task.file) {
      file->queued = !file->waiting.empty();
      file->complete = task.slab->pieces[task.end_piece - 1].last;
      if (file->queued) {
        to_hash_.push_front(file->waiting.front());
        file->waiting.pop_front();
      }
      while (!files_.empty() && files_.front()->complete) {
        files_.pop_front();
      }
    }
    release(*task.slab);
  }
  // Another sealer may wait for the stretch behind this one, or for the news that nothing is left.
  work_.notify_all();
}

void ArchiveFlow::release(Slab& slab) {
  if (slab.users > 0 && --slab.users > 0) {
    return;
  }
  free_.push_back(&slab);
  slab_free_.notify_one();
}

bool ArchiveFlow::wait_ready(std::size_t records) {
  std::unique_lock lock(mutex_);
  record_ready_.wait(lock, [&] { return stopped_ || ring_.ready() >= records; });
  return !stopped_;
}

std::size_t ArchiveFlow::ready() {
  const std::lock_guard lock(mutex_);
  return ring_.ready();
}

ByteView ArchiveFlow::front() {
  const std::lock_guard lock(mutex_);
  return ring_.front();
}

void ArchiveFlow::drop_front() {
  {
    const std::lock_guard lock(mutex_);
    ring_.drop_front();
  }
  work_.notify_one();
}

void ArchiveFlow::limit(std::uint64_t plain_bytes) {
  {
    const std::lock_guard lock(mutex_);
    slab_limit_ = round_up(plain_bytes, kSlabSize) / kSlabSize;
    while (!to_seal_.empty() && to_seal_.back()->index >= slab_limit_) {
      Slab* slab = to_seal_.back();
      to_seal_.pop_back();
      release(*slab);
    }
  }
  work_.notify_all();
  slab_free_.notify_all();
}

void ArchiveFlow::open_sealed(std::uint64_t begin, std::uint64_t end, RecordWindow& window) {
  const std::lock_guard lock(mutex_);
  ring_.open(begin, end, window);
}

void ArchiveFlow::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  slab_free_.notify_all();
  work_.notify_all();
  record_ready_.notify_all();
}

void ArchiveFlow::fail(const char* stage, ErrorCode code, const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    failure_ = failure_.value_or(code);
    messages_ += (messages_.empty() ? "" : "; ") + std::string(stage) + ": " + message;
  }
  stop();
}

void ArchiveFlow::throw_if_failed() const {
  if (failure_) {
    throw Error(*failure_, "write archive: " + messages_);
  }
}

std::uint64_t ArchiveFlow::cipher_begin(const Slab& slab) const {
  return slab.index == 0 ? 0 : format::cipher_size(sizes_.preamble_bytes, slab.index * kSlabSize);
}

std::uint64_t ArchiveFlow::cipher_end(const Slab& slab) const {
  return format::cipher_size(sizes_.preamble_bytes, slab.index * kSlabSize + slab.size);
}

}  // namespace mixtape::archive
