// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/lost_copies.h"
#include "engine/service/recall_service.h"
#include "engine/service/restore.h"
#include "tapeio/error.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// Sizes may be anything that an index says: a restore does not begin what cannot end well, and can
// be stopped in the middle of any number of zeros. And what only lost media have is named with
// them.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class RestoreHostileTest : public ServiceTest {
 protected:
  RestoreHostileTest() { configure("libraries = [\"dir:library\"]\nrecord_size = \"64 KiB\"\n"); }
  RestoreResult bring_back(const std::string& name = "", bool partial = false) {
    RestoreRequest request;
    request.partial = partial;
    request.paths = {source(name).string()};
    request.to = out_.string();
    return restore(context(), request, reporter_);
  }
  // As soon as it does that.
  void stop_in(const std::string& phase) {
    reporter_.on_phase = [this, phase](const std::string& now) {
      if (now == phase) {
        reporter_.stopping.request_stop();
      }
    };
  }
  [[nodiscard]] fs::path restored(const std::string& name) const { return out_ / path_of(name); }

  const fs::path out_ = directory_ / "out";
};

TEST_F(RestoreHostileTest, SizesWhoseSumIsMoreThanANumberHoldsDoNotFitOntoTheDisk) {
  for (const char* name : {"a", "b", "c", "d"}) {
    write(name, name);
  }
  back_up();
  catalog::Statement(context().database, "UPDATE content SET size = 1 << 62").run();
  EXPECT_EQ(test::error_of([&] { return bring_back(); }), ErrorCode::no_space);
  EXPECT_FALSE(fs::exists(restored("a")));
}

TEST_F(RestoreHostileTest, ItIsStoppedAmongZeros) {
  write("sparse", "");
  fs::resize_file(source("sparse"), 50'000'000);
  back_up();
  stop_in("restore from MX0001");
  EXPECT_EQ(test::error_of([&] { return bring_back("sparse"); }), ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(restored("sparse")));
  EXPECT_FALSE(fs::exists(out_)) << "directories that nothing is in are left";
}

TEST_F(RestoreHostileTest, ItIsStoppedWhileAFileIsCopiedForAnotherName) {
  const std::string text(as_text(test::pattern(4'000'000, 1)));
  write("a", text);
  write("b", text);
  back_up();
  stop_in("copy for another name");
  EXPECT_EQ(test::error_of([&] { return bring_back(); }), ErrorCode::cancelled);
  EXPECT_TRUE(fs::exists(restored("a")));
  EXPECT_FALSE(fs::exists(restored("b")));
}

TEST_F(RestoreHostileTest, HolesAreHolesUnderEveryName) {
  for (const char* name : {"a", "b"}) {
    write(name, "some data");
    fs::resize_file(source(name), 50'000'000);
  }
  back_up();
  EXPECT_EQ(bring_back().trouble_count, 0U);
  for (const char* name : {"a", "b"}) {
    struct stat status {};
    ASSERT_EQ(::stat(restored(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_size, 50'000'000) << name;
    EXPECT_LT(status.st_blocks * 512, 2'000'000) << name << ": a MiB is copied at once";
  }
}

TEST_F(RestoreHostileTest, WhenItIsStoppedWhatCameAndWhatWasThereStays) {
  const std::string text(as_text(test::pattern(4'000'000, 1)));
  write("came/a", text);
  write("comes/b", text);
  fs::create_directories(source("empty"));
  fs::create_directories(restored("mine"));
  back_up();
  stop_in("copy for another name");
  EXPECT_EQ(test::error_of([&] { return bring_back(); }), ErrorCode::cancelled);
  EXPECT_TRUE(fs::exists(restored("came/a")));
  EXPECT_TRUE(fs::exists(restored("mine")));
  EXPECT_FALSE(fs::exists(restored("comes")));
  EXPECT_FALSE(fs::exists(restored("empty")));
}

// The cache keeps bytes, not where the holes among them were.
TEST_F(RestoreHostileTest, WhatComesOutOfTheCacheHasItsHoles) {
  write("sparse", "some data");
  fs::resize_file(source("sparse"), 50'000'000);
  const std::string dense(1'000'000, '\0');
  write("dense", dense);
  back_up();
  for (const char* name : {"sparse", "dense"}) {
    const auto incoming = context().workspace.cache().begin(to_content(*latest(path_of(name))));
    incoming->write(as_bytes(test::read_text(source(name))));
    (void)incoming->commit();
  }
  EXPECT_EQ(bring_back().from_cache, 2U);
  EXPECT_EQ(test::read_text(restored("sparse")), test::read_text(source("sparse")));
  struct stat sparse {
  }, full{};
  ASSERT_EQ(::stat(restored("sparse").c_str(), &sparse), 0);
  EXPECT_LT(sparse.st_blocks * 512, 2'000'000);
  ASSERT_EQ(::stat(restored("dense").c_str(), &full), 0);
  EXPECT_GE(full.st_blocks * 512, 1'000'000) << "whose zeros were stored";
}

TEST_F(RestoreHostileTest, AFileThatOnlyALostMediumHasIsNamedWithIt) {
  write("a", "words");
  back_up();
  context().ledger.set_medium_state(context().ledger.medium("MX0001")->id,
                                    catalog::MediumState::lost);
  const RestoreResult result = bring_back();
  ASSERT_EQ(result.trouble_count, 1U);
  EXPECT_THAT(result.troubles.at(0).why,
              AllOf(HasSubstr("no medium holds a good copy"), HasSubstr("MX0001 had one"),
                    HasSubstr("media found MX0001")));
  EXPECT_TRUE(bring_back("", true).partials.empty()) << "there is nothing to make a part of";
  const auto content = latest(path_of("a"))->content.value();
  EXPECT_EQ(catalog::lost_places(context().database, content).size(), 1U);
  context().ledger.set_medium_state(context().ledger.medium("MX0001")->id,
                                    catalog::MediumState::active);
  EXPECT_EQ(catalog::told_of_lost(context().database, content), "");
}

}  // namespace
}  // namespace mixtape::service
