// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/drive_model.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::tapeio::lto {
namespace {

DriveBufferOptions buffer_options(const Positioning& positioning) {
  return {.capacity_bytes = static_cast<double>(positioning.figures().drive_buffer_bytes),
          .speeds = matched_speeds(positioning.figures()),
          .reposition_s = positioning.reposition_seconds()};
}

}  // namespace

DriveModel::DriveModel(DriveModelOptions options)
    : options_(std::move(options)),
      positioning_(figures_of(options_.generation)),
      clock_(options_.clock_speed, options_.sleep),
      buffer_(buffer_options(positioning_)) {
  end_operation();
}

TapePoint DriveModel::point(std::uint64_t block) const {
  return cartridge_ == nullptr ? TapePoint{}
                               : cartridge_->geometry.at(cartridge_->map.bytes_before(block));
}

void DriveModel::wait(SimKind kind, double seconds) {
  {
    const std::lock_guard lock(mutex_);
    report_.add(kind, seconds, 0);
  }
  if (kind != SimKind::robot) {
    use_.seconds += seconds;
  }
  operation_s_ += seconds;
  clock_.wait(seconds);
}

void DriveModel::spend(const DriveBuffer::Spent& spent, double host_s) {
  {
    const std::lock_guard lock(mutex_);
    report_.add(SimKind::transfer, spent.transfer_s, 0);
    report_.add(SimKind::reposition, spent.reposition_s, 0);
    report_.add(SimKind::waiting, spent.idle_s, 0);
    report_.repositions = buffer_.repositions();
    report_.underruns = buffer_.underruns();
  }
  use_.seconds += spent.transfer_s + spent.reposition_s;
  operation_s_ += spent.total();
  const double of_host = std::min(host_s, spent.total());
  clock_.pass(of_host);
  clock_.wait(spent.total() - of_host);
}

void DriveModel::begin_operation() {
  operation_s_ = 0;
  if (options_.host_time == nullptr) {
    return;
  }
  const double factor = clock_.speed() > 0 ? clock_.speed() : options_.scale;
  host_s_ = (options_.host_time->seconds() - host_mark_) * factor;
}

void DriveModel::end_operation() {
  host_s_ = 0;
  if (options_.host_time != nullptr) {
    host_mark_ = options_.host_time->seconds();
  }
}

void DriveModel::pass_host_time() {
  const double host_s = std::exchange(host_s_, 0);
  if (doing_ != Doing::nothing) {
    spend(buffer_.pass(host_s, 0), host_s);
  } else {
    spend({.idle_s = host_s}, host_s);
  }
}

void DriveModel::finish_writing() {
  pass_host_time();
  if (doing_ == Doing::writing) {
    spend(buffer_.drain(), 0);
  }
}

// The tape is ready to move data in this direction where the head is.
void DriveModel::prepare(Doing doing) {
  if (doing_ == doing) {
    return;
  }
  finish_writing();
  if (doing_ != Doing::nothing) {
    wait(SimKind::reposition, positioning_.reposition_seconds());
  } else if (motion_ == Motion::standing) {
    wait(SimKind::locate, positioning_.start_seconds());
  }
  buffer_.begin(doing == Doing::writing ? DriveBuffer::Direction::writing
                                        : DriveBuffer::Direction::reading);
  doing_ = doing;
  motion_ = Motion::streaming;
}

void DriveModel::move_bytes(Doing doing, std::uint64_t bytes) {
  prepare(doing);
  const double modelled = static_cast<double>(bytes) * options_.scale;
  const double host_s = std::exchange(host_s_, 0);
  moved_bytes_ += modelled;
  spend(buffer_.pass(host_s, modelled), host_s);
  const std::lock_guard lock(mutex_);
  report_.add(SimKind::transfer, 0, 1);
}

void DriveModel::note_read(std::uint64_t bytes, std::uint64_t block, bool failed) {
  if (cartridge_ == nullptr || (block == head_ && !failed)) {
    end_operation();  // End of data: the drive knows where it is and moves nothing.
    return;
  }
  cartridge_->map.extend_to(block);
  // A medium that somebody else overwrote may throw the head back.
  const std::uint64_t begin = cartridge_->map.bytes_before(std::min(head_, block));
  const std::uint64_t passed = cartridge_->map.bytes_before(block) - begin;
  move_bytes(Doing::reading, passed);
  cartridge_->chip.bytes_read += bytes;
  {
    const std::lock_guard lock(mutex_);
    report_.bytes_read += bytes;
  }
  trace("read", block, bytes, failed);
}

void DriveModel::note_write(std::uint64_t bytes, std::uint64_t block, bool failed) {
  if (cartridge_ == nullptr || failed || block == head_) {
    trace("write", block, 0, true);
    return;
  }
  move_bytes(Doing::writing, bytes);
  cartridge_->map.truncate(head_);
  cartridge_->map.append(bytes);
  cartridge_->chip.bytes_written += bytes;
  {
    const std::lock_guard lock(mutex_);
    report_.bytes_written += bytes;
  }
  trace("write", block, bytes, false);
}

void DriveModel::note_filemark(std::uint64_t block, bool failed) {
  if (cartridge_ == nullptr || failed || block == head_) {
    trace("filemark", block, 0, true);
    return;
  }
  move_bytes(Doing::writing, kFilemarkOnTape);
  spend(buffer_.drain(), 0);
  cartridge_->map.truncate(head_);
  cartridge_->map.append(kFilemarkOnTape);
  trace("filemark", block, 0, false);
}

