// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <future>
#include <latch>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/format/digest.h"
#include "engine/recall/recall.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tests/recall/tape_world.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

// A recall with media in memory, and words for tests about it.

namespace mixtape::recall {

// What a read came to.
struct Answer {
  Bytes bytes;
  std::optional<ErrorCode> error;
};

// Holds the drive before a record until it is let go.
class Gate {
 public:
  // Lets so many records pass first.
  void close(int after = 0) {
    const std::lock_guard lock(mutex_);
    passes_left_ = after;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    passes_left_.reset();
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    if (passes_left_ && *passes_left_ > 0) {
      --*passes_left_;
      return;
    }
    waiting_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !passes_left_; });
    waiting_ = false;
  }
  void wait_until_the_drive_stands_there() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ && passes_left_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<int> passes_left_;  // nullopt: open.
  bool waiting_ = false;
};

class RecallTest : public testing::Test {
 protected:
  RecallTest() {
    world_.on_read([this] {
      gate_.pass();
      fail_in(Exhausted::reading);
    });
  }
  void TearDown() override {
    gate_.open();
    recall_.reset();
  }

  // What this process has no descriptors left for.
  enum class Exhausted { no, reading, looking };
  void fail_in(Exhausted what) const {
    if (exhausted_ == what) {
      throw_errno("open a file", EMFILE);
    }
  }

  // A catalog: contents and their copies.
  Content know(const Bytes& bytes, std::vector<Extent> copies, bool hashed = true) {
    const std::lock_guard lock(mutex_);
    Content content{
        .number = static_cast<std::int64_t>(copies_.size()) + 1, .size = bytes.size(), .hash = {}};
    if (hashed) {
      content.hash = format::digest_of(bytes);
    }
    copies_[content.number] = std::move(copies);
    return content;
  }
  Content put(const std::string& label, const Bytes& bytes) {
    return know(bytes, {world_.write_one(label, bytes)});
  }

  Recall& recall() {
    if (!recall_) {
      cache_ = std::make_unique<Cache>(directory_ / "cache", CacheLimits{.bytes = cache_limit_});
      recall_ = std::make_unique<Recall>(*cache_, world_.identities(), outside(), options_);
    }
    return *recall_;
  }
  Outside outside() {
    return {
        .extents =
            [this](const Content& content) {
              const std::lock_guard lock(mutex_);
              return copies_.at(content.number);
            },
        .find_medium = [this](const std::string& label) { return find_medium(label); },
        .damaged =
            [this](const Content&, const Extent& extent, const std::string&) {
              const std::lock_guard lock(mutex_);
              damaged_.push_back(extent.archive.medium_label);
            },
        .verified =
            [this](const Content&, const Extent& extent) {
              const std::lock_guard lock(mutex_);
              verified_.push_back(extent.archive.medium_label);
            },
        .hashed =
            [this](const Content& content, const std::array<std::byte, 32>& hash) {
              const std::lock_guard lock(mutex_);
              hashed_[content.number] = hash;
            },
        .ask_for =
            [this](const std::string& label) {
              const std::lock_guard lock(mutex_);
              asked_for_.push_back(label);
            },
        .within_reach =
            [this](const Content& content) {
              const std::lock_guard lock(mutex_);
              const auto& copies = copies_.at(content.number);
              return std::any_of(copies.begin(), copies.end(), [this](const Extent& copy) {
                return is_here(copy.archive.medium_label);
              });
            },
        .found_damaged =
            [this](const Content& content) {
              const std::lock_guard lock(mutex_);
              return found_damaged_[content.number];
            },
    };
  }
  std::optional<tapeio::PlacedMedium> find_medium(const std::string& label) {
    fail_in(Exhausted::looking);
    const std::lock_guard lock(mutex_);
    ++looks_[label];
    if (looks_until_there_ > 0) {
      --looks_until_there_;
      return std::nullopt;
    }
    if (!is_here(label)) {
      return std::nullopt;
    }
    return tapeio::PlacedMedium{&library_of(label), label, [this, label](tapeio::TapeDrive&) {
                                  if (label == kept_back_) {
                                    throw Error(why_kept_, "load: it cannot be had now");
                                  }
                                  if (is_wrong_) {
                                    ++wrong_loads_;
                                    throw Error(ErrorCode::wrong_medium, "load: it is another one");
                                  }
                                }};
  }
  static bool has(tapeio::Library& library, const std::string& label) {
    const auto media = library.media();
    return std::any_of(media.begin(), media.end(),
                       [&](const tapeio::MediumSlot& slot) { return slot.label == label; });
  }
  bool is_here(const std::string& label) {
    return has(world_.library(), label) || has(other_library_, label);
  }
  tapeio::MemoryLibrary& library_of(const std::string& label) {
    return has(other_library_, label) ? other_library_ : world_.library();
  }
  // Before the first read.
  void move_to_other_library(const std::string& label) {
    other_library_.put_in(world_.library().take_out(label));
  }
  static bool read_waits_in(tapeio::Library& library) {
    return library.turns().waited(tapeio::DriveTurns::Who::reader).has_value();
  }

