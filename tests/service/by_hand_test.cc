// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "engine/archive/load_waiting.h"
#include "engine/service/last_index.h"
#include "engine/service/media.h"
#include "engine/service/media_state.h"
#include "engine/service/restore.h"
#include "tapeio/cartridge_library.h"
#include "tests/library/fake_robot.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"

// One drive, a shelf of tapes, and a human who puts in what he is asked for.

namespace mixtape::service {
namespace {

using namespace std::chrono_literals;
using tapeio::ForPeople;
using test::Cartridge;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class ByHandTest : public ServiceTest {
 protected:
  ByHandTest() {
    configure("libraries = [\"st:/dev/nst0\"]\ncopies = 1\n");
    libraries_options_.open = [this](const std::string& url) {
      if (url.starts_with(tapeio::kChangerScheme)) {
        throw Error(ErrorCode::not_found, "open " + url + ": it is switched off");
      }
      tapeio::CartridgeLibraryOptions options;
      options.look_every = 0ms;
      options.read_label = read_label_text;
      return tapeio::make_cartridge_library(
          {.url = url,
           .changer = nullptr,
           .drives = {{.device = url.substr(url.find('/')),
                       .open = [&drive = url.ends_with("nst0") ? drive_ : other_drive_](
                                   const auto& not_ready) { return drive.open(not_ready); }}},
           .options = std::move(options)});
    };
    // The human does as he is told.
    reporter_.on_note = [this](const std::string& line) {
      for (const auto& [label, tape] : shelf_) {
        if (line.find("put tape " + label) != std::string::npos) {
          put_in(label);
        }
      }
    };
  }
  void put_in(const std::string& label) {
    static_cast<void>(drive_.take_out());
    if (workspace_) {
      static_cast<void>(workspace_->libraries().slots());  // No hand is quicker than the next look.
    }
    drive_.insert(shelf_.at(label));
  }
  // A blank tape gets its label, and stays in the drive.
  void label(const std::string& label) {
    shelf_[label] = test::make_cartridge("");
    put_in(label);
    label_medium(context(), label, false, reporter_);
  }
  void back_up_to(const std::string& label, std::string_view file) {
    put_in(label);
    write(file, file);
    ASSERT_EQ(back_up().written.files, 1U);
  }
  BackupResult back_up_waiting(ForPeople for_people = ForPeople::wait) {
    BackupRequest wanted = request();
    wanted.for_people = for_people;
    reporter_.notes.clear();
    return backup(context(), wanted, reporter_);
  }
  RestoreResult restore_all(ForPeople for_people) {
    RestoreRequest wanted;
    wanted.paths = {source().string()};
    wanted.to = (directory_ / "out").string();
    wanted.for_people = for_people;
    reporter_.notes.clear();
    return restore(context(), wanted, reporter_);
  }
  std::string restored(std::string_view name) {
    return test::read_text(directory_ / "out" / path_of(name));
  }

  test::FakeDrive drive_{"SN1"}, other_drive_{"SN2"};
  std::map<std::string, Cartridge> shelf_;
};

TEST_F(ByHandTest, ARestoreAsksForEachTapeWithItsPlaceAndGoesOnByItself) {
  label("MX0001");
  label("MX0002");
  back_up_to("MX0001", "a");
  back_up_to("MX0002", "b");
  move_medium(context(), "MX0001", "shelf B");
  const RestoreResult result = restore_all(ForPeople::wait);
  EXPECT_THAT(result.troubles, IsEmpty());
  EXPECT_EQ(restored("a"), "a");
  EXPECT_EQ(restored("b"), "b");
  EXPECT_THAT(reporter_.notes,
              ElementsAre("MX0001 (shelf B): put tape MX0001 into /dev/nst0 in place of MX0002, "
                          "which comes out now; waiting"));
}

TEST_F(ByHandTest, ARestoreThatIsNotToWaitSaysWhichTapeIsMissing) {
  label("MX0001");
  label("MX0002");
  back_up_to("MX0001", "a");
  put_in("MX0002");
  const int unloaded = drive_.unloaded;
  const RestoreResult result = restore_all(ForPeople::fail);
  ASSERT_THAT(result.troubles, SizeIs(1));
  EXPECT_THAT(result.troubles[0].why,
              HasSubstr("medium MX0001 is not here; put it into st:/dev/nst0 and run this again"));
  EXPECT_THAT(reporter_.notes, IsEmpty());
  EXPECT_EQ(drive_.unloaded, unloaded);
}

TEST_F(ByHandTest, AStopEndsTheWaitForATape) {
  label("MX0001");
  back_up_to("MX0001", "a");
  static_cast<void>(drive_.take_out());
  reporter_.on_note = [&](const std::string&) { reporter_.stopping.request_stop(); };
  EXPECT_EQ(test::error_of([&] { return restore_all(ForPeople::wait); }), ErrorCode::cancelled);
  EXPECT_THAT(reporter_.notes, ElementsAre("put tape MX0001 into /dev/nst0; waiting"));
}

TEST_F(ByHandTest, AStopEndsABackupThatWaitsAndTheNextOneFinishesIt) {
  label("MX0001");
  static_cast<void>(drive_.take_out());
  write("a", "one");
  reporter_.on_note = [&](const std::string&) { reporter_.stopping.request_stop(); };
  EXPECT_EQ(test::error_of([&] { return back_up_waiting(); }), ErrorCode::cancelled);
  reporter_.stopping = {};
  put_in("MX0001");
  EXPECT_EQ(back_up_waiting().written.files, 1U);
}

// Says what it is told to, word by word, and then has the waiting stopped.
class ScriptedLibrary final : public tapeio::Library {
 public:
  ScriptedLibrary(std::vector<std::string> words, std::stop_source& stop)
      : words_(std::move(words)), stop_(stop) {}
  std::string url() const override { return "script:"; }
  std::vector<tapeio::MediumSlot> media() override { return {}; }
  void add_medium(std::string_view, std::uint64_t) override {}
  using Library::load;
  std::unique_ptr<tapeio::TapeDrive> load(std::string_view, Access,
                                          const tapeio::LoadWatch&) override {
    const std::string word = words_.at(next_++);
    if (next_ == words_.size()) {
      stop_.request_stop();
    }
    throw Error(ErrorCode::no_medium, word);
  }
  bool is_fed_by_hand() const override { return true; }

