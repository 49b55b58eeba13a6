// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/tape_drive_contract.h"

#include "tests/contract/exceptions.h"
#include "tests/support/patterns.h"

namespace mixtape::test {

using tapeio::ReadResult;
using tapeio::WriteResult;

void TapeDriveContract::SetUp() {
  // "TestName/DriveName".
  const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
  for (const ContractException& exception : kContractExceptions) {
    if (exception.target == GetParam().target && name.starts_with(exception.test) &&
        name.find('/') == exception.test.size()) {
      GTEST_SKIP() << exception.target << ": " << exception.reason;
    }
  }
  start_with_capacity(64 * MiB);
}

void TapeDriveContract::start_with_capacity(std::uint64_t capacity_bytes) {
  drive_.reset();
  world_ = GetParam().make(capacity_bytes);
  drive_ = world_->load();
}

void TapeDriveContract::reload() {
  drive_.reset();
  drive_ = world_->load();
}

void TapeDriveContract::cut_power_and_reload() {
  world_->cut_power();
  reload();
}

bool TapeDriveContract::reload_write_protected() {
  drive_.reset();
  drive_ = world_->load_write_protected();
  return drive_ != nullptr;
}

bool TapeDriveContract::use_empty_drive() {
  drive_.reset();
  drive_ = world_->empty_drive();
  return drive_ != nullptr;
}

Bytes TapeDriveContract::record(int seed, std::size_t size) {
  return pattern(size, static_cast<std::uint64_t>(seed));
}

void TapeDriveContract::write(int seed) {
  ASSERT_TRUE(drive().write_record(record(seed)).written);
}

void TapeDriveContract::filemark() {
  ASSERT_TRUE(drive().write_filemark().written);
}

void TapeDriveContract::write_tape(const std::vector<int>& objects) {
  for (const int object : objects) {
    object == kFilemark ? filemark() : write(object);
  }
}

void TapeDriveContract::expect_record(int seed, std::size_t size) {
  Bytes buffer(kRecordSize);
  const ReadResult result = drive().read_record(buffer);
  ASSERT_EQ(result.kind, ReadResult::Kind::record) << "instead of record " << seed;
  buffer.resize(result.size);
  EXPECT_EQ(buffer, record(seed, size)) << "instead of record " << seed;
}

void TapeDriveContract::expect_filemark() {
  Bytes buffer(kRecordSize);
  ASSERT_EQ(drive().read_record(buffer).kind, ReadResult::Kind::filemark);
}

void TapeDriveContract::expect_end_of_data() {
  Bytes buffer(kRecordSize);
  ASSERT_EQ(drive().read_record(buffer).kind, ReadResult::Kind::end_of_data);
}

void TapeDriveContract::expect_objects(const std::vector<int>& objects) {
  for (const int object : objects) {
    object == kFilemark ? expect_filemark() : expect_record(object);
  }
  expect_end_of_data();
}

void TapeDriveContract::expect_tape(const std::vector<int>& objects) {
  drive().rewind();
  expect_objects(objects);
}

void TapeDriveContract::expect_position(std::uint64_t block, std::uint64_t file) {
  EXPECT_EQ(drive().position().block, block);
  EXPECT_EQ(drive().position().file, file);
}

TapeDriveContract::Filling TapeDriveContract::fill_until_early_warning() {
  Filling filling;
  do {
    filling.last = drive().write_record(record(filling.records));
    filling.records += filling.last.written ? 1 : 0;
  } while (!filling.last.early_warning);
  return filling;
}

TapeDriveContract::Filling TapeDriveContract::fill_until_hard_end() {
  Filling filling;
  do {
    filling.last = drive().write_record(record(filling.records));
    filling.records += filling.last.written ? 1 : 0;
  } while (filling.last.written);
  return filling;
}

}  // namespace mixtape::test
