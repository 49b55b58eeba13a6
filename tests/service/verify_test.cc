// SPDX-License-Identifier: Apache-2.0
#include "engine/service/verify.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "engine/archive/load_waiting.h"
#include "engine/service/media_state.h"
#include "engine/service/medium_pass.h"
#include "tapeio/drive_trace.h"
#include "tapeio/error.h"
#include "tapeio/lto/sim_library.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/passing_drive.h"
#include "tests/support/patterns.h"

// What a verification finds, what it costs, and what it leaves in the catalog.

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

class VerifyTest : public ServiceTest {
 protected:
  VerifyTest() {
    configure("record_size = \"64 KiB\"\n");
    for (const char* name : {"a", "b", "c"}) {
      write(name, as_text(test::pattern(kSize, static_cast<std::uint64_t>(name[0]))));
    }
    EXPECT_EQ(back_up().written.files, 3U);
    reopen();
  }
  [[nodiscard]] fs::path on_medium(const std::string& name) const {
    return home() / "library/MX0001" / name;
  }
  static void flip(const fs::path& file, off_t offset) {
    const int fd = ::open(file.c_str(), O_RDWR);
    char byte = 0;
    EXPECT_EQ(::pread(fd, &byte, 1, offset), 1);
    byte = static_cast<char>(byte ^ 1);
    EXPECT_EQ(::pwrite(fd, &byte, 1, offset), 1);
    ::close(fd);
  }
  VerifyResult verify_medium(const std::string& label = "MX0001") {
    VerifyRequest request;
    request.media = {label};
    return verify(context(), request, reporter_);
  }
  std::vector<std::string> damaged_in(const VerifyResult& result) {
    std::vector<std::string> names;
    for (const DamagedFile& file : result.damaged) {
      names.push_back(fs::path(file.path).filename());
    }
    std::ranges::sort(names);
    return names;
  }
  catalog::Copy copy_of(std::string_view name) {
    const auto content = latest(path_of(name)).value().content.value();
    for (const catalog::Bundle& bundle :
         context().ledger.bundles(context().ledger.medium("MX0001")->id)) {
      for (const catalog::Copy& copy : context().ledger.copies_in(bundle.id)) {
        if (copy.content == content) {
          return copy;
        }
      }
    }
    return {};
  }
  // Where a byte of a file stands in the archive's ciphertext.
  off_t sealed_at(std::string_view name, std::uint64_t offset) {
    const std::uint64_t plain = copy_of(name).data_offset + offset;
    const auto bundle = context().ledger.bundle(copy_of(name).bundle).value();
    return static_cast<off_t>(bundle.archive_header.size() + plain + plain / (64 * KiB) * 16);
  }
};

TEST_F(VerifyTest, OfAMediumThatIsRightEveryCopyIsNotedAsReadNow) {
  const std::int64_t before = now_s_;
  const VerifyResult result = verify_medium();
  ASSERT_THAT(result.media, SizeIs(1));
  const VerifiedMedium& medium = result.media[0];
  EXPECT_TRUE(medium.complete);
  EXPECT_EQ(medium.copies, 3U);
  EXPECT_EQ(medium.good, 3U);
  EXPECT_EQ(medium.damaged, 0U);
  EXPECT_THAT(medium.troubles, IsEmpty());
  EXPECT_THAT(reporter_.problems, IsEmpty());
  EXPECT_GE(copy_of("a").verified_s.value(), before);
  const auto known =
      catalog::Verifications(context().database).of(context().ledger.medium("MX0001")->uuid);
  ASSERT_THAT(known, SizeIs(1));
  EXPECT_TRUE(known[0].complete);
  EXPECT_EQ(known[0].copies, 3U);
}

TEST_F(VerifyTest, AMediumThatIsNamedTwiceIsReadOnce) {
  VerifyRequest request;
  request.media = {"MX0001", "MX0001"};
  request.due = true;
  EXPECT_THAT(verify(context(), request, reporter_).media, testing::SizeIs(1));
}

TEST_F(VerifyTest, AFlippedByteCostsTheFileItIsInAndNothingElse) {
  flip(on_medium("0002.archive.tar.age"), sealed_at("b", kSize / 2));
  const VerifyResult result = verify_medium();
  EXPECT_TRUE(result.media[0].complete);
  EXPECT_EQ(result.media[0].good, 2U);
  EXPECT_THAT(damaged_in(result), ElementsAre("b"));
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("tag of a chunk")));
  EXPECT_EQ(copy_of("b").state, catalog::CopyState::bad);
  EXPECT_THAT(context().ledger.damaged(copy_of("b").content), SizeIs(1));
  reopen();
  const BackupResult next = back_up();
  EXPECT_EQ(next.written.files, 1U);
  EXPECT_EQ(next.written.media.at(0).label, "MX0002");
}