 private:
  const std::vector<std::string> words_;
  std::size_t next_ = 0;
  std::stop_source& stop_;
};

TEST_F(ByHandTest, WhatIsWaitedForIsToldOnceAndAgainOnlyWhenItIsSomethingElse) {
  ScriptedLibrary library(
      {"put A in in place of B", "put A in", "put A in in place of B", "put A in in place of B"},
      reporter_.stopping);
  EXPECT_EQ(test::error_of([&] {
              return archive::load_and_tell({.library = &library, .label = "A"},
                                            tapeio::Library::Access::read, reporter_,
                                            ForPeople::wait);
            }),
            ErrorCode::cancelled);
  EXPECT_THAT(reporter_.notes,
              ElementsAre("put A in in place of B; waiting", "put A in in place of B; waiting"));
}

TEST_F(ByHandTest, ABackupAsksForTheTapeThatTheOtherCopiesGoOn) {
  label("MX0001");
  label("MX0002");
  configure("libraries = [\"st:/dev/nst0\"]\ncopies = 2\n");
  reopen();
  write("a", "one");
  const BackupResult result = back_up_waiting();
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_THAT(result.written.no_room, IsEmpty());
  ASSERT_THAT(result.written.media, SizeIs(2));
  EXPECT_THAT(reporter_.notes,
              Contains(HasSubstr("put tape MX0001 into /dev/nst0 in place of MX0002")));
  EXPECT_THAT(reporter_.problems, IsEmpty());
}

TEST_F(ByHandTest, ABackupThatIsNotToWaitNamesWhatFoundNoPlace) {
  label("MX0001");
  label("MX0002");
  configure("libraries = [\"st:/dev/nst0\"]\ncopies = 2\n");
  reopen();
  write("a", "one");
  const BackupResult result = back_up_waiting(ForPeople::fail);
  EXPECT_EQ(result.written.files, 1U);
  EXPECT_THAT(result.written.no_room, ElementsAre(path_of("a")));
  EXPECT_THAT(reporter_.notes, Not(Contains(HasSubstr("put tape"))));
}

TEST_F(ByHandTest, ABackupThatIsNotToWaitSaysWhichTapeWouldHelpAndWhereItIs) {
  label("MX0001");
  static_cast<void>(drive_.take_out());
  move_medium(context(), "MX0001", "shelf B");
  write("a", "one");
  const BackupResult result = back_up_waiting(ForPeople::fail);
  EXPECT_THAT(result.written.no_room, ElementsAre(path_of("a")));
  EXPECT_EQ(result.written.why_no_room, "none is within reach");
  EXPECT_EQ(result.written.room_help, "put tape MX0001 (shelf B) into st:/dev/nst0");
}

TEST_F(ByHandTest, WhereNoTapeHasRoomAnotherIsWantedAndNoDirectory) {
  write("a", "one");
  EXPECT_EQ(back_up_waiting(ForPeople::fail).written.room_help,
            "put another tape into st:/dev/nst0 (`mixtape media label` gives an empty one its "
            "name)");
}

TEST_F(ByHandTest, NewsThatFindNoPlaceLetTheTapeBeThatSomebodyPutIn) {
  label("MX0001");
  label("MX0002");
  configure("libraries = [\"st:/dev/nst0\"]\ncopies = 2\n");
  reopen();
  put_in("MX0001");
  shelf_.at("MX0002")->set_write_protected(true);
  const int unloaded = drive_.unloaded;
  write("a", "one");
  const BackupResult result = back_up_waiting();
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("write-protected")));
  EXPECT_EQ(result.written.files, 1U);
  EXPECT_EQ(drive_.unloaded, unloaded + 1) << "MX0001 came out for MX0002, and that stays";
}

