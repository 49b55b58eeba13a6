// SPDX-License-Identifier: Apache-2.0
#include "engine/service/verify.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "engine/archive/load_waiting.h"
#include "engine/format/age_stream.h"
#include "engine/service/media_state.h"
#include "engine/service/medium_pass.h"
#include "tapeio/drive_trace.h"
#include "tapeio/error.h"
#include "tapeio/lto/sim_library.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/passing_drive.h"
#include "tests/support/patterns.h"

// A verification on a simulated tape: how the head moves, and what is the drive's fault.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using tapeio::TracedOperation;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kSize = 300'000;

// Some blocks cannot be read; a drive that fails altogether does from one block on. In one file it
// stays in front of the first block.
class FailingDrive final : public test::PassingDrive {
 public:
  FailingDrive(std::unique_ptr<tapeio::TapeDrive> drive, const std::set<std::uint64_t>& bad,
               const std::optional<std::uint64_t>& broken_from,
               const std::optional<std::uint64_t>& stuck_in_file)
      : PassingDrive(std::move(drive)),
        bad_(bad),
        broken_from_(broken_from),
        stuck_in_file_(stuck_in_file) {}
  tapeio::ReadResult read_record(MutableBytes buffer) override {
    const std::uint64_t block = position().block;
    if (position().file == stuck_in_file_ && stuck_at_.value_or(block) == block) {
      stuck_at_ = block;
      throw Error(ErrorCode::bad_medium, "read block " + std::to_string(block) + ": medium error");
    }
    if (broken_from_ && block >= *broken_from_) {
      throw Error(ErrorCode::io, "read block " + std::to_string(block) + ": the drive failed");
    }
    const tapeio::ReadResult result = PassingDrive::read_record(buffer);
    if (bad_.contains(block)) {
      throw Error(ErrorCode::bad_medium, "read block " + std::to_string(block) + ": medium error");
    }
    return result;
  }

 private:
  const std::set<std::uint64_t>& bad_;
  const std::optional<std::uint64_t>& broken_from_;
  const std::optional<std::uint64_t>& stuck_in_file_;
  std::optional<std::uint64_t> stuck_at_;
};

