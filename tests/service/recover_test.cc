// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recover.h"

#include <algorithm>

#include "engine/home/home_lock.h"
#include "tapeio/error.h"
#include "tests/service/lost_home.h"
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

class RecoverTest : public LostHomeTest {
 protected:
  // Backs up with one medium in the library; the others lie on the shelf.
  void back_up_onto(const std::string& label) {
    reopen();
    fs::create_directories(shelf_);
    for (const char* other : {"MX0001", "MX0002", "MX0003"}) {
      if (other != label && fs::exists(library() / other)) {
        fs::rename(library() / other, shelf_ / other);
      }
    }
    if (!fs::exists(library() / label)) {
      fs::rename(shelf_ / label, library() / label);
    }
    ASSERT_TRUE(back_up().job);
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

  // What the catalog says, without its numbers.
  std::vector<std::string> facts() {
    std::vector<std::string> lines;
    Context& all = context();
    for (const catalog::Job& job : all.tree.snapshots()) {
      lines.push_back("job " + std::to_string(job.started_s));
      all.tree.walk({job.id}, catalog::kRootPath,
                    [&](const std::string& path, const catalog::Version& version) {
                      lines.push_back(std::to_string(job.started_s) + " " + path + places(version));
                      return true;
                    });
    }
    for (const catalog::Medium& medium : all.ledger.media()) {
      lines.push_back("medium " + medium.label + " " + to_hex(medium.uuid));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::string places(const catalog::Version& version) {
    if (!version.content) {
      return "";
    }
    std::vector<std::string> labels;
    for (const catalog::CopyPlace& place : context().ledger.places(*version.content)) {
      labels.push_back(place.medium.label);
    }
    std::sort(labels.begin(), labels.end());
    std::string words = " " + (version.hash ? to_hex(*version.hash) : "unhashed") + " on";
    for (const std::string& label : labels) {
      words += " " + label;
    }
    return words;
  }
  // The newest tape file of a medium: its closing index.
  [[nodiscard]] fs::path last_file_of(const std::string& medium) const {
    fs::path last;
    for (const auto& file : fs::directory_iterator(shelf_ / medium)) {
      if (file.path().extension() == ".age") {
        last = std::max(last, file.path());
      }
    }
    return last;
  }
};

TEST_F(RecoverTest, OnlyTheGivenIdentityCanReadWhatIsWrittenFromThenOn) {
  write("a", "first");
  back_up();
  const std::vector<std::string> both = recipients();
  lose_home();
  (void)recover_from_shelf();
  ASSERT_THAT(recipients(), ElementsAre(own_recipient()));
  const std::string other = both[0] == own_recipient() ? both[1] : both[0];
  EXPECT_THAT(reporter_.notes,
              Contains(AllOf(HasSubstr("medium MX0001"), HasSubstr("the key of " + other),
                             HasSubstr("run `mixtape key add " + other + "`"))));
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
  EXPECT_THAT(reporter_.problems,
              ElementsAre(AllOf(HasSubstr("medium MX0001"), HasSubstr("xxxx"))));
  EXPECT_TRUE(latest(path_of("a")));
}

TEST_F(RecoverTest, WhatChangedSinceTheRecoveredStateIsSeenByTheNextBackup) {
  write("a", "version one");
  back_up();
  reopen();
  fs::copy(library(), directory_ / "then", fs::copy_options::recursive);
  write("a", "version two, longer");
  back_up();
  reopen();
  // The catalog and the newest state of the medium are lost; where the sources stood is not.
  fs::remove_all(library());
  fs::rename(directory_ / "then", library());
  for (const char* file : {"catalog.db", "catalog.db-wal", "catalog.db-shm"}) {
    fs::remove(home() / file);
  }
  fs::copy_file(home() / "keys/recovery.identity", paper_);
  (void)recover_from("dir:" + library().string());
  EXPECT_TRUE(back_up().job);
  ASSERT_TRUE(latest(path_of("a")));
  EXPECT_EQ(latest(path_of("a"))->size, 19u);
}

TEST_F(RecoverTest, AFreshHomeOnANewMachineTakesUpTheOldMedia) {
  write("a", "first");
  back_up();
  lose_home();
  home::Home::create(home());
  (void)recover_from_shelf();
  EXPECT_THAT(reporter_.notes,
              Contains(AllOf(HasSubstr("added the library"), HasSubstr(shelf_url()))));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr("added " + own_recipient())));
  EXPECT_THAT(recipients(), Contains(own_recipient()));
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_TRUE(context().workspace.libraries().find("MX0001").has_value());
  write("b", "second");
  EXPECT_TRUE(back_up().job);
}

TEST_F(RecoverTest, MediaOfAnotherCatalogComeUnderItsNameAndThatIsSaid) {
  write("a", "first");
  back_up();
  lose_home();
  home::Home::create(home());
  write("mine", "other words");
  back_up();
  const RecoverResult result = recover_from_shelf();
  ASSERT_EQ(result.recovered.directories.size(), 1U);
  const std::string directory = *result.recovered.directories.begin();
  EXPECT_TRUE(latest(path_of("mine")));
  EXPECT_TRUE(latest(directory + "/" + path_of("a")));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr("its files stand under " + directory)));
}

