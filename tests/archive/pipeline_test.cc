// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/pipeline.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/archive/source_file.h"
#include "tapeio/error.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/archive/archive_on_tape.h"
#include "tests/archive/items.h"
#include "tests/support/passing_drive.h"
#include "tests/support/patterns.h"

namespace mixtape::archive {
namespace {

using test::FoundArchive;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Does something to the world when the n-th record arrives.
class ActingDrive final : public test::PassingDrive {
 public:
  ActingDrive(tapeio::TapeDrive& drive, std::uint64_t at, std::function<void()> act)
      : PassingDrive(drive), at_(at), act_(std::move(act)) {}
  tapeio::WriteResult write_record(ByteView record) override {
    if (written_++ == at_) {
      act_();
    }
    return PassingDrive::write_record(record);
  }

 private:
  std::uint64_t at_;
  std::function<void()> act_;
  std::uint64_t written_ = 0;
};

class PipelineTest : public ::testing::Test {
 protected:
  void add(const std::string& path, std::size_t size) { items_.push_back(tree_.file(path, size)); }

  void plan(std::size_t record_size = 64 * KiB) {
    options_.record_size = record_size;
    options_.ring_bytes = 0;  // The least that works: everything has to wait for everything.
    plan_ = plan_archive(items_, std::vector<Want>(items_.size(), Want::yes),
                         {.room_bytes = TiB,
                          .target_bytes = TiB,
                          .record_size = record_size,
                          .preamble_bytes = preamble_.bytes.size()});
  }

  ArchiveResult write(tapeio::TapeDrive& drive) {
    const ArchiveResult result = write_archive(items_, plan_, preamble_, drive, options_);
    if (result.end == ArchiveResult::End::complete ||
        result.end == ArchiveResult::End::early_warning) {
      EXPECT_TRUE(drive.write_filemark().written);
    }
    return result;
  }

  FoundArchive read_back() {
    drive_.rewind();
    return test::read_archive(drive_, options_.record_size, identity_);
  }

  std::string expected(const Item& item) {
    return std::string(as_text(test::pattern(item.size, std::hash<std::string>{}(item.path))));
  }

  // What a reader with the result in hand believes is there, and only that, must be there.
  void expect_true(const ArchiveResult& result, const FoundArchive& found) {
    EXPECT_EQ(found.plain_bytes, result.plain_bytes);
    EXPECT_EQ(found.records, result.records);
    for (std::size_t i = 0; i < plan_.members.size(); ++i) {
      const PlannedMember& member = plan_.members[i];
      const Item& item = items_[member.item];
      if (member.data_end() > result.plain_bytes) {
        EXPECT_FALSE(found.members.contains(item.path)) << item.path;
        continue;
      }
      ASSERT_TRUE(found.members.contains(item.path)) << item.path;
      EXPECT_EQ(found.members.at(item.path).found.offset, member.offset);
      EXPECT_EQ(found.members.at(item.path).data, expected(item)) << item.path;
      EXPECT_EQ(result.hashes[i], format::digest_of(as_bytes(expected(item)))) << item.path;
    }
  }

