// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tapeio/bytes.h"

// The one door to a SCSI logical unit: a command goes in, a status comes out.
//
// Everything above this speaks SSC and SMC and knows nothing of wires; everything below moves
// bytes and knows no command. What the target answers (also CHECK CONDITION) is a value; that it
// could not be asked (no device, connection lost, time out) is an Error.
//
// Threads: none; a transport belongs to one thread at a time.
// Errors:  throws Error{io, no_medium, not_permitted, not_found, locked} only when no status came
//          back. Whether the command was carried out is unknown then.

namespace mixtape::tapeio::scsi {

inline constexpr std::size_t kMostCdbBytes = 16;
inline constexpr std::size_t kMostSenseBytes = 252;  // SPC-5 4.4: what a sense buffer may hold.

// SAM-5 5.3.1, as far as an initiator tells them apart.
enum class Status : std::uint8_t {
  good = 0x00,
  check_condition = 0x02,
  busy = 0x08,
  reservation_conflict = 0x18,
  task_set_full = 0x28,
};

// Data goes one way at most: `in` or `out` is empty. Both must outlive the call.
struct Command {
  std::span<const std::uint8_t> cdb;  // 6, 10, 12 or 16 bytes.
  MutableBytes in = {};               // Data-in: from the target.
  ByteView out = {};                  // Data-out: to the target.
  std::chrono::milliseconds timeout{60'000};
};

struct Reply {
  Status status = Status::good;
  // Of data-in or data-out: what really was transferred. Never more than was offered.
  std::size_t transferred = 0;
  std::array<std::uint8_t, kMostSenseBytes> sense{};
  std::size_t sense_size = 0;  // 0 unless status is check_condition.
};

class Transport {
 public:
  virtual ~Transport() = default;

  // For messages: "/dev/sg3", "iscsi://host/iqn.2026-11.example:drive/1".
  [[nodiscard]] virtual std::string name() const = 0;

  // Carries out one command and waits for its status, at most `timeout`.
  [[nodiscard]] virtual Reply execute(const Command& command) = 0;

  // The most that one command may move here; a record is no larger.
  [[nodiscard]] virtual std::size_t most_data() const = 0;
};

}  // namespace mixtape::tapeio::scsi
