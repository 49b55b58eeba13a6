// SPDX-License-Identifier: Apache-2.0
#include "engine/service/health.h"

#include "engine/service/doctor.h"
#include "engine/service/restore.h"
#include "engine/service/status.h"
#include "engine/service/verify.h"
#include "tapeio/tape_alerts.h"
#include "tests/service/service_fixture.h"

// What drives tell of media at the end of a job is known to the next command, also of a medium that
// is on the shelf. The drives are simulated.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class HealthTest : public ServiceTest {
 protected:
  HealthTest() { configure("libraries = [\"sim:" + (home() / "library").string() + "\"]\n"); }

  MediumStatus medium(const std::string& label = "MX0001") {
    for (MediumStatus& each : media_status(context())) {
      if (each.medium.label == label) {
        return each;
      }
    }
    return {};
  }
  // As a person edits the file of the simulated cartridge.
  void set_cartridge(const std::string& key, const std::string& value) {
    const fs::path file = home() / "library/MX0001/mixtape-cartridge";
    std::string text = test::read_text(file);
    const std::size_t at = text.find(key + " =");
    ASSERT_NE(at, std::string::npos);
    text.replace(at, text.find('\n', at) - at, key + " = " + value);
    test::write_text(file, text);
  }
  void libraries_worn_from(std::uint64_t block) {
    for (const auto& entry : fs::directory_iterator(home() / "library")) {
      if (entry.is_directory() && entry.path().filename() != "MX0001") {
        fs::remove_all(entry.path());
      }
    }
    set_cartridge("unwritable", std::to_string(block) + "-500");
  }
  // As if its drive had told it at the end of a job.
  void tell(std::vector<std::uint8_t> flags, const std::string& serial = "drive 1") {
    catalog::HealthSample told{.medium = medium().medium.uuid, .taken_s = context().now_s()};
    told.report.drive = "ACME " + serial;
    told.report.serial = serial;
    for (const std::uint8_t flag : flags) {
      told.report.alerts.push_back(tapeio::tape_alert(flag));
    }
    context().workspace.health().add(told);
  }
};

TEST_F(HealthTest, BackupLeavesHowWornTheMediumIsForTheNextCommand) {
  write("a", "some bytes");
  back_up();
  reopen();
  const MediumStatus worn = medium();
  ASSERT_THAT(worn.health, SizeIs(1));
  EXPECT_GE(worn.health[0].report.wear->loads.value_or(0), 1u);
  EXPECT_TRUE(worn.health[0].report.space.has_value());
  const std::vector<DriveStatus> all = drives(context());
  ASSERT_THAT(all, Not(IsEmpty()));
  ASSERT_TRUE(all[0].health.has_value());
  EXPECT_TRUE(all[0].health->report.health->repositions.has_value());
}

TEST_F(HealthTest, MediumOnTheShelfIsKnownAsItWasLastTime) {
  write("a", "some bytes");
  back_up();
  reopen();
  fs::rename(home() / "library" / "MX0001", directory_ / "shelf");
  const MediumStatus away = medium();
  EXPECT_FALSE(away.here);
  EXPECT_THAT(away.health, SizeIs(1));
}

TEST_F(HealthTest, AMediumThatNobodyReadForAYearIsToBeVerified) {
  write("a", "some bytes");
  back_up();
  EXPECT_THAT(medium().prospects, IsEmpty());
  ASSERT_TRUE(medium().verify_due_s.has_value());
  now_s_ = *medium().verify_due_s + 1;
  EXPECT_THAT(medium().prospects,
              testing::ElementsAre(Field(&Prospect::kind, Prospect::Kind::verification)));
  VerifyRequest request;
  request.media = {"MX0001"};
  (void)verify(context(), request, reporter_);
  EXPECT_THAT(medium().prospects, IsEmpty());
}

TEST_F(HealthTest, DoctorAdvisesToVerifyWhatIsDue) {
  now_s_ = 1'000'000'000;  // Doctor goes by the clock of the machine.
  write("a", "some bytes");
  back_up();
  reopen();
  EXPECT_THAT(examine(home(), reporter_),
              Contains(AllOf(Field(&Finding::subject, "medium MX0001"),
                             Field(&Finding::words, HasSubstr("nobody read since")),
                             Field(&Finding::advice, HasSubstr("mixtape verify MX0001")))));
}