  test::SourceTree tree_;
  std::vector<Item> items_;
  const format::Identity identity_ = format::Identity::generate();
  const format::Recipient recipient_ = identity_.recipient();
  format::AgePreamble preamble_ = format::make_preamble(std::span(&recipient_, 1));
  ArchivePlan plan_;
  PipelineOptions options_;
  tapeio::MemoryMedium medium_;
  tapeio::MemoryDrive drive_{medium_};
};

TEST_F(PipelineTest, WritesThePlanToTheByteWhateverTheRecordSize) {
  int number = 0;
  for (const std::size_t size : {1UL, 511UL, 512UL, 513UL, 65'535UL, 65'536UL, 65'537UL,
                                 1'048'575UL, 1'048'576UL, 1'048'577UL, 5'000'000UL, 17UL}) {
    add("f" + std::to_string(10 + number++), size);
  }
  for (const std::size_t record_size : {64 * KiB, 512 * KiB, MiB, 4 * MiB}) {
    drive_.rewind();
    plan(record_size);
    const ArchiveResult result = write(drive_);
    EXPECT_EQ(result.end, ArchiveResult::End::complete);
    EXPECT_EQ(result.plain_bytes, plan_.plain_bytes);
    EXPECT_THAT(result.faults, IsEmpty());
    const FoundArchive found = read_back();
    expect_true(result, found);
    EXPECT_TRUE(found.proper_end);
  }
}

TEST_F(PipelineTest, HashesManyFilesOfEverySizeWithManySealers) {
  for (int i = 0; i < 300; ++i) {
    add("d" + std::to_string(i % 7) + "/f" + std::to_string(1000 + i),
        static_cast<std::size_t>(i) * 997 + 1);
  }
  std::sort(items_.begin(), items_.end(), archive_less);
  plan();
  options_.sealers = 4;
  const ArchiveResult result = write(drive_);
  expect_true(result, read_back());
}

TEST_F(PipelineTest, StoresOnlyTheDataOfAFileWithHoles) {
  const std::string path = tree_.on_disk("holes");
  {
    std::ofstream file(path);
    file.seekp(3 << 20);
    file << "data in the middle";
    file.seekp(9 << 20);
    file << "end";
  }
  std::filesystem::resize_file(path, 20 << 20);
  Item item = tree_.describe("holes", 1);
  item.extents = find_extents(path, item.size);
  ASSERT_TRUE(item.extents) << "this file system knows no holes";
  items_.push_back(item);
  plan();
  EXPECT_LT(plan_.plain_bytes, MiB);
  const ArchiveResult result = write(drive_);
  const FoundArchive found = read_back();
  const std::string whole = test::read_text(path);
  EXPECT_TRUE(found.members.at("holes").data == whole);
  EXPECT_EQ(result.hashes[0], format::digest_of(as_bytes(whole)));
}

TEST_F(PipelineTest, AFileOfNothingButAHoleHasItsHash) {
  std::ofstream(tree_.on_disk("hole")).close();
  std::filesystem::resize_file(tree_.on_disk("hole"), 5 << 20);
  Item item = tree_.describe("hole", 1);
  item.extents = find_extents(item.source, item.size);
  items_.push_back(item);
  plan();
  const ArchiveResult result = write(drive_);
  EXPECT_EQ(result.hashes[0], format::digest_of(Bytes(5 << 20)));
  EXPECT_EQ(read_back().members.at("hole").data.size(), 5U << 20);
}

// --- Sources that do not keep still

TEST_F(PipelineTest, SourcesThatChangedBeforeKeepTheirPlaceAndAreToldByName) {
  add("a", 100'000);
  add("b-gone", 100'000);
  add("c-shorter", 100'000);
  add("d-longer", 100'000);
  add("e-no-file", 100'000);
  add("f-touched", 100'000);
  add("g", 100'000);
  plan();
  std::filesystem::remove(tree_.on_disk("b-gone"));
  std::filesystem::resize_file(tree_.on_disk("c-shorter"), 50'000);
  std::filesystem::resize_file(tree_.on_disk("d-longer"), 150'000);
  std::filesystem::remove(tree_.on_disk("e-no-file"));
  ASSERT_EQ(::mkfifo(tree_.on_disk("e-no-file").c_str(), 0644), 0);
  const timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, tree_.on_disk("f-touched").c_str(), times, 0), 0);

  const ArchiveResult result = write(drive_);
  ASSERT_THAT(result.faults, SizeIs(5));
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(result.faults[i].member, i + 1);
  }
  EXPECT_THAT(result.faults[0].why, HasSubstr("No such file"));
  EXPECT_THAT(result.faults[1].why, HasSubstr("50000 bytes now, not 100000"));

  const FoundArchive found = read_back();
  ASSERT_THAT(found.order, SizeIs(7));
  EXPECT_EQ(found.members.at("a").data, expected(items_[0]));
  EXPECT_EQ(found.members.at("g").data, expected(items_[6]));
  EXPECT_EQ(found.members.at("b-gone").data, std::string(100'000, '\0'));
  EXPECT_EQ(found.members.at("c-shorter").data,
            expected(items_[2]).substr(0, 50'000) + std::string(50'000, '\0'));
  EXPECT_EQ(found.members.at("d-longer").data, expected(items_[3]));
}

TEST_F(PipelineTest, ASourceThatShrinksWhileItIsReadIsToldAndTheRestIsAsPlanned) {
  add("a-large", 80 * MiB);
  add("b", 100'000);
  plan(MiB);
  ActingDrive drive(drive_, 0,
                    [&] { std::filesystem::resize_file(tree_.on_disk("a-large"), 1000); });
  const ArchiveResult result = write(drive);
  ASSERT_THAT(result.faults, SizeIs(1));
  EXPECT_EQ(result.faults[0].member, 0U);
  EXPECT_EQ(read_back().members.at("b").data, expected(items_[1]));
}

TEST_F(PipelineTest, ASourceThatGrowsWhileItIsReadIsTold) {
  add("a-large", 80 * MiB);
  plan(MiB);
  ActingDrive drive(drive_, 0,
                    [&] { std::ofstream(tree_.on_disk("a-large"), std::ios::app) << "more"; });
  const ArchiveResult result = write(drive);
  ASSERT_THAT(result.faults, SizeIs(1));
  EXPECT_THAT(result.faults[0].why, HasSubstr("changed while it was written"));
}

TEST_F(PipelineTest, NoDescriptorIsLeftOpen) {
  for (int i = 0; i < 200; ++i) {
    add("f" + std::to_string(1000 + i), 10);
  }
  plan();
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = open_files();
  (void)write(drive_);
  EXPECT_EQ(open_files(), before);
}

// --- Media that end

class EndOfMediumTest : public PipelineTest {
 protected:
  EndOfMediumTest() {
    for (int i = 0; i < 12; ++i) {
      add("a" + std::to_string(100 + i), 30'000 + static_cast<std::size_t>(i) * 7'001);
    }
    add("b-huge", 700'000);
    for (int i = 0; i < 100; ++i) {
      add("c" + std::to_string(100 + i), 13);
    }
    plan();
  }

  std::uint64_t planned_records() const {
    return format::cipher_size(preamble_.bytes.size(), plan_.plain_bytes) / options_.record_size;
  }

  // The same plan under a new key, as every attempt has it.
  void start_over() {
    preamble_ = format::make_preamble(std::span(&recipient_, 1));
    drive_.rewind();
  }

  template <typename Fault>
  std::unique_ptr<tapeio::TapeDrive> faulty(std::optional<Fault> tapeio::FaultPlan::*fault,
                                            Fault at) {
    auto drive = std::make_unique<tapeio::MemoryDrive>(medium_);
    tapeio::FaultPlan faults;
    faults.*fault = at;
    return std::make_unique<tapeio::FaultyDrive>(std::move(drive), std::move(faults));
  }
};

TEST_F(EndOfMediumTest, AWarningAtAnyRecordLeavesAnArchiveThatIsTrueToTheLastMember) {
  for (std::uint64_t warned = 1; warned <= planned_records(); ++warned) {
    for (const std::uint64_t room : {0 * KiB, 256 * KiB, 1024 * KiB}) {
      start_over();
      const auto drive =
          faulty(&tapeio::FaultPlan::early_warning_after_bytes, warned * options_.record_size);
      options_.room_after_warning = room;
      const ArchiveResult result = write(*drive);
      EXPECT_TRUE(result.warned);
      const std::uint64_t behind = (result.records - warned) * options_.record_size;
      EXPECT_LE(behind, room + 4 * options_.record_size);
      EXPECT_EQ(result.end == ArchiveResult::End::complete,
                result.plain_bytes == plan_.plain_bytes);
      SCOPED_TRACE("warned after record " + std::to_string(warned));
      expect_true(result, read_back());
    }
  }
}

TEST_F(EndOfMediumTest, TheHardEndAtAnyRecordLosesThisArchiveAndSaysSo) {
  for (std::uint64_t end = 0; end < planned_records(); ++end) {
    start_over();
    const auto drive = faulty(&tapeio::FaultPlan::hard_end_after_bytes, end * options_.record_size);
    const ArchiveResult result = write(*drive);
    EXPECT_EQ(result.end, ArchiveResult::End::end_of_medium);
    EXPECT_EQ(result.records, end);
  }
}

TEST_F(EndOfMediumTest, AFailingDriveStopsEverything) {
  for (std::uint64_t bad = 0; bad < planned_records(); ++bad) {
    start_over();
    const auto drive = faulty(&tapeio::FaultPlan::fail_write, bad);
    EXPECT_THROW((void)write(*drive), Error);
  }
}

TEST_F(EndOfMediumTest, AStopBetweenTwoRecordsIsAnOutcomeOfItsOwn) {
  std::stop_source stop;
  options_.stop = stop.get_token();
  options_.on_record = [&](std::uint64_t records) {
    if (records == 3) {
      stop.request_stop();
    }
  };
  const ArchiveResult result = write(drive_);
  EXPECT_EQ(result.end, ArchiveResult::End::cancelled);
  EXPECT_EQ(result.records, 3U);
}

// The drive has everything by then; what was hashed and what was not is a matter of luck.
TEST_F(PipelineTest, AStopAtTheLastRecordNeverLeavesAnArchiveWithoutItsHashes) {
  add("a", 64 * MiB);
  plan(MiB);
  options_.ring_bytes = 128 * MiB;
  options_.sealers = 4;
  const std::uint64_t last =
      format::cipher_size(preamble_.bytes.size(), plan_.plain_bytes) / options_.record_size;
  std::stop_source stop;
  options_.stop = stop.get_token();
  options_.on_record = [&](std::uint64_t records) {
    if (records == last) {
      stop.request_stop();
    }
  };
  const ArchiveResult result = write(drive_);
  EXPECT_EQ(result.records, last);
  EXPECT_EQ(result.end == ArchiveResult::End::complete, result.hashes[0].has_value());
  EXPECT_NE(result.end, ArchiveResult::End::early_warning);
}

TEST_F(EndOfMediumTest, HowLongTheDriveTakesForRecordsIsTold) {
  constexpr std::chrono::milliseconds kSlow{30};
  ActingDrive slow(drive_, 1, [&] { std::this_thread::sleep_for(kSlow); });
  EXPECT_GE(write(slow).taking_s, std::chrono::duration<double>(kSlow).count());
}

TEST_F(EndOfMediumTest, AStreamingDriveIsStartedWithAFullRing) {
  options_.streaming = true;
  const ArchiveResult result = write(drive_);
  EXPECT_EQ(result.end, ArchiveResult::End::complete);
  expect_true(result, read_back());
}

}  // namespace
}  // namespace mixtape::archive
