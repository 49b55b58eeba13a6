// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

#include "fusefs/names.h"
#include "tests/fusefs/mounted_world.h"

namespace mixtape::fusefs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class BrowseTest : public MountTest {
 protected:
  // Names and inode numbers as readdir(3) gives them.
  [[nodiscard]] std::vector<std::pair<std::string, ino_t>> entries(const std::string& path) const {
    std::vector<std::pair<std::string, ino_t>> all;
    DIR* directory = ::opendir(at(path).c_str());
    EXPECT_NE(directory, nullptr) << path;
    while (directory != nullptr) {
      const dirent* entry = ::readdir(directory);
      if (entry == nullptr) {
        ::closedir(directory);
        break;
      }
      all.emplace_back(entry->d_name, entry->d_ino);
    }
    return all;
  }
};

TEST_F(BrowseTest, LookingMovesNoMedium) {
  world.job().file("d/a.raw", "one").file("d/e/b.raw", "two").file("c", "three").finish();
  const std::string all =
      run("find . -type f; ls -laR .; find latest history -exec stat {} + ; "
          "getfattr -dR -m - latest; getfattr -n user.mixtape.media latest/c; du -s latest; df .");
  EXPECT_THAT(all, HasSubstr("user.mixtape.media=\"MX0001\""));
  EXPECT_THAT(all, HasSubstr("latest/d/e/b.raw"));
  EXPECT_EQ(world.contents.asked(), 0U);
  EXPECT_EQ(mount->parked_reads(), 0U);
}

TEST_F(BrowseTest, TheInodeOfAListingIsTheInodeOfTheFile) {
  world.job().file("a", "one").file("d/b", "two").finish();
  for (const auto& [name, inode] : entries("latest")) {
    if (name != "." && name != "..") {
      EXPECT_EQ(status("latest/" + name).st_ino, inode) << name;
    }
  }
}

TEST_F(BrowseTest, EverythingButStagingIsReadOnly) {
  world.job().file("a", "one", true).finish();
  EXPECT_EQ(failure(::open(at("latest/a").c_str(), O_WRONLY)), EROFS);
  EXPECT_EQ(failure(::open(at("latest/new").c_str(), O_WRONLY | O_CREAT, 0644)), EROFS);
  EXPECT_EQ(failure(::unlink(at("latest/a").c_str())), EROFS);
  EXPECT_EQ(failure(::mkdir(at("new").c_str(), 0755)), EROFS);
  EXPECT_EQ(failure(::chmod(at("latest/a").c_str(), 0600)), EROFS);
  EXPECT_EQ(failure(::rename(at("latest/a").c_str(), at("staging/a").c_str())), EROFS);
  EXPECT_EQ(failure(::setxattr(at("latest/a").c_str(), "user.x", "y", 1, 0)), EROFS);
  EXPECT_EQ(failure(::link(at("latest/a").c_str(), at("staging/a").c_str())), EXDEV);
  EXPECT_EQ(failure(::rmdir(at("staging").c_str())), EROFS);
}

TEST_F(BrowseTest, LsStopsAskingForCapabilitiesAndAcls) {
  world.job().file("a", "one").finish();
  EXPECT_EQ(failure(::getxattr(at("latest/a").c_str(), "security.capability", nullptr, 0)),
            EOPNOTSUPP);
  EXPECT_EQ(failure(::getxattr(at("latest/a").c_str(), "system.posix_acl_access", nullptr, 0)),
            EOPNOTSUPP);
  EXPECT_EQ(failure(::getxattr(at("latest/a").c_str(), "user.colour", nullptr, 0)), ENODATA);
}

TEST_F(BrowseTest, CopyTakesTheVersionsOwnAttributesAndNoneOfOurs) {
  auto metadata = catalog::file_metadata();
  metadata.xattrs = {{"user.colour", "red"}};
  const auto content = world.content("one");
  world.contents.put(catalog::number(content), "one", true);
  world.job().add("a", metadata, content).finish();
  EXPECT_EQ(run("cp -a latest/a staging/b && getfattr -d staging/b"),
            "# file: staging/b\nuser.colour=\"red\"\n\n");
  EXPECT_EQ(status("staging/b").st_mtim.tv_nsec, 123'456'789);
}

TEST_F(BrowseTest, SparseAwareToolsCopyDataNotHoles) {
  world.job().file("a", "some bytes", true).finish();
  const tapeio::UniqueFd fd = open("latest/a", O_RDONLY);
  EXPECT_GT(status("latest/a").st_blocks, 0);
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_DATA), 0);
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_HOLE), 10);
  EXPECT_EQ(run("tar -C latest -Sc a | tar -xO"), "some bytes");
}

TEST_F(BrowseTest, ControlFilesAreMadeWhenTheyAreOpened) {
  EXPECT_EQ(run("cat .mixtape/status.txt"), "all is well\n");
  EXPECT_EQ(run("cat .mixtape/status.json .mixtape/queue.json"), "{\"status\":1}\n[]\n");
}

