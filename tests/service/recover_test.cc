// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recover.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "tapeio/error.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"

// The home is lost; the media and an identity are left.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RecoverTest : public ServiceTest {
 protected:
  // Backs up with one medium in the library; the others lie on the shelf.
  void back_up_onto(const std::string& label) {
    reopen();
    fs::create_directories(shelf_);
    for (const std::string& other : {"MX0001", "MX0002", "MX0003"}) {
      if (other != label && fs::exists(library() / other)) {
        fs::rename(library() / other, shelf_ / other);
      }
    }
    if (!fs::exists(library() / label)) {
      fs::rename(shelf_ / label, library() / label);
    }
    ASSERT_TRUE(back_up().job);
  }
  // The media lie on the shelf, the key in a drawer, and nothing else is left.
  void lose_home() {
    reopen();
    fs::create_directories(shelf_);
    for (const auto& medium : fs::directory_iterator(library())) {
      fs::rename(medium.path(), shelf_ / medium.path().filename());
    }
    fs::copy_file(home() / "keys/recovery.identity", paper_);
    fs::remove_all(home());
  }
  // A library with this medium alone.
  std::string library_of(const std::string& label) {
    const fs::path directory = directory_ / ("only-" + label);
    fs::create_directories(directory);
    if (fs::exists(shelf_ / label)) {
      fs::rename(shelf_ / label, directory / label);
    }
    return "dir:" + directory.string();
  }
  RecoverResult recover_from(const std::string& library_url) {
    reopen();
    return recover({home(), library_url, paper_, "mixtape recover"}, reporter_);
  }
  RecoverResult recover_from_shelf() { return recover_from(shelf_url()); }

  [[nodiscard]] fs::path library() const { return home() / "library"; }
  [[nodiscard]] std::string shelf_url() const { return "dir:" + shelf_.string(); }
  [[nodiscard]] std::string own_recipient() const {
    return format::read_identity_file(paper_).front().recipient().text();
  }
  std::vector<std::string> recipients() {
    std::vector<std::string> texts;
    for (const format::Recipient& recipient : home::Home(home()).recipients()) {
      texts.push_back(recipient.text());
    }
    return texts;
  }
  static void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
    ASSERT_EQ(from.size(), to.size());
    std::string text = test::read_text(file);
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, to.size(), to);
    }
    test::write_text(file, text);
  }
  [[nodiscard]] fs::path label_of(const std::string& medium) const {
    return shelf_ / medium / "0000.archaeology.tar";
  }

  const fs::path shelf_ = directory_ / "shelf";
  const fs::path paper_ = directory_ / "paper";
};

TEST_F(RecoverTest, OnlyTheGivenIdentityCanReadWhatIsWrittenFromThenOn) {
  write("a", "first");
  back_up();
  const std::vector<std::string> both = recipients();
  lose_home();
  (void)recover_from_shelf();
  ASSERT_THAT(recipients(), ElementsAre(own_recipient()));
  const std::string other = both[0] == own_recipient() ? both[1] : both[0];
  EXPECT_THAT(reporter_.notes, Contains("medium MX0001 also names " + other +
                                        ": if you know it, run `mixtape key add " + other + "`"));
  EXPECT_THAT(reporter_.problems, IsEmpty());
}

TEST_F(RecoverTest, AStrangerOnAnEditedLabelReadsNothingThatIsWrittenLater) {
  write("a", "first");
  back_up();
  const std::string daily = recipients().front();
  const std::string stranger = format::Identity::generate().recipient().text();
  lose_home();
  replace_in(label_of("MX0001"), daily, stranger);
  (void)recover_from_shelf();
  EXPECT_THAT(recipients(), ElementsAre(own_recipient()));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr(stranger)));
}

TEST_F(RecoverTest, ARecipientThatIsNoneIsAProblemOfItsMediumAndNotOfTheRecovery) {
  write("a", "first");
  back_up();
  const std::string daily = recipients().front();
  lose_home();
  replace_in(label_of("MX0001"), daily, std::string(daily.size(), 'x'));
  (void)recover_from_shelf();
  EXPECT_THAT(reporter_.problems, ElementsAre(AllOf(HasSubstr("medium MX0001"), HasSubstr("xxxx"))));
  EXPECT_TRUE(latest(path_of("a")));
}

}  // namespace
}  // namespace mixtape::service
