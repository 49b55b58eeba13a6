// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <sys/syscall.h>

#include <algorithm>
#include <map>

#include "fusefs/names.h"
#include "tests/fusefs/mounted_world.h"

// Directories that are read while jobs commit.

namespace mixtape::fusefs {
namespace {

// A directory that is read piece by piece, as the kernel hands it out.
class Listing {
 public:
  explicit Listing(tapeio::UniqueFd directory) : directory_(std::move(directory)) {}

  // One getdents(2) of a page; false at the end.
  bool read_on() {
    alignas(dirent64) std::array<char, 4096> page{};
    const long got = ::syscall(SYS_getdents64, directory_.get(), page.data(), page.size());
    EXPECT_GE(got, 0) << std::generic_category().message(errno);
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(page.data() + at);
      ++names_[entry->d_name];
      at += entry->d_reclen;
    }
    return got > 0;
  }
  void read_to_the_end() {
    while (read_on()) {
    }
  }
  // How often a name came.
  [[nodiscard]] int times(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? 0 : found->second;
  }

 private:
  tapeio::UniqueFd directory_;
  std::map<std::string, int> names_;
};

class ReaddirTest : public MountTest {
 protected:
  static constexpr int kFiles = 300;
  static std::string name(int file) { return std::to_string(1000 + file); }
  void fill() {
    auto job = world.job();
    catalog::Transaction all(world.machine.database);
    for (int file = 0; file < kFiles; ++file) {
      job.file("d/" + name(file), "content " + name(file));
    }
    all.commit();
    job.finish();
    mount->everything_changed();
  }
  // A job that brings new versions of these.
  void change(const std::vector<int>& files) {
    auto job = world.job();
    std::vector<std::string> paths;
    for (const int file : files) {
      paths.push_back("d/" + name(file));
      job.file(paths.back(), "newer content " + name(file));
    }
    job.finish();
    mount->changed(paths);
  }
  [[nodiscard]] Listing open_listing() const {
    return Listing(open("latest/d", O_RDONLY | O_DIRECTORY));
  }
  static void expect_each_once(const Listing& listing, int from, int to) {
    for (int file = from; file < to; ++file) {
      EXPECT_EQ(listing.times(name(file)), 1) << name(file);
    }
  }
};

TEST_F(ReaddirTest, WhatStayedIsListedOnceAlsoWhenAJobCommitsMeanwhile) {
  fill();
  Listing listing = open_listing();
  ASSERT_TRUE(listing.read_on());
  change({0, 1, 2});
  listing.read_to_the_end();
  expect_each_once(listing, 3, kFiles);
}

TEST_F(ReaddirTest, WhatStayedIsListedOnceAlsoWhenTheKernelForgetsItsListingMeanwhile) {
  fill();
  // The kernel now answers from what it keeps, and asks in the middle of another listing later.
  open_listing().read_to_the_end();
  Listing listing = open_listing();
  ASSERT_TRUE(listing.read_on());
  change({0, 1, 2});
  listing.read_to_the_end();
  expect_each_once(listing, 3, kFiles);
}

TEST_F(ReaddirTest, WhatWasListedBeforeACommitDoesNotComeBackAfterIt) {
  fill();
  Listing listing = open_listing();
  ASSERT_TRUE(listing.read_on());
  change({kFiles - 1});
  const std::string changed = "latest/d/" + name(kFiles - 1);
  const struct stat newer = status(changed);
  listing.read_to_the_end();
  EXPECT_EQ(status(changed).st_ino, newer.st_ino);
  EXPECT_EQ(status(changed).st_size, newer.st_size);
  EXPECT_EQ(newer.st_size, static_cast<off_t>(("newer content " + name(0)).size()));
}

TEST_F(ReaddirTest, WhatTheKernelKeptBeforeACommitIsNotListedAfterIt) {
  fill();
  Listing before = open_listing();
  ASSERT_TRUE(before.read_on());
  auto job = world.job();
  job.file("d/added", "quite new").end("d/" + name(kFiles - 1)).finish();
  mount->changed({"d/added", "d/" + name(kFiles - 1)});
  before.read_to_the_end();
  for (int look = 0; look < 2; ++look) {
    Listing after = open_listing();
    after.read_to_the_end();
    EXPECT_EQ(after.times("added"), 1);
    EXPECT_EQ(after.times(name(kFiles - 1)), 0);
  }
}

TEST_F(ReaddirTest, ALinkIsListedOnceThoughItSharesItsNumber) {
  auto job = world.job();
  auto& ledger = world.machine.ledger;
  const auto content = world.content("one");
  ledger.add_version(job.job.id, ledger.path("d/first"), catalog::file_metadata(), content,
                     catalog::kStagingRoot);
  for (int link = 0; link < kFiles; ++link) {
    ledger.add_version(job.job.id, ledger.path("d/" + name(link)), catalog::file_metadata(),
                       content, catalog::kStagingRoot,
                       catalog::VersionKey{ledger.path("d/first"), job.job.id});
  }
  job.finish();
  Listing listing = open_listing();
  listing.read_to_the_end();
  expect_each_once(listing, 0, kFiles);
}

TEST_F(ReaddirTest, ASnapshotShowsWhatIsWrittenLater) {
  auto first = world.job();
  first.file("a", "written").file("b", "left over");
  auto& machine = world.machine;
  machine.write(first.job, world.medium, {world.content("written")});
  machine.ledger.finish_job(first.job.id, ++machine.now);
  const std::string snapshot = "snapshots/" + time_name(first.job.started_s);
  EXPECT_EQ(run("ls " + snapshot), "a\n");
  EXPECT_EQ(run("ls " + snapshot), "a\n");
  world.job().finish();
  mount->changed({"b"});
  EXPECT_EQ(run("ls " + snapshot), "a\nb\n");
}

TEST_F(ReaddirTest, ABundleShowsNoCopyThatTurnedOutBad) {
  world.job().file("a", "one").file("b", "two").finish();
  EXPECT_EQ(run("ls tapes/MX0001/*"), "a\nb\n");
  EXPECT_EQ(run("ls tapes/MX0001/*"), "a\nb\n");
  world.machine.ledger.mark_damaged(world.content("one"), catalog::BundleId{1}, 4000,
                                    "it is damaged");
  EXPECT_EQ(run("ls tapes/MX0001/*"), "b\n");
}

}  // namespace
}  // namespace mixtape::fusefs
