// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/head_positions.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::int64_t kMostSpace6 = (1 << 23) - 1;

bool is_listed(const std::optional<OperationCodes>& may, std::uint8_t operation) {
  return !may || std::any_of(may->begin(), may->end(),
                             [&](const auto& code) { return code.first == operation; });
}

class AskedPositions final : public HeadPositions {
 public:
  AskedPositions(DriveLink& link, const PositioningSupport& support)
      : link_(link), support_(support) {}

  Position now() override {
    const auto reported = ask_position(link_, PositionForm::complete);
    if (!reported) {
      throw Error(ErrorCode::io,
                  "ask position: the drive does not know where its head stands: "
                  "rewind, or load the cartridge again");
    }
    at_ = {.block = reported->block, .file = reported->file.value_or(0)};
    return at_;
  }
  [[nodiscard]] Position expected() const override { return at_; }

  void rewind() override {
    link_.must("rewind", rewind_tape());
    at_ = {};
  }

  void locate(std::uint64_t block) override {
    const std::string what = "locate block " + std::to_string(block);
    const Outcome outcome = locate_block(link_, support_, block);
    if (outcome.good || advice_for(outcome.sense).remedy == Remedy::none) {
      if (now().block == block) {
        return;
      }
    } else if (!is_end_of_data(outcome.sense)) {
      refresh();
      link_.fail(what, outcome.sense);
    }
    seek_end_of_data();
    if (at_.block != block) {
      throw Error(ErrorCode::invalid,
                  what + ": the data ends at block " + std::to_string(at_.block));
    }
  }

  std::uint64_t space_filemarks(std::int64_t count) override {
    const std::uint64_t before = now().file;
    if (count == 0) {
      return 0;
    }
    const Outcome outcome = space(link_, support_, SpaceOver::filemarks, count);
    const std::uint64_t after = now().file;
    const bool is_at_an_end = is_end_of_data(outcome.sense) || outcome.sense.end_of_medium ||
                              advice_for(outcome.sense).remedy == Remedy::none;
    if (!outcome.good && !is_at_an_end) {
      link_.fail("space over filemarks", outcome.sense);
    }
    return count > 0 ? after - std::min(before, after) : before - std::min(before, after);
  }

  void seek_end_of_data() override {
    const Outcome outcome = space(link_, support_, SpaceOver::end_of_data, 0);
    if (!outcome.good && !is_end_of_data(outcome.sense)) {
      link_.fail("seek the end of data", outcome.sense);
    }
    static_cast<void>(now());
  }

  void passed(Object object) override {
    at_.block += 1;
    at_.file += object == Object::filemark ? 1 : 0;
  }
  void wrote(Object object) override { passed(object); }

  void pass_bad_record() override {
    const Position before = at_;
    if (now().block == before.block) {
      static_cast<void>(space(link_, support_, SpaceOver::blocks, 1));
      static_cast<void>(now());
    }
  }

  bool moved_by_write(Object, std::optional<std::int64_t>) override {
    const Position before = at_;
    if (now().block < before.block) {
      throw Error(ErrorCode::io, "write: what was in the drive's buffer is lost from block " +
                                     std::to_string(at_.block) +
                                     " on: write this again on another cartridge");
    }
    return at_.block > before.block;
  }

 private:
  // After a failure that is told of anyway.
  void refresh() {
    Bytes answer(kCompletePositionBytes);
    const auto outcome = link_.attempt(read_position(PositionForm::complete), answer);
    if (outcome && outcome->good) {
      answer.resize(outcome->transferred);
      if (const auto reported = parse_complete_position(answer)) {
        at_ = {.block = reported->block, .file = reported->file.value_or(0)};
      }
    }
  }

  DriveLink& link_;
  PositioningSupport support_;
  Position at_;
};

}  // namespace

PositioningSupport try_positioning(DriveLink& link, const std::optional<OperationCodes>& may) {
  link.must("rewind", rewind_tape());
  PositioningSupport support;
  const auto stands_at_beginning = [&](PositionForm form) {
    if (!is_listed(may, op::kReadPosition)) {
      return false;
    }
    const auto reported = ask_position(link, form);
    // Tgt 1.0.85 answers zeros wherever the head is, and does not know of a beginning.
    return reported && reported->at_beginning && reported->block == 0 &&
           reported->file.value_or(0) == 0;
  };
  support.has_complete_position = stands_at_beginning(PositionForm::complete);
  support.has_brief_position = stands_at_beginning(PositionForm::brief);
  support.has_locate_16 =
      is_listed(may, op::kLocate16) && link.run("try LOCATE(16)", locate_16(0)).good;
  support.has_locate_10 =
      is_listed(may, op::kLocate10) && link.run("try LOCATE(10)", locate_10(0)).good;
  support.has_space_16 = is_listed(may, op::kSpace16) &&
                         link.run("try SPACE(16)", space_16(SpaceOver::blocks, 0)).good;
  return support;
}

std::optional<ReportedPosition> ask_position(DriveLink& link, PositionForm form) {
  switch (form) {
    case PositionForm::brief:
      return parse_brief_position(
          link.ask("ask position", read_position(form), kBriefPositionBytes));
    case PositionForm::complete:
      return parse_complete_position(
          link.ask("ask position", read_position(form), kCompletePositionBytes));
    case PositionForm::extended:
      return parse_extended_position(
          link.ask("ask position", read_position(form), kExtendedPositionBytes));
  }
  return std::nullopt;
}

Outcome space(DriveLink& link, const PositioningSupport& support, SpaceOver what,
              std::int64_t count) {
  // The most negative count has no positive counterpart; no tape tells it from the next one.
  count = std::max(count, -std::numeric_limits<std::int64_t>::max());
  if (support.has_space_16) {
    return link.run("space", space_16(what, count));
  }
  for (;;) {
    const std::int64_t step = std::clamp(count, -kMostSpace6, kMostSpace6);
    const Outcome outcome = link.run("space", space_6(what, static_cast<std::int32_t>(step)));
    count -= step;
    if (!outcome.good || count == 0) {
      return outcome;
    }
  }
}

Outcome locate_block(DriveLink& link, const PositioningSupport& support, std::uint64_t block) {
  const std::string what = "locate block " + std::to_string(block);
  if (support.has_locate_16) {
    return link.run(what, locate_16(block));
  }
  // An address that does not fit lies behind every end of data that this drive can have.
  return link.run(what, locate_10(static_cast<std::uint32_t>(std::min<std::uint64_t>(
                            block, std::numeric_limits<std::uint32_t>::max()))));
}

bool is_end_of_data(const Sense& sense) {
  return sense.key == SenseKey::blank_check || sense.is(0x00, 0x05) || sense.is(0x14, 0x03);
}

std::unique_ptr<HeadPositions> asked_positions(DriveLink& link, const PositioningSupport& support) {
  return std::make_unique<AskedPositions>(link, support);
}

}  // namespace mixtape::tapeio::scsi