TEST_F(BrowseTest, NamesOfAnyBytesAndOfFullLengthAreReached) {
  std::string strange;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') {
      strange += static_cast<char>(byte);
    }
  }
  const std::string longest(255, 'x');
  world.job().file(strange, "one", true).file(longest + "/" + longest, "two", true).finish();
  EXPECT_EQ(text("latest/" + strange), "one");
  EXPECT_EQ(text("latest/" + longest + "/" + longest), "two");
  EXPECT_EQ(entries("history/" + longest + "/" + longest).size(), 3U);
}

TEST_F(BrowseTest, HardLinksLookLikeHardLinks) {
  auto job = world.job();
  auto metadata = catalog::file_metadata();
  metadata.nlink = 2;
  auto& ledger = world.machine.ledger;
  const auto content = world.content("one");
  ledger.add_version(job.job.id, ledger.path("a"), metadata, content, catalog::kStagingRoot);
  ledger.add_version(job.job.id, ledger.path("b"), metadata, content, catalog::kStagingRoot,
                     catalog::VersionKey{ledger.path("a"), job.job.id});
  job.finish();
  EXPECT_EQ(status("latest/a").st_ino, status("latest/b").st_ino);
  EXPECT_EQ(status("latest/b").st_nlink, 2U);
}

TEST_F(BrowseTest, TotalsAreWhatDfShows) {
  world.job().file("a", "one").file("b", "two").finish();
  struct statvfs root {
  }, staging{};
  ASSERT_EQ(::statvfs(at("").c_str(), &root), 0);
  ASSERT_EQ(::statvfs(at("staging").c_str(), &staging), 0);
  EXPECT_EQ(root.f_files - root.f_ffree, 2U);
  EXPECT_EQ(root.f_namemax, 255U);
  EXPECT_GT(staging.f_bfree, 0U);
}

class BigDirectoryTest : public BrowseTest {
 protected:
  static constexpr std::size_t kFiles = 100'000;
  void fill() {
    auto job = world.job();
    catalog::Transaction all(world.machine.database);
    const auto content = world.content("same");
    for (std::size_t i = 0; i < kFiles; ++i) {
      world.machine.add_file(job.job, "d/" + std::to_string(i), content);
    }
    all.commit();
    job.finish();
  }
};

TEST_F(BigDirectoryTest, ListsEveryNameOnceAndSeeksWhereItTold) {
  fill();
  DIR* directory = ::opendir(at("latest/d").c_str());
  ASSERT_NE(directory, nullptr);
  std::set<std::string> names;
  std::vector<std::pair<long, std::string>> places;
  for (;;) {
    const long place = ::telldir(directory);
    const dirent* entry = ::readdir(directory);
    if (entry == nullptr) {
      break;
    }
    EXPECT_TRUE(names.insert(entry->d_name).second) << entry->d_name;
    if (names.size() % 9973 == 0) {
      places.emplace_back(place, entry->d_name);
    }
  }
  EXPECT_EQ(names.size(), kFiles + 2);
  std::reverse(places.begin(), places.end());
  for (const auto& [place, name] : places) {
    ::seekdir(directory, place);
    const dirent* entry = ::readdir(directory);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(name, entry->d_name);
  }
  ::rewinddir(directory);
  EXPECT_STREQ(::readdir(directory)->d_name, ".");
  ::closedir(directory);
}

TEST_F(BrowseTest, ManyMayReadAndCloseDirectoriesAtOnce) {
  auto job = world.job();
  for (int i = 0; i < 20; ++i) {
    job.file("d" + std::to_string(i) + "/a", "one").file("d" + std::to_string(i) + "/b", "two");
  }
  job.finish();
  std::vector<std::jthread> readers;
  for (int reader = 0; reader < 8; ++reader) {
    readers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        // Staging, because the kernel keeps the listings of latest.
        EXPECT_EQ(entries("staging").size(), 2U);
        EXPECT_EQ(entries("history/d" + std::to_string(round % 20)).size(), 4U);
      }
    });
  }
}