// A chunk may hold the end of one file and the beginning of another: never more, here.
TEST_F(VerifyTest, WhereverAChunkIsDamagedTheFilesInItAreNamedAndNoOthers) {
  const fs::path archive = on_medium("0002.archive.tar.age");
  const std::uint64_t header =
      context().ledger.bundle(copy_of("a").bundle).value().archive_header.size();
  for (std::uint64_t chunk = 0; chunk < 14; ++chunk) {
    const auto at = static_cast<off_t>(header + chunk * (64 * KiB + 16) + 1000);
    flip(archive, at);
    std::vector<std::string> hit;
    for (const char* name : {"a", "b", "c"}) {
      const catalog::Copy copy = copy_of(name);
      if (copy.member_offset < (chunk + 1) * 64 * KiB &&
          copy.data_offset + copy.stored_size > chunk * 64 * KiB) {
        hit.emplace_back(name);
      }
    }
    EXPECT_EQ(damaged_in(verify_medium()), hit) << "chunk " << chunk;
    flip(archive, at);
  }
  EXPECT_EQ(verify_medium().media[0].good, 3U) << "what is right again counts again";
}

TEST_F(VerifyTest, ADamagedHeaderOfTheArchiveIsTroubleAndCostsNoFile) {
  flip(on_medium("0002.archive.tar.age"), 30);
  const VerifyResult result = verify_medium();
  EXPECT_EQ(result.media[0].good, 3U);
  EXPECT_THAT(result.media[0].troubles, ElementsAre(HasSubstr("in front of it")));
}

TEST_F(VerifyTest, ADamagedIndexIsTroubleAndCostsNoFile) {
  flip(on_medium("0001.index.sqlite.age"), 5000);
  const VerifyResult result = verify_medium();
  EXPECT_TRUE(result.media[0].complete);
  EXPECT_EQ(result.media[0].good, 3U);
  EXPECT_THAT(result.media[0].troubles, ElementsAre(HasSubstr("the index of bundle 1")));
}

TEST_F(VerifyTest, AnIndexThatTellsOfAnotherPlaceThanTheCatalogIsTrouble) {
  catalog::Statement(context().database, "UPDATE copy SET headers = headers + 1").run();
  const VerifyResult result = verify_medium();
  EXPECT_EQ(result.media[0].damaged, 3U);
  EXPECT_THAT(result.media[0].troubles, Contains(HasSubstr("lacks 3 of its files")));
}

TEST_F(VerifyTest, ADamagedArchaeologyIsTroubleAndCostsNoFile) {
  flip(on_medium("0000.archaeology.tar"), 100);
  fs::remove(on_medium("0003.index.sqlite.age"));
  const VerifyResult result = verify_medium();
  EXPECT_EQ(result.media[0].good, 3U);
  EXPECT_THAT(result.media[0].troubles, Contains(HasSubstr("archaeology")));
}

TEST_F(VerifyTest, AMissingClosingIndexIsTroubleAndTheNextBackupWritesIt) {
  fs::remove(on_medium("0003.index.sqlite.age"));
  EXPECT_THAT(verify_medium().media[0].troubles, ElementsAre(HasSubstr("no closing index")));
  reopen();
  (void)back_up();
  EXPECT_TRUE(fs::exists(on_medium("0003.index.sqlite.age")));
  EXPECT_THAT(verify_medium().media[0].troubles, IsEmpty());
}

TEST_F(VerifyTest, WhatTheCatalogHasAndTheMediumHasNotIsDamaged) {
  fs::remove(on_medium("0003.index.sqlite.age"));
  fs::remove(on_medium("0002.archive.tar.age"));
  EXPECT_THAT(damaged_in(verify_medium()), ElementsAre("a", "b", "c"));
  fs::remove(on_medium("0001.index.sqlite.age"));
  const VerifyResult result = verify_medium();
  EXPECT_EQ(result.media[0].damaged, 3U);
  EXPECT_THAT(result.media[0].troubles, Contains(HasSubstr("bundle 1 is not on it")));
}

TEST_F(VerifyTest, AnArchiveThatEndsEarlyCostsWhatStoodBehindItsEnd) {
  fs::remove(on_medium("0003.index.sqlite.age"));
  fs::resize_file(on_medium("0002.archive.tar.age"), 7 * 64 * KiB);
  EXPECT_THAT(damaged_in(verify_medium()), ElementsAre("b", "c"));
}

