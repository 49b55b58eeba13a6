// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>

#include "engine/format/digest.h"
#include "engine/recall/recall.h"
#include "tests/fusefs/mounted_world.h"
#include "tests/recall/tape_world.h"

// The mount over a real cache and a real recall, and a medium of which every movement is known.

namespace mixtape::fusefs {
namespace {

using tapeio::TracedOperation;
using testing::HasSubstr;

// A drive that stands still while it is held.
class Brake {
 public:
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
};

class CountedContents final : public RecalledContents {
 public:
  using RecalledContents::RecalledContents;
  Ticket read(const recall::Content& content, std::uint64_t offset, std::size_t size,
              const std::string& what, recall::Asker asker, Done done) override {
    const Ticket ticket =
        RecalledContents::read(content, offset, size, what, asker, std::move(done));
    const std::lock_guard lock(mutex_);
    ++cold_reads_;
    changed_.notify_all();
    return ticket;
  }
  void wait_for_cold_reads(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cold_reads_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t cold_reads_ = 0;
};

class WholeChainTest : public MountTest {
 protected:
  // What a member of the catalog's fixture has room for.
  static constexpr std::size_t kSize = 500;

  WholeChainTest() {
    tape.on_read([this] { brake.pass(); });
  }
  Sources sources() override {
    Sources others = world.sources();
    return {.open_catalog = std::move(others.open_catalog),
            .contents = contents,
            .staging = others.staging,
            .texts = std::move(others.texts),
            .eta = {}};
  }
  void TearDown() override {
    brake.hold(false);
    MountTest::TearDown();
    mount.reset();
  }

  // Files on the medium, in this order.
  void archive(const std::vector<std::string>& paths) {
    std::vector<recall::ArchivedFile> files;
    for (const std::string& path : paths) {
      files.push_back({bytes_of(path), {}});
    }
    const std::vector<recall::Extent> extents = tape.write_archive("MX0001", files);
    auto job = world.job();
    for (std::size_t file = 0; file < files.size(); ++file) {
      const auto content =
          world.machine.ledger.add_content(kSize, format::digest_of(files[file].bytes));
      copies[catalog::number(content)] = extents[file];
      job.add(paths[file], catalog::file_metadata(), content);
    }
    job.finish();
  }
  void put_into_cache(const std::string& path) {
    const Bytes bytes = bytes_of(path);
    const auto incoming =
        cache.begin({.number = 0, .size = kSize, .hash = format::digest_of(bytes)});
    incoming->write(bytes);
    (void)incoming->commit();
  }
  static std::string text_of(const std::string& path) {
    std::string text = "what is in " + path;
    text.resize(kSize, '.');
    return text;
  }
  static Bytes bytes_of(const std::string& path) {
    const std::string text = text_of(path);
    const ByteView bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
  }
  recall::Outside outside() {
    return {
        .extents = [this](const recall::Content& content) -> std::vector<recall::Extent> {
          return {copies.at(content.number)};
        },
        .find_medium = [this](const std::string& label) -> std::optional<tapeio::PlacedMedium> {
          return tapeio::PlacedMedium{&tape.library(), label};
        },
        .damaged = [this](const auto&, const auto&, const auto&) { ++damaged; },
        .verified = [](const auto&, const auto&) {},
        .hashed = [](const auto&, const auto&) {},
        .ask_for = [](const auto&) {},
        .within_reach = [](const auto&) { return true; },
    };
  }

  Brake brake;
  recall::TapeWorld tape;
  std::map<std::int64_t, recall::Extent> copies;
  std::atomic<int> damaged = 0;
  recall::Cache cache{world.disk / "cache", {.bytes = GiB}};
  recall::Recall recall{cache, tape.identities(), outside(), {}};
  previews::Previews previews{world.disk.path(), {.total = 0}};
  CountedContents contents{cache, recall, previews};
};

TEST_F(WholeChainTest, AColdFileIsOneLocate) {
  archive({"d/1", "d/2", "d/3", "d/4"});
  EXPECT_EQ(text("latest/d/3"), text_of("d/3"));
  EXPECT_EQ(tape.trace().count(TracedOperation::Kind::load), 1U);
  EXPECT_EQ(tape.trace().count(TracedOperation::Kind::locate), 1U);
  EXPECT_EQ(tape.trace().seeks(), 1U);
  tape.trace().clear();
  EXPECT_EQ(text("latest/d/3"), text_of("d/3"));
  EXPECT_TRUE(tape.trace().operations().empty());
}

TEST_F(WholeChainTest, LookingIsNoOperationOfADrive) {
  archive({"d/1", "d/2", "e/f/3"});
  const std::string all =
      run("find .; ls -lR .; find latest history snapshots tapes -exec stat {} +; "
          "getfattr -dR -m - latest; getfattr -n user.mixtape.state latest/d/2; du -s latest");
  EXPECT_THAT(all, HasSubstr("user.mixtape.state=\"away\""));
  EXPECT_THAT(all, HasSubstr("latest/e/f/3"));
  EXPECT_TRUE(tape.trace().operations().empty());
}

TEST_F(WholeChainTest, NobodyWaitsBehindAThousandReadersOfAMediumThatStandsStill) {
  constexpr std::size_t kReaders = 1000;
  std::vector<std::string> cold;
  for (int file = 0; file < 100; ++file) {
    cold.push_back("cold/" + std::to_string(file));
  }
  archive(cold);
  archive({"other", "warm"});
  put_into_cache("warm");
  brake.hold(true);
  std::atomic<std::size_t> right = 0;
  std::vector<std::jthread> readers;
  for (std::size_t reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, path = cold[reader % cold.size()]] {
      right += text("latest/" + path) == text_of(path) ? 1 : 0;
    });
  }
  contents.wait_for_cold_reads(kReaders);

