// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "engine/service/release.h"
#include "engine/service/source_guard.h"
#include "tapeio/error.h"
#include "tests/service/release_fixture.h"

// What changes between the check of a source file and its deletion.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// --- What others learn while files are read

class ReleaseMeanwhileTest : public ReleaseTest {
 protected:
  ReleaseMeanwhileTest() { verify_all(); }
  // Releases all; `change` comes when the first two files are checked and none is deleted.
  ReleaseResult release_while(const std::function<void()>& change) {
    int looks = 0;
    reporter_.on_progress = [&] {
      if (++looks == 3) {
        EXPECT_TRUE(is_here("a"));
        EXPECT_TRUE(is_here("b"));
        change();
      }
    };
    ReleaseResult result = release_all();
    reporter_.on_progress = nullptr;
    return result;
  }
};

TEST_F(ReleaseMeanwhileTest, DamageThatIsFoundMeanwhileKeepsTheFile) {
  const ReleaseResult result = release_while([&] {
    context().ledger.mark_damaged(latest(path_of("b")).value().content.value(),
                                  context().ledger.bundles(catalog::MediumId{1}).at(0).id, now_s_,
                                  "it is damaged");
  });
  EXPECT_THAT(names(result.released), ElementsAre("a", "c"));
  ASSERT_THAT(result.refused, SizeIs(1));
  EXPECT_THAT(result.refused[0].why, HasSubstr("0 of the 1 copies"));
  EXPECT_TRUE(is_here("b"));
  EXPECT_NE(latest(path_of("b"))->origin, catalog::kStagingRoot);
}

TEST_F(ReleaseMeanwhileTest, AMediumThatMustBeSeenAgainMeanwhileKeepsTheFiles) {
  const ReleaseResult result =
      release_while([&] { context().ledger.expect_label(context().ledger.media().at(0)); });
  EXPECT_THAT(result.released, IsEmpty());
  EXPECT_THAT(result.refused, SizeIs(3));
  EXPECT_TRUE(is_here("a"));
}

TEST_F(ReleaseMeanwhileTest, FilesAreNotHeldForLongerThanSoMuchIsRead) {
  std::vector<bool> first_is_here;
  reporter_.on_progress = [&] { first_is_here.push_back(is_here("a")); };
  (void)release(context(), {.paths = {source().string()}, .remove = true, .most_read_at_once = 16},
                reporter_);
  EXPECT_THAT(first_is_here, ElementsAre(true, true, false, false));
  EXPECT_FALSE(is_here("dir/c"));
}

// Stops when it is asked for the n-th time.
class StoppingReporter final : public Reporter {
 public:
  explicit StoppingReporter(int asked) : left_(asked) {}
  void progress(const Progress&) override {}
  void note(const std::string&) override {}
  void problem(const std::string&) override {}
  [[nodiscard]] std::stop_token stop() const override {
    if (--left_ <= 0) {
      stopping_.request_stop();
    }
    return stopping_.get_token();
  }

 private:
  mutable int left_;
  mutable std::stop_source stopping_;
};

TEST_F(ReleaseMeanwhileTest, WhereverItIsStoppedWhatIsStillThereBelongsToItsScan) {
  fs::create_hard_link(source("a"), source("link"));
  (void)back_up();
  verify_all();
  const catalog::RootId origin = latest(path_of("a"))->origin;
  fs::create_hard_link(source("a"), directory_ / "kept");
  bool stopped = true;
  for (int asked = 1; stopped; ++asked) {
    ASSERT_LT(asked, 100);
    StoppingReporter reporter(asked);
    try {
      (void)release(context(), {.paths = {source("a"), source("link")}, .remove = true}, reporter);
      stopped = false;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::cancelled);
    }
    for (const std::string_view name : {"a", "link"}) {
      EXPECT_EQ(is_here(name), latest(path_of(name))->origin == origin)
          << name << ", stopped at " << asked;
      if (!is_here(name)) {
        fs::create_hard_link(directory_ / "kept", source(name));
      }
      context().ledger.set_origin(latest(path_of(name))->key, origin);
    }
  }
}

