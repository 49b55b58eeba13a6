// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tapeio/scsi/head_positions.h"

// Positions for drives that cannot be asked, or cannot be sent anywhere: all that is known of the
// medium is what was met since it was loaded, from its beginning on without a gap. The head never
// stands behind that.
//
// Spacing backward is never asked for: tgt 1.0.85 lands one object off when the object before is a
// filemark, and rewinding is right everywhere.

namespace mixtape::tapeio::scsi {
namespace {

class CountedPositions final : public HeadPositions {
 public:
  CountedPositions(DriveLink& link, const PositioningSupport& support)
      : link_(link), support_(support) {}

  Position now() override { return expected(); }
  [[nodiscard]] Position expected() const override {
    return {.block = head_, .file = filemarks_before(head_)};
  }

  void rewind() override {
    link_.must("rewind", rewind_tape());
    head_ = 0;
  }

  void locate(std::uint64_t block) override {
    if (block > known_) {
      seek_known_end();
      while (head_ < block && walk()) {
      }
    }
    go_to(std::min(block, known_));
    if (head_ != block) {
      throw Error(ErrorCode::invalid, "locate block " + std::to_string(block) +
                                          ": the data ends at block " + std::to_string(head_));
    }
  }

  std::uint64_t space_filemarks(std::int64_t count) override {
    const std::uint64_t before = filemarks_before(head_);
    if (count > 0) {
      const std::uint64_t wanted = before + static_cast<std::uint64_t>(count);
      if (wanted > filemarks_.size()) {
        seek_known_end();
        while (filemarks_.size() < wanted && walk()) {
        }
      }
      const std::uint64_t reached = std::min<std::uint64_t>(wanted, filemarks_.size());
      go_to(reached < wanted ? known_ : filemarks_[reached - 1] + 1);
      return reached - before;
    }
    // Negated as unsigned: the most negative count has no positive counterpart.
    const std::uint64_t wanted = -static_cast<std::uint64_t>(count);
    const std::uint64_t passed = std::min(wanted, before);
    if (wanted > before) {
      rewind();
    } else if (passed > 0) {
      go_to(filemarks_[before - passed]);
    }
    return passed;
  }

  void seek_end_of_data() override {
    seek_known_end();
    while (walk()) {
    }
  }

  void passed(Object object) override {
    if (head_ == known_) {
      learn(object);
    }
    ++head_;
  }

  void wrote(Object object) override {
    filemarks_.resize(filemarks_before(head_));
    known_ = head_;
    learn(object);
    knows_end_ = true;
    ++head_;
  }

  void met_end_of_data() override { knows_end_ = head_ == known_; }

  void pass_bad_record() override {
    const std::uint64_t bad = head_;
    if (bad == known_) {
      learn(Object::record);
    }
    // Where the head stands after a bad record is not known: from the beginning it is.
    rewind();
    go_to(bad + 1);
  }

  bool moved_by_write(Object object, std::optional<std::int64_t> remaining) override {
    bool moved = remaining == 0;
    if (support_.has_brief_position) {
      const auto reported = ask_position(link_, PositionForm::brief);
      moved = reported && reported->block > head_;
    }
    if (moved) {
      wrote(object);
    }
    return moved;
  }

 private:
  [[nodiscard]] std::uint64_t filemarks_before(std::uint64_t block) const {
    return static_cast<std::uint64_t>(
        std::lower_bound(filemarks_.begin(), filemarks_.end(), block) - filemarks_.begin());
  }

  void learn(Object object) {
    if (object == Object::filemark) {
      filemarks_.push_back(known_);
    }
    ++known_;
  }

  // `to_end`: the last step ends where the data does, which tgt 1.0.85 already reports as meeting
  // the end.
  void step(SpaceOver what, std::uint64_t count, bool to_end = false) {
    if (count == 0) {
      return;
    }
    const Outcome outcome = space(link_, support_, what, static_cast<std::int64_t>(count));
    if (to_end && is_end_of_data(outcome.sense)) {
      return;
    }
    if (!outcome.good && outcome.sense.key != SenseKey::recovered_error) {
      link_.lose_position(ErrorCode::io, "spacing failed: rewind, or load the cartridge again");
      link_.fail("space", outcome.sense);
    }
  }

  void seek_known_end() { go_to(known_); }

  // To a known block.
  void go_to(std::uint64_t block) {
    MIXTAPE_ASSERT(block <= known_);
    if (block == head_) {
      return;
    }
    if (support_.has_locate()) {
      const Outcome outcome = locate_block(link_, support_, block);
      if (!outcome.good) {
        link_.fail("locate block " + std::to_string(block), outcome.sense);
      }
      head_ = block;
      return;
    }
    if (block < head_) {
      rewind();
    }
    const std::uint64_t from = filemarks_before(head_);
    const std::uint64_t to = filemarks_before(block);
    step(SpaceOver::filemarks, to - from);
    if (to > from) {
      head_ = filemarks_[to - 1] + 1;
    }
    step(SpaceOver::blocks, block - head_, knows_end_ && block == known_);
    head_ = block;
  }

  // One object further, or one tape file where the drive can tell how long it was, from where
  // nothing is known. False at the end of data.
  bool walk() {
    MIXTAPE_ASSERT(head_ == known_);
    if (knows_end_) {
      return false;
    }
    return support_.has_brief_position ? walk_tape_file() : walk_object();
  }

  bool walk_object() {
    // One byte of the record: another size than its own is told of, and nothing is copied.
    std::byte byte{};
    const Outcome outcome =
        link_.run("read over block " + std::to_string(head_), read_6(1), MutableBytes(&byte, 1));
    if (outcome.good || outcome.sense.incorrect_length) {
      passed(Object::record);
      return true;
    }
    if (outcome.sense.filemark || outcome.sense.is(0x00, 0x01)) {
      passed(Object::filemark);
      return true;
    }
    if (is_end_of_data(outcome.sense)) {
      knows_end_ = true;
      return false;
    }
    if (outcome.sense.key == SenseKey::medium_error) {
      pass_bad_record();
      return true;
    }
    link_.fail("read over block " + std::to_string(head_), outcome.sense);
  }

  bool walk_tape_file() {
    const Outcome outcome = space(link_, support_, SpaceOver::filemarks, 1);
    const auto reported = ask_position(link_, PositionForm::brief);
    const std::uint64_t least = known_ + (outcome.good ? 1 : 0);
    if (!reported || reported->block < least) {
      link_.lose_position(ErrorCode::io, "the drive does not know where its head stands: rewind");
      link_.fail("space over a filemark", outcome.sense);
    }
    if (outcome.good) {
      known_ = reported->block - 1;
      learn(Object::filemark);
    } else if (is_end_of_data(outcome.sense)) {
      known_ = reported->block;
      knows_end_ = true;
    } else {
      link_.fail("space over a filemark", outcome.sense);
    }
    head_ = known_;
    return !knows_end_;
  }

  DriveLink& link_;
  PositioningSupport support_;
  std::uint64_t head_ = 0;
  std::uint64_t known_ = 0;  // What lies before is known.
  bool knows_end_ = false;   // Data ends at known_.
  std::vector<std::uint64_t> filemarks_;
};

}  // namespace

std::unique_ptr<HeadPositions> counted_positions(DriveLink& link,
                                                 const PositioningSupport& support) {
  return std::make_unique<CountedPositions>(link, support);
}

}  // namespace mixtape::tapeio::scsi
