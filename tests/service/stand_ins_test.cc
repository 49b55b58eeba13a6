// SPDX-License-Identifier: Apache-2.0
#include "engine/service/stand_ins.h"

#include <cstdlib>
#include <limits>

#include "engine/format/age_stream.h"
#include "engine/service/doctor.h"
#include "engine/service/status.h"
#include "tests/service/scan_fixture.h"

// A disk medium without some of its tape files is read as soon as stand-ins of the right size are
// there, and the catalog tells the sizes.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint64_t kRecordSize = 1000;
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

tapeio::FoundFile file(std::uint64_t number, std::uint64_t size) {
  const std::string name = tapeio::tape_file_name(number, "data");
  return {*tapeio::parse_tape_file_name(name), name, {.size = size}, true};
}

// Of one record.
catalog::Bundle bundle(std::uint64_t archive_file, std::uint64_t block) {
  catalog::Bundle bundle;
  bundle.index_file = archive_file - 1;
  bundle.archive_block = block;
  bundle.archive_header = Bytes(100);
  bundle.plain_bytes = 500;
  bundle.state = catalog::BundleState::written;
  return bundle;
}

// "3:2000 5:?", with a record size of 1000.
std::string told(const std::vector<tapeio::FoundFile>& files,
                 const std::vector<catalog::Bundle>& bundles,
                 std::uint64_t record_size = kRecordSize) {
  std::string text;
  for (const StandIn& each : stand_ins_for(files, record_size, bundles)) {
    text += (text.empty() ? "" : " ") + std::to_string(each.number) + ":" +
            (each.size ? std::to_string(*each.size) : "?");
  }
  return text;
}

TEST(StandIns, AWholeMediumNeedsNone) {
  EXPECT_EQ(told({file(0, 1000), file(1, 1)}, {}), "");
}

TEST(StandIns, AnIndexHadWhatLeadsToItsArchive) {
  // Records 0 and 1, a filemark; four records of the index, a filemark.
  EXPECT_EQ(told({file(0, 1500), file(2, 1000)}, {bundle(2, 8)}), "1:4000");
}

TEST(StandIns, AnArchiveHadTheLengthThatTheCatalogTells) {
  ASSERT_LT(format::cipher_size(100, 500), kRecordSize);
  EXPECT_EQ(told({file(0, 1500), file(1, 4000), file(3, 1)}, {bundle(2, 8)}), "2:1000");
}

TEST(StandIns, OfSeveralInARowTheFirstOneStandsForAll) {
  // 2 + 1 and 1 + 1 are known; files 1, 2 and 4 share the rest of 20 blocks.
  EXPECT_EQ(told({file(0, 1500), file(3, 1000), file(5, 1)}, {bundle(5, 20)}), "1:12000 2:0 4:0");
}

TEST(StandIns, BehindTheLastThatIsKnownNothingTells) {
  EXPECT_EQ(told({file(0, 1500), file(2, 1000), file(6, 1)}, {bundle(2, 8)}), "1:4000 3:? 4:? 5:?");
  EXPECT_EQ(told({file(1, 1)}, {}), "0:?");
}

TEST(StandIns, WhatDoesNotAgreeTellsNothing) {
  EXPECT_EQ(told({file(0, 15000), file(2, 1000)}, {bundle(2, 8)}), "1:?") << "more than fits";
  EXPECT_EQ(told({file(0, 1000), file(2, 1000)}, {bundle(2, 1)}), "1:?") << "fewer filemarks";
  EXPECT_EQ(told({file(0, 1500), file(2, 1000)}, {bundle(2, 8)}, 0), "1:?") << "no record size";
}