  std::future<Answer> start_read(const Content& content, std::uint64_t offset, std::size_t size) {
    auto promise = std::make_shared<std::promise<Answer>>();
    last_ticket_ = recall().read(
        content, offset, size, "a file",
        [promise](ByteView bytes, auto error) { promise->set_value(answer_of(bytes, error)); });
    return promise->get_future();
  }
  Answer read(const Content& content, std::uint64_t offset = 0, std::size_t size = 1 << 30) {
    return start_read(content, offset, size).get();
  }
  Answer fetch(const Content& content) {
    std::promise<Answer> promise;
    (void)recall().fetch(content, "a file", [&](ByteView bytes, auto error) {
      promise.set_value(answer_of(bytes, error));
    });
    return promise.get_future().get();
  }
  static Answer answer_of(ByteView bytes, const std::exception_ptr& error) {
    Answer answer{Bytes(bytes.begin(), bytes.end()), {}};
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const Error& thrown) {
        answer.error = thrown.code();
      }
    }
    return answer;
  }
  // Reads the way cp does, a piece after the other.
  Bytes read_in_pieces(const Content& content, std::size_t piece) {
    Bytes all;
    while (all.size() < content.size) {
      const Answer answer = read(content, all.size(), piece);
      EXPECT_FALSE(answer.error.has_value());
      if (answer.bytes.empty()) {
        break;
      }
      all.insert(all.end(), answer.bytes.begin(), answer.bytes.end());
    }
    return all;
  }
  std::vector<std::string> damaged() {
    const std::lock_guard lock(mutex_);
    return damaged_;
  }
  std::uint64_t loads() { return world_.trace().count(tapeio::TracedOperation::Kind::load); }

  test::TempDir directory_;
  Gate gate_;
  TapeWorld world_;
  tapeio::MemoryLibrary other_library_;  // With a drive of its own.
  std::uint64_t cache_limit_ = GiB;
  Options options_{.gather = std::chrono::milliseconds(0),
                   .wait_for_medium = std::chrono::seconds(0),
                   .poll = std::chrono::milliseconds(1),
                   .hold = std::chrono::seconds(30),
                   .linger = std::chrono::milliseconds(200)};
  Recall::Ticket last_ticket_{};

  std::mutex mutex_;
  std::map<std::int64_t, std::vector<Extent>> copies_, found_damaged_;
  std::vector<std::string> damaged_, verified_, asked_for_;
  std::map<std::int64_t, std::array<std::byte, 32>> hashed_;
  int looks_until_there_ = 0;
  std::atomic<Exhausted> exhausted_ = Exhausted::no;
  std::map<std::string, int> looks_;  // Guarded by mutex_.
  // Loading this one fails. Set before the first read.
  std::string kept_back_;
  ErrorCode why_kept_ = ErrorCode::busy;
  std::atomic<bool> is_wrong_ = false;  // Every medium, when it is loaded.
  std::atomic<int> wrong_loads_ = 0;

  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Recall> recall_;
};

}  // namespace mixtape::recall
