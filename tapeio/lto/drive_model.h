// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "tapeio/lto/cartridge_chip.h"
#include "tapeio/lto/clock.h"
#include "tapeio/lto/drive_buffer.h"
#include "tapeio/lto/drive_use.h"
#include "tapeio/lto/positioning.h"
#include "tapeio/lto/report.h"
#include "tapeio/lto/sim_trace.h"
#include "tapeio/lto/tape_map.h"

// The mechanism of a simulated drive: no data, only where the head is and what each operation
// costs. It lives in a library's bay and outlasts the SimDrives that are handed over with it.
//
// Time of the host between two operations counts as it would with a real drive: written data drains
// meanwhile, read-ahead goes on, and a tape that runs dry stops and repositions. On a virtual clock
// the host's seconds are multiplied by `scale`, as its bytes are, so that a rate stays a rate.
//
// Threads: operations belong to one thread at a time; report() and clock() are for any.
// Errors:  of the trace's file only, and what a listener throws.

namespace mixtape::tapeio::lto {

struct DriveModelOptions {
  std::string name = "drive 1";
  unsigned generation = 9;
  double scale = 1;               // Bytes of the modelled tape for each of the host's.
  double clock_speed = 0;         // As SimClock: 0 is virtual.
  HostTime* host_time = nullptr;  // Null: the host takes no time. Must outlive the model.
  SimTrace* trace = nullptr;      // Null: none. Must outlive the model.
  double first_load_s = 0;        // What a cartridge that was never loaded takes to be measured.
  // The drive asks to be cleaned after so much work since it was cleaned last; 0: never.
  double clean_after_hours = 0;
  std::uint64_t clean_after_loads = 0;
  std::function<void(double)> sleep = {};  // As SimClock.
};

// What a cartridge's chip remembers, and what is on its tape.
struct Cartridge {
  std::string label;
  TapeMap map;
  CartridgeGeometry geometry;
  CartridgeChip chip = {};
  // Makes what the chip says now outlive the program. Throws what keeping it may throw.
  std::function<void(const CartridgeChip&)> keep = [](const CartridgeChip&) {};
};

class DriveModel {
 public:
  explicit DriveModel(DriveModelOptions options);

  // The cartridge is threaded; it must outlive its stay. The head is at the beginning.
  void load(Cartridge& cartridge);
  // The cartridge was threaded by an earlier program, and costs nothing now.
  void take_up(Cartridge& cartridge);
  // Measures a cartridge that was never loaded before, for as long as that takes: before each
  // second that the host waits `tell` hears how far it is, 0 to 1, and may throw to end the wait;
  // then it is still to be measured.
  using WhileMeasured = std::function<void(double part)>;
  void measure(const WhileMeasured& tell);
  // Rewinds and gives it out.
  void unload();
  // The robot (or a cleaning, or a cartridge that is not taken) keeps the drive from working for so
  // long.
  void be_handled(std::string_view operation, std::string_view medium, double seconds);
  [[nodiscard]] Cartridge* cartridge() { return cartridge_; }
  // Where that object begins on the tape, and how the head gets there from where it is.
  [[nodiscard]] TapePoint place_of(std::uint64_t block) const { return point(block); }
  [[nodiscard]] TapePoint head() const { return point(head_); }
  [[nodiscard]] Motion motion() const { return motion_; }

  // What the drive has done since it was cleaned; set when it is known from an earlier program, or
  // when the drive was cleaned.
  [[nodiscard]] DriveUse use() const { return use_; }
  void set_use(const DriveUse& use) { use_ = use; }
  [[nodiscard]] bool wants_cleaning() const;

  // Before the operation proper is done: what passed on the host until now counts as its time, and
  // what passes until the operation is noted does not.
  void begin_operation();
  // Afterwards, exactly one of these; `block` is where the head then stands. An operation that
  // failed moved nothing but the head.
  void note_read(std::uint64_t bytes, std::uint64_t block, bool failed = false);
  void note_write(std::uint64_t bytes, std::uint64_t block, bool failed = false);
  void note_filemark(std::uint64_t block, bool failed = false);
  void note_rewind();
  void note_locate(std::string_view operation, std::uint64_t block, bool failed = false);
  // Nobody will go on soon: the trace's last line is written. Never throws; a lost line is lost.
  void settle() noexcept;

  [[nodiscard]] SimReport report() const;
  [[nodiscard]] SimClock& clock() { return clock_; }
  [[nodiscard]] const Positioning& positioning() const { return positioning_; }
  [[nodiscard]] const DriveModelOptions& options() const { return options_; }
  // Since the cartridge was loaded.
  [[nodiscard]] std::uint64_t repositions() const;
  [[nodiscard]] std::uint64_t underruns() const;

 private:
  enum class Doing { nothing, reading, writing };
  [[nodiscard]] TapePoint point(std::uint64_t block) const;
  void wait(SimKind kind, double seconds);
  void spend(const DriveBuffer::Spent& spent, double host_s);
  void pass_host_time();
  void finish_writing();
  void thread(Cartridge& cartridge);
  void prepare(Doing doing);
  void move_bytes(Doing doing, std::uint64_t bytes);
  void trace(std::string_view operation, std::uint64_t block, std::uint64_t bytes, bool failed);
  void flush_trace();
  void end_operation();

  const DriveModelOptions options_;
  const Positioning positioning_;
  SimClock clock_;
  DriveBuffer buffer_;
  Cartridge* cartridge_ = nullptr;
  std::uint64_t head_ = 0;
  Motion motion_ = Motion::standing;
  Doing doing_ = Doing::nothing;
  double host_s_ = 0;     // Of the host, not yet passed.
  double host_mark_ = 0;  // When the last operation ended.
  double moved_bytes_ = 0;
  double operation_s_ = 0;  // Of the operation under way.
  DriveUse use_;
  std::uint64_t repositions_before_load_ = 0, underruns_before_load_ = 0;
  std::optional<SimTraceLine> pending_;
  mutable std::mutex mutex_;
  SimReport report_;  // Guarded by mutex_.
};

}  // namespace mixtape::tapeio::lto
