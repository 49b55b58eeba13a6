// SPDX-License-Identifier: Apache-2.0
#include <sys/mtio.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "tapeio/error.h"
#include "tapeio/st_drive.h"

namespace mixtape::tapeio {
namespace {

// SPACE(6) has 24 bits with a sign.
constexpr std::uint64_t kMostFilemarks = 0x7fffff;

}  // namespace

void StDrive::stand_at(std::uint64_t block, std::optional<std::uint64_t> file) {
  near_end_ = near_end_ && block >= block_;
  refuses_next_ = false;
  block_ = block;
  file_ = file;
}

std::optional<std::uint64_t> StDrive::asked_block() {
  mtpos position{};
  if (!tells_positions_ || device_->ioctl(MTIOCPOS, &position) != 0 || position.mt_blkno < 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(position.mt_blkno);
}

void StDrive::find_head() {
  if (const auto block = asked_block(); block && *block != block_) {
    stand_at(*block, std::nullopt);
  }
}

void StDrive::rewind() {
  require_medium();
  lost_.clear();
  wind_back();
}

void StDrive::wind_back() {
  if (const int result = operate(MTREW, 1); result != 0) {
    fail("rewind", result);
  }
  stand_at(0, 0);
}

bool StDrive::read_until(std::optional<std::uint64_t> block, std::optional<std::uint64_t> files) {
  Bytes buffer(kMaxRecordSize);
  while (block_ != block && file_ != files) {
    if (read_record(buffer).kind == ReadResult::Kind::end_of_data) {
      return false;
    }
  }
  return true;
}

void StDrive::locate(std::uint64_t block) {
  require_medium();
  lost_.clear();
  if (block == 0) {
    rewind();
    return;
  }
  const std::string attempt = "locate block " + std::to_string(block);
  if (!tells_positions_) {
    if (block < block_) {
      rewind();
    }
    if (!read_until(block, std::nullopt)) {
      throw Error(ErrorCode::invalid, on_device(attempt) + ": data ends before it");
    }
    return;
  }
  if (block > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    seek_end_of_data();
    throw Error(ErrorCode::invalid, on_device(attempt) + ": st knows no block so far");
  }
  const int result = operate(MTSEEK, static_cast<int>(block));
  if (result == 0 && asked_block() == block) {
    stand_at(block, block == block_ ? file_ : std::nullopt);
    return;
  }
  if (result == -ENOMEDIUM) {
    fail(attempt, result);
  }
  seek_end_of_data();
  if (block_ < block) {
    throw Error(ErrorCode::invalid, on_device(attempt) + ": data ends before it");
  }
  fail(attempt, result != 0 ? result : -EIO);
}

void StDrive::seek_end_of_data() {
  require_medium();
  lost_.clear();
  if (!tells_positions_) {
    static_cast<void>(read_until(std::nullopt, std::numeric_limits<std::uint64_t>::max()));
    return;
  }
  const int result = operate(MTEOM, 1);
  if (result != 0) {
    find_head();
    fail("go to the end of data", result);
  }
  find_head();
}

std::uint64_t StDrive::space_filemarks(std::int64_t count) {
  require_medium();
  lost_.clear();
  if (count == 0) {
    return 0;
  }
  return count > 0 ? space_forward(static_cast<std::uint64_t>(count))
                   : space_backward(std::uint64_t{0} - static_cast<std::uint64_t>(count));
}

std::uint64_t StDrive::space_forward(std::uint64_t count) {
  if (!tells_positions_) {
    const std::uint64_t before = file_of_head();
    static_cast<void>(read_until(std::nullopt, before + count));
    return file_of_head() - before;
  }
  const std::uint64_t begin = block_;
  const auto file = file_;
  std::uint64_t passed = 0;
  // All at once; when that meets the end of data, the driver does not tell how many it passed in a
  // way that every drive keeps, so that the filemarks are passed one by one then.
  std::uint64_t step = std::min(count, kMostFilemarks);
  while (passed < count) {
    const int result = operate(MTFSF, static_cast<int>(std::min(step, count - passed)));
    if (result == 0) {
      passed += std::min(step, count - passed);
      find_head();
      file_ = file ? std::optional(*file + passed) : std::nullopt;
      continue;
    }
    if (result != -EIO || !status_has(GMT_EOD(~0L))) {
      find_head();
      fail("space over filemarks", result);
    }
    if (step == 1) {
      find_head();
      file_ = file ? std::optional(*file + passed) : std::nullopt;
      break;
    }
    if (operate(MTSEEK, static_cast<int>(block_)) != 0) {
      find_head();
      fail("go back to block " + std::to_string(begin), -EIO);
    }
    step = 1;
  }
  return passed;
}

std::uint64_t StDrive::space_backward(std::uint64_t count) {
  const std::uint64_t before = position().file;
  if (count > before) {
    rewind();
    return before;
  }
  if (!tells_positions_) {
    rewind();
    static_cast<void>(read_until(std::nullopt, before - count + 1));
    locate(block_ - 1);
    return count;
  }
  if (const int result = operate(MTBSF, static_cast<int>(count)); result != 0) {
    find_head();
    fail("space back over filemarks", result);
  }
  find_head();
  file_ = before - count;
  return count;
}

Position StDrive::position() {
  require_position("ask the position");
  return {.block = block_, .file = file_of_head()};
}

std::uint64_t StDrive::file_of_head() {
  if (file_) {
    return *file_;
  }
  file_ = asked_file();
  if (file_) {
    return *file_;
  }
  const std::uint64_t block = block_;
  const bool near_end = near_end_;
  std::uint64_t files = 0;
  wind_back();
  while (operate(MTFSF, 1) == 0 && asked_block().value_or(block + 1) <= block) {
    ++files;
  }
  if (block == 0 ? operate(MTREW, 1) != 0 : operate(MTSEEK, static_cast<int>(block)) != 0) {
    find_head();
    fail("go back to block " + std::to_string(block), -EIO);
  }
  stand_at(block, files);
  near_end_ = near_end;
  return files;
}

std::optional<std::uint64_t> StDrive::asked_file() {
  if (!tells_files_) {
    return std::nullopt;
  }
  try {
    const auto reported = beside_->position();
    if (reported && reported->file && reported->block == block_) {
      return reported->file;
    }
  } catch (const Error&) {
    // Not root, or an adapter without SG_IO: counting remains.
  }
  // Unless the question came across another cartridge.
  require_position("ask the position");
  tells_files_ = false;
  note("no READ POSITION beside st: file numbers by counting filemarks, which takes time");
  return std::nullopt;
}

void StDrive::unload() {
  require_medium();
  static_cast<void>(operate(MTUNLOCK, 1));
  const int result = operate(MTOFFL, 1);
  if (result != 0) {
    fail("unload", result);
  }
  loaded_ = false;
}

}  // namespace mixtape::tapeio