TEST_F(RecoverTest, AMountedHomeIsRefusedAndTheMountNamed) {
  write("a", "first");
  back_up();
  lose_home();
  home::Home::create(home());
  const std::string before = test::read_text(home() / "catalog.db");
  const home::HomeLock mount(home(), home::HomeLock::Role::daemon, "mount.mixtape /mnt/tapes");
  try {
    (void)recover_from_shelf();
    FAIL() << "recovered under a mount";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::locked);
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("mount.mixtape /mnt/tapes"), HasSubstr("unmount it first")));
  }
  EXPECT_EQ(test::read_text(home() / "catalog.db"), before);
}

TEST_F(RecoverTest, WhatWasLostIsThereAgain) {
  write("a", "first");
  back_up_onto("MX0001");
  write("a", "second");
  write("d/b", "other words");
  back_up_onto("MX0002");
  const std::vector<std::string> truth = facts();
  lose_home();
  const RecoverResult result = recover_from_shelf();
  EXPECT_THAT(result.read, ElementsAre("MX0001", "MX0002"));
  EXPECT_THAT(result.skipped, ElementsAre("MX0003"));
  EXPECT_EQ(result.recovered.unhashed, 0U);
  EXPECT_EQ(facts(), truth);
}

TEST_F(RecoverTest, AnyOrderOfMediaGivesTheSameCatalog) {
  std::vector<std::string> labels{"MX0001", "MX0002", "MX0003"};
  for (const std::string& label : labels) {
    write("same", "words of " + label);
    write(label, "only " + label);
    back_up_onto(label);
    remove(label);
  }
  const std::vector<std::string> truth = facts();
  lose_home();
  do {
    for (const std::string& label : labels) {
      (void)recover_from(library_of(label));
    }
    EXPECT_EQ(facts(), truth) << testing::PrintToString(labels);
    reopen();
    fs::remove_all(home());
  } while (std::next_permutation(labels.begin(), labels.end()));
}

TEST_F(RecoverTest, OneMediumOfSeveralKnowsWhatWasWhenItWasWritten) {
  write("a", "first");
  back_up_onto("MX0001");
  write("b", "second");
  back_up_onto("MX0002");
  lose_home();
  EXPECT_THAT(recover_from(library_of("MX0001")).read, ElementsAre("MX0001"));
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_THAT(recover_from(library_of("MX0002")).read, ElementsAre("MX0002"));
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_TRUE(latest(path_of("b")));
}

TEST_F(RecoverTest, ADamagedClosingIndexCostsTheHashesOfItsBundle) {
  write("a", "first");
  back_up();
  lose_home();
  std::string index = test::read_text(last_file_of("MX0001"));
  index[5000] = static_cast<char>(index[5000] ^ 1);
  test::write_text(last_file_of("MX0001"), index);
  const RecoverResult result = recover_from_shelf();
  EXPECT_THAT(result.read, ElementsAre("MX0001"));
  EXPECT_EQ(result.recovered.unhashed, 1U);
  ASSERT_TRUE(latest(path_of("a")));
  EXPECT_FALSE(latest(path_of("a"))->hash);
}

