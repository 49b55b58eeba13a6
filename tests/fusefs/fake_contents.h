// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "fusefs/contents.h"
#include "tapeio/error.h"

// A tape that moves only when the test says so: what is here is read at once, the rest is parked
// until the test delivers it, and everything that was asked of the tape is counted.

namespace mixtape::fusefs {

class FakeContents : public Contents {
 public:
  ~FakeContents() override {
    std::map<std::uint64_t, Parked> left;
    {
      const std::lock_guard lock(mutex_);
      left.swap(parked_);
    }
    for (auto& [ticket, parked] : left) {
      parked.done({}, cancelled());
    }
  }

  void put(std::int64_t number, const std::string& bytes, bool here = false) {
    const std::lock_guard lock(mutex_);
    bytes_[number] = bytes;
    if (here) {
      here_.insert(number);
    }
  }
  // The tape brings a content: parked reads are answered, later ones find it here.
  void deliver(std::int64_t number) {
    for (auto& parked : take(number, true)) {
      const ByteView all = as_bytes(bytes_.at(number));
      const std::size_t begin = std::min<std::size_t>(parked.offset, all.size());
      parked.done(all.subspan(begin, std::min(parked.size, all.size() - begin)), nullptr);
    }
  }
  void fail(std::int64_t number, const Error& error) {
    for (auto& parked : take(number, false)) {
      parked.done({}, std::make_exception_ptr(error));
    }
  }
  // The bytes that readers wait for have arrived, and no others.
  void serve(std::int64_t number) {
    for (auto& parked : take(number, false)) {
      parked.done(as_bytes(bytes_.at(number)).subspan(parked.offset, parked.size), nullptr);
    }
  }
  // Returns when so many reads wait for the tape.
  void wait_for_parked(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return parked_.size() >= count; });
  }
  void wait_for_no_parked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return parked_.empty(); });
  }
  void wait_for_fetches(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return fetched_.size() >= count; });
  }
  std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::vector<std::string> fetched() {
    const std::lock_guard lock(mutex_);
    return fetched_;
  }

  // So many first bytes of each content are known while it is away.
  void preview_head(std::size_t size) {
    const std::lock_guard lock(mutex_);
    preview_head_ = size;
  }
  std::size_t preview(const recall::Content& content, std::uint64_t offset,
                      MutableBytes into) override {
    const std::lock_guard lock(mutex_);
    const ByteView all = as_bytes(bytes_.at(content.number));
    const ByteView head = all.first(std::min(preview_head_, all.size()));
    const ByteView rest = head.subspan(std::min<std::uint64_t>(offset, head.size()));
    const std::size_t count = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), count, into.begin());
    return count;
  }

  std::optional<tapeio::UniqueFd> open(const recall::Content& content) override {
    const std::lock_guard lock(mutex_);
    if (!here_.contains(content.number)) {
      return std::nullopt;
    }
    tapeio::UniqueFd fd(::memfd_create("content", MFD_CLOEXEC));
    const std::string& bytes = bytes_.at(content.number);
    MIXTAPE_ASSERT(::write(fd.get(), bytes.data(), bytes.size()) ==
                   static_cast<ssize_t>(bytes.size()));
    return fd;
  }
  bool is_here(const recall::Content& content) override {
    const std::lock_guard lock(mutex_);
    return here_.contains(content.number);
  }
  Ticket read(const recall::Content& content, std::uint64_t offset, std::size_t size,
              const std::string&, recall::Asker, Done done) override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    parked_[++next_] = {content.number, offset, size, std::move(done)};
    changed_.notify_all();
    return Ticket{next_};
  }
  void cancel(Ticket ticket) override {
    Done done;
    {
      const std::lock_guard lock(mutex_);
      const auto found = parked_.find(static_cast<std::uint64_t>(ticket));
      if (found == parked_.end()) {
        return;
      }
      done = std::move(found->second.done);
      parked_.erase(found);
      changed_.notify_all();
    }
    done({}, cancelled());
  }
  recall::CancelMark watch_cancel(const recall::Content& content) override {
    return marks_.of(content.number);
  }
  // Somebody takes the recall out of the queue.
  void cancel_recall(std::int64_t number) {
    marks_.cancelled(number);
    fail(number, Error(ErrorCode::cancelled, "recall: cancelled"));
  }
  void fetch(const recall::Content& content, const std::string& what, recall::Asker,
             Done done) override {
    {
      const std::lock_guard lock(mutex_);
      ++asked_;
      fetched_.push_back(what);
      queued_.insert(content.number);
      changed_.notify_all();
    }
    if (done) {
      done({}, nullptr);
    }
  }
  bool is_queued(const recall::Content& content) override {
    const std::lock_guard lock(mutex_);
    return queued_.contains(content.number);
  }

 private:
  struct Parked {
    std::int64_t number;
    std::uint64_t offset;
    std::size_t size;
    Done done;
  };
  static std::exception_ptr cancelled() {
    return std::make_exception_ptr(Error(ErrorCode::cancelled, "recall: cancelled"));
  }
  std::vector<Parked> take(std::int64_t number, bool arrived) {
    const std::lock_guard lock(mutex_);
    std::vector<Parked> taken;
    for (auto it = parked_.begin(); it != parked_.end();) {
      if (it->second.number == number) {
        taken.push_back(std::move(it->second));
        it = parked_.erase(it);
      } else {
        ++it;
      }
    }
    if (arrived) {
      here_.insert(number);
    }
    changed_.notify_all();
    return taken;
  }

  std::size_t preview_head_ = 0;
  recall::CancelMarks marks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, std::string> bytes_;
  std::set<std::int64_t> here_, queued_;
  std::map<std::uint64_t, Parked> parked_;
  std::vector<std::string> fetched_;
  std::uint64_t next_ = 0;
  std::size_t asked_ = 0;
};

}  // namespace mixtape::fusefs
