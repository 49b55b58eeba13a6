// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/spill_log.h"

#include <fcntl.h>

#include <algorithm>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::archive {
namespace {

// Each record is preceded by its length.
using Length = std::uint32_t;
// Few system calls, and less than a core's share of cache.
constexpr std::size_t kWindow = 256 * KiB;

}  // namespace

SpillLog::SpillLog(std::filesystem::path directory, std::size_t in_memory)
    : directory_(std::move(directory)), in_memory_(in_memory) {}

void SpillLog::append(ByteView record) {
  const std::size_t old_size = tail_.size();
  tail_.resize(old_size + sizeof(Length) + record.size());
  store_big_endian(tail_.data() + old_size, static_cast<Length>(record.size()));
  std::copy(record.begin(), record.end(), tail_.begin() + old_size + sizeof(Length));
  ++count_;
  if (tail_.size() <= in_memory_) {
    return;
  }
  if (!file_.valid()) {
    file_ = tapeio::open_file(directory_.string(), O_TMPFILE | O_RDWR, 0600);
  }
  tapeio::write_full_at(file_.get(), tail_, in_file_, directory_.string());
  in_file_ += tail_.size();
  tail_.clear();
}

void SpillLog::Reader::fetch(MutableBytes into) {
  while (!into.empty()) {
    ByteView from;
    if (position_ >= log_.in_file_) {
      from = ByteView(log_.tail_).subspan(position_ - log_.in_file_);
    } else {
      if (position_ < window_at_ || position_ >= window_at_ + window_.size()) {
        window_.resize(std::min<std::uint64_t>(kWindow, log_.in_file_ - position_));
        window_at_ = position_;
        const std::size_t size =
            tapeio::read_full_at(log_.file_.get(), window_, position_, log_.directory_.string());
        if (size != window_.size()) {
          throw Error(ErrorCode::io, "read a temporary file in " + log_.directory_.string() +
                                         ": it ends too early");
        }
      }
      from = ByteView(window_).subspan(position_ - window_at_);
    }
    const std::size_t size = std::min(from.size(), into.size());
    std::copy_n(from.begin(), size, into.begin());
    into = into.subspan(size);
    position_ += size;
  }
}

bool SpillLog::Reader::next(Bytes& record) {
  if (read_ == log_.count_) {
    return false;
  }
  std::array<std::byte, sizeof(Length)> length;
  fetch(length);
  record.resize(load_big_endian<Length>(length.data()));
  fetch(record);
  ++read_;
  return true;
}

}  // namespace mixtape::archive