class CommitTest : public BrowseTest {
 protected:
  // Everything that the kernel may remember of latest.
  void look() const { (void)run("ls -laR latest history"); }
  void commit(const std::vector<std::string>& paths) {
    if (everything) {
      mount->everything_changed();
    } else {
      mount->changed(paths);
    }
  }
  void check_latest_never_stale() {
    world.job().file("d/a", "one", true).file("d/gone", "x", true).file("keep", "k", true).finish();
    commit({"d/a", "d/gone", "keep"});
    look();
    const tapeio::UniqueFd inside = open("latest/d", O_RDONLY | O_DIRECTORY);
    const tapeio::UniqueFd old = open("latest/d/a", O_RDONLY);
    const ino_t inode = status("latest/d/a").st_ino;
    EXPECT_EQ(text("latest/d/a"), "one");

    world.job()
        .file("d/a", "second", true)
        .file("d/new", "three", true)
        .file("e/f/g", "four", true)
        .end("d/gone")
        .finish();
    commit({"d/a", "d/new", "e/f/g", "d/gone"});
    EXPECT_EQ(text("latest/d/a"), "second");
    EXPECT_NE(status("latest/d/a").st_ino, inode);
    EXPECT_EQ(status("latest/d/a").st_size, 6);
    EXPECT_EQ(text("latest/d/new"), "three");
    EXPECT_EQ(text("latest/e/f/g"), "four");
    EXPECT_EQ(failure(::access(at("latest/d/gone").c_str(), F_OK)), ENOENT);
    EXPECT_EQ(run("ls latest latest/d"), "latest:\nd\ne\nkeep\n\nlatest/d:\na\nnew\n");
    EXPECT_EQ(run("ls history/d/a | wc -l"), "2\n");
    // What is open stays the version that was opened; who stands in a directory sees it as it is
    // now.
    EXPECT_EQ(read_all(old), "one");
    struct stat from_inside {};
    EXPECT_EQ(::fstatat(inside.get(), "a", &from_inside, 0), 0);
    EXPECT_EQ(from_inside.st_size, 6);
    EXPECT_EQ(run("cd /proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(inside.get()) +
                  " && ls"),
              "a\nnew\n");
  }
  bool everything = false;
};

TEST_F(CommitTest, LatestIsNeverStaleAfterACommit) {
  check_latest_never_stale();
}

TEST_F(CommitTest, LatestIsNeverStaleAfterACommitThatListsNothing) {
  everything = true;
  check_latest_never_stale();
}

TEST_F(CommitTest, AFileMayBecomeADirectoryAndBack) {
  world.job().file("x", "one", true).finish();
  commit({"x"});
  EXPECT_EQ(text("latest/x"), "one");
  world.job().end("x").file("x/y", "two", true).finish();
  commit({"x", "x/y"});
  EXPECT_EQ(text("latest/x/y"), "two");
  world.job().end("x/y").file("x", "three", true).finish();
  commit({"x", "x/y"});
  EXPECT_EQ(text("latest/x"), "three");
}

TEST_F(CommitTest, ANewSnapshotAppears) {
  world.job().file("a", "one").finish();
  look();
  const auto job = world.job().file("a", "two").finish();
  EXPECT_EQ(status("snapshots/" + time_name(job.started_s) + "/a").st_size, 3);
}

class StoppingTest : public MountTest {
 protected:
  // Nobody gets an answer from the catalog before the test says so.
  Sources sources() override {
    Sources all = world.sources();
    all.open_catalog = [this, open = all.open_catalog] {
      {
        std::unique_lock lock(mutex);
        asked = true;
        changed.notify_all();
        changed.wait(lock, [this] { return answering; });
      }
      return open();
    };
    return all;
  }
  void wait_until_somebody_asks() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return asked; });
  }
  void answer() {
    const std::lock_guard lock(mutex);
    answering = true;
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool asked = false, answering = false;
};

TEST_F(StoppingTest, LetsANoticeEndThatWaitsForAReader) {
  world.job().file("a", "one").finish();
  // Its lookup holds the root, whose names are to be taken back.
  const std::jthread reader([this] { (void)::access(at("latest").c_str(), F_OK); });
  wait_until_somebody_asks();
  const std::jthread committing([this] { mount->everything_changed(); });
  const std::jthread stopping([this] { mount->stop(); });
  answer();
}

class RefusedMountTest : public testing::Test {
 protected:
  std::string refusal(const MountOptions& options) {
    try {
      Mount mount(options, world.sources());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  ArchiveWorld world;
  test::TempDir place;
};

TEST_F(RefusedMountTest, NamesWhatIsWrongWithThePlace) {
  if (::access("/dev/fuse", F_OK) != 0) {
    GTEST_SKIP() << "there is no /dev/fuse";
  }
  const auto home = world.directory.path();
  EXPECT_THAT(refusal({.mountpoint = place / "nowhere", .home = home}), HasSubstr("No such file"));
  test::write_text(place / "file", "x");
  EXPECT_THAT(refusal({.mountpoint = place / "file", .home = home}), HasSubstr("not a directory"));
  EXPECT_THAT(refusal({.mountpoint = place.path(), .home = home}), HasSubstr("nonempty"));
  std::filesystem::create_directory(home / "inside");
  EXPECT_THAT(refusal({.mountpoint = home / "inside", .home = home}), HasSubstr("home"));
  EXPECT_THAT(refusal({.mountpoint = home, .home = home / "inside"}), HasSubstr("home"));
}

}  // namespace
}  // namespace mixtape::fusefs
