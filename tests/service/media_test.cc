// SPDX-License-Identifier: Apache-2.0
#include "engine/service/media.h"

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

}  // namespace
}  // namespace mixtape::service