TEST_F(VerifyTest, AHashThatIsAnotherIsDamageThoughEveryTagIsRight) {
  catalog::Statement(context().database, "UPDATE content SET hash = zeroblob(32) WHERE id = ?")
      .bind(1, number(copy_of("a").content))
      .run();
  EXPECT_THAT(damaged_in(verify_medium()), ElementsAre("a"));
}

TEST_F(VerifyTest, AHashThatWasNotKnownIsLearnt) {
  const auto hash = latest(path_of("a")).value().hash;
  catalog::Statement(context().database, "UPDATE content SET hash = NULL WHERE id = ?")
      .bind(1, number(copy_of("a").content))
      .run();
  EXPECT_EQ(verify_medium().media[0].hashes_learnt, 1U);
  EXPECT_EQ(latest(path_of("a")).value().hash, hash);
}

TEST_F(VerifyTest, HolesLinksAndEmptyFilesAreReadAsWell) {
  write("empty", "");
  write("deep/er/file", "below");
  write("sparse", "begin");
  fs::resize_file(source("sparse"), 3'000'000);
  fs::create_hard_link(source("a"), source("link"));
  fs::create_symlink("a", source("symlink"));
  (void)back_up();
  const VerifyResult result = verify_medium();
  EXPECT_EQ(result.media[0].good, 5U);
  EXPECT_THAT(result.media[0].troubles, IsEmpty());
}

TEST_F(VerifyTest, WhatWasVerifiedBeforeItWasStoppedStaysVerified) {
  int records = 0;
  reporter_.on_progress = [&] {
    if (++records == 12) {
      reporter_.stopping.request_stop();
    }
  };
  EXPECT_EQ(test::error_of([&] { (void)verify_medium(); }), ErrorCode::cancelled);
  EXPECT_TRUE(copy_of("a").verified_s);
  EXPECT_FALSE(copy_of("c").verified_s);
}

TEST_F(VerifyTest, WhatWasFoundIsNotedWhateverItWasThatEndedIt) {
  int records = 0;
  reporter_.on_progress = [&] {
    if (++records == 13) {
      throw std::runtime_error("something else");
    }
  };
  const VerifyResult result = verify_medium();
  EXPECT_FALSE(result.media[0].complete);
  EXPECT_THAT(result.media[0].troubles, Contains(HasSubstr("something else")));
  EXPECT_TRUE(copy_of("a").verified_s);
  EXPECT_FALSE(copy_of("c").verified_s);
}

TEST_F(VerifyTest, EachPassHasAScratchFileOfItsOwn) {
  std::set<fs::path> names;
  reporter_.on_progress = [&] {
    for (const auto& each : fs::directory_iterator(context().workspace.home().scratch())) {
      names.insert(each.path());
    }
  };
  (void)verify_medium();
  const std::set<fs::path> first = std::exchange(names, {});
  (void)verify_medium();
  EXPECT_THAT(first, SizeIs(1));
  EXPECT_THAT(names, SizeIs(1));
  EXPECT_NE(first, names);
}

TEST_F(VerifyTest, WhatOthersFoundOutMeanwhileCostsNoOtherVerdict) {
  const catalog::Copy a = copy_of("a"), c = copy_of("c");
  catalog::Statement forget(context().database,
                            "UPDATE content SET hash = NULL WHERE id IN (?, ?)");
  forget.bind(1, number(a.content)).bind(2, number(c.content)).run();
  int records = 0;
  reporter_.on_progress = [&] {
    if (++records == 12) {
      catalog::Statement(context().database, "UPDATE content SET hash = zeroblob(32) WHERE id = ?")
          .bind(1, number(a.content))
          .run();
      for (const char* gone :
           {"DELETE FROM copy WHERE content = ?", "DELETE FROM content WHERE id = ?"}) {
        catalog::Statement(context().database, gone).bind(1, number(c.content)).run();
      }
    }
  };
  const VerifyResult result = verify_medium();
  EXPECT_EQ(result.unsaved, 0U);
  EXPECT_EQ(result.media[0].damaged, 1U);
  EXPECT_THAT(damaged_in(result), ElementsAre("a"));
  EXPECT_EQ(copy_of("a").state, catalog::CopyState::bad);
  EXPECT_TRUE(copy_of("b").verified_s);
}

