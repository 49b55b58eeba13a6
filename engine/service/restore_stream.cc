// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_stream.h"

#include <utility>

#include "engine/recall/archive_reader.h"
#include "engine/recall/fetch_extent.h"

namespace mixtape::service {

namespace {

// So many bridge a pause of the disk.
constexpr std::size_t kBatches = 64;

}  // namespace

// Collects what is read into batches.
class RestoreStream::Filler final : public recall::ContentSink {
 public:
  Filler(RestoreStream& stream, recall::ArchiveReader& reader)
      : stream_(stream), reader_(reader), batch_(stream.take_empty()) {}

  // False: nobody wants more.
  [[nodiscard]] bool go_on() const { return batch_ != nullptr; }

  // The bytes stay where the reader has put them: the batch keeps that chunk.
  void write(ByteView bytes) override {
    if (!batch_ || bytes.empty()) {
      return;
    }
    batch_->add_data(bytes, reader_.keep_chunk());
    pass_on_when_full();
  }
  void write_zeros(std::uint64_t count) override {
    while (batch_ && count > 0) {
      count -= batch_->add_zeros(count);
      pass_on_when_full();
    }
  }
  void mark(Event::Kind kind, std::size_t number) {
    Event event;
    event.kind = kind;
    event.number = number;
    add(std::move(event));
  }
  void fail(std::size_t number, const Error& error) {
    Event event;
    event.kind = Event::Kind::failed;
    event.number = number;
    event.why = error.what();
    event.code = error.code();
    add(std::move(event));
  }
  void finish() {
    if (batch_ && !batch_->events.empty()) {
      stream_.hand_over(std::move(batch_));
    }
  }

 private:
  void add(Event event) {
    if (batch_) {
      batch_->add(std::move(event));
      pass_on_when_full();
    }
  }
  void pass_on_when_full() {
    if (batch_->is_full()) {
      stream_.hand_over(std::move(batch_));
      batch_ = stream_.take_empty();
    }
  }

  RestoreStream& stream_;
  recall::ArchiveReader& reader_;
  std::unique_ptr<Batch> batch_;
};

RestoreStream::RestoreStream(std::unique_ptr<tapeio::TapeDrive> drive,
                             std::span<const format::Identity> identities, std::size_t count,
                             std::function<Wanted(std::size_t)> wanted) {
  thread_ = std::thread(
      [this, identities, count, wanted = std::move(wanted), drive = std::move(drive)]() mutable {
        read(std::move(drive), identities, count, wanted);
      });
}

RestoreStream::~RestoreStream() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void RestoreStream::read(std::unique_ptr<tapeio::TapeDrive> drive,
                         std::span<const format::Identity> identities, std::size_t count,
                         const std::function<Wanted(std::size_t)>& wanted) {
  recall::ArchiveReader reader(std::move(drive), identities);
  reader.take_spare_from([this] { return take_spare(); });
  Filler filler(*this, reader);
  for (std::size_t number = 0; number < count && filler.go_on(); ++number) {
    const Wanted content = wanted(number);
    filler.mark(Event::Kind::begin, number);
    try {
      (void)recall::fetch_extent(reader, content.extent, content.size, 0, filler,
                                 [&] { return filler.go_on(); });
      filler.mark(Event::Kind::end, number);
    } catch (const Error& error) {
      filler.fail(number, error);
    }
  }
  filler.finish();
  Located located{.drive = {}, .samples = reader.take_located()};
  if (!located.samples.empty()) {
    located.drive = reader.tape(wanted(0).extent.archive).drive();
  }
  const std::lock_guard lock(mutex_);
  located_ = std::move(located);
  done_ = true;
  changed_.notify_all();
}

RestoreStream::Located RestoreStream::take_located() {
  const std::lock_guard lock(mutex_);
  return std::exchange(located_, {});
}

std::unique_ptr<RestoreStream::Batch> RestoreStream::take_empty() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || !empty_.empty() || made_ < kBatches; });
  if (stopped_) {
    return nullptr;
  }
  if (empty_.empty()) {
    ++made_;
    auto fresh = std::make_unique<Batch>();
    fresh->events.reserve(Batch::kMostEvents);
    return fresh;
  }
  std::unique_ptr<Batch> batch = std::move(empty_.back());
  empty_.pop_back();
  return batch;
}

recall::ArchiveReader::Chunk RestoreStream::take_spare() {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) {
    return nullptr;
  }
  recall::ArchiveReader::Chunk chunk = std::move(spare_.back());
  spare_.pop_back();
  return chunk;
}

// Of a chunk over which two batches meet the later one has the last word.
void RestoreStream::recycle(std::unique_ptr<Batch> batch) {
  for (recall::ArchiveReader::Chunk& chunk : batch->chunks) {
    if (chunk.use_count() == 1) {
      spare_.push_back(std::move(chunk));
    }
  }
  batch->clear();
  empty_.push_back(std::move(batch));
}

void RestoreStream::hand_over(std::unique_ptr<Batch> batch) {
  hashes_.submit(*batch);
  const std::lock_guard lock(mutex_);
  full_.push_back(std::move(batch));
  changed_.notify_all();
}

std::optional<RestoreStream::Event> RestoreStream::next() {
  if (!current_ || event_ == current_->events.size()) {
    std::unique_lock lock(mutex_);
    if (current_) {
      recycle(std::move(current_));
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return done_ || !full_.empty(); });
    if (full_.empty()) {
      return std::nullopt;
    }
    current_ = std::move(full_.front());
    full_.pop_front();
    event_ = 0;
    lock.unlock();
    hashes_.wait(*current_);
  }
  return std::move(current_->events[event_++]);
}

}  // namespace mixtape::service
