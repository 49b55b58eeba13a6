// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tapeio/device_file.h"
#include "tapeio/scsi/transport.h"

// Linux' st driver with a drive behind it, as far as a program sees them through a descriptor.
//
// What it does at filemarks, at the end of data and behind early warning is what the driver was
// seen to do (docs/testing.md): 0 for a filemark and twice for the end of data, then EIO; ENOMEM
// for a record larger than the buffer, which is passed; ENOSPC for every other record behind early
// warning, and for the one behind a read that met the mark of the end of the tape; EINVAL for more
// than the drive says that it takes. Going back or closing right behind a written record writes a
// filemark first; any other operation in between makes the driver forget that.

namespace mixtape::test {

struct FakeCartridge {
  struct Object {
    bool is_filemark = false;
    Bytes bytes = {};
  };
  std::vector<Object> objects;
  std::uint64_t capacity_bytes = 64 * MiB;
  bool write_protected = false;
};

struct FakeStTraits {
  // The record that met early warning is on the tape although ENOSPC was answered for it.
  bool refused_record_is_written = false;
  bool tells_positions = true;    // MTIOCPOS and MTSEEK work.
  bool has_long_position = true;  // READ POSITION, long form, through SG_IO.
  std::size_t fixed_block = 0;    // Else than 0: refuses variable blocks.
  bool has_compression = true;    // MTCOMPRESSION is carried out.
  bool has_door_lock = true;
  // The drive answers BLANK CHECK together with the mark of the end of the tape, as tgt does: a
  // read at the end of data returns a full buffer of what was in it by chance.
  bool fills_buffer_at_end = false;
  std::size_t most_block = 16 * MiB - 1;  // What READ BLOCK LIMITS says.
};

// SG_IO on any device: `transport` answers what the program sends.
[[nodiscard]] int answer_sg_io(tapeio::scsi::Transport& transport, void* argument);

class FakeSt final : public tapeio::DeviceFile {
 public:
  // `cartridge` outlives the device; nullptr: the drive is empty.
  FakeSt(FakeCartridge* cartridge, FakeStTraits traits) : cartridge_(cartridge), traits_(traits) {}
  ~FakeSt() override;

  [[nodiscard]] std::string path() const override { return "/dev/nst-fake"; }
  [[nodiscard]] int open(int flags) override;
  [[nodiscard]] ssize_t read(MutableBytes buffer) override;
  [[nodiscard]] ssize_t write(ByteView bytes) override;
  [[nodiscard]] int ioctl(unsigned long request, void* argument) override;

  // By hand, while the device is open; nullptr takes it out. The driver finds out when it looks.
  void put_in(FakeCartridge* cartridge) {
    cartridge_ = cartridge;
    head_ = 0;
    has_news_ = cartridge != nullptr;
  }

  bool in_use_elsewhere = false;
  bool gone = false;
  // What is behind SG_IO besides READ POSITION; null: the user may not use it.
  std::unique_ptr<tapeio::scsi::Transport> beside;
  // The nth object is a spot that cannot be read.
  std::uint64_t bad_block = ~std::uint64_t{0};
  std::vector<short> operations;  // Those of MTIOCTOP, in order.
  std::uint64_t opened = 0;       // So many times.

 private:
  enum class End { none, filemark, warned, refused, data_1, data_2, data_3 };
  [[nodiscard]] std::uint64_t used() const;
  [[nodiscard]] std::uint64_t filemarks_before() const;
  [[nodiscard]] int operate(short operation, int count);
  [[nodiscard]] int space_filemarks(int count);
  [[nodiscard]] int write_filemarks(int count);
  [[nodiscard]] long status() const;
  [[nodiscard]] int pass_through(void* argument);
  [[nodiscard]] ssize_t read_at_end(MutableBytes buffer);
  void cut_here();

  FakeCartridge* cartridge_;
  FakeStTraits traits_;
  bool has_news_ = false;  // A unit attention: the next command fails, opening takes note of it.
  bool writable_ = false;
  bool is_writing_ = false;  // A record was the last thing.
  std::size_t head_ = 0;
  End end_ = End::none;
};

}  // namespace mixtape::test