class VerifyTapeTest : public ServiceTest {
 protected:
  VerifyTapeTest() : ServiceTest(test::TempDir::Place::memory) {
    fs::create_directory(directory_ / "cartridges");
    configure("libraries = [\"sim:" + (directory_ / "cartridges").string() +
              ",generation=8,capacity=1GB,host=none\"]\nrecord_size = \"64 KiB\"\n");
    libraries_options_.open = [this](const std::string& url) {
      tapeio::lto::SimLibraryOptions options =
          tapeio::lto::parse_sim_options(url.substr(tapeio::kSimScheme.size()));
      options.wrap_medium = [this](std::unique_ptr<tapeio::TapeDrive> drive, std::string_view) {
        return std::make_unique<tapeio::TracedDrive>(
            std::make_unique<FailingDrive>(std::move(drive), bad_, broken_from_, stuck_in_file_),
            trace_);
      };
      return std::make_unique<tapeio::lto::SimLibrary>(std::move(options));
    };
    context().workspace.libraries().here().front()->add_medium("MIX001L8", 1'000'000'000);
    for (int file = 0; file < 40; ++file) {
      write("f" + std::to_string(file),
            as_text(test::pattern(200 * KiB, static_cast<std::uint64_t>(file))));
      if (file % 10 == 9) {
        EXPECT_EQ(back_up().written.files, 10U);
      }
    }
    reopen();
    trace_.clear();
  }
  VerifyResult verify_tape() {
    VerifyRequest request;
    request.media = {"MIX001L8"};
    return verify(context(), request, reporter_);
  }
  [[nodiscard]] std::uint64_t count(TracedOperation::Kind kind) const { return trace_.count(kind); }

  tapeio::DriveTrace trace_;
  std::set<std::uint64_t> bad_;
  std::optional<std::uint64_t> broken_from_, stuck_in_file_;
};

TEST_F(VerifyTapeTest, AWholeMediumIsReadInOnePass) {
  const VerifyResult result = verify_tape();
  EXPECT_EQ(result.media[0].good, 40U);
  EXPECT_THAT(result.media[0].troubles, IsEmpty());
  EXPECT_FALSE(result.media[0].drive.empty());
  EXPECT_EQ(count(TracedOperation::Kind::locate), 0U);
  EXPECT_EQ(count(TracedOperation::Kind::seek_end_of_data), 0U);
  // All that goes back is looking at the label, and the rewind before the pass.
  const auto operations = trace_.operations();
  const auto last_rewind =
      std::ranges::find_if(operations.rbegin(), operations.rend(), [](const auto& operation) {
        return operation.kind == TracedOperation::Kind::rewind;
      }).base();
  for (auto each = last_rewind; each != operations.end(); ++each) {
    EXPECT_GE(each->block_after, each->block_before) << to_string(*each);
  }
  // Every object once.
  EXPECT_GE(trace_.bytes_read(), 40 * 200 * KiB);
  EXPECT_LE(trace_.bytes_read(), result.media[0].bytes + 4 * MiB);
}

TEST_F(VerifyTapeTest, BadRecordsCostWhatTheyHeldAndTheTapeGoesOn) {
  const catalog::Bundle bundle =
      context().ledger.bundles(context().ledger.medium("MIX001L8")->id).at(0);
  bad_ = {bundle.archive_block.value() + 1, bundle.archive_block.value() + 2};
  const VerifyResult result = verify_tape();
  EXPECT_TRUE(result.media[0].complete);
  EXPECT_GE(result.media[0].damaged, 1U);
  EXPECT_LE(result.media[0].damaged, 2U);
  EXPECT_EQ(result.media[0].good + result.media[0].damaged, 40U);
  EXPECT_EQ(count(TracedOperation::Kind::locate), 0U);
  EXPECT_EQ(count(TracedOperation::Kind::load), 1U);
}

TEST_F(VerifyTapeTest, AnIndexThatADriveStaysInFrontOfIsNotTheEndOfTheTape) {
  const auto bundles = context().ledger.bundles(context().ledger.medium("MIX001L8")->id);
  stuck_in_file_ = bundles.at(1).index_file;
  const VerifyResult result = verify_tape();
  EXPECT_TRUE(result.media[0].complete);
  EXPECT_EQ(result.media[0].good, 40U);
  EXPECT_EQ(result.media[0].damaged, 0U);
  EXPECT_THAT(result.media[0].troubles, ElementsAre(HasSubstr("the index of bundle 2")));
}

// Another one would be that of the next tape file, and everything behind it would be missed.
TEST_F(VerifyTapeTest, AFilemarkThatCannotBeReadEndsItsArchiveAllTheSame) {
  const auto bundles = context().ledger.bundles(context().ledger.medium("MIX001L8")->id);
  ASSERT_GT(bundles.size(), 2U);
  const catalog::Bundle& first = bundles[0];
  const std::uint64_t tags =
      format::chunk_count(first.plain_bytes) * (format::kSealedChunk - format::kChunk);
  const std::uint64_t sealed = first.archive_header.size() + first.plain_bytes + tags;
  bad_ = {first.archive_block.value() + sealed / (64 * KiB)};
  const VerifyResult result = verify_tape();
  EXPECT_TRUE(result.media[0].complete);
  EXPECT_EQ(result.media[0].good, 40U);
  EXPECT_EQ(result.media[0].damaged, 0U);
  EXPECT_THAT(result.media[0].troubles,
              ElementsAre(HasSubstr("the filemark that ends it cannot be read")));
}

TEST_F(VerifyTapeTest, ADriveThatReadsNothingForLongIsBlamedAndNotTheCopies) {
  write("large", as_text(test::pattern(6 * MiB, 77)));
  EXPECT_EQ(back_up().written.files, 1U);
  reopen();
  const catalog::Bundle last =
      context().ledger.bundles(context().ledger.medium("MIX001L8")->id).back();
  for (std::uint64_t record = 0; record < 80; ++record) {
    bad_.insert(last.archive_block.value() + record);
  }
  const VerifyResult result = verify_tape();
  EXPECT_FALSE(result.media[0].complete);
  EXPECT_EQ(result.media[0].good, 40U);
  EXPECT_EQ(result.media[0].damaged, 0U);
  EXPECT_EQ(result.damaged_count, 0U);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("64 records in a row")));
}

TEST_F(VerifyTapeTest, ADriveThatFailsSaysNothingAboutTheCopiesBehind) {
  const auto bundles = context().ledger.bundles(context().ledger.medium("MIX001L8")->id);
  ASSERT_GT(bundles.size(), 2U);
  broken_from_ = bundles[1].archive_block.value();
  const VerifyResult result = verify_tape();
  EXPECT_FALSE(result.media[0].complete);
  EXPECT_EQ(result.media[0].damaged, 0U);
  EXPECT_EQ(result.media[0].good, context().ledger.held_in(bundles[0].id).size());
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("the drive failed")));
  EXPECT_TRUE(context().ledger.copies_in(bundles[0].id).at(0).verified_s);
}

}  // namespace
}  // namespace mixtape::service