void DriveModel::note_rewind() {
  if (cartridge_ == nullptr) {
    end_operation();
    return;
  }
  finish_writing();
  wait(SimKind::rewind, positioning_.rewind_seconds(point(head_), motion_));
  motion_ = Motion::standing;
  doing_ = Doing::nothing;
  {
    const std::lock_guard lock(mutex_);
    report_.add(SimKind::rewind, 0, 1);
  }
  trace("rewind", 0, 0, false);
}

void DriveModel::note_locate(std::string_view operation, std::uint64_t block, bool failed) {
  if (cartridge_ == nullptr) {
    end_operation();
    return;
  }
  finish_writing();
  cartridge_->map.extend_to(block);
  if (block != head_) {
    wait(SimKind::locate, positioning_.locate_seconds(point(head_), motion_, point(block)));
    motion_ = Motion::streaming;
    doing_ = Doing::nothing;
  }
  {
    const std::lock_guard lock(mutex_);
    report_.add(SimKind::locate, 0, 1);
  }
  trace(operation, block, 0, failed);
}

void DriveModel::thread(Cartridge& cartridge) {
  cartridge_ = &cartridge;
  // An older cartridge moves as in a drive of its own generation.
  buffer_.use_speeds(
      matched_speeds(figures_of(std::min(options_.generation, cartridge.chip.generation))));
  head_ = 0;
  motion_ = Motion::standing;
  doing_ = Doing::nothing;
  moved_bytes_ = 0;
  repositions_before_load_ = buffer_.repositions();
  underruns_before_load_ = buffer_.underruns();
}

void DriveModel::take_up(Cartridge& cartridge) {
  thread(cartridge);
  end_operation();
}

void DriveModel::load(Cartridge& cartridge) {
  begin_operation();
  pass_host_time();
  thread(cartridge);
  ++cartridge.chip.loads;
  ++use_.loads;
  wait(SimKind::load, positioning_.load_seconds());
  {
    const std::lock_guard lock(mutex_);
    report_.add(SimKind::load, 0, 1);
  }
  trace("load", 0, 0, false);
}

void DriveModel::measure(const WhileMeasured& tell) {
  if (cartridge_ == nullptr || cartridge_->chip.is_initialised) {
    return;
  }
  if (const double all = options_.first_load_s; all > 0) {
    begin_operation();
    const bool is_waited_for = clock_.speed() > 0;
    const double piece = is_waited_for ? clock_.speed() : all;
    for (double done = 0; done < all; done += piece) {
      if (is_waited_for && tell) {
        tell(done / all);
      }
      wait(SimKind::initialise, std::min(piece, all - done));
    }
    {
      const std::lock_guard lock(mutex_);
      report_.add(SimKind::initialise, 0, 1);
    }
    trace("initialise", 0, 0, false);
  }
  cartridge_->chip.is_initialised = true;
}

bool DriveModel::wants_cleaning() const {
  constexpr double kHour = 3600;
  const bool worked_long =
      options_.clean_after_hours > 0 && use_.seconds >= options_.clean_after_hours * kHour;
  return worked_long ||
         (options_.clean_after_loads > 0 && use_.loads >= options_.clean_after_loads);
}

void DriveModel::unload() {
  if (cartridge_ == nullptr) {
    return;
  }
  begin_operation();
  finish_writing();
  wait(SimKind::unload, positioning_.unload_seconds(point(head_), motion_, moved_bytes_));
  {
    const std::lock_guard lock(mutex_);
    report_.add(SimKind::unload, 0, 1);
  }
  trace("unload", 0, 0, false);
  cartridge_ = nullptr;
  doing_ = Doing::nothing;
  motion_ = Motion::standing;
}

void DriveModel::be_handled(std::string_view operation, std::string_view medium, double seconds) {
  begin_operation();
  pass_host_time();
  wait(SimKind::robot, seconds);
  {
    const std::lock_guard lock(mutex_);
    report_.add(SimKind::robot, 0, 1);
  }
  trace(operation, head_, 0, false);
  if (pending_.has_value()) {
    pending_->medium = medium;
  }
}

SimReport DriveModel::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

std::uint64_t DriveModel::repositions() const {
  return buffer_.repositions() - repositions_before_load_;
}

std::uint64_t DriveModel::underruns() const {
  return buffer_.underruns() - underruns_before_load_;
}

// Notes the operation that just ended, moves the head, and lets the host's time run again.
void DriveModel::trace(std::string_view operation, std::uint64_t block, std::uint64_t bytes,
                       bool failed) {
  if (options_.trace != nullptr) {
    const bool goes_on = pending_.has_value() && !failed && !pending_->failed &&
                         pending_->operation == operation &&
                         (operation == "read" || operation == "write");
    if (!goes_on) {
      flush_trace();
      pending_ = SimTraceLine{.drive = options_.name,
                              .medium = cartridge_ == nullptr ? "" : cartridge_->label,
                              .operation = std::string(operation),
                              .count = 0,
                              .block_before = head_,
                              .from = point(head_),
                              .failed = failed};
    }
    ++pending_->count;
    pending_->bytes += bytes;
    pending_->seconds += operation_s_;
    pending_->block_after = block;
    pending_->to = point(block);
    pending_->at_s = std::chrono::duration<double>(clock_.elapsed()).count();
  }
  head_ = block;
  end_operation();
}

void DriveModel::flush_trace() {
  if (pending_.has_value()) {
    const SimTraceLine line = *std::exchange(pending_, std::nullopt);
    options_.trace->append(line);
  }
}

void DriveModel::settle() noexcept {
  try {
    flush_trace();
  } catch (const Error&) {
    // Nobody is left to be told, and nothing but the trace depends on it.
  }
}

}  // namespace mixtape::tapeio::lto
