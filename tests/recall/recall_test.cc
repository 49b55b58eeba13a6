// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <latch>
#include <map>
#include <mutex>
#include <thread>

#include "engine/format/digest.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tests/recall/tape_world.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::recall {
namespace {

using tapeio::TracedOperation;

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
      cache_ = std::make_unique<Cache>(directory_ / "cache", cache_limit_);
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
    return tapeio::PlacedMedium{&world_.library(), label, [this, label](tapeio::TapeDrive&) {
                                  if (label == kept_back_) {
                                    throw Error(why_kept_, "load: it cannot be had now");
                                  }
                                  if (is_wrong_) {
                                    ++wrong_loads_;
                                    throw Error(ErrorCode::wrong_medium, "load: it is another one");
                                  }
                                }};
  }
  bool is_here(const std::string& label) {
    const auto media = world_.library().media();
    return std::any_of(media.begin(), media.end(),
                       [&](const tapeio::MediumSlot& slot) { return slot.label == label; });
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
  std::uint64_t loads() { return world_.trace().count(TracedOperation::Kind::load); }

  test::TempDir directory_;
  Gate gate_;
  TapeWorld world_;
  std::uint64_t cache_limit_ = GiB;
  Options options_{.gather = std::chrono::milliseconds(0),
                   .wait_for_medium = std::chrono::seconds(0),
                   .poll = std::chrono::milliseconds(1),
                   .hold = std::chrono::seconds(30),
                   .linger = std::chrono::milliseconds(200)};
  Recall::Ticket last_ticket_{};

  std::mutex mutex_;
  std::map<std::int64_t, std::vector<Extent>> copies_;
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

TEST_F(RecallTest, AColdFileCostsOneSeekAndIsThenInTheCache) {
  (void)put("A", test::pattern(2 * MiB, 1));
  const Bytes bytes = test::pattern(500'000, 2);
  const Content content = put("A", bytes);
  EXPECT_EQ(read_in_pieces(content, 100'000), bytes);
  EXPECT_EQ(world_.trace().seeks(), 1u);
  EXPECT_EQ(loads(), 1u);
  EXPECT_EQ(fetch(content).error, std::nullopt);
  world_.trace().clear();
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_TRUE(world_.trace().operations().empty());
}

TEST_F(RecallTest, ReadsAreCutAtTheEnd) {
  const Bytes bytes = test::pattern(1000, 1);
  const Content content = put("A", bytes);
  EXPECT_EQ(read(content, 900, 500).bytes, Bytes(bytes.begin() + 900, bytes.end()));
  EXPECT_TRUE(read(content, 1000, 10).bytes.empty());
  EXPECT_TRUE(read(content, ~std::uint64_t{0}, 10).bytes.empty());
}

TEST_F(RecallTest, ManyReadersOfOneFileAreOneRecall) {
  const Bytes bytes = test::pattern(3 * MiB, 3);
  const Content content = put("A", bytes);
  gate_.close();
  std::vector<std::future<Answer>> answers;
  for (std::uint64_t i = 0; i < 300; ++i) {
    answers.push_back(start_read(content, i * 10'000, 10'000));
  }
  EXPECT_EQ(recall().queue().size(), 1u);
  EXPECT_EQ(recall().queue().front().waiting, 300u);
  gate_.open();
  for (std::uint64_t i = 0; i < answers.size(); ++i) {
    const Bytes expected(bytes.begin() + static_cast<std::ptrdiff_t>(i * 10'000),
                         bytes.begin() + static_cast<std::ptrdiff_t>((i + 1) * 10'000));
    EXPECT_EQ(answers[i].get().bytes, expected);
  }
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_EQ(world_.trace().count(TracedOperation::Kind::locate), 1u);
  EXPECT_LE(world_.trace().bytes_read(), 3 * MiB + 4 * TapeWorld::kRecord);
}

TEST_F(RecallTest, ReadsAreAnsweredInTheirOrderOfArrival) {
  const Content content = put("A", test::pattern(60'000, 4));
  gate_.close();
  std::mutex mutex;
  std::vector<int> order;
  std::latch all(20);
  for (int i = 0; i < 20; ++i) {
    (void)recall().read(content, static_cast<std::uint64_t>((i * 7) % 20) * 1000, 1000, "a file",
                        [&, i](ByteView, auto) {
                          const std::lock_guard lock(mutex);
                          order.push_back(i);
                          all.count_down();
                        });
  }
  gate_.open();
  all.wait();
  recall_.reset();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(RecallTest, EarlyBytesAreServedBeforeTheRestHasArrived) {
  const Bytes bytes = test::pattern(5 * MiB, 5);
  const Content content = put("A", bytes);
  gate_.close(10);
  auto late = start_read(content, 4 * MiB, 1000);
  EXPECT_EQ(read(content, 0, 1000).bytes, Bytes(bytes.begin(), bytes.begin() + 1000));
  gate_.wait_until_the_drive_stands_there();
  // What has arrived is answered although the drive stands still.
  EXPECT_EQ(read(content, 100'000, 10).bytes,
            Bytes(bytes.begin() + 100'000, bytes.begin() + 100'010));
  EXPECT_EQ(late.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  gate_.open();
  EXPECT_EQ(late.get().bytes.size(), 1000u);
}

TEST_F(RecallTest, RequestsTogetherAreServedInOneForwardSweep) {
  std::vector<ArchivedFile> files;
  for (std::uint64_t i = 0; i < 50; ++i) {
    files.push_back({test::pattern(40'000, i), {}});
  }
  const auto extents = world_.write_archive("A", files);
  const Content first = put("B", test::pattern(100, 99));
  gate_.close();
  auto holds_the_drive = start_read(first, 0, 100);
  gate_.wait_until_the_drive_stands_there();
  std::vector<Content> contents;
  std::vector<std::future<Answer>> answers;
  for (std::size_t i = 0; i < files.size(); ++i) {
    contents.push_back(know(files[(i * 7) % 50].bytes, {extents[(i * 7) % 50]}));
    answers.push_back(start_read(contents.back(), 0, 40'000));
  }
  world_.trace().clear();
  gate_.open();
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(answers[i].get().bytes, files[(i * 7) % 50].bytes);
  }
  EXPECT_EQ(loads(), 1u);
  EXPECT_EQ(world_.trace().count(TracedOperation::Kind::locate), 1u);
  EXPECT_LE(world_.trace().bytes_read(), 50 * 40'000 * 3 / 2);
}

TEST_F(RecallTest, ADamagedCopyIsReplacedInTheMiddleAndReadersNoticeNothing) {
  const Bytes bytes = test::pattern(MiB, 6);
  const Extent bad = world_.write_one("A", bytes), good = world_.write_one("B", bytes);
  world_.damage(bad, 500'000);
  const Content content = know(bytes, {bad, good});
  EXPECT_EQ(read_in_pieces(content, 50'000), bytes);
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
  EXPECT_TRUE(cache_->contains(content));
}

TEST_F(RecallTest, ACopyThatCannotBeReadNowIsReplacedButNotCalledDamaged) {
  const Bytes bytes = test::pattern(MiB, 7), other = test::pattern(MiB, 8);
  const Extent bad = world_.write_one("A", bytes), good = world_.write_one("B", bytes);
  const Extent only = world_.write_one("A", other);
  world_.lose_blocks("A", {bad.archive.first_block + 3, only.archive.first_block + 3});
  EXPECT_EQ(read(know(bytes, {bad, good})).bytes, bytes);
  EXPECT_EQ(read(know(other, {only})).error, ErrorCode::io);
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallTest, ACopyThatNoArchiveCanHoldIsPassedOver) {
  const Bytes bytes = test::pattern(1000, 7);
  const Extent good = world_.write_one("A", bytes);
  Extent impossible = good;
  impossible.data_offset = ~std::uint64_t{0};
  EXPECT_EQ(read(know(bytes, {impossible, good})).bytes, bytes);
  EXPECT_EQ(read(know(test::pattern(1000, 8), {impossible})).error, ErrorCode::corrupt);
}

TEST_F(RecallTest, ACopyThatWasReadWholeAndHasItsHashIsTold) {
  const Content whole = put("A", test::pattern(MiB, 7));
  const Bytes bytes = test::pattern(MiB, 8);
  const Extent bad = world_.write_one("B", bytes), good = world_.write_one("C", bytes);
  world_.damage(bad, 500'000);
  const Content of_two_copies = know(bytes, {bad, good});
  const Bytes small = test::pattern(10, 9);
  const Content without_hash = know(small, {world_.write_one("D", small)}, false);
  for (const Content& content : {whole, of_two_copies, without_hash}) {
    EXPECT_EQ(fetch(content).error, std::nullopt);
  }
  recall_.reset();
  EXPECT_EQ(verified_, std::vector<std::string>{"A"});
}

TEST_F(RecallTest, WantOfDescriptorsIsNeitherDamageNorAMissingMedium) {
  const Bytes bytes = test::pattern(MiB, 7);
  const Content content = know(bytes, {world_.write_one("A", bytes), world_.write_one("B", bytes)});
  exhausted_ = Exhausted::reading;
  EXPECT_EQ(read(content).error, ErrorCode::exhausted);
  exhausted_ = Exhausted::looking;
  recall_.reset();
  EXPECT_EQ(read(content).error, ErrorCode::exhausted);
  EXPECT_TRUE(damaged().empty());
  exhausted_ = Exhausted::no;
  EXPECT_EQ(read(content).bytes, bytes);
}

TEST_F(RecallTest, WithEveryCopyDamagedTheReadFails) {
  const Bytes bytes = test::pattern(MiB, 8);
  const Extent first = world_.write_one("A", bytes), second = world_.write_one("B", bytes);
  world_.damage(first, 700'000);
  world_.damage(second, 800'000);
  const Content content = know(bytes, {first, second});
  EXPECT_EQ(read(content).error, ErrorCode::corrupt);
  EXPECT_EQ(damaged(), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(cache_->usage().entries, 0u);
  EXPECT_TRUE(recall().queue().empty());
}

TEST_F(RecallTest, WithoutAnyCopyTheReadFails) {
  EXPECT_EQ(read(know(test::pattern(10, 1), {})).error, ErrorCode::corrupt);
}

TEST_F(RecallTest, ACopyWithAnotherHashIsNotKeptAndItsEndNotServed) {
  const Bytes bytes = test::pattern(300'000, 9), other = test::pattern(300'000, 10);
  const Extent wrong = world_.write_one("A", other), good = world_.write_one("B", bytes);
  const Content content = know(bytes, {wrong, good});
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
  const Content only_wrong = know(test::pattern(300'000, 11), {wrong});
  EXPECT_EQ(read(only_wrong, 299'999, 1).error, ErrorCode::corrupt);
  EXPECT_FALSE(cache_->contains(only_wrong));
}

TEST_F(RecallTest, AContentMixedFromTwoCopiesIsReadWholeBeforeACopyIsBlamed) {
  const Bytes bytes = test::pattern(MiB, 12);
  Bytes wrong_start = bytes;
  wrong_start[10] ^= std::byte{1};
  const Extent first = world_.write_one("A", wrong_start), second = world_.write_one("B", bytes);
  world_.damage(first, 500'000);
  const Content content = know(bytes, {first, second});
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
}

TEST_F(RecallTest, TheHashOfAContentWithoutOneIsTold) {
  const Bytes bytes = test::pattern(1000, 13);
  const Content content = know(bytes, {world_.write_one("A", bytes)}, false);
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_EQ(hashed_.at(content.number), format::digest_of(bytes));
  world_.trace().clear();
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_TRUE(world_.trace().operations().empty());
}

TEST_F(RecallTest, AMissingMediumIsAskedForOnceAndTheReadGoesOnWhenItAppears) {
  options_.wait_for_medium = std::chrono::hours(1);
  looks_until_there_ = 5;
  const Bytes bytes = test::pattern(1000, 14);
  const Content content = put("A", bytes);
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_EQ(asked_for_, std::vector<std::string>{"A"});
}

TEST_F(RecallTest, AMediumThatStaysAwayIsAnError) {
  const Content content = put("A", test::pattern(1000, 15));
  const auto shelf = world_.library().take_out("A");
  EXPECT_EQ(read(content).error, ErrorCode::no_medium);
  EXPECT_EQ(asked_for_, std::vector<std::string>{"A"});
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallTest, ACopyOnAMediumThatIsThereIsPreferred) {
  const Bytes bytes = test::pattern(1000, 16);
  const Extent away = world_.write_one("A", bytes), here = world_.write_one("B", bytes);
  const auto shelf = world_.library().take_out("A");
  EXPECT_EQ(read(know(bytes, {away, here})).bytes, bytes);
  EXPECT_TRUE(asked_for_.empty());
}

TEST_F(RecallTest, OthersAreServedWhileAMediumIsMissing) {
  options_.wait_for_medium = std::chrono::hours(1);
  const Content missing = put("A", test::pattern(1000, 17));
  const Content here = put("B", test::pattern(1000, 18));
  const auto shelf = world_.library().take_out("A");
  auto waiting = start_read(missing, 0, 10);
  EXPECT_EQ(fetch(here).error, std::nullopt);
  EXPECT_EQ(recall().queue().size(), 1u);
  recall_.reset();
  EXPECT_EQ(waiting.get().error, ErrorCode::cancelled);
}

TEST_F(RecallTest, WhileEveryDriveIsInUseAReadWaitsAndNobodyIsAskedForTheMedium) {
  const Bytes bytes = test::pattern(1000, 19);
  const Content content = put("A", bytes);
  world_.library().add_medium("B", GiB);
  auto writer = world_.library().load("B", tapeio::Library::Access::write);
  auto waiting = start_read(content, 0, bytes.size());
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  EXPECT_EQ(recall().queue().size(), 1u);
  writer.reset();
  EXPECT_EQ(waiting.get().bytes, bytes);
  EXPECT_TRUE(asked_for_.empty());
}

TEST_F(RecallTest, WhileTheDriveOfOneCopyIsLentAnotherCopyIsRead) {
  const Bytes bytes = test::pattern(1000, 31);
  const Extent first = world_.write_one("A", bytes), second = world_.write_one("B", bytes);
  kept_back_ = "A";
  EXPECT_EQ(read(know(bytes, {first, second})).bytes, bytes);
  EXPECT_TRUE(asked_for_.empty());
}

TEST_F(RecallTest, AMediumThatAnotherProgramKeepsIsAnErrorThatSaysSo) {
  const Content content = put("A", test::pattern(1000, 32));
  kept_back_ = "A";
  why_kept_ = ErrorCode::locked;
  EXPECT_EQ(read(content).error, ErrorCode::locked);
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallTest, ACartridgeThatTurnedOutToBeAnotherIsNotLoadedAgainAndAgain) {
  options_.wait_for_medium = std::chrono::hours(1);
  options_.poll = std::chrono::milliseconds(1);
  const Content wrong = put("A", test::pattern(1000, 33));
  const Content missing = put("B", test::pattern(1000, 34));
  const auto shelf = world_.library().take_out("B");
  is_wrong_ = true;
  auto first = start_read(wrong, 0, 10);
  auto second = start_read(missing, 0, 10);
  const auto looks_for_the_missing = [&] {
    const std::lock_guard lock(mutex_);
    return looks_["B"];
  };
  while (looks_for_the_missing() < 20) {
    std::this_thread::yield();
  }
  EXPECT_EQ(wrong_loads_, 1);
  recall_.reset();
  EXPECT_EQ(first.get().error, ErrorCode::cancelled);
  EXPECT_EQ(second.get().error, ErrorCode::cancelled);
}

TEST_F(RecallTest, ACartridgeThatTurnsOutToBeAnotherIsNoDamage) {
  const Content content = put("A", test::pattern(1000, 20));
  is_wrong_ = true;
  EXPECT_TRUE(read(content).error.has_value());
  EXPECT_TRUE(damaged().empty());
}

TEST_F(RecallTest, ACancelledReadIsAnsweredAtOnceAndTheTapeStops) {
  const Content content = put("A", test::pattern(8 * MiB, 19));
  const Bytes small = test::pattern(10, 20);
  const Content next = put("B", small);
  gate_.close();
  auto answer = start_read(content, 7 * MiB, 10);
  gate_.wait_until_the_drive_stands_there();
  recall().cancel(last_ticket_);
  EXPECT_EQ(answer.get().error, ErrorCode::cancelled);
  world_.trace().clear();
  gate_.open();
  EXPECT_EQ(read(next).bytes, small);
  EXPECT_LE(world_.trace().bytes_read(), 8 * TapeWorld::kRecord);
}

TEST_F(RecallTest, ACancelledReaderDoesNotDisturbAnother) {
  const Bytes bytes = test::pattern(2 * MiB, 21);
  const Content content = put("A", bytes);
  gate_.close();
  auto stays = start_read(content, MiB, 10);
  auto goes = start_read(content, MiB, 10);
  recall().cancel(last_ticket_);
  EXPECT_EQ(goes.get().error, ErrorCode::cancelled);
  gate_.open();
  EXPECT_EQ(stays.get().bytes, Bytes(bytes.begin() + MiB, bytes.begin() + MiB + 10));
}

TEST_F(RecallTest, CancellingARequestCancelsAllWhoWaitForIt) {
  const Content content = put("A", test::pattern(MiB, 22));
  gate_.close();
  auto first = start_read(content, 0, 10), second = start_read(content, 5, 10);
  const RequestId id = recall().queue().front().id;
  EXPECT_TRUE(recall().cancel(id));
  EXPECT_FALSE(recall().cancel(id));
  EXPECT_EQ(first.get().error, ErrorCode::cancelled);
  EXPECT_EQ(second.get().error, ErrorCode::cancelled);
  gate_.open();
}

TEST_F(RecallTest, AThousandParkedReadsAreCancelledWhenItIsDestroyed) {
  std::vector<Content> contents;
  for (std::uint64_t i = 0; i < 10; ++i) {
    contents.push_back(put("A", test::pattern(500'000, i)));
  }
  gate_.close();
  std::vector<std::future<Answer>> answers;
  for (std::size_t i = 0; i < 1000; ++i) {
    answers.push_back(start_read(contents[i % 10], i * 400, 400));
  }
  gate_.wait_until_the_drive_stands_there();
  std::thread destroyer([&] { recall_.reset(); });
  for (auto& answer : answers) {
    EXPECT_EQ(answer.get().error, ErrorCode::cancelled);
  }
  gate_.open();
  destroyer.join();
}

TEST_F(RecallTest, EveryCompletionRunsExactlyOnceInACancelStorm) {
  std::vector<Content> contents;
  for (std::uint64_t i = 0; i < 5; ++i) {
    contents.push_back(put("A", test::pattern(300'000, i)));
  }
  (void)recall();
  constexpr int kThreads = 4, kReads = 250;
  std::vector<std::atomic<int>> completions(kThreads * kReads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kReads; ++i) {
        const int read = t * kReads + i;
        const auto ticket = recall_->read(
            contents[static_cast<std::size_t>(read % 5)], static_cast<std::uint64_t>(read) * 250,
            5000, "a file",
            [&, read](ByteView, auto) { ++completions[static_cast<std::size_t>(read)]; });
        if (i % 3 != 0) {
          recall_->cancel(ticket);
        }
        if (i % 50 == 0) {
          for (const QueueEntry& entry : recall_->queue()) {
            (void)recall_->cancel(entry.id);
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  recall_.reset();
  EXPECT_TRUE(std::all_of(completions.begin(), completions.end(),
                          [](const std::atomic<int>& count) { return count == 1; }));
}

TEST_F(RecallTest, AMediumThatIsTakenAwayWhileARequestWaitsForItIsAnError) {
  const Content first = put("A", test::pattern(MiB, 30)), second = put("A", test::pattern(MiB, 31));
  const Content other = put("B", test::pattern(10, 32));
  gate_.close();
  (void)recall().fetch(first, "a file", [this](ByteView, auto) { gate_.close(); });
  gate_.wait_until_the_drive_stands_there();
  auto holds_the_drive = start_read(second, 0, MiB), waits = start_read(other, 0, 10);
  gate_.open();
  gate_.wait_until_the_drive_stands_there();
  const auto shelf = world_.library().take_out("B");
  gate_.open();
  EXPECT_EQ(holds_the_drive.get().error, std::nullopt);
  EXPECT_EQ(waits.get().error, ErrorCode::no_medium);
}

// --- How long it takes

TEST_F(RecallTest, BeforeAnythingWasReadNobodyKnowsHowLongItTakes) {
  EXPECT_EQ(recall().eta(put("A", test::pattern(MiB, 40))), std::nullopt);
}

TEST_F(RecallTest, SaysHowLongAContentTakesWhoseMediumIsHere) {
  const Content here = put("A", test::pattern(MiB, 40)), away = put("B", test::pattern(MiB, 41));
  const auto shelf = world_.library().take_out("B");
  const Content read = put("A", test::pattern(2 * MiB, 42));
  EXPECT_EQ(fetch(read).error, std::nullopt);
  EXPECT_GE(recall().eta(here), std::chrono::seconds(1));
  EXPECT_EQ(recall().eta(away), std::nullopt);
  EXPECT_EQ(recall().eta(read), std::chrono::seconds(0));
}

TEST_F(RecallTest, WhatWaitsBeforeAContentCountsToo) {
  Extent extent = world_.write_one("A", test::pattern(MiB, 40));
  extent.stored_size = extent.archive.plain_bytes = std::uint64_t{1} << 50;
  extent.archive.plain_bytes *= 2;
  Content huge = know(test::pattern(MiB, 40), {extent});
  huge.size = extent.stored_size;
  const Content small = put("A", test::pattern(MiB, 41));
  EXPECT_EQ(fetch(put("A", test::pattern(2 * MiB, 42))).error, std::nullopt);
  const auto alone = recall().eta(small);
  gate_.close();
  auto first = start_read(huge, 0, 10);
  gate_.wait_until_the_drive_stands_there();
  ASSERT_TRUE(recall().queue().front().eta.has_value());
  const auto behind = recall().eta(small);
  EXPECT_GT(behind, alone);
  EXPECT_GE(behind, recall().queue().front().eta);
  gate_.open();
}

// --- Without room in the cache

TEST_F(RecallTest, WithoutRoomInTheCacheAReaderIsServedWithOneSeek) {
  cache_limit_ = 1000;
  options_.linger = std::chrono::hours(1);
  const Bytes bytes = test::pattern(20 * MiB, 23);
  const Content content = put("A", bytes);
  EXPECT_EQ(read_in_pieces(content, 128 * KiB), bytes);
  EXPECT_EQ(world_.trace().seeks(), 1u);
  EXPECT_EQ(cache_->usage().entries, 0u);
}

TEST_F(RecallTest, WithoutRoomInTheCacheAReaderThatGoesBackIsServedAgain) {
  cache_limit_ = 1000;
  options_.linger = std::chrono::milliseconds(0);
  const Bytes bytes = test::pattern(12 * MiB, 24);
  const Content content = put("A", bytes);
  for (std::uint64_t offset :
       {std::uint64_t{0}, 11 * MiB, std::uint64_t{5}, 6 * MiB, 12 * MiB - 10}) {
    EXPECT_EQ(read(content, offset, 10).bytes,
              Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                    bytes.begin() + static_cast<std::ptrdiff_t>(offset) + 10));
  }
  auto far = start_read(content, 11 * MiB, 10), near = start_read(content, 0, 10);
  EXPECT_EQ(far.get().error, std::nullopt);
  EXPECT_EQ(near.get().error, std::nullopt);
}

TEST_F(RecallTest, WithoutRoomInTheCacheAFetchSaysSo) {
  cache_limit_ = 1000;
  const Content content = put("A", test::pattern(2000, 25));
  EXPECT_EQ(fetch(content).error, ErrorCode::no_space);
  EXPECT_EQ(read(content, 10, 10).error, std::nullopt);
}

TEST_F(RecallTest, WithoutRoomInTheCacheADamagedCopyIsReplacedToo) {
  cache_limit_ = 1000;
  const Bytes bytes = test::pattern(MiB, 26);
  const Extent bad = world_.write_one("A", bytes), good = world_.write_one("B", bytes);
  world_.damage(bad, 500'000);
  EXPECT_EQ(read_in_pieces(know(bytes, {bad, good}), 100'000), bytes);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
}

}  // namespace
}  // namespace mixtape::recall
