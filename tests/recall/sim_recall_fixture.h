// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/format/digest.h"
#include "engine/recall/archive_reader.h"
#include "engine/recall/recall.h"
#include "tapeio/lto/sim_library.h"
#include "tests/recall/tape_world.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

// A recall from a simulated library of LTO-8 cartridges with one drive, on its virtual clock, and
// words for tests about it. The cartridges are small: all 208 wraps have a few records each.

namespace mixtape::recall {

class SimRecallTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kRecordsPerWrap = 8;
  static constexpr std::uint64_t kCapacity = 208 * kRecordsPerWrap * kRecordOfTapes;
  // With its tar header it fills a record, less what seals it.
  static constexpr std::size_t kFile = 60 * KiB;

  SimRecallTest() { open_library(); }
  void TearDown() override {
    let_go();
    recall_.reset();
  }

  // With an empty drive: what was written last would still be in it.
  void open_library() {
    recall_.reset();
    if (library_) {
      for (const tapeio::DriveSlot& drive : library_->mover()->drives()) {
        if (drive.medium) {
          library_->mover()->unload(*drive.medium);
        }
      }
    }
    library_ = std::make_unique<tapeio::lto::SimLibrary>(tapeio::lto::parse_sim_options(
        directory_.path().string() +
        ",generation=8,vary=no,host=none,capacity=" + std::to_string(kCapacity)));
  }

  // Files of a record each, one behind the other; what the catalog knows of them.
  std::vector<Content> write(const std::string& label, std::size_t files) {
    library_->add_medium(label, kCapacity);
    std::vector<ArchivedFile> written;
    for (std::size_t file = 0; file < files; ++file) {
      written.push_back({bytes_of(label, file), {}});
    }
    const std::vector<Extent> extents =
        write_archive(*library_, identity_, label, ++bundles_, written);
    std::vector<Content> contents;
    for (std::size_t file = 0; file < files; ++file) {
      contents.push_back(know(written[file].bytes, {extents[file]}));
    }
    return contents;
  }
  static Bytes bytes_of(const std::string& label, std::size_t file) {
    return test::pattern(kFile, std::hash<std::string>{}(label) + file);
  }
  Content know(const Bytes& bytes, std::vector<Extent> copies) {
    const std::lock_guard lock(mutex_);
    const Content content{.number = static_cast<std::int64_t>(copies_.size()) + 1,
                          .size = bytes.size(),
                          .hash = format::digest_of(bytes)};
    copies_[content.number] = std::move(copies);
    bytes_[content.number] = bytes;
    return content;
  }
  // A second copy of each, on another tape.
  void copy(const std::vector<Content>& contents, const std::string& label) {
    library_->add_medium(label, kCapacity);
    std::vector<ArchivedFile> written;
    for (const Content& content : contents) {
      written.push_back({bytes_[content.number], {}});
    }
    const std::vector<Extent> extents =
        write_archive(*library_, identity_, label, ++bundles_, written);
    for (std::size_t i = 0; i < contents.size(); ++i) {
      copies_[contents[i].number].push_back(extents[i]);
    }
  }
  const Extent& copy_of(const Content& content) {
    const std::lock_guard lock(mutex_);
    return copies_.at(content.number).front();
  }
  static std::vector<Content> some_of(std::vector<Content> contents, std::size_t count,
                                      std::uint64_t seed) {
    std::shuffle(contents.begin(), contents.end(), std::mt19937_64(seed));
    contents.resize(count);
    return contents;
  }

  Recall& recall() {
    if (!recall_) {
      cache_ = std::make_unique<Cache>(directory_ / "cache", CacheLimits{.bytes = cache_limit_});
      recall_ = std::make_unique<Recall>(*cache_, std::span(&identity_, 1), outside(), options_);
    }
    return *recall_;
  }
  Outside outside() {
    Outside outside = what_is_there();
    if (knows_what_follows_) {
      outside.behind = [this](const Content& content, const Extent& extent, std::size_t most) {
        return behind(content, extent.archive.medium_label, most);
      };
      outside.stored_beside = [this](const Extent& extent) { return extent.archive.plain_bytes; };
    }
    return outside;
  }
  // Contents are numbered in the order in which they lie on a tape.
  std::vector<Content> behind(const Content& content, const std::string& label, std::size_t most) {
    const std::lock_guard lock(mutex_);
    std::vector<Content> contents;
    for (auto next = copies_.upper_bound(content.number);
         next != copies_.end() && contents.size() < most; ++next) {
      if (next->second.front().archive.medium_label == label) {
        const Bytes& bytes = bytes_.at(next->first);
        contents.push_back(
            {.number = next->first, .size = bytes.size(), .hash = format::digest_of(bytes)});
      }
    }
    return contents;
  }
  Outside what_is_there() {
    const auto nothing = [](const auto&...) {};
    return {.extents =
                [this](const Content& content) {
                  const std::lock_guard lock(mutex_);
                  return copies_.at(content.number);
                },
            .find_medium =
                [this](const std::string& label) {
                  std::unique_lock lock(mutex_);
                  changed_.wait(lock, [this] { return !is_held_; });
                  return std::optional(tapeio::PlacedMedium{library_.get(), label});
                },
            .damaged = nothing,
            .verified = nothing,
            .hashed = nothing,
            .ask_for = nothing,
            .within_reach = [](const Content&) { return true; },
            .located =
                [this](const TimedDrive& drive, const std::vector<order::LocateSample>& located) {
                  drive_ = drive;
                  located_ = located;
                }};
  }
  // Until let_go() nothing is looked for, so that nothing moves.
  void hold() {
    const std::lock_guard lock(mutex_);
    is_held_ = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    is_held_ = false;
    changed_.notify_all();
  }