// --- Between the check and the deletion

class SourceGuardTest : public ReleaseTest {
 protected:
  SourceGuard checked(std::string_view name) {
    SourceGuard guard(source(name).string());
    EXPECT_TRUE(guard.is(latest(path_of(name)).value(), reporter_)) << guard.why();
    return guard;
  }
};

TEST_F(SourceGuardTest, AFileThatIsReplacedAfterTheCheckIsNotDeleted) {
  SourceGuard guard = checked("b");
  fs::rename(source("b"), source("old"));
  write("b", "beta, longer");
  EXPECT_FALSE(guard.remove());
  EXPECT_THAT(guard.why(), HasSubstr("another file has its name"));
  EXPECT_TRUE(is_here("b"));
}

TEST_F(SourceGuardTest, ASymlinkThatIsSwappedInAfterTheCheckIsNotDeletedNorFollowed) {
  SourceGuard guard = checked("b");
  fs::rename(source("b"), source("old"));
  fs::create_symlink("old", source("b"));
  EXPECT_FALSE(guard.remove());
  EXPECT_TRUE(is_here("b"));
  EXPECT_TRUE(is_here("old"));
}

TEST_F(SourceGuardTest, AFileThatIsTouchedAfterTheCheckIsNotDeleted) {
  SourceGuard guard = checked("b");
  ASSERT_EQ(::chmod(source("b").c_str(), 0600), 0);  // Changes its ctime, and nothing else here.
  EXPECT_FALSE(guard.remove());
  EXPECT_THAT(guard.why(), HasSubstr("changed while"));
  EXPECT_TRUE(is_here("b"));
}

TEST_F(SourceGuardTest, WhoeverOpensItForWritingAfterTheCheckKeepsIt) {
  SourceGuard guard = checked("b");
  // Without O_NONBLOCK this would wait until the guard lets go.
  const int fd = ::open(source("b").c_str(), O_WRONLY | O_NONBLOCK);
  EXPECT_EQ(fd, -1);
  EXPECT_FALSE(guard.remove());
  EXPECT_THAT(guard.why(), HasSubstr("opened it for writing"));
  EXPECT_TRUE(is_here("b"));
}

TEST_F(SourceGuardTest, WhereWritersCannotBeNoticedTheFileStays) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root gives files away";
  }
  const catalog::Version version = latest(path_of("b")).value();
  as_nobody([&] {
    const uid_t nobody = ::geteuid();
    ASSERT_EQ(::seteuid(0), 0);
    ASSERT_EQ(::chown(source("b").c_str(), version.metadata.uid, version.metadata.gid), 0);
    ASSERT_EQ(::chmod(source("b").c_str(), version.metadata.mode & 07777), 0);
    ASSERT_EQ(::seteuid(nobody), 0);
    SourceGuard guard(source("b").string());
    EXPECT_FALSE(guard.is(version, reporter_));
    EXPECT_THAT(guard.why(), HasSubstr("delete it by hand"));
    EXPECT_THAT(guard.why(), HasSubstr("another user's"));
  });
}

TEST_F(SourceGuardTest, AWritableMappingCountsAsAWriter) {
  const int fd = ::open(source("b").c_str(), O_RDWR);
  void* mapping = ::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  ASSERT_NE(mapping, MAP_FAILED);
  SourceGuard guard(source("b").string());
  EXPECT_THAT(guard.why(), HasSubstr("open for writing"));
  ::munmap(mapping, 1);
}

TEST_F(SourceGuardTest, ADirectoryThatIsSwappedAfterTheCheckDoesNotMatter) {
  SourceGuard guard = checked("dir/c");
  fs::rename(source("dir"), source("moved"));
  write("dir/c", "gamma");
  EXPECT_TRUE(guard.remove());
  EXPECT_TRUE(is_here("dir/c")) << "the new one is another file";
  EXPECT_FALSE(is_here("moved/c"));
}

}  // namespace
}  // namespace mixtape::service
