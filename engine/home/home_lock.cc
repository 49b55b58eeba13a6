// SPDX-License-Identifier: Apache-2.0
#include "engine/home/home_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <ctime>
#include <string_view>
#include <thread>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::home {
namespace fs = std::filesystem;
namespace {

// What a lock tells of its holder: as much of the command as a message bears, and the words around.
constexpr std::size_t kMaxCommand = 400;
constexpr std::size_t kMaxText = 1024;
constexpr std::chrono::milliseconds kLookAgain{10};
constexpr std::string_view kEnding = "is being unmounted";

std::string file_name(HomeLock::Role role) {
  return role == HomeLock::Role::writer ? "writer.lock" : "daemon.lock";
}

std::string holder_text(const std::string& command) {
  const std::time_t now = std::time(nullptr);
  char since[32] = {};
  std::tm local{};
  ::localtime_r(&now, &local);
  std::strftime(since, sizeof since, "%F %H:%M:%S", &local);
  return "`" + command.substr(0, kMaxCommand) + "` (process " + std::to_string(::getpid()) +
         ", since " + since + ")";
}

// The end of "home /h ...".
std::string held_text(HomeLock::Role role, const std::string& holder) {
  switch (role) {
    case HomeLock::Role::writer:
      return "is in use by " + holder + ", which is writing to it: wait until it is done";
    case HomeLock::Role::daemon:
      return "is mounted already, by " + holder + ": unmount it first";
    case HomeLock::Role::recovery:
      return "is being recovered by " + holder + ": wait until it is done";
    case HomeLock::Role::staging:
      return "is being flushed by " + holder + ": wait until it is done";
  }
  MIXTAPE_ASSERT(!"every role is handled above");
}

std::string read_text(int fd) {
  char text[kMaxText] = {};
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  return {text, size > 0 ? static_cast<std::size_t>(size) : 0};
}

}  // namespace

HomeLock::HomeLock(const fs::path& home, Role role, const std::string& command)
    : file_(home / file_name(role)),
      holder_(holder_text(command)),
      fd_(tapeio::open_file(file_, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point began = Clock::now();
  while (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    // Whoever has it leaves its name right behind taking it.
    const std::string text = read_text(fd_.get());
    const bool ending = text.starts_with(kEnding);
    if (Clock::now() - began > (ending ? Clock::duration(kTimeToEnd) : kPatience)) {
      throw Error(
          ErrorCode::locked,
          "home " + home.string() + " " +
              (text.empty() ? "is in use by another process: wait until it is done" : text));
    }
    std::this_thread::sleep_for(kLookAgain);
  }
  if (!sign(held_text(role, holder_))) {
    throw_errno("write " + file_.string());
  }
}

void HomeLock::say_ending() const {
  // Who cannot read it has a shorter patience, no more.
  (void)sign(std::string(kEnding) + ", by " + holder_ +
             ", which takes its time: try again in a minute");
}

bool HomeLock::sign(const std::string& text) const {
  return ::ftruncate(fd_.get(), 0) == 0 && ::pwrite(fd_.get(), text.data(), text.size(), 0) >= 0;
}

}  // namespace mixtape::home