TEST_F(RecoverTest, WithoutAClosingIndexTheLastBundleIsKnownByItsOwn) {
  write("a", "first");
  back_up();
  lose_home();
  fs::remove(last_file_of("MX0001"));
  const RecoverResult result = recover_from_shelf();
  EXPECT_EQ(result.recovered.unhashed, 1U);
  ASSERT_TRUE(latest(path_of("a")));
  EXPECT_TRUE(latest(path_of("a"))->written);
}

TEST_F(RecoverTest, ADamagedLabelCostsNothingButItself) {
  write("a", "first");
  back_up();
  lose_home();
  std::string label = test::read_text(label_of("MX0001"));
  label[3] ^= 1;
  test::write_text(label_of("MX0001"), label);
  const RecoverResult result = recover_from_shelf();
  EXPECT_THAT(result.read, ElementsAre("MX0001"));
  EXPECT_THAT(reporter_.problems, ElementsAre(AllOf(HasSubstr("tape file 0, its label, is damaged"),
                                                    HasSubstr("mixtape media retire MX0001"))));
  ASSERT_TRUE(latest(path_of("a")));
  EXPECT_TRUE(latest(path_of("a"))->hash);
}

TEST_F(RecoverTest, WithoutALabelAndAnIndexAMediumStaysUnread) {
  write("a", "first");
  back_up();
  lose_home();
  for (const auto& file : fs::directory_iterator(shelf_ / "MX0001")) {
    if (file.path().filename() != "mixtape-medium") {
      test::write_text(file, "junk");
    }
  }
  EXPECT_EQ(test::error_of([&] { return recover_from_shelf(); }), ErrorCode::not_found);
  EXPECT_THAT(reporter_.problems, ElementsAre(HasSubstr("MX0001")));
}

TEST_F(RecoverTest, AnIdentityThatOpensNothingIsRefusedAndLeavesNoHome) {
  write("a", "first");
  back_up();
  lose_home();
  fs::remove(paper_);
  format::write_identity_file(paper_, format::Identity::generate(), "another drawer's");
  EXPECT_EQ(test::error_of([&] { return recover_from_shelf(); }), ErrorCode::not_permitted);
  EXPECT_THAT(reporter_.problems, ElementsAre(HasSubstr("MX0001")));
  EXPECT_FALSE(fs::exists(home()));
}

TEST_F(RecoverTest, CopiesCountOnlyOnceTheLabelOfTheirMediumWasReadAgain) {
  write("a", "first");
  write("b", "second");
  configure("copies = 2\n");
  back_up_onto("MX0001");
  back_up_onto("MX0002");  // The first one was carried off: it is a place of its own.
  const auto lacking = [this] {
    std::vector<std::string> paths;
    context().ledger.needs([](const std::string&) { return 2U; },
                           [](const catalog::Medium& medium) { return medium.label; },
                           [&](const catalog::Ledger::Need& need) {
                             EXPECT_EQ(need.missing, need.unseen);
                             paths.push_back(need.path);
                             return true;
                           });
    return paths;
  };
  EXPECT_THAT(lacking(), IsEmpty());
  lose_home();
  (void)recover_from(library_of("MX0002"));
  EXPECT_THAT(lacking(), ElementsAre(path_of("a"), path_of("b")));
  // Within reach again, it is looked at by the next backup, though nothing is to be written to it.
  fs::rename(shelf_ / "MX0001", library() / "MX0001");
  configure("copies = 1\n");
  reopen();
  EXPECT_FALSE(back_up().job);
  EXPECT_THAT(lacking(), IsEmpty());
}

TEST_F(RecoverTest, DoingItAgainChangesNothing) {
  write("a", "first");
  back_up();
  lose_home();
  (void)recover_from_shelf();
  const std::vector<std::string> once = facts();
  reporter_.notes.clear();
  (void)recover_from_shelf();
  EXPECT_EQ(facts(), once);
  EXPECT_THAT(reporter_.notes, testing::Not(Contains(HasSubstr("added"))));
}

}  // namespace
}  // namespace mixtape::service
