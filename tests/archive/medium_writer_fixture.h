// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "engine/archive/medium_writer.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/tape_file.h"
#include "tapeio/memory_library.h"
#include "tests/archive/write_world.h"

// A library of media in memory, a catalog and sources, and what came onto the media.

namespace mixtape::archive {

class MediumWriterTest : public ::testing::Test {
 protected:
  MediumWriterTest() : library_(tapeio::MemoryLibraryOptions{}), world_(library_) {}

  // How many tape files the medium holds, each ended by one filemark; fails when one is not.
  std::uint64_t tape_files(const std::string& label) {
    const auto drive = library_.load(label, tapeio::Library::Access::read);
    Bytes record(tapeio::kMaxRecordSize);
    std::uint64_t files = 0;
    tapeio::ReadResult::Kind before = tapeio::ReadResult::Kind::filemark;
    while (true) {
      const tapeio::ReadResult read = drive->read_record(record);
      if (read.kind == tapeio::ReadResult::Kind::end_of_data) {
        EXPECT_EQ(before, tapeio::ReadResult::Kind::filemark) << "the last tape file has no end";
        return files;
      }
      if (read.kind == tapeio::ReadResult::Kind::filemark) {
        EXPECT_EQ(before, tapeio::ReadResult::Kind::record) << "an empty tape file";
        ++files;
      } else {
        EXPECT_EQ(read.size, test::WriteWorld::kRecord) << "a record that is not full";
      }
      before = read.kind;
    }
  }

  catalog::IndexLabel index_at(const std::string& label, std::uint64_t file) {
    const auto drive = library_.load(label, tapeio::Library::Access::read);
    EXPECT_EQ(drive->space_filemarks(static_cast<std::int64_t>(file)), file);
    const auto into = world_.directory() / "looked-at.sqlite";
    std::filesystem::remove(into);
    (void)format::read_tape_file(*drive, test::WriteWorld::kRecord, world_.identities, into, GiB);
    return catalog::inspect_index(into);
  }

  void expect_refused(ErrorCode code, const std::string& why) {
    const std::uint64_t objects = library_.medium("MX0001").object_count();
    try {
      (void)world_.run();
      FAIL() << "it was written to";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(why));
    }
    EXPECT_EQ(library_.medium("MX0001").object_count(), objects);
  }

  tapeio::MemoryLibrary library_;
  test::WriteWorld world_;
};

}  // namespace mixtape::archive