// The robot that has MX0001 is switched off.
class RobotAwayTest : public ByHandTest {
 protected:
  RobotAwayTest() {
    label("MX0001");
    back_up_to("MX0001", "a");
    static_cast<void>(drive_.take_out());
    context().database.execute("UPDATE medium SET kind = 'changer'");
    configure("libraries = [\"st:/dev/nst0\", \"changer:/dev/sg9\"]\ncopies = 1\n");
    reopen();
  }
};

TEST_F(RobotAwayTest, ABackupAsksNobodyForWhatOnlyTheRobotCanBring) {
  write("b", "two");
  const BackupResult result = back_up_waiting();
  EXPECT_THAT(result.written.no_room, ElementsAre(path_of("b")));
  EXPECT_THAT(reporter_.notes, Not(Contains(HasSubstr("put tape"))));
}

TEST_F(RobotAwayTest, ARestoreAsksNobodyForItEither) {
  ASSERT_THAT(restore_all(ForPeople::wait).troubles, SizeIs(1));
  EXPECT_THAT(reporter_.notes, Not(Contains(HasSubstr("put tape"))));
}

TEST_F(RobotAwayTest, WithoutThatRobotInTheConfigurationSomebodyMayHaveTakenItOut) {
  configure("libraries = [\"st:/dev/nst0\"]\ncopies = 1\n");
  EXPECT_THAT(restore_all(ForPeople::wait).troubles, IsEmpty());
  EXPECT_EQ(restored("a"), "a");
}

TEST_F(ByHandTest, AFlushAsksForATapeToo) {
  label("MX0001");
  static_cast<void>(drive_.take_out());
  stage("a", "one");
  reporter_.notes.clear();
  const FlushResult result =
      flush(context(), "mixtape flush", reporter_, /*dry_run=*/false, ForPeople::wait);
  EXPECT_EQ(result.written.files, 1U);
  EXPECT_FALSE(result.still_staged);
  EXPECT_THAT(reporter_.notes, ElementsAre("put tape MX0001 into /dev/nst0; waiting"));
}

TEST_F(ByHandTest, ARetiredTapeIsNotAskedForToBeWritten) {
  label("MX0001");
  retire_medium(context(), "MX0001");
  static_cast<void>(drive_.take_out());
  write("a", "one");
  const BackupResult result = back_up_waiting();
  EXPECT_THAT(result.written.no_room, ElementsAre(path_of("a")));
  EXPECT_THAT(reporter_.notes, IsEmpty());
}

TEST_F(ByHandTest, OfTwoTapesWithoutANameTheUserSaysWhich) {
  configure("libraries = [\"st:/dev/nst0\", \"st:/dev/nst1\"]\n");
  drive_.insert(test::make_cartridge(""));
  other_drive_.insert(test::make_cartridge(""));
  try {
    label_medium(context(), "MX0001", false, reporter_);
    FAIL() << "one of them was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::conflict);
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("st:/dev/nst0, st:/dev/nst1"), HasSubstr("--library")));
  }
  label_medium(context(), "MX0001", false, reporter_, "st:/dev/nst1");
  label_medium(context(), "MX0002", false, reporter_);
  const auto libraries = workspace_->libraries().here();
  EXPECT_EQ(libraries[0]->media().at(0).label, "MX0002");
  EXPECT_EQ(libraries[1]->media().at(0).label, "MX0001");
}

