// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/content_fill.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::recall {

namespace {

// Bytes taken into the window before readers are looked at again.
constexpr std::size_t kPiece = 64 * KiB;

}  // namespace

bool CacheFill::start(ByteRange gap) {
  if (!go_on_) {
    return false;
  }
  gap_ = gap;
  at_ = gap.begin;
  incoming_->seek(at_);
  tell();
  return go_on_;
}

template <typename Write>
void CacheFill::put(std::uint64_t count, Write write) {
  if (!go_on_) {
    return;
  }
  try {
    write();
  } catch (const Error&) {
    failure_ = std::current_exception();
    go_on_ = false;
    return;
  }
  at_ += count;
  brought_ += count;
  tell();
}

void CacheFill::tell() {
  const std::uint64_t done = incoming_->missing(0).begin;
  go_on_ = room_.arrived(id_, {.begin = 0,
                               .end = std::min(done, size_ - 1),
                               .read_back =
                                   [incoming = incoming_](std::uint64_t offset, MutableBytes into) {
                                     return incoming->read_back(offset, into);
                                   },
                               .keeps = true});
}

void CacheFill::write(ByteView bytes) {
  put(bytes.size(), [&] { incoming_->write(bytes); });
}

void CacheFill::write_zeros(std::uint64_t count) {
  put(count, [&] { incoming_->write_zeros(count); });
}

void WindowFill::write(ByteView bytes) {
  while (go_on_ && !bytes.empty()) {
    const ByteView piece = bytes.first(std::min(bytes.size(), kPiece));
    take(piece);
    bytes = bytes.subspan(piece.size());
  }
}

void WindowFill::write_zeros(std::uint64_t count) {
  static constexpr std::byte kZeros[kPiece]{};
  while (go_on_ && count > 0) {
    const ByteView piece = ByteView(kZeros).first(std::min<std::uint64_t>(count, kPiece));
    take(piece);
    count -= piece.size();
  }
}

void WindowFill::keep(ByteView piece) {
  if (!keep_) {
    return;
  }
  try {
    keep_->seek(end_);
    keep_->write(piece);
  } catch (const Error& error) {
    spdlog::warn("recall: keep what was read: {}", error.what());
    keep_->discard();
    keep_.reset();
    lost_part_ = true;
  }
}

void WindowFill::take(ByteView piece) {
  keep(piece);
  const std::size_t at = end_ % kWindow;
  const std::size_t to_edge = std::min(piece.size(), kWindow - at);
  std::copy_n(piece.begin(), to_edge, ring_.begin() + static_cast<std::ptrdiff_t>(at));
  std::copy(piece.begin() + static_cast<std::ptrdiff_t>(to_edge), piece.end(), ring_.begin());
  end_ += piece.size();
  begin_ = std::max(begin_, end_ - std::min<std::uint64_t>(end_, kWindow));
  go_on_ = room_.arrived(
               id_, {.begin = begin_,
                     .end = end_,
                     .read_back = [this](std::uint64_t offset,
                                         MutableBytes into) { return read_back(offset, into); },
                     .keeps = false}) &&
           room_.wait_for_reader(id_, begin_, WaitingRoom::Clock::now() + linger_);
}

std::size_t WindowFill::read_back(std::uint64_t offset, MutableBytes into) const {
  const std::size_t at = offset % kWindow;
  const std::size_t to_edge = std::min(into.size(), kWindow - at);
  std::copy_n(ring_.begin() + static_cast<std::ptrdiff_t>(at), to_edge, into.begin());
  std::copy_n(ring_.begin(), into.size() - to_edge,
              into.begin() + static_cast<std::ptrdiff_t>(to_edge));
  return into.size();
}

}  // namespace mixtape::recall