TEST(StandIns, HostileNumbersNeitherWrapNorTakeLong) {
  EXPECT_EQ(told({file(0, kMost), file(2, kMost)}, {bundle(2, 8)}), "1:?");
  EXPECT_EQ(told({file(0, 0), file(2, 0)}, {bundle(2, kMost)}), "1:?");
  EXPECT_EQ(told({file(0, 0), file(2, 0)}, {bundle(2, 1ULL << 60)}), "1:?") << "no disk has that";
  catalog::Bundle huge = bundle(2, 8);
  huge.plain_bytes = kMost;
  EXPECT_EQ(told({file(0, 0), file(2, 0)}, {huge}), "1:?");
  EXPECT_EQ(stand_ins_for({file(999'999'999, 0)}, kRecordSize, {}).size(), 10'000U);
}

class StandInsTest : public ScanTest {
 protected:
  // 0 archaeology, 1 and 3 indexes, 2 and 4 archives of three and one records, 5 closing index.
  void two_archives() {
    write("a", pattern_text(150'000, 1));
    back_up();
    write("b", "second");
    back_up();
  }
  // What stands between the first two backticks.
  static void run_command_in(const std::string& advice) {
    const std::size_t from = advice.find('`') + 1;
    const std::string command = advice.substr(from, advice.find('`', from) - from);
    ASSERT_THAT(command, testing::StartsWith("truncate -s "));
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  std::string doctors_advice() {
    reopen();
    for (const Finding& finding : examine(home(), reporter_)) {
      if (finding.subject == "medium MX0001" && finding.verdict == Finding::Verdict::bad) {
        return finding.advice;
      }
    }
    return "";
  }
};

TEST_F(StandInsTest, TheDoctorGivesTheCommandThatMakesTheOthersReadable) {
  two_archives();
  const fs::path medium = home() / "library/MX0001";
  for (const char* lost : {"0001.index.sqlite.age", "0002.archive.tar.age"}) {
    reopen();
    fs::rename(medium / lost, directory_ / "aside");
    const std::string advice = doctors_advice();
    const std::uint64_t records = (fs::file_size(directory_ / "aside") + kRecord - 1) / kRecord;
    EXPECT_THAT(advice, HasSubstr("truncate -s " + std::to_string(records * kRecord) + " " +
                                  (medium / (std::string(lost, 4) + ".lost")).string()));
    run_command_in(advice);
    EXPECT_EQ(restored("b"), "second") << lost;
    EXPECT_THAT(doctors_advice(), IsEmpty()) << "what is appended to it is as before";
    fs::remove(medium / (std::string(lost, 4) + ".lost"));
    fs::rename(directory_ / "aside", medium / lost);
  }
}

TEST_F(StandInsTest, WhereAllArchivesAreKnownAScanGivesTheCommand) {
  two_archives();
  lose_home();
  fs::remove(shelf_ / "MX0001/0002.archive.tar.age");
  const RecoverResult result = scan();
  EXPECT_THAT(result.scanned, IsEmpty());
  ASSERT_FALSE(reporter_.problems.empty());
  EXPECT_THAT(reporter_.problems.back(), AllOf(HasSubstr("MX0001"), HasSubstr("0002.lost")));
  run_command_in(reporter_.problems.back());
  EXPECT_EQ(restored("b"), "second");
}

TEST_F(StandInsTest, StatusNamesAMediumThatCannotBeRead) {
  two_archives();
  EXPECT_THAT(status_of(context()).media.at(0).unreadable, IsEmpty());
  EXPECT_THAT(all_copied_text(status_of(context())), Not(HasSubstr("MX0001")));
  fs::remove(home() / "library/MX0001/0002.archive.tar.age");
  const Status now = status_of(context());
  EXPECT_THAT(
      now.media,
      Contains(AllOf(Field(&MediumStatus::here, true),
                     Field(&MediumStatus::unreadable, AllOf(HasSubstr("tape file 2 is missing"),
                                                            HasSubstr("mixtape doctor"))))));
  EXPECT_THAT(all_copied_text(now), HasSubstr("cannot be read now: MX0001"));
}

TEST_F(StandInsTest, OfWhatTheCatalogDoesNotKnowItSaysSo) {
  two_archives();
  const fs::path medium = home() / "library/MX0001";
  fs::copy_file(medium / "0005.index.sqlite.age", medium / "0007.index.sqlite.age");
  EXPECT_THAT(doctors_advice(), AllOf(HasSubstr("tape file 6"), HasSubstr("tells no size"),
                                      Not(HasSubstr("truncate"))));
}

}  // namespace
}  // namespace mixtape::service
