// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "tapeio/dir_description.h"
#include "tapeio/dir_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

// Two drives of unlike making, asked the same in random order, must answer the same: the tape in
// memory is so simple that it serves as the specification.

namespace mixtape::tapeio {
namespace {

constexpr std::size_t kRecord = 128;
constexpr std::uint64_t kCapacity = 96 * KiB;

class Agreement : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(path_);
    write_medium_description(path_, {.capacity_bytes = kCapacity, .record_size = 0});
    load();
  }
  void load() {
    memory_ = std::make_unique<MemoryDrive>(medium_);
    directory_drive_.reset();
    directory_drive_ = std::make_unique<DirDrive>(path_, DirDriveOptions{.writable = true});
  }
  std::uint64_t random(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random_);
  }
  // One operation's whole outcome as text.
  template <typename Operation>
  std::string outcome(TapeDrive& drive, Operation operation) {
    std::string text;
    const auto code = test::error_of([&] { return text = operation(drive); });
    const Position position = drive.position();
    return (code.has_value() ? std::string(to_string(*code)) : text) + " at " +
           std::to_string(position.block) + "/" + std::to_string(position.file);
  }
  template <typename Operation>
  void both(const char* name, Operation operation) {
    ASSERT_EQ(outcome(*memory_, operation), outcome(*directory_drive_, operation))
        << name << " in step " << step_;
  }
  static std::string text(const WriteResult& result) {
    return std::string(result.written ? "written" : "full") + (result.early_warning ? "!" : "");
  }
  void write_record() {
    const Bytes record = test::pattern(kRecord, random(1000));
    both("write record", [&](TapeDrive& drive) { return text(drive.write_record(record)); });
  }
  void read_record() {
    both("read record", [](TapeDrive& drive) {
      Bytes buffer(kRecord);
      const ReadResult result = drive.read_record(buffer);
      return std::to_string(static_cast<int>(result.kind)) +
             to_hex(ByteView(buffer).first(result.size));
    });
  }
  void move() {
    const std::uint64_t end = medium_.object_count();
    const std::uint64_t block = random(end + 2);
    const auto count = static_cast<std::int64_t>(random(7)) - 3;
    switch (random(4)) {
      case 0:
        return both("rewind", [](TapeDrive& drive) { return drive.rewind(), "done"; });
      case 1:
        return both("locate", [&](TapeDrive& drive) { return drive.locate(block), "done"; });
      case 2:
        return both("space",
                    [&](TapeDrive& drive) { return std::to_string(drive.space_filemarks(count)); });
      default:
        return both("end", [](TapeDrive& drive) { return drive.seek_end_of_data(), "done"; });
    }
  }
  void do_anything() {
    const std::uint64_t dice = random(100);
    if (dice < 45) {
      write_record();
    } else if (dice < 60) {
      both("filemark", [](TapeDrive& drive) { return text(drive.write_filemark()); });
    } else if (dice < 80) {
      read_record();
    } else if (dice < 98) {
      move();
    } else {
      medium_.cut_power();
      load();
    }
  }

  test::TempDir directory_{test::TempDir::Place::memory};
  const std::string path_ = directory_ / "DISK01";
  MemoryMedium medium_{{.label = "MEM001", .space = MediumSpace::with_default_warning(kCapacity)}};
  std::unique_ptr<MemoryDrive> memory_;
  std::unique_ptr<DirDrive> directory_drive_;
  std::mt19937_64 random_{GetParam()};
  int step_ = 0;
};

TEST_P(Agreement, MemoryAndDirectoryAnswerAlike) {
  for (step_ = 0; step_ < 1000 && !HasFatalFailure(); ++step_) {
    do_anything();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Agreement, testing::Range(0u, 20u));

}  // namespace
}  // namespace mixtape::tapeio
