// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/format/tape_file.h"
#include "tapeio/error.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_library.h"
#include "tests/archive/write_world.h"
#include "tests/support/counted_cases.h"
#include "tests/support/passing_drive.h"

// A cartridge ends where it likes, whatever capacity it claims. Here it warns, or simply ends, at
// every object that a job puts on it: label, index, archive, closing index, records and filemarks.
//
// A warning: the tape ends in a closing index that says all of it, and the job goes on with the
// next cartridge. An end without one: at most the archive under way is lost, which the same job
// writes to the next cartridge. Either way nothing is claimed that is not there, and every file can
// be read by the catalog and from the cartridges alone.

namespace mixtape::archive {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kRecord = test::WriteWorld::kRecord;
constexpr char kEnds[] = "MX0001";

// Puts something around the drive of the cartridge that ends.
using Drive = std::unique_ptr<tapeio::TapeDrive>;
using Wrap = std::function<Drive(Drive)>;

// The cartridge that ends, and good ones behind it; all claim to hold far more than is written.
class Cartridges {
 public:
  explicit Cartridges(tapeio::FaultPlan end)
      : Cartridges(Wrap([end = std::move(end)](Drive drive) {
          return std::make_unique<tapeio::FaultyDrive>(std::move(drive), end);
        })) {}
  explicit Cartridges(Wrap wrap) : library_(options(std::move(wrap))), world_(library_) {
    for (const char* label : {kEnds, "MX0002"}) {
      library_.add_medium(label, 64 * MiB);
    }
  }

  void run() { (void)world_.run(); }
  test::WriteWorld& world() { return world_; }
  std::uint64_t objects() { return library_.medium(kEnds).object_count(); }
  bool is_used(const std::string& label) { return library_.medium(label).object_count() > 0; }

  // The block addresses of the filemarks on the cartridge that ends.
  std::vector<std::uint64_t> filemarks() {
    const auto drive = library_.load(kEnds, tapeio::Library::Access::read);
    std::vector<std::uint64_t> found;
    while (drive->space_filemarks(1) == 1) {
      found.push_back(drive->position().block - 1);
    }
    return found;
  }

