// SPDX-License-Identifier: Apache-2.0
#include <sys/xattr.h>

#include <atomic>
#include <map>
#include <random>

#include "tests/fusefs/mounted_world.h"

// Whatever is done to staging/ has the result, and the errno, that it has on the disk below, while
// flushes take sets and give them back.

namespace mixtape::fusefs {
namespace {

class StagingModelTest : public MountTest, public testing::WithParamInterface<unsigned> {
 protected:
  // What one operation returned.
  struct Outcome {
    long result;
    int error_number;
    bool operator==(const Outcome&) const = default;
  };
  static Outcome outcome(long result) { return {result < 0 ? -1 : result, result < 0 ? errno : 0}; }

  std::string name() {
    static const char* const kNames[] = {"a",   "b", "c",   "d",   "d/a",
                                         "d/b", "e", "e/a", "d/f", "d/f/a"};
    return kNames[random() % std::size(kNames)];
  }

  // One random operation as a function of the directory it is done in.
  std::function<Outcome(const std::string& top)> operation() {
    const std::string one = name();
    const std::string two = name();
    const std::string text(1 + random() % 9000, static_cast<char>('a' + random() % 26));
    const auto offset = static_cast<off_t>(random() % 10'000);
    const auto number = static_cast<unsigned>(random());
    switch (random() % 14) {
      case 0:
      case 1:
        return [=](const std::string& top) {
          const int flags =
              O_WRONLY | O_CREAT | (number % 2 ? O_TRUNC : 0) | (number % 3 ? 0 : O_EXCL);
          const tapeio::UniqueFd fd(::open((top + one).c_str(), flags | O_CLOEXEC, 0640));
          return fd.valid() ? outcome(::pwrite(fd.get(), text.data(), text.size(), offset))
                            : outcome(-1);
        };
      case 2:
        return [=](const std::string& top) {
          const tapeio::UniqueFd fd(::open((top + one).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
          return fd.valid() ? outcome(::write(fd.get(), text.data(), text.size())) : outcome(-1);
        };
      case 3:
        return [=](const std::string& top) {
          return outcome(::truncate((top + one).c_str(), offset));
        };
      case 4:
        return [=](const std::string& top) {
          return outcome(::renameat2(AT_FDCWD, (top + one).c_str(), AT_FDCWD, (top + two).c_str(),
                                     number % 3));
        };
      case 5:
        return [=](const std::string& top) {
          return outcome(::rename((top + one).c_str(), (top + two).c_str()));
        };
      case 6:
        return [=](const std::string& top) { return outcome(::unlink((top + one).c_str())); };
      case 7:
      case 8:
        return [=](const std::string& top) { return outcome(::mkdir((top + one).c_str(), 0750)); };
      case 9:
        return [=](const std::string& top) { return outcome(::rmdir((top + one).c_str())); };
      case 10:
        return [=](const std::string& top) {
          return outcome(::link((top + one).c_str(), (top + two).c_str()));
        };
      case 11:
        return [=](const std::string& top) {
          return outcome(::symlink(two.c_str(), (top + one).c_str()));
        };
      case 12:
        return [=](const std::string& top) {
          return outcome(::chmod((top + one).c_str(), 0600 | (number & 0177)));
        };
      default:
        return [=](const std::string& top) {
          return outcome(::lsetxattr((top + one).c_str(), "user.note", text.data(),
                                     std::min<std::size_t>(text.size(), 100), 0));
        };
    }
  }

  // Everything there is to see below a directory, one line each.
  static std::map<std::string, std::string> everything(const std::string& top) {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      struct stat status {};
      EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0);
      std::string line = std::to_string(status.st_mode) + " ";
      if (S_ISLNK(status.st_mode)) {
        line += std::filesystem::read_symlink(entry.path()).string();
      } else if (S_ISREG(status.st_mode)) {
        char note[200];
        const ssize_t length = ::getxattr(entry.path().c_str(), "user.note", note, sizeof note);
        line += std::to_string(status.st_nlink) + " " +
                std::string(note, static_cast<std::size_t>(std::max<ssize_t>(length, 0))) + " " +
                test::read_text(entry.path());
      }
      all[entry.path().lexically_relative(top).string()] = line;
    }
    return all;
  }

  std::mt19937 random{GetParam()};
};

TEST_P(StagingModelTest, DoesWhatTheDiskDoesWhileFlushesComeAndGo) {
  const test::TempDir model;
  std::atomic<bool> done = false;
  std::jthread flushes([&] {
    for (int set = 0; !done; ++set) {
      const std::string set_name = "job" + std::to_string(set);
      if (world.staging.take(set_name)) {
        world.staging.give_back(set_name);
      }
    }
  });
  for (int step = 0; step < 3000 && !HasFailure(); ++step) {
    const auto one = operation();
    const Outcome expected = one(model.path().string() + "/");
    const Outcome got = one(at("staging/"));
    EXPECT_EQ(got.result, expected.result) << "step " << step;
    EXPECT_EQ(got.error_number, expected.error_number) << "step " << step;
    if (step % 50 == 0) {
      EXPECT_EQ(everything(at("staging")), everything(model.path())) << "step " << step;
    }
  }
  done = true;
  flushes.join();
  EXPECT_EQ(everything(at("staging")), everything(model.path()));
  EXPECT_EQ(everything(world.staging.tree()), everything(model.path()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, StagingModelTest, testing::Range(1u, 13u));

}  // namespace
}  // namespace mixtape::fusefs
