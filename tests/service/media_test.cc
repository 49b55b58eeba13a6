// SPDX-License-Identifier: Apache-2.0
#include "engine/service/media.h"
#include "engine/service/media_state.h"

#include <algorithm>

#include "engine/service/status.h"
#include "tapeio/drive_trace.h"
#include "tapeio/lto/sim_library.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// What is shown of the media of a library of cartridges, and what is done with them. The library is
// simulated; what its drives are made to do is written down.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using tapeio::TracedOperation;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MediaTest : public ServiceTest {
 protected:
  MediaTest() {
    fs::create_directory(cartridges());
    configure("libraries = [\"" + url() + "\"]\ncopies = 1\n");
    libraries_options_.open = [this](const std::string& wanted) {
      tapeio::lto::SimLibraryOptions options =
          tapeio::lto::parse_sim_options(wanted.substr(tapeio::kSimScheme.size()));
      options.wrap_medium = [this](std::unique_ptr<tapeio::TapeDrive> drive, std::string_view) {
        return std::make_unique<tapeio::TracedDrive>(std::move(drive), trace_);
      };
      return std::make_unique<tapeio::lto::SimLibrary>(std::move(options));
    };
  }
  [[nodiscard]] fs::path cartridges() const { return directory_ / "cartridges"; }
  [[nodiscard]] std::string url() const {
    return "sim:" + cartridges().string() + ",generation=8,capacity=1GB,host=none";
  }
  void add(const std::string& label) { add_medium(context(), label, "", 1'000'000'000); }
  // Puts a tape file that is not ours onto a cartridge.
  void write_foreign(const std::string& label, ByteView content) {
    test::write_text(cartridges() / label / "0000.foreign", as_text(content));
    const std::string about = test::read_text(cartridges() / label / "mixtape-medium");
    test::write_text(cartridges() / label / "mixtape-medium", about + "record_size = 65536\n");
  }
  // Where the head was sent before anything was written.
  [[nodiscard]] std::vector<std::uint64_t> located_before_writing() const {
    std::vector<std::uint64_t> blocks;
    for (const TracedOperation& operation : trace_.operations()) {
      if (operation.kind == TracedOperation::Kind::write_record) {
        break;
      }
      if (operation.kind == TracedOperation::Kind::locate) {
        blocks.push_back(operation.block_after);
      }
    }
    return blocks;
  }

  tapeio::DriveTrace trace_;
};

// --- label --force

class ForcedLabelTest : public MediaTest {
 protected:
  // Two media that each have archives at blocks of their own, and a foreign tape as long as both.
  void prepare() {
    add("MIX001L8");
    back_up_of_size("a", MiB + 1);
    back_up_of_size("b", MiB);
    add("MIX002L8");
    retire_medium(context(), "MIX001L8");
    back_up_of_size("c", 3 * MiB);
    back_up_of_size("d", 2 * MiB);
    add("RND001L8");
    write_foreign("RND001L8", test::pattern(6 * MiB));
    trace_.clear();
  }
  void back_up_of_size(std::string_view name, std::size_t size) {
    write(name, as_text(test::pattern(size)));
    back_up();
  }
  std::optional<ErrorCode> force() {
    return test::error_of([&] {
      label_medium(context(), "RND001L8", /*overwrite=*/true, reporter_);
      return 0;
    });
  }
};

TEST_F(ForcedLabelTest, WindsAnUnreadableTapeOnceToLookForArchivesOfOursAndSaysHowFarItIs) {
  prepare();
  int heard = 0;
  reporter_.on_progress = [&] { ++heard; };
  EXPECT_EQ(force(), std::nullopt);
  EXPECT_GE(heard, 3);
  const std::vector<std::uint64_t> located = located_before_writing();
  EXPECT_GE(located.size(), 3U);
  EXPECT_TRUE(std::ranges::is_sorted(located)) << testing::PrintToString(located);
  EXPECT_EQ(std::ranges::adjacent_find(located), located.end()) << "a place is looked at once";
}

TEST_F(ForcedLabelTest, EndsWhenItIsStoppedAndHasWrittenNothing) {
  prepare();
  reporter_.on_progress = [&] { reporter_.stopping.request_stop(); };
  EXPECT_EQ(force(), ErrorCode::cancelled);
  EXPECT_EQ(located_before_writing().size(), 1U);
  EXPECT_EQ(trace_.bytes_written(), 0U);
  EXPECT_FALSE(context().ledger.medium("RND001L8"));
}

// --- What is shown

class MediaListTest : public MediaTest {
 protected:
  MediumStatus shown(const std::string& label) {
    for (MediumStatus& each : media_status(context())) {
      if (each.medium.label == label) {
        return each;
      }
    }
    ADD_FAILURE() << label << " is not shown";
    return {};
  }
  void set_chip(const std::string& label, std::string_view line) {
    const fs::path chip = cartridges() / label / "mixtape-cartridge";
    test::write_text(chip, "format = 1\ngeneration = 8\n" + std::string(line) + "\n");
  }
};

TEST_F(MediaListTest, FiguresOfAMediumAreTheSameWhenItLiesOnTheShelf) {
  add("MIX001L8");
  write("a", as_text(test::pattern(MiB)));
  back_up();
  const MediumStatus here = shown("MIX001L8");
  EXPECT_TRUE(here.here);
  EXPECT_EQ(here.bundles, 1U);
  // Archaeology, index and the two records of the archive; the closing index is overwritten next.
  EXPECT_EQ(here.used_bytes, 4 * MiB);
  fs::rename(cartridges() / "MIX001L8", directory_ / "shelf");
  const MediumStatus away = shown("MIX001L8");
  EXPECT_FALSE(away.here);
  EXPECT_EQ(away.used_bytes, here.used_bytes);
  EXPECT_EQ(away.capacity_bytes, here.capacity_bytes);
  EXPECT_EQ(away.bundles, here.bundles);
}

TEST_F(MediaListTest, ALabelIsGivenOnceWhateverTheLibrary) {
  const fs::path other = directory_ / "other";
  fs::create_directory(other);
  configure("libraries = [\"dir:library\", \"dir:" + other.string() + "\"]\n");
  libraries_options_.open = {};
  reopen();
  add_medium(context(), "TWIN", "dir:library", GiB);
  EXPECT_EQ(test::error_of([&] { add_medium(context(), "TWIN", "dir:" + other.string(), GiB); }),
            ErrorCode::conflict);
  EXPECT_TRUE(fs::is_empty(other));
}

TEST_F(MediaListTest, ACapacityThatWasEditedIsRememberedWhenItIsWrittenTo) {
  configure("copies = 1\n");
  libraries_options_ = {};
  write("first", "a");
  back_up();
  ASSERT_NE(shown("MX0001").capacity_bytes, 500'000'000U);
  const fs::path medium = home() / "library/MX0001/mixtape-medium";
  std::string about = test::read_text(medium);
  const std::size_t line = about.find("capacity_bytes = ");
  about.replace(line, about.find('\n', line) - line, "capacity_bytes = 500000000");
  test::write_text(medium, about);
  write("a", "a");
  back_up();
  fs::rename(home() / "library/MX0001", directory_ / "shelf");
  EXPECT_EQ(shown("MX0001").capacity_bytes, 500'000'000U);
}

TEST_F(MediaListTest, ADiskMediumThatIsNotOursIsShownByWhatItHolds) {
  configure("copies = 1\n");
  libraries_options_ = {};
  EXPECT_EQ(shown("MX0001").holds, "");
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  test::write_text(home() / "library/MX0001/0000.foreign", tar + std::string(9728, '\0'));
  const fs::path about = home() / "library/MX0001/mixtape-medium";
  test::write_text(about, test::read_text(about) + "record_size = 10240\n");
  EXPECT_EQ(shown("MX0001").holds, "a tar archive");
}

TEST_F(MediaListTest, NothingIsSaidOfACartridgeThatNobodyLookedInto) {
  add("NEW001L8");
  EXPECT_EQ(shown("NEW001L8").holds, std::nullopt);
  EXPECT_THAT(trace_.operations(), IsEmpty());
}

TEST_F(MediaListTest, LoadingACartridgeThatIsNotOursSaysWhatItHolds) {
  add("NEW001L8");
  load_medium(context(), "NEW001L8", reporter_);
  EXPECT_THAT(reporter_.notes, ElementsAre(HasSubstr("NEW001L8 is not in the catalog: it holds "
                                                     "nothing")));
  reporter_.notes.clear();
  add("LTF001L8");
  write_foreign("LTF001L8", as_bytes("VOL1LTF001              LTFS" + std::string(52, ' ')));
  load_medium(context(), "LTF001L8", reporter_);
  EXPECT_THAT(reporter_.notes, ElementsAre(HasSubstr("it holds an LTFS volume")));
  reporter_.notes.clear();
  unload_medium(context(), "LTF001L8");
  set_chip("LTF001L8", "unreadable = 0");
  load_medium(context(), "LTF001L8", reporter_);
  EXPECT_THAT(reporter_.notes, ElementsAre(HasSubstr("it holds something that cannot be read")));
}

TEST_F(MediaListTest, CleaningCartridgesHaveTheirPlaceAndWhatTheyAreGoodFor) {
  add("MIX001L8");
  add("CLN001L8");
  const auto cleaning = [&] {
    std::vector<std::string> lines;
    for (const CleaningStatus& each : cleaning_cartridges(context())) {
      lines.push_back(each.cartridge.label + " " + each.cartridge.place + " " +
                      std::to_string(each.cartridge.uses_left.value()));
    }
    return lines;
  };
  EXPECT_THAT(cleaning(), ElementsAre("CLN001L8 slot 2 50"));
  clean_drive(context(), "drive 1");
  EXPECT_THAT(cleaning(), ElementsAre("CLN001L8 slot 2 49"));
  EXPECT_EQ(media_status(context()).size(), 1U) << "it is no medium";
}

TEST_F(MediaListTest, AUsedUpCleaningCartridgeIsExported) {
  add("CLN001L8");
  set_chip("CLN001L8", "cleaning = yes\ncleanings_left = 0");
  EXPECT_EQ(export_medium(context(), "CLN001L8"), "import/export 1");
  EXPECT_EQ(cleaning_cartridges(context()).at(0).cartridge.place, "import/export 1");
  EXPECT_EQ(test::error_of([&] { return export_medium(context(), "CLN002L8"); }),
            ErrorCode::not_found);
}

}  // namespace
}  // namespace mixtape::service
