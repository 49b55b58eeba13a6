// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/targets.h"
#include "tests/archive/medium_writer_fixture.h"
#include "tests/archive/write_world.h"

// Media that are not what the catalog means: nothing is written to them, and who has to know is
// told.

namespace mixtape::archive {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using MediumRefusalTest = MediumWriterTest;

TEST_F(MediumRefusalTest, AMediumWithForeignDataIsLeftAlone) {
  library_.add_medium("MX0001", 64 * MiB);
  {
    const auto drive = library_.load("MX0001", tapeio::Library::Access::write);
    ASSERT_TRUE(drive->write_record(Bytes(512)).written);
    ASSERT_TRUE(drive->write_filemark().written);
  }
  world_.add_source("a", 1000);
  EXPECT_THAT(world_.run().no_room, ElementsAre("a"));
  EXPECT_EQ(library_.medium("MX0001").object_count(), 2U);
}

TEST_F(MediumRefusalTest, AnotherMediumUnderTheSameLabelIsRefusedWithBothNames) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  // Another world's medium, which calls itself by the same name.
  tapeio::MemoryLibrary other_library{tapeio::MemoryLibraryOptions{}};
  other_library.add_medium("MX0001", 64 * MiB);
  test::WriteWorld other(other_library);
  other.add_source("x", 1000);
  (void)other.run();
  (void)library_.take_out("MX0001");
  library_.put_in(other_library.take_out("MX0001"));
  world_.add_source("b", 1000);
  expect_refused(ErrorCode::wrong_medium, "MX0001");
}

TEST_F(MediumRefusalTest, AMediumThatKnowsMoreThanTheCatalogIsRefused) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  const auto old = world_.directory() / "catalog.old";
  std::filesystem::copy_file(world_.directory() / "catalog.db", old);
  world_.add_source("b", 1000);
  (void)world_.run();
  std::filesystem::copy_file(old, world_.directory() / "catalog.db",
                             std::filesystem::copy_options::overwrite_existing);
  world_.add_source("c", 1000);
  expect_refused(ErrorCode::conflict, "run `mixtape recover --library URL --identity FILE`");
  // Not a matter of how often one asks.
  expect_refused(ErrorCode::conflict, "run `mixtape recover --library URL --identity FILE`");
}

TEST_F(MediumRefusalTest, StateThatOnlyTheMediumKnowsIsNotWrittenOver) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  const auto old = world_.directory() / "catalog.old";
  std::filesystem::copy_file(world_.directory() / "catalog.db", old);
  world_.add_source("empty", 0);
  (void)world_.run();
  std::filesystem::copy_file(old, world_.directory() / "catalog.db",
                             std::filesystem::copy_options::overwrite_existing);
  world_.add_source("c", 1000);
  expect_refused(ErrorCode::conflict, "knows more");
}

TEST_F(MediumRefusalTest, AMediumThatLostABundleIsRefused) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 200'000);
  (void)world_.run();
  tapeio::MemoryMedium& medium = library_.medium("MX0001");
  medium.truncate(medium.object_count() - 8);
  world_.add_source("b", 1000);
  expect_refused(ErrorCode::conflict, "mixtape media retire");
}

// Passes over MX0001, writes to MX0002, and says why in a sentence with the label in it.
TEST_F(MediumRefusalTest, AMediumThatCannotBeAppendedToIsNamedAndTheNextOneIsWritten) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  library_.medium("MX0001").set_write_protected(true);
  library_.add_medium("MX0002", 64 * MiB);
  world_.add_source("b", 1000);
  const WriteOutcome outcome = world_.run();
  ASSERT_THAT(outcome.media, SizeIs(1));
  EXPECT_EQ(outcome.media[0].label, "MX0002");
  EXPECT_THAT(world_.readable_paths(), ElementsAre("a", "b"));
  EXPECT_THAT(world_.reporter.problems,
              ElementsAre(AllOf(HasSubstr("MX0001"), HasSubstr("write-protected; "))));
}

TEST_F(MediumRefusalTest, AMediumThatKnowsMoreIsAProblemThatNamesRecoverAndIsNotTouched) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  const auto old = world_.directory() / "catalog.old";
  std::filesystem::copy_file(world_.directory() / "catalog.db", old);
  world_.add_source("b", 1000);
  (void)world_.run();
  std::filesystem::copy_file(old, world_.directory() / "catalog.db",
                             std::filesystem::copy_options::overwrite_existing);
  library_.add_medium("MX0002", 64 * MiB);
  world_.add_source("c", 1000);
  const catalog::IndexLabel before = index_at("MX0001", 5);
  (void)world_.run();
  EXPECT_THAT(world_.reporter.problems,
              ElementsAre(AllOf(HasSubstr("medium MX0001: it knows more than this catalog"),
                                HasSubstr("run `mixtape recover --library URL --identity FILE`"))));
  EXPECT_EQ(index_at("MX0001", 5).sequence, before.sequence);
  EXPECT_EQ(tape_files("MX0002"), 4U);
}

TEST_F(MediumRefusalTest, AWipedMediumIsToldFromOneThatWasNeverWritten) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  library_.medium("MX0001").truncate(0);
  world_.add_source("b", 1000);
  expect_refused(ErrorCode::conflict,
                 "medium MX0001: it is blank though the catalog has 1 bundle on it: put the right "
                 "one back, or run `mixtape media retire MX0001`");
}

TEST_F(MediumRefusalTest, ADamagedLastIndexIsNamedWithWhatToDo) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  tapeio::MemoryMedium& medium = library_.medium("MX0001");
  medium.corrupt_record(medium.object_count() - 2, 1000);
  world_.add_source("b", 1000);
  expect_refused(ErrorCode::corrupt, "medium MX0001: its last index cannot be read");
  expect_refused(ErrorCode::corrupt, "run `mixtape media retire MX0001`");
}

}  // namespace
}  // namespace mixtape::archive