TEST_F(VerifyTest, OfAnotherMediumThanTheOneThatIsMeantNothingIsNoted) {
  catalog::Medium medium = context().ledger.medium("MX0001").value();
  const auto found = context().workspace.libraries().find(medium, context().ledger);
  const auto drive = archive::load_and_tell(*found.medium, tapeio::Library::Access::read, reporter_,
                                            tapeio::ForPeople::fail);
  medium.uuid[0] ^= std::byte{1};
  VerifiedMedium result;
  Verdicts verdicts(context(), reporter_);
  MediumPass pass(context(), medium, *drive, result, verdicts, reporter_);
  EXPECT_EQ(test::error_of([&] { pass.run(); }), ErrorCode::wrong_medium);
  EXPECT_THAT(verdicts.found_damaged(), IsEmpty());
}

TEST_F(VerifyTest, APathIsReadOnEveryMediumThatHasIt) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  VerifyRequest request;
  request.paths = {source("b").string()};
  const VerifyResult result = verify(context(), request, reporter_);
  ASSERT_THAT(result.media, SizeIs(2));
  EXPECT_EQ(result.media[0].good + result.media[1].good, 2U);
  EXPECT_TRUE(copy_of("b").verified_s);
  EXPECT_FALSE(copy_of("a").verified_s);
  flip(on_medium("0002.archive.tar.age"), sealed_at("b", 10));
  reopen();
  EXPECT_EQ(verify(context(), request, reporter_).damaged_count, 1U);
}

TEST_F(VerifyTest, ASampleHasTheFirstTheLastAndWhatWasNotVerifiedForLongest) {
  VerifyRequest request;
  request.paths = {source("a").string(), source("c").string()};
  (void)verify(context(), request, reporter_);
  for (int i = 0; i < 30; ++i) {
    write("more" + std::to_string(i), "text " + std::to_string(i));
  }
  (void)back_up();
  request = {};
  request.media = {"MX0001"};
  request.sample = 1;
  request.seed = 7;
  EXPECT_EQ(verify(context(), request, reporter_).media[0].good, 4U);
  EXPECT_TRUE(copy_of("b").verified_s) << "it was the longest unverified";
}

TEST_F(VerifyTest, WhatIsDueIsTheMediumThatWasNotVerifiedForLongest) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)find_medium(context(), "MX0001");
  VerifyRequest request;
  request.due = true;
  EXPECT_EQ(verify(context(), request, reporter_).media[0].label, "MX0001");
  EXPECT_EQ(verify(context(), request, reporter_).media[0].label, "MX0002");
  EXPECT_EQ(verify(context(), request, reporter_).media[0].label, "MX0001");
}

TEST_F(VerifyTest, ADryRunSaysWhatItWouldReadAndReadsNothing) {
  flip(on_medium("0002.archive.tar.age"), sealed_at("b", 10));
  VerifyRequest request;
  request.media = {"MX0001"};
  request.dry_run = true;
  const VerifyResult result = verify(context(), request, reporter_);
  EXPECT_EQ(result.media[0].copies, 3U);
  EXPECT_GT(result.media[0].bytes, 3 * kSize);
  EXPECT_EQ(copy_of("b").state, catalog::CopyState::good);
}

TEST_F(VerifyTest, WhatCannotBeReadIsSaidAndNothingIsNoted) {
  EXPECT_EQ(test::error_of([&] { (void)verify_medium("MX0009"); }), ErrorCode::not_found);
  VerifyRequest request;
  EXPECT_EQ(test::error_of([&] { (void)verify(context(), request, reporter_); }),
            ErrorCode::invalid);
  request.paths = {"/nowhere"};
  EXPECT_EQ(test::error_of([&] { (void)verify(context(), request, reporter_); }),
            ErrorCode::not_found);
  fs::rename(home() / "library/MX0001", directory_ / "away");
  reopen();
  EXPECT_FALSE(verify_medium().media[0].complete);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("not here")));
  EXPECT_FALSE(copy_of("a").verified_s);
  (void)lose_medium(context(), "MX0001");
  EXPECT_EQ(test::error_of([&] { (void)verify_medium(); }), ErrorCode::no_medium);
}

TEST_F(VerifyTest, AMediumThatWasFoundAgainCountsWhenItWasRead) {
  const std::string label = context().ledger.media().front().label;
  (void)lose_medium(context(), label);
  (void)find_medium(context(), label);
  ASSERT_THAT(context().ledger.unseen_media(), SizeIs(1));
  VerifyRequest request;
  request.media = {label};
  (void)verify(context(), request, reporter_);
  EXPECT_THAT(context().ledger.unseen_media(), IsEmpty());
}

}  // namespace
}  // namespace mixtape::service