  // What the last tape file is, when it has a filemark and nothing stands behind that.
  std::optional<catalog::IndexLabel> last_index() {
    const std::vector<std::uint64_t> marks = filemarks();
    if (marks.size() < 2 || marks.back() + 1 != objects()) {
      return std::nullopt;
    }
    const auto drive = library_.load(kEnds, tapeio::Library::Access::read);
    drive->locate(marks[marks.size() - 2] + 1);
    const auto into = world_.directory() / "last-index.sqlite";
    std::filesystem::remove(into);
    try {
      (void)format::read_tape_file(*drive, kRecord, world_.identities, into, GiB);
      return catalog::inspect_index(into);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  // Where a closing index has its place: behind the last bundle that the catalog claims, or the
  // label. nullopt: the medium has no label.
  std::optional<std::uint64_t> end_of_bundles() {
    const std::vector<catalog::Bundle> bundles = bundles_on(kEnds);
    const std::vector<std::uint64_t> marks = filemarks();
    const std::size_t file = bundles.empty() ? 0 : bundles.back().index_file + 1;
    return file < marks.size() ? std::optional(marks[file] + 1) : std::nullopt;
  }

  std::vector<catalog::Bundle> bundles_on(const std::string& label) {
    catalog::Database database = world_.open_catalog();
    catalog::Ledger ledger(database);
    const std::optional<catalog::Medium> medium = ledger.medium(label);
    return medium ? ledger.bundles(medium->id) : std::vector<catalog::Bundle>{};
  }

 private:
  static tapeio::MemoryLibraryOptions options(Wrap wrap) {
    tapeio::MemoryLibraryOptions options;
    options.wrap_drive = [wrap = std::move(wrap)](Drive drive, tapeio::MemoryMedium& medium) {
      return medium.options().label == kEnds ? wrap(std::move(drive)) : std::move(drive);
    };
    return options;
  }

  tapeio::MemoryLibrary library_;
  test::WriteWorld world_;
};

// Where the parts of a job's tape begin when nothing ends: measured once, then met one by one.
struct Layout {
  std::uint64_t begin = 0;  // Of what the job writes.
  std::uint64_t index = 0;  // Of its bundle.
  std::uint64_t archive = 0;
  std::uint64_t closing = 0;
  std::uint64_t end = 0;
  [[nodiscard]] std::uint64_t index_objects() const { return end - closing; }
  [[nodiscard]] std::string part(std::uint64_t block) const {
    return (block < index     ? "its label, at block "
            : block < archive ? "its index, at block "
            : block < closing ? "its archive, at block "
                              : "its closing index, at block ") +
           std::to_string(block);
  }
};

class EndOfMedium : public ::testing::Test {
 protected:
  static constexpr std::size_t kOldFiles = 1, kNewFiles = 6;

  void add_old(Cartridges& cartridges) { cartridges.world().add_source("old/a", 70'000); }
  // Small and large members, each of which may be cut anywhere.
  void add_new(Cartridges& cartridges) {
    for (std::size_t i = 0; i + 1 < kNewFiles; ++i) {
      cartridges.world().add_source("new/" + std::to_string(i), 20'000 + i * 30'001);
    }
    cartridges.world().add_source("new/z", 13);
  }

  Layout first_job() {
    Cartridges good(tapeio::FaultPlan{});
    add_new(good);
    good.run();
    const std::vector<std::uint64_t> marks = good.filemarks();
    EXPECT_THAT(marks, SizeIs(4));
    return {0, marks[0] + 1, marks[1] + 1, marks[2] + 1, good.objects()};
  }

  Layout second_job() {
    Cartridges good(tapeio::FaultPlan{});
    add_old(good);
    good.run();
    const std::uint64_t begin = good.filemarks()[2] + 1;  // Over the closing index.
    add_new(good);
    good.run();
    const std::vector<std::uint64_t> marks = good.filemarks();
    EXPECT_THAT(marks, SizeIs(6));
    return {begin, begin, marks[3] + 1, marks[4] + 1, good.objects()};
  }

  // All that was ever given to the world can be read, by the catalog and without it.
  void expect_readable(Cartridges& cartridges, std::size_t files) {
    EXPECT_THAT(cartridges.world().readable_paths(), SizeIs(files));
    EXPECT_THAT(cartridges.world().readable_after_recovery(), SizeIs(files));
  }

  void expect_closed(Cartridges& cartridges) {
    const std::optional<catalog::IndexLabel> last = cartridges.last_index();
    ASSERT_TRUE(last.has_value()) << "the tape does not end in an index";
    EXPECT_EQ(last->role, catalog::IndexRole::closing);
    EXPECT_EQ(last->last_bundle, cartridges.bundles_on(kEnds).size());
  }

  // One more job finds everything in order, and a place.
  void expect_goes_on(Cartridges& cartridges, std::size_t files) {
    cartridges.world().add_source("later", 50'000);
    EXPECT_NO_THROW(cartridges.run());
    EXPECT_THAT(cartridges.world().readable_paths(), SizeIs(files + 1));
  }
};

// What closing takes behind a warning that finds the archive at work: the rest of the records that
// a cut needs, the archive's filemark, and an index.
constexpr std::uint64_t kCutObjects = 5;

class EarlyWarning : public EndOfMedium {
 protected:
  // No longer than it has to be; a cartridge that warns within its label has at least room for
  // that.
  static tapeio::FaultPlan end(const Layout& layout, std::uint64_t warns_from) {
    const std::uint64_t least = std::max(warns_from, layout.index);
    return {.warns_from_block = warns_from,
            .ends_at_block = least + kCutObjects + layout.index_objects()};
  }

  void expect_went_on(Cartridges& cartridges, const Layout& layout, std::uint64_t warned) {
    if (warned < layout.archive) {
      EXPECT_TRUE(cartridges.is_used("MX0002"));
    }
    if (warned >= layout.closing) {
      EXPECT_FALSE(cartridges.is_used("MX0002"));
    }
  }
};

TEST_F(EarlyWarning, AtAnyObjectOfTheFirstJobEndsTheTapeInAClosingIndex) {
  const Layout layout = first_job();
  test::CountedCases cases("early warning at every object of the first job");
  for (std::uint64_t block = layout.begin; block < layout.end; ++block) {
    cases.run([&] {
      SCOPED_TRACE("warned in " + layout.part(block));
      Cartridges cartridges(end(layout, block));
      add_new(cartridges);
      EXPECT_NO_THROW(cartridges.run());
      expect_closed(cartridges);
      expect_readable(cartridges, kNewFiles);
      expect_went_on(cartridges, layout, block);
      expect_goes_on(cartridges, kNewFiles);
      expect_closed(cartridges);
    });
  }
}

TEST_F(EarlyWarning, AtAnyObjectOfAJobThatAppendsEndsTheTapeInAClosingIndex) {
  const Layout layout = second_job();
  test::CountedCases cases("early warning at every object of a job that appends");
  for (std::uint64_t block = layout.begin; block < layout.end; ++block) {
    cases.run([&] {
      SCOPED_TRACE("warned in " + layout.part(block));
      Cartridges cartridges(end(layout, block));
      add_old(cartridges);
      cartridges.run();
      add_new(cartridges);
      EXPECT_NO_THROW(cartridges.run());
      expect_closed(cartridges);
      EXPECT_GE(cartridges.bundles_on(kEnds).size(), kOldFiles);
      expect_readable(cartridges, kOldFiles + kNewFiles);
      expect_went_on(cartridges, layout, block);
      expect_goes_on(cartridges, kOldFiles + kNewFiles);
      expect_closed(cartridges);
    });
  }
}

// Ends at a block, warns too late by itself, and earlier when it is asked to.
class WishfulDrive final : public test::PassingDrive, public tapeio::SpaceGauge {
 public:
  WishfulDrive(Drive drive, std::uint64_t ends_at)
      : PassingDrive(std::make_unique<tapeio::FaultyDrive>(
            std::move(drive), tapeio::FaultPlan{.ends_at_block = ends_at})),
        warns_from_(ends_at - 1) {}

  std::optional<tapeio::RemainingSpace> remaining() override { return std::nullopt; }
  bool warn_earlier(std::uint64_t bytes) override {
    warns_from_ -= std::min(warns_from_, round_up(bytes, kRecord) / kRecord);
    return true;
  }

  tapeio::WriteResult write_record(ByteView record) override {
    return warned(PassingDrive::write_record(record));
  }
  tapeio::WriteResult write_filemark() override { return warned(PassingDrive::write_filemark()); }
  tapeio::DriveFeatures features() override {
    tapeio::DriveFeatures features;
    features.space = this;
    return features;
  }

 private:
  tapeio::WriteResult warned(tapeio::WriteResult result) {
    result.early_warning = result.early_warning || position().block > warns_from_;
    return result;
  }

  std::uint64_t warns_from_;
};

TEST_F(EarlyWarning, IsAskedForWhereTheDriveTakesAWishAndWhateverItsOwnZoneTheTapeIsClosed) {
  const Layout layout = first_job();
  const std::uint64_t zone = assumed_warning_zone(64 * MiB) / kRecord + 1;
  const std::uint64_t least = layout.index + kCutObjects + layout.index_objects();
  for (std::uint64_t block = least; block < layout.end + zone; ++block) {
    SCOPED_TRACE("ends at block " + std::to_string(block));
    Cartridges cartridges(
        Wrap([&](Drive drive) { return std::make_unique<WishfulDrive>(std::move(drive), block); }));
    cartridges.world().warning_zone_bytes.reset();
    add_new(cartridges);
    EXPECT_NO_THROW(cartridges.run());
    expect_closed(cartridges);
    expect_readable(cartridges, kNewFiles);
  }
}

class HardEnd : public EndOfMedium {
 protected:
  // Without a warning, where drives keep room for filemarks, or not even for those; or just after a
  // warning.
  template <typename Check>
  void at_any_object(const Layout& layout, Check check) {
    struct Manner {
      std::string name;
      std::uint64_t warns_before;
      bool ends_for_filemarks;
    };
    test::CountedCases cases("end at every object of " +
                             std::string(layout.begin == 0 ? "the first job" : "one that appends"));
    for (const Manner& manner : {Manner{"at once", 0, false},
                                 {"at once, for filemarks too", 0, true},
                                 {"two objects behind a warning", 2, false}}) {
      for (std::uint64_t block = layout.begin; block < layout.end; ++block) {
        SCOPED_TRACE("ends in " + layout.part(block) + ", " + manner.name);
        cases.run([&] {
          check(block,
                tapeio::FaultPlan{.warns_from_block = block - std::min(block, manner.warns_before),
                                  .ends_at_block = block,
                                  .ends_for_filemarks = manner.ends_for_filemarks});
        });
      }
    }
  }

  // Closed, unless there is no room for an index behind what was there before, and that is said.
  void expect_closed_or_said(Cartridges& cartridges, const Layout& layout, std::uint64_t end) {
    if (cartridges.last_index()) {
      expect_closed(cartridges);
      return;
    }
    const std::uint64_t begin = cartridges.end_of_bundles().value_or(end);
    const std::uint64_t room = end - std::min(end, begin);
    EXPECT_LE(room, layout.index_objects()) << "there was room for a closing index";
    std::vector<std::string> said = cartridges.world().reporter.problems;
    const std::vector<std::string>& notes = cartridges.world().reporter.notes;
    said.insert(said.end(), notes.begin(), notes.end());
    EXPECT_THAT(said, Contains(AnyOf(HasSubstr("MX0001 has no room for a closing index"),
                                     HasSubstr("label medium MX0001: "))));
  }
};

TEST_F(HardEnd, AtAnyObjectOfTheFirstJobSendsItsArchiveToTheNextCartridge) {
  const Layout layout = first_job();
  at_any_object(layout, [&](std::uint64_t block, const tapeio::FaultPlan& end) {
    const std::uint64_t labelled_from = layout.index - (end.ends_for_filemarks ? 0 : 1);
    Cartridges cartridges(end);
    add_new(cartridges);
    EXPECT_NO_THROW(cartridges.run());
    expect_readable(cartridges, kNewFiles);
    expect_closed_or_said(cartridges, layout, block);
    expect_goes_on(cartridges, kNewFiles);
    if (block < labelled_from) {
      EXPECT_THAT(cartridges.filemarks(), IsEmpty());
      EXPECT_THAT(cartridges.world().reporter.notes,
                  Contains(HasSubstr("label medium MX0001: it ended before its label")).Times(1))
          << "it was tried again";
    }
  });
}

TEST_F(HardEnd, AtAnyObjectOfAJobThatAppendsLosesNothingOfTheOneBefore) {
  const Layout layout = second_job();
  at_any_object(layout, [&](std::uint64_t block, const tapeio::FaultPlan& end) {
    Cartridges cartridges(end);
    add_old(cartridges);
    cartridges.run();
    const std::vector<catalog::Bundle> before = cartridges.bundles_on(kEnds);
    add_new(cartridges);
    EXPECT_NO_THROW(cartridges.run());
    if (!before.empty()) {
      EXPECT_EQ(cartridges.bundles_on(kEnds).front().uuid, before.front().uuid);
    }
    expect_readable(cartridges, kOldFiles + kNewFiles);
    expect_closed_or_said(cartridges, layout, block);
    expect_goes_on(cartridges, kOldFiles + kNewFiles);
  });
}

}  // namespace
}  // namespace mixtape::archive
