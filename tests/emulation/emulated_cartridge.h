// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tapeio/bytes.h"

// A cartridge of the emulated drive: what is on the tape and in its chip.
//
// Threads: none of its own; the drive or the changer that has it guards it.

namespace mixtape::test {

struct EmulatedCartridgeOptions {
  enum class Kind { data, worm, cleaning };
  std::string barcode = "MX0001L8";
  int generation = 8;  // LTO-n.
  Kind kind = Kind::data;
  std::uint64_t capacity_bytes = 64 * MiB;
  std::uint64_t early_warning_bytes = 3 * MiB;  // Length of the zone before the end.
  bool write_protected = false;
  // Never loaded before: an LTO-9 drive answers "in progress" so many times first.
  int initialisation_polls = 0;
  std::uint64_t wrap_bytes = MiB;           // Data on one wrap.
  std::set<std::uint64_t> bad_blocks = {};  // Block addresses that cannot be read.
  std::set<std::uint64_t> bad_writes = {};  // Block addresses that cannot be written.
};

class EmulatedCartridge {
 public:
  struct Object {
    bool is_filemark = false;
    Bytes bytes = {};
  };
  static constexpr std::uint64_t kFilemarkBytes = 4 * KiB;
  static constexpr std::uint64_t kFilemarksBehindEnd = 64;

  explicit EmulatedCartridge(EmulatedCartridgeOptions options = {});

  [[nodiscard]] const std::string& barcode() const { return options.barcode; }
  [[nodiscard]] std::uint64_t used_bytes() const { return used_before(objects.size()); }
  [[nodiscard]] std::uint64_t used_before(std::uint64_t block) const;
  [[nodiscard]] std::uint64_t filemarks_before(std::uint64_t block) const;
  // Only what was synchronised remains.
  void cut_power();
  void truncate(std::uint64_t block);
  void append(Object object);

  EmulatedCartridgeOptions options;
  std::vector<Object> objects;
  std::uint64_t synchronised = 0;  // Objects that survive a loss of power.
  // Medium auxiliary memory: attribute identifier -> format (0 binary, 1 ascii, 2 text) and value.
  struct Attribute {
    std::uint8_t format = 0;
    Bytes value = {};
  };
  std::map<std::uint16_t, Attribute> memory;
  std::uint64_t loads = 0;
  std::uint64_t bytes_written_ever = 0;
  std::uint64_t bytes_read_ever = 0;

 private:
  std::vector<std::uint64_t> used_;  // Before each object.
};

}  // namespace mixtape::test