  // One that reads the whole of it; the order in which they are answered is in answered_.
  std::future<bool> start_read(const Content& content, Asker asker = {}) {
    auto promise = std::make_shared<std::promise<bool>>();
    (void)recall().read(
        content, 0, content.size, "a file",
        [this, promise, content](ByteView bytes, const auto& error) {
          if (!error && on_answer_) {
            on_answer_(content);
          }
          const bool is_right = !error && format::digest_of(bytes) == content.hash;
          {
            const std::lock_guard lock(mutex_);
            answered_.push_back(content.number);
          }
          promise->set_value(is_right);
        },
        asker);
    return promise->get_future();
  }
  // Queues them; nobody waits for their bytes.
  std::vector<std::future<bool>> queue(const std::vector<Content>& contents) {
    std::vector<std::future<bool>> done;
    for (const Content& content : contents) {
      auto promise = std::make_shared<std::promise<bool>>();
      (void)recall().fetch(content, "a file",
                           [this, promise, content](ByteView, const auto& error) {
                             if (!error && on_answer_) {
                               on_answer_(content);
                             }
                             {
                               const std::lock_guard lock(mutex_);
                               answered_.push_back(content.number);
                             }
                             promise->set_value(!error);
                           });
      done.push_back(promise->get_future());
    }
    return done;
  }
  std::vector<std::future<bool>> start_reads(const std::vector<Content>& contents) {
    std::vector<std::future<bool>> reads;
    for (const Content& content : contents) {
      reads.push_back(start_read(content));
    }
    return reads;
  }
  static void expect_right(std::vector<std::future<bool>> reads) {
    for (std::future<bool>& read : reads) {
      EXPECT_TRUE(read.get());
    }
  }
  // All of them are there before the tape moves.
  void read_together(const std::vector<Content>& contents) {
    hold();
    std::vector<std::future<bool>> reads = start_reads(contents);
    let_go();
    expect_right(std::move(reads));
  }

  // What the drive needed for positioning since the library was opened.
  double locate_s() const { return library_->report().seconds_of(tapeio::lto::SimKind::locate); }
  // After how many others it was answered.
  std::ptrdiff_t answered_before(const Content& content) {
    const std::lock_guard lock(mutex_);
    return std::find(answered_.begin(), answered_.end(), content.number) - answered_.begin();
  }
  std::uint64_t mounts() const { return library_->report().count_of(tapeio::lto::SimKind::load); }
  // What the drive would need in this order.
  double locate_s_of(const std::string& label, const std::vector<Content>& contents) {
    const double before = locate_s();
    ArchiveReader reader(library_->load(label, tapeio::Library::Access::read),
                         std::span(&identity_, 1));
    for (const Content& content : contents) {
      const Extent& copy = copy_of(content);
      reader.read(copy.archive, {.offset = copy.data_offset, .size = copy.stored_size},
                  [](ByteView) { return true; });
    }
    return locate_s() - before;
  }

  test::TempDir directory_{test::TempDir::Place::memory};
  format::Identity identity_ = format::Identity::generate();
  std::unique_ptr<tapeio::lto::SimLibrary> library_;
  std::uint8_t bundles_ = 0;
  Options options_{.gather = std::chrono::milliseconds(0),
                   .gather_for_mount = std::chrono::milliseconds(0),
                   .wait_for_medium = std::chrono::seconds(0),
                   .poll = std::chrono::milliseconds(1),
                   .hold = std::chrono::seconds(30),
                   .linger = std::chrono::milliseconds(200)};

  // On the worker's thread, before an answer is given.
  std::function<void(const Content&)> on_answer_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool knows_what_follows_ = false;  // Set before recall() is called first.
  bool is_held_ = false;             // Guarded by mutex_, as all below.
  std::map<std::int64_t, std::vector<Extent>> copies_;
  std::map<std::int64_t, Bytes> bytes_;
  std::vector<std::int64_t> answered_;

  // Told when the tape is done with.
  TimedDrive drive_;
  std::vector<order::LocateSample> located_;

  std::uint64_t cache_limit_ = GiB;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Recall> recall_;
};

}  // namespace mixtape::recall
