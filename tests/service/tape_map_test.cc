// SPDX-License-Identifier: Apache-2.0
#include "engine/service/tape_map.h"

#include <set>

#include "tapeio/error.h"
#include "tapeio/lto/sim_library.h"
#include "tests/service/service_fixture.h"
#include "tests/support/patterns.h"

// A simulated LTO-5 cartridge with 80 wraps of eight records.

namespace mixtape::service {
namespace {

constexpr std::uint64_t kRecord = 64 * KiB;
constexpr std::uint64_t kCapacity = 80 * 8 * kRecord;

class TapeMapTest : public ServiceTest {
 protected:
  TapeMapTest() : ServiceTest(test::TempDir::Place::memory) {
    std::filesystem::remove_all(home() / "library");
    std::filesystem::create_directory(home() / "library");
    configure("libraries = [\"sim:" + (home() / "library").string() +
              ",generation=5,vary=no,host=none,capacity=" + std::to_string(kCapacity) +
              "\"]\nrecord_size = \"64 KiB\"\n");
    context().workspace.libraries().here().front()->add_medium("MX0001L5", kCapacity);
    add_files("a", 40);
    add_files("b", 40);
    reopen();
  }
  void add_files(const std::string& directory, int count) {
    for (int file = 0; file < count; ++file) {
      write(directory + "/" + std::to_string(file),
            as_text(test::pattern(100 * KiB, static_cast<std::uint64_t>(++seed_))));
    }
    back_up();
  }
  TapeMap map(const std::vector<std::string>& paths) {
    return map_medium(context(), "MX0001L5", paths);
  }

  int seed_ = 0;
};

TEST_F(TapeMapTest, EachBundleIsAnIndexAndAnArchiveAndTheyFollowEachOther) {
  const TapeMap map = this->map({});
  EXPECT_EQ(map.tape.name(), "LTO-5");
  ASSERT_EQ(map.stretches.size(), 4u);
  std::uint64_t behind = 0;
  for (std::size_t i = 0; i < map.stretches.size(); ++i) {
    const MapStretch& stretch = map.stretches[i];
    EXPECT_EQ(stretch.what, i % 2 == 0 ? MapStretch::What::index : MapStretch::What::archive);
    EXPECT_EQ(stretch.bundle, i / 2 + 1);
    EXPECT_EQ(stretch.begin_block, behind);
    EXPECT_LT(stretch.begin_block, stretch.end_block);
    behind = stretch.end_block;
  }
  // 40 files of 100 KiB in records of 64 KiB.
  EXPECT_GE(map.stretches[1].end_block - map.stretches[1].begin_block, 40u * 100 / 64);
}

TEST_F(TapeMapTest, FilesLieInTheirArchivesAndAreReadInThePlannedOrder) {
  const TapeMap map = this->map({path_of("a"), path_of("b/7")});
  ASSERT_EQ(map.reads.size(), 41u);
  std::set<std::string> paths;
  for (const MapRead& read : map.reads) {
    paths.insert(read.path);
    const MapStretch& archive = map.stretches[read.path == path_of("b/7") ? 3 : 1];
    EXPECT_GE(read.begin_block, archive.begin_block) << read.path;
    EXPECT_LE(read.end_block, archive.end_block) << read.path;
  }
  EXPECT_EQ(paths.size(), 41u);
  EXPECT_TRUE(paths.contains(path_of("a/0")));
  EXPECT_EQ(map.plan.done_s.size(), 41u);
  EXPECT_GT(map.plan.costs.locate_s, 0);
}

TEST_F(TapeMapTest, NothingIsLoaded) {
  (void)map({path_of("a")});
  auto& library =
      dynamic_cast<tapeio::lto::SimLibrary&>(*context().workspace.libraries().here().front());
  EXPECT_EQ(library.report().count_of(tapeio::lto::SimKind::load), 0u);
}

TEST_F(TapeMapTest, WhatIsNotKnownIsSaid) {
  EXPECT_THROW((void)map_medium(context(), "MX0009L5", {}), Error);
  EXPECT_THROW((void)map({"nowhere"}), Error);
}

TEST_F(TapeMapTest, FilesThatLieOnOtherMediaOnlyAreNoReads) {
  context().workspace.libraries().here().front()->add_medium("MX0002L5", kCapacity);
  catalog::Medium other;
  other.uuid = {std::byte{1}};
  other.label = "MX0002L5";
  other.kind = "sim";
  other.record_size = kRecord;
  other.capacity_bytes = kCapacity;
  (void)context().ledger.add_medium(other);
  const std::vector<std::string> paths{path_of("a")};
  EXPECT_THROW((void)map_medium(context(), "MX0002L5", paths), Error);
  EXPECT_TRUE(map_medium(context(), "MX0002L5", {}).stretches.empty());
}

}  // namespace
}  // namespace mixtape::service
