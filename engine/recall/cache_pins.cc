// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/cache_pins.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::recall {

namespace {

// A million lines; a file that is longer was not written by us.
constexpr std::uint64_t kMaxPinsFile = 66 * MiB;
// Below this many lines the file is not worth rewriting.
constexpr std::size_t kFewLines = 1000;
constexpr std::size_t kHexDigits = 64;

// Held while the file is changed.
tapeio::UniqueFd lock(const std::filesystem::path& file) {
  const std::string path = file.string() + ".lock";
  tapeio::UniqueFd fd = tapeio::open_file(path, O_RDWR | O_CREAT, 0600);
  if (::flock(fd.get(), LOCK_EX) != 0) {
    throw_errno("lock " + path);
  }
  return fd;
}

std::uint8_t bit(Pin why) {
  return static_cast<std::uint8_t>(why);
}

// How a line about a hash begins.
std::string mark(Pin why, bool pins) {
  return why == Pin::copies ? (pins ? "" : "-") : (pins ? "+" : "=");
}

// A line that names no hash, such as one torn by a crash, says nothing.
void apply(std::string_view line, PinnedEntries& pins) {
  const char first = line.empty() ? ' ' : line.front();
  const bool removes = first == '-' || first == '=';
  const Pin why = first == '+' || first == '=' ? Pin::user : Pin::copies;
  line.remove_prefix(removes || why == Pin::user ? 1 : 0);
  if (line.size() != kHexDigits ||
      line.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return;
  }
  const Bytes bytes = from_hex(line);
  EntryHash hash{};
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  std::uint8_t& pinned = pins[hash];
  pinned = static_cast<std::uint8_t>(removes ? pinned & ~bit(why) : pinned | bit(why));
  if (pinned == 0) {
    pins.erase(hash);
  }
}

bool is_pinned(const PinnedEntries& pins, const EntryHash& hash, Pin why) {
  const auto found = pins.find(hash);
  return found != pins.end() && (found->second & bit(why)) != 0;
}

}  // namespace

const PinnedEntries& CachePins::now() {
  struct stat status {};
  if (::stat(file_.c_str(), &status) != 0) {
    if (errno != ENOENT) {
      throw_errno("look at " + file_.string());
    }
    status = {};
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (status.st_ino != inode_ || size < read_to_) {
    pins_.clear();
    inode_ = status.st_ino;
    read_to_ = 0;
    lines_ = 0;
  }
  if (size == read_to_) {
    return pins_;
  }
  if (size > kMaxPinsFile) {
    throw Error(ErrorCode::corrupt, "read " + file_.string() + ": longer than it can be");
  }
  const tapeio::UniqueFd fd = tapeio::open_file(file_, O_RDONLY);
  Bytes added(size - read_to_);
  added.resize(tapeio::read_full_at(fd.get(), added, read_to_, file_));
  std::string_view text = as_text(added);
  // What has no end yet is read when it has.
  for (std::size_t end; (end = text.find('\n')) != std::string_view::npos;) {
    apply(text.substr(0, end), pins_);
    text.remove_prefix(end + 1);
    read_to_ += end + 1;
    ++lines_;
  }
  return pins_;
}

void CachePins::add(const EntryHash& hash, Pin why) {
  const tapeio::UniqueFd held = lock(file_);
  if (!is_pinned(now(), hash, why)) {
    append(mark(why, true) + to_hex(hash));
  }
}

void CachePins::remove(const EntryHash& hash, Pin why) {
  const tapeio::UniqueFd held = lock(file_);
  if (is_pinned(now(), hash, why)) {
    append(mark(why, false) + to_hex(hash));
    if (lines_ > kFewLines && lines_ > 4 * now().size()) {
      rewrite();
    }
  }
}

void CachePins::append(const std::string& line) {
  const tapeio::UniqueFd fd = tapeio::open_file(file_, O_RDWR | O_APPEND | O_CREAT, 0600);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    throw_errno("look at " + file_.string());
  }
  // A line that a crash has torn gets its end before the next begins.
  const bool torn = static_cast<std::uint64_t>(status.st_size) != read_to_;
  tapeio::write_full(fd.get(), as_bytes((torn ? "\n" : "") + line + "\n"), file_);
}

void CachePins::rewrite() {
  std::string text;
  for (const Pin why : {Pin::copies, Pin::user}) {
    for (const auto& [hash, pinned] : pins_) {
      text += (pinned & bit(why)) != 0 ? mark(why, true) + to_hex(hash) + "\n" : "";
    }
  }
  tapeio::write_file_durably(file_, as_bytes(text), 0600);
}

void CachePins::sync() const {
  const tapeio::UniqueFd fd = tapeio::open_file(file_, O_RDWR | O_CREAT, 0600);
  // All of its file system: the entries that are pinned have many directories.
  if (::syncfs(fd.get()) != 0) {
    throw_errno("sync " + file_.parent_path().string());
  }
}

}  // namespace mixtape::recall
