// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_stream.h"

#include <algorithm>
#include <utility>

#include "engine/recall/archive_reader.h"
#include "engine/recall/fetch_extent.h"

namespace mixtape::service {

namespace {

// A megabyte is a record of the medium and a few hundred small files; sixteen of them bridge a
// pause of the disk.
constexpr std::size_t kBatchBytes = 1 * MiB;
constexpr std::size_t kBatchEvents = 1024;
constexpr std::size_t kBatches = 16;
// Hashing them takes time, of which there must be no end in the middle of which nobody may stop it.
constexpr std::uint64_t kMostZeros = 16 * MiB;

}  // namespace

struct RestoreStream::Batch {
  Bytes bytes;  // Data of the events, one behind the other.
  std::vector<Event> events;

  [[nodiscard]] bool is_full() const {
    return bytes.size() >= kBatchBytes || events.size() >= kBatchEvents;
  }
};

// Collects what is read into batches.
class RestoreStream::Filler final : public recall::ContentSink {
 public:
  explicit Filler(RestoreStream& stream) : stream_(stream), batch_(stream.take_empty()) {}

  // False: nobody wants more.
  [[nodiscard]] bool go_on() const { return batch_ != nullptr; }

  void write(ByteView bytes) override {
    while (batch_ && !bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), kBatchBytes - batch_->bytes.size());
      // The bytes never move: the batch has room for all from the beginning.
      const std::size_t at = batch_->bytes.size();
      batch_->bytes.insert(batch_->bytes.end(), bytes.begin(),
                           bytes.begin() + static_cast<std::ptrdiff_t>(size));
      Event event;
      event.kind = Event::Kind::data;
      event.data = ByteView(batch_->bytes).subspan(at, size);
      add(std::move(event));
      bytes = bytes.subspan(size);
    }
  }
  void write_zeros(std::uint64_t count) override {
    while (batch_ && count > 0) {
      Event event;
      event.kind = Event::Kind::zeros;
      event.zeros = std::min(count, kMostZeros);
      count -= event.zeros;
      add(std::move(event));
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
    if (!batch_) {
      return;
    }
    batch_->events.push_back(std::move(event));
    if (batch_->is_full()) {
      stream_.hand_over(std::move(batch_));
      batch_ = stream_.take_empty();
    }
  }

  RestoreStream& stream_;
  std::unique_ptr<Batch> batch_;
};

RestoreStream::RestoreStream(std::unique_ptr<tapeio::TapeDrive> drive,
                             std::span<const format::Identity> identities, std::size_t count,
                             std::function<Wanted(std::size_t)> wanted) {
  for (std::size_t i = 0; i < kBatches; ++i) {
    empty_.push_back(std::make_unique<Batch>());
    empty_.back()->bytes.reserve(kBatchBytes);
  }
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
  Filler filler(*this);
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
  changed_.wait(lock, [&] { return stopped_ || !empty_.empty(); });
  if (stopped_) {
    return nullptr;
  }
  std::unique_ptr<Batch> batch = std::move(empty_.back());
  empty_.pop_back();
  return batch;
}

void RestoreStream::hand_over(std::unique_ptr<Batch> batch) {
  const std::lock_guard lock(mutex_);
  full_.push_back(std::move(batch));
  changed_.notify_all();
}

std::optional<RestoreStream::Event> RestoreStream::next() {
  if (!current_ || event_ == current_->events.size()) {
    std::unique_lock lock(mutex_);
    if (current_) {
      current_->bytes.clear();
      current_->events.clear();
      empty_.push_back(std::move(current_));
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return done_ || !full_.empty(); });
    if (full_.empty()) {
      return std::nullopt;
    }
    current_ = std::move(full_.front());
    full_.pop_front();
    event_ = 0;
  }
  return std::move(current_->events[event_++]);
}

}  // namespace mixtape::service
