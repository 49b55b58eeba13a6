// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "tests/emulation/emulated_tape_drive.h"

// What the emulated drive remembers, and how it carries out a command. For its own sources only.

namespace mixtape::test {

// Why a command ends with CHECK CONDITION.
struct Check {
  std::uint8_t key = 0;
  std::uint8_t asc = 0;
  std::uint8_t ascq = 0;
  bool filemark = false;
  bool end_of_medium = false;
  bool incorrect_length = false;
  std::optional<std::int64_t> information = std::nullopt;
  std::optional<std::uint16_t> progress = std::nullopt;
};

inline constexpr Check kInvalidField{.key = 5, .asc = 0x24};
inline constexpr Check kInvalidParameter{.key = 5, .asc = 0x26};
inline constexpr Check kUnknownCommand{.key = 5, .asc = 0x20};

// One command on its way. Handlers fill `answer` or throw a Check.
struct Call {
  std::span<const std::uint8_t> cdb;
  MutableBytes in;
  ByteView out;
  int nexus = 0;
  std::size_t transferred = 0;

  [[nodiscard]] std::uint64_t field(std::size_t offset, std::size_t size) const;
  // Data-in, cut at the allocation length that the command gives.
  void answer(ByteView data, std::size_t allocation);
};

struct Nexus {
  std::deque<std::pair<std::uint8_t, std::uint8_t>> attentions = {{0x29, 0x00}};
  std::optional<std::uint64_t> key;  // Registered for persistent reservations.
  bool prevents_removal = false;
  tapeio::scsi::Reply sense;  // What was lost of the last command.
};

struct EmulatedTapeDrive::State {
  explicit State(EmulatedTapeDriveOptions chosen);

  mutable std::mutex mutex;
  EmulatedTapeDriveOptions options;
  std::shared_ptr<EmulatedCartridge> cartridge;
  bool is_threaded = false;
  std::uint64_t head = 0;
  int polls_left = 0;  // Answers of "in progress" before the cartridge is ready.
  std::map<int, Nexus> nexuses;
  int next_nexus = 0;
  std::optional<int> simple_holder, persistent_holder;
  std::vector<EmulatedFault> faults;
  bool is_connection_lost = false;
  std::vector<std::uint8_t> commands;
  std::set<std::uint8_t> alerts, unread_alerts;
  bool compresses = true;
  std::uint8_t buffered_mode = 0;
  std::uint32_t block_size = 1024;  // Not what anybody wants: a host has to say.
  std::uint16_t warning_megabytes = 0;
  bool was_warned_early = false;
  std::uint64_t corrected_reads = 0, failed_reads = 0, failed_writes = 0;
  std::vector<Bytes> access_order;
  std::optional<std::uint64_t> overwrite_at;  // Where ALLOW OVERWRITE said so.

  tapeio::scsi::Reply execute(const tapeio::scsi::Command& command, int nexus);
  void attention(std::uint8_t asc, std::uint8_t ascq, std::optional<int> but = std::nullopt);
  void insert(std::shared_ptr<EmulatedCartridge> with);
  void raise(std::uint8_t flag);

 private:
  tapeio::scsi::Reply perform(Call& call);
  std::optional<tapeio::scsi::Reply> fault_before(std::uint8_t operation,
                                                  std::optional<EmulatedFault>& after);
  void check_fields(const Call& call) const;
  [[nodiscard]] bool conflicts(const Call& call) const;
  void dispatch(Call& call);
  void dispatch_service(Call& call);
  void require_ready();
  void require_writable();
  [[nodiscard]] tapeio::scsi::Reply checked(const Check& check) const;

  // Tape: emulated_tape_motion.cc.
  void read(Call& call);
  void write(Call& call);
  void write_filemarks(Call& call);
  void space(Call& call);
  void space_blocks(std::int64_t count);
  void space_filemarks(std::int64_t count);
  void locate(Call& call);
  void read_position(Call& call);
  void load_unload(Call& call);
  void warn_of_end();

  // Pages and lists: emulated_tape_pages.cc.
  void inquiry(Call& call);
  void mode_sense(Call& call);
  void mode_select(Call& call);
  void take_mode_page(ByteView page);
  void log_sense(Call& call);
  void read_attribute(Call& call);
  void write_attribute(Call& call);
  void report_operation_codes(Call& call);
  void generate_access_order(Call& call);
  void receive_access_order(Call& call);
  void read_ends_of_wraps(Call& call);
  void persistent_reserve_out(Call& call);
  void reserve(Call& call);
  void allow_overwrite(Call& call);
  void request_sense(Call& call);
  void read_block_limits(Call& call);
};

void append_number(Bytes& to, std::size_t size, std::uint64_t value);
// One by one: g++ 12 takes an insertion behind a vector of known size for an overflow at -O3.
void append_bytes(Bytes& to, ByteView bytes);
[[nodiscard]] std::uint64_t number_in(ByteView data, std::size_t offset, std::size_t size);

}  // namespace mixtape::test