// The label is damaged, and the chip still says which tape it is.
class DamagedLabelTest : public ByHandTest {
 protected:
  void back_up_and_damage(const std::string& barcode) {
    shelf_["MX0001"] = test::make_cartridge(barcode);
    put_in("MX0001");
    label_medium(context(), "MX0001", false, reporter_);
    back_up_to("MX0001", "a");
    reopen();
    shelf_["MX0001"]->corrupt_record(0, 0);
  }
};

TEST_F(DamagedLabelTest, ATapeIsReadWhereItsArchivesProveThatItIsTheRightOne) {
  back_up_and_damage("MX0001");
  EXPECT_THAT(restore_all(ForPeople::fail).troubles, IsEmpty());
  EXPECT_EQ(restored("a"), "a");
}

TEST_F(DamagedLabelTest, AStrangersTapeWithOurBarcodeIsNotReadAndNoCopyIsBlamed) {
  back_up_and_damage("MX0001");
  shelf_["MX0001"] = test::make_cartridge("MX0001");
  tapeio::MemoryDrive drive(*shelf_["MX0001"]);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(drive.write_record(Bytes(MiB, std::byte{7})).written);
  }
  ASSERT_TRUE(drive.write_filemark().written);
  put_in("MX0001");
  const RestoreResult result = restore_all(ForPeople::fail);
  ASSERT_THAT(result.troubles, SizeIs(1));
  EXPECT_THAT(result.troubles[0].why, HasSubstr("holds no archive that the catalog has there"));
  EXPECT_EQ(result.damaged_copies, 0U);
}

TEST_F(DamagedLabelTest, WithoutAChipTheArchivesSayWhichTapeItIs) {
  back_up_and_damage("");
  reporter_.on_note = [&](const std::string& line) {
    ADD_FAILURE() << line;
    reporter_.stopping.request_stop();
  };
  EXPECT_THAT(restore_all(ForPeople::wait).troubles, IsEmpty());
  EXPECT_EQ(restored("a"), "a");
  EXPECT_THAT(reporter_.notes, IsEmpty());
}

TEST_F(DamagedLabelTest, WhoDoesNotWaitReadsSuchATapeToo) {
  back_up_and_damage("");
  EXPECT_THAT(restore_all(ForPeople::fail).troubles, IsEmpty());
  EXPECT_EQ(restored("a"), "a");
}

TEST_F(DamagedLabelTest, AnotherTapeWithADamagedLabelIsNotItAndTheRightOneIsWaitedFor) {
  back_up_and_damage("");
  shelf_["OTHER"] = test::make_cartridge("");
  tapeio::MemoryDrive drive(*shelf_["OTHER"]);
  ASSERT_TRUE(drive.write_record(Bytes(MiB, std::byte{7})).written);
  ASSERT_TRUE(drive.write_filemark().written);
  shelf_["OTHER"]->corrupt_record(0, 0);
  put_in("OTHER");
  const auto placed = context().workspace.libraries().drive_for(*context().ledger.medium("MX0001"),
                                                                context().ledger);
  ASSERT_TRUE(placed);
  std::vector<std::string> asked;
  const tapeio::LoadWatch watch{.tell = [&](const tapeio::LoadWait& wait) {
    asked.push_back(wait.what);
    if (asked.size() == 1) {
      static_cast<void>(drive_.take_out());
    } else {
      drive_.insert(shelf_.at("MX0001"));
    }
  }};
  EXPECT_TRUE(load_when_ready(*placed, tapeio::Library::Access::read, watch, ForPeople::wait));
  EXPECT_THAT(asked, ElementsAre(HasSubstr("the tape in it has no label of ours"),
                                 "put tape MX0001 into /dev/nst0"));
}

TEST_F(DamagedLabelTest, NotEvenForceWritesOverATapeOfOurs) {
  back_up_and_damage("");
  EXPECT_EQ(test::error_of([&] {
              label_medium(context(), "MX0002", true, reporter_);
              return 0;
            }),
            ErrorCode::conflict);
  EXPECT_FALSE(context().ledger.medium("MX0002"));
}

}  // namespace
}  // namespace mixtape::service
