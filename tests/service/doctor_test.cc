// SPDX-License-Identifier: Apache-2.0
#include "engine/service/doctor.h"

#include "tapeio/library.h"
#include "tests/service/service_fixture.h"

// The doctor says what is wrong before somebody needs what is lost.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using Verdict = Finding::Verdict;

class DoctorTest : public ServiceTest {
 protected:
  DoctorTest() {
    write("a", std::string(3 * MiB, 'a'));
    back_up();
  }
  std::vector<Finding> examine_now() {
    reopen();
    return examine(home(), reporter_);
  }
  [[nodiscard]] fs::path medium(const std::string& label) const {
    return home() / "library" / label;
  }
  [[nodiscard]] fs::path archive() const { return medium("MX0001") / "0002.archive.tar.age"; }

  static auto bad(const std::string& subject, const std::string& words) {
    return AllOf(Field(&Finding::verdict, Verdict::bad), Field(&Finding::subject, subject),
                 Field(&Finding::words, HasSubstr(words)),
                 Field(&Finding::advice, Not(testing::IsEmpty())));
  }
};

TEST_F(DoctorTest, FindsNothingBadAboutAHomeThatIsWell) {
  for (const Finding& finding : examine_now()) {
    // A machine without /dev/fuse is no fault of the home.
    EXPECT_TRUE(finding.verdict != Verdict::bad || finding.subject == "FUSE")
        << finding.subject << ": " << finding.words;
  }
}

TEST_F(DoctorTest, FindsAMediumWhoseArchiveWasCut) {
  fs::resize_file(archive(), fs::file_size(archive()) - MiB);
  EXPECT_THAT(examine_now(), Contains(bad("medium MX0001", "another length")));
}

TEST_F(DoctorTest, FindsAMediumThatLostATapeFile) {
  fs::remove(medium("MX0001") / "0001.index.sqlite.age");
  EXPECT_THAT(examine_now(), Contains(bad("medium MX0001", "tape file 1")));
}

TEST_F(DoctorTest, FindsAnotherMediumInThePlaceOfOurs) {
  fs::rename(medium("MX0001"), directory_ / "aside");
  fs::rename(medium("MX0002"), medium("MX0001"));
  EXPECT_THAT(examine_now(), Contains(bad("medium MX0001", "blank")));
}

TEST_F(DoctorTest, OfTwoMediaOfOneLabelItNamesTheOneToRename) {
  const fs::path other = home() / "other";
  fs::create_directory(other);
  tapeio::open_library("dir:" + other.string())->add_medium("MX0001", GiB);
  configure("libraries = [\"dir:other\", \"dir:library\"]\n");
  const std::vector<Finding> findings = examine_now();
  EXPECT_THAT(
      findings,
      Contains(AllOf(Field(&Finding::subject, "medium MX0001"),
                     Field(&Finding::advice, HasSubstr("mv " + (other / "MX0001").string())))));
  EXPECT_THAT(findings, Not(Contains(Field(&Finding::advice, HasSubstr("retire")))));
}

TEST_F(DoctorTest, FindsAMediumOfANewerFormat) {
  test::write_text(medium("MX0001") / "mixtape-medium",
                   "format = 2\ncapacity_bytes = 1000000\nrecord_size = 1048576\n");
  EXPECT_THAT(examine_now(), Contains(bad("medium MX0001", "format 2")));
}

TEST_F(DoctorTest, FindsACatalogThatIsDamaged) {
  reopen();
  fs::resize_file(home() / "catalog.db", 4096);
  EXPECT_THAT(examine_now(), Contains(Field(&Finding::verdict, Verdict::bad)));
}

TEST_F(DoctorTest, NagsUntilTheRecoveryKeyLiesElsewhere) {
  const auto nagging =
      AllOf(Field(&Finding::subject, "recovery key"), Field(&Finding::verdict, Verdict::warning));
  EXPECT_THAT(examine_now(), Contains(nagging));
  context().workspace.home().set_recovery_kept_elsewhere();
  EXPECT_THAT(examine_now(), Not(Contains(nagging)));
}

TEST_F(DoctorTest, FindsKeysThatOthersCanRead) {
  fs::permissions(home() / "keys", fs::perms::others_read, fs::perm_options::add);
  EXPECT_THAT(examine_now(), Contains(Field(&Finding::subject, "permissions")));
}

}  // namespace
}  // namespace mixtape::service