TEST_F(HealthTest, FlushRecordsToo) {
  stage("p/a", "some bytes");
  flush_now();
  EXPECT_GE(count("state.health"), 1);
}

TEST_F(HealthTest, RestoreRecordsToo) {
  write("a", "some bytes");
  back_up();
  const std::int64_t rows = count("state.health");
  RestoreRequest request;
  request.to = (directory_ / "out").string();
  request.paths = {source("a").string()};
  ASSERT_EQ(restore(context(), request, reporter_).files, 1u);
  EXPECT_EQ(count("state.health"), rows + 1);
}

TEST_F(HealthTest, AJobThatFailsRecordsWhatItsMediumWasLike) {
  write("a", "some bytes");
  back_up();
  reopen();
  libraries_worn_from(0);
  const std::int64_t rows = count("state.health");
  write("b", "more bytes");
  EXPECT_THROW((void)back_up(), Error);
  EXPECT_GT(count("state.health"), rows);
  ASSERT_THAT(medium().health, SizeIs(1));
  EXPECT_THAT(medium().health[0].report.alerts,
              Contains(Field(&tapeio::TapeAlert::name, "Write failure")));
}

TEST_F(HealthTest, TapeThatCannotBeReadSpoilsItsCopyAndADriveThatFailsDoesNot) {
  write("a", std::string(100'000, 'a'));
  back_up();
  const catalog::ContentId content = latest(path_of("a"))->content.value();
  reopen();
  set_cartridge("unreadable", "4-100");
  RestoreRequest request;
  request.to = (directory_ / "out").string();
  request.paths = {source("a").string()};
  EXPECT_EQ(restore(context(), request, reporter_).trouble_count, 1u);
  ASSERT_THAT(context().ledger.damaged(content), SizeIs(1));
  EXPECT_THAT(context().ledger.damaged(content)[0].found, HasSubstr("worn"));
  reopen();
  set_cartridge("unreadable", "");
  EXPECT_EQ(restore(context(), request, reporter_).files, 1u);
  EXPECT_THAT(context().ledger.damaged(content), IsEmpty());
}

TEST_F(HealthTest, LookingWritesNothingAndShowsWhatIsNotWrittenYet) {
  write("a", "some bytes");
  back_up();
  const std::int64_t rows = count("state.health");
  tell({7});
  ASSERT_THAT(medium().health, SizeIs(1));
  EXPECT_EQ(medium().health[0].report.alerts.at(0).name, "Media life");
  EXPECT_EQ(count("state.health"), rows);
  record_health(context());
  EXPECT_EQ(count("state.health"), rows + 1);
}

TEST_F(HealthTest, DoctorSaysWhatDrivesComplainOfAndWhatToDo) {
  write("a", "some bytes");
  back_up();
  tell({7, 20});
  record_health(context());
  reopen();
  const std::vector<Finding> findings = examine(home(), reporter_);
  EXPECT_THAT(findings, Contains(AllOf(Field(&Finding::subject, "medium MX0001"),
                                       Field(&Finding::words, HasSubstr("Media life")),
                                       Field(&Finding::advice, HasSubstr("out of use")))));
  EXPECT_THAT(findings, Contains(AllOf(Field(&Finding::verdict, Finding::Verdict::bad),
                                       Field(&Finding::subject, "drive 1"),
                                       Field(&Finding::words, HasSubstr("Cleaning required")))));
}

TEST_F(HealthTest, CleanedDriveAsksForNothingAnyMore) {
  write("a", "some bytes");
  back_up();
  tell({20});
  record_health(context());
  ASSERT_THAT(drives(context()).at(0).health->report.alerts, SizeIs(1));
  add_medium(context(), "CLN001L8", {}, std::nullopt);
  clean_drive(context(), "drive 1");
  reopen();
  EXPECT_THAT(drives(context()).at(0).health->report.alerts, IsEmpty());
}

}  // namespace
}  // namespace mixtape::service
