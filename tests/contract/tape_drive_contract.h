// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tapeio/tape_drive.h"
#include "tests/support/errors.h"

// The contract of tapeio/tape_drive.h as tests, one per sentence, for any drive.
//
// A drive takes part with a DriveWorld and
//   INSTANTIATE_TEST_SUITE_P(Name, TapeDriveContract, testing::Values(DriveKind{...}), name_of);
// in a test program that is linked with the tape_drive_contract*.cc files.

namespace mixtape::test {

// One medium, and what may happen to it.
class DriveWorld {
 public:
  virtual ~DriveWorld() = default;
  // A drive with the medium in it, head at the beginning. The drive of an earlier call is gone by
  // then.
  [[nodiscard]] virtual std::unique_ptr<tapeio::TapeDrive> load() = 0;
  // The power fails; the drive in use is destroyed next, without a chance to do anything.
  virtual void cut_power() = 0;
  // These return nullptr where the world cannot do it: the test is skipped.
  [[nodiscard]] virtual std::unique_ptr<tapeio::TapeDrive> load_write_protected() = 0;
  [[nodiscard]] virtual std::unique_ptr<tapeio::TapeDrive> empty_drive() = 0;
};

struct DriveKind {
  std::string name;
  // `capacity_bytes`: of the medium, with a zone of early warning before its end.
  std::function<std::unique_ptr<DriveWorld>(std::uint64_t capacity_bytes)> make;
  // Records may have any size; else all have one, but for the last of a tape file.
  bool has_variable_records = true;
  // Whose exceptions of tests/contract/exceptions.h apply: "tgt"; empty: none.
  std::string target = {};
};

inline void PrintTo(const DriveKind& kind, std::ostream* out) {
  *out << kind.name;
}
inline std::string name_of(const testing::TestParamInfo<DriveKind>& kind) {
  return kind.param.name;
}

class TapeDriveContract : public testing::TestWithParam<DriveKind> {
 protected:
  static constexpr std::size_t kRecordSize = 512;
  static constexpr int kFilemark = -1;

  void SetUp() override;
  void start_with_capacity(std::uint64_t capacity_bytes);
  // Takes the medium out and puts it in again.
  void reload();
  void cut_power_and_reload();
  // False when there is no such drive in this world.
  [[nodiscard]] bool reload_write_protected();
  [[nodiscard]] bool use_empty_drive();
  tapeio::TapeDrive& drive() { return *drive_; }

  // A record is known by its seed.
  [[nodiscard]] static Bytes record(int seed, std::size_t size = kRecordSize);
  void write(int seed);
  void filemark();
  // Records by seed, and filemarks: write_tape({1, 2, kFilemark, 3, kFilemark}).
  void write_tape(const std::vector<int>& objects);

  void expect_record(int seed, std::size_t size = kRecordSize);
  void expect_filemark();
  void expect_end_of_data();
  // From the head to the end of data.
  void expect_objects(const std::vector<int>& objects);
  // The whole medium.
  void expect_tape(const std::vector<int>& objects);
  void expect_position(std::uint64_t block, std::uint64_t file);

  // Writes records until the drive answers otherwise; returns how many were written before that
  // one.
  struct Filling {
    int records = 0;
    tapeio::WriteResult last{};
  };
  [[nodiscard]] Filling fill_until_early_warning();
  [[nodiscard]] Filling fill_until_hard_end();

 private:
  std::unique_ptr<DriveWorld> world_;
  std::unique_ptr<tapeio::TapeDrive> drive_;
};

}  // namespace mixtape::test