  // A second or so, on a machine that has nothing else to do.
  const auto promptly = [](const auto& action) {
    const auto begin = std::chrono::steady_clock::now();
    action();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  };
  promptly([&] { EXPECT_EQ(text("latest/warm"), text_of("warm")); });
  promptly([&] { EXPECT_EQ(run("ls latest/cold | wc -l"), "100\n"); });
  const pid_t cat = start_cat("latest/other");
  contents.wait_for_cold_reads(kReaders + 1);
  promptly([&] {
    ::kill(cat, SIGINT);
    EXPECT_EQ(end_of(cat), SIGINT);
  });
  EXPECT_EQ(right, 0U);

  brake.hold(false);
  readers.clear();
  EXPECT_EQ(right, kReaders);
}

// The descriptors that the mount may have, for a while.
class FewDescriptors {
 public:
  FewDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit few{.rlim_cur = 64, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

class DescriptorsTest : public WholeChainTest {
 protected:
  // What the sanitizers meet for the first time costs them a descriptor: so a failing open goes
  // ahead, of an entry that has a file in its way.
  void refuse_an_open() {
    archive({"refused"});
    const std::string name = to_hex(format::digest_of(bytes_of("refused")));
    const std::filesystem::path in_the_way = world.disk / "cache" / name.substr(0, 2);
    test::write_text(in_the_way, "no directory");
    EXPECT_EQ(failure(::open(at("latest/refused").c_str(), O_RDONLY)), EIO);
    std::filesystem::remove(in_the_way);
  }
  // What another process meets that opens all of these and keeps them open: 0 where it reads the
  // right bytes, else the errno.
  [[nodiscard]] std::vector<int> open_all(const std::vector<std::string>& paths) const {
    std::vector<std::string> files, texts;
    for (const std::string& path : paths) {
      files.push_back(at("latest/" + path));
      texts.push_back(text_of(path));
    }
    std::vector<int> errors(paths.size(), -1);
    const std::size_t size = errors.size() * sizeof(int);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const tapeio::UniqueFd out(ends[0]);
    tapeio::UniqueFd in(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) {
      rlimit limit{};
      ::getrlimit(RLIMIT_NOFILE, &limit);
      limit.rlim_cur = limit.rlim_max;
      ::setrlimit(RLIMIT_NOFILE, &limit);
      char bytes[kSize];
      for (std::size_t file = 0; file < files.size(); ++file) {
        const int fd = ::open(files[file].c_str(), O_RDONLY);
        if (fd < 0 || ::pread(fd, bytes, kSize, 0) != static_cast<ssize_t>(kSize)) {
          errors[file] = errno;
        } else if (std::memcmp(bytes, texts[file].data(), kSize) == 0) {
          errors[file] = 0;
        }
      }
      ::_exit(::write(in.get(), errors.data(), size) == static_cast<ssize_t>(size) ? 0 : 1);
    }
    in.reset();
    EXPECT_EQ(::read(out.get(), errors.data(), size), static_cast<ssize_t>(size));
    EXPECT_EQ(end_of(child), 0);
    return errors;
  }
};

TEST_F(DescriptorsTest, WhenThereAreNoneLeftAnOpenSaysSo) {
  std::vector<std::string> paths;
  for (int file = 0; file < 100; ++file) {
    paths.push_back("d/" + std::to_string(file));
  }
  refuse_an_open();
  archive(paths);
  std::for_each(paths.begin(), paths.end(), [this](const auto& path) { put_into_cache(path); });
  EXPECT_EQ(text("latest/d/0"), text_of("d/0"));
  std::vector<int> errors;
  {
    const FewDescriptors few;
    errors = open_all(paths);
  }
  const auto read = std::count(errors.begin(), errors.end(), 0);
  const auto refused = std::count(errors.begin(), errors.end(), EMFILE);
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(read + refused, static_cast<std::ptrdiff_t>(paths.size()));
  EXPECT_TRUE(tape.trace().operations().empty());
  EXPECT_EQ(damaged, 0);
  EXPECT_EQ(text("latest/d/99"), text_of("d/99"));
}

}  // namespace
}  // namespace mixtape::fusefs
