// SPDX-License-Identifier: Apache-2.0
#include "tools/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/home/config.h"

namespace mixtape::tools {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(10);
constexpr auto kJsonLine = std::chrono::seconds(1);

// Length of the valid UTF-8 sequence of a printable character at the front of `text`; 0 when there
// is none.
std::size_t printable_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) >= 0x20 && byte(0) < 0x7f) {
    return 1;
  }
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : byte(0) >= 0xc2 ? 2 : 0;
  if (length == 0 || byte(0) > 0xf4 || text.size() < length) {
    return 0;
  }
  std::uint32_t code = byte(0) & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
    code = (code << 6) | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kShortest[] = {0, 0, 0x80, 0x800, 0x10000};
  // C1 controls, surrogates and the bidirectional overrides could rearrange what the user sees.
  const bool harmful = code < 0xa0 || (code >= 0xd800 && code < 0xe000) ||
                       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return code < kShortest[length] || code > 0x10ffff || harmful ? 0 : length;
}

std::string percentage(std::uint64_t done, std::uint64_t total) {
  return std::to_string(total == 0 ? 100 : std::min<std::uint64_t>(100, done * 100 / total)) + "%";
}

}  // namespace

std::string printable(std::string_view name) {
  std::string shown;
  shown.reserve(name.size());
  while (!name.empty()) {
    const std::size_t length = printable_sequence(name);
    if (name.front() == '\\') {
      shown += "\\\\";
    } else if (length > 0) {
      shown += name.substr(0, length);
    } else if (name.front() == '\n') {
      shown += "\\n";
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(name.front()));
      shown += escaped;
    }
    name.remove_prefix(length > 0 ? length : 1);
  }
  return shown;
}

std::string counted(std::uint64_t count, std::string_view thing) {
  if (count != 1 && thing == "medium") {
    return std::to_string(count) + " media";
  }
  std::string text = std::to_string(count) + " " + std::string(thing);
  if (count != 1 && text.ends_with('y')) {
    text.replace(text.size() - 1, 1, "ie");
  }
  return text + (count == 1 ? "" : "s");
}

std::string format_duration(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  char text[32];
  if (seconds >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", static_cast<long long>(seconds / 3600),
                  static_cast<long long>(seconds / 60 % 60), static_cast<long long>(seconds % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", static_cast<long long>(seconds / 60),
                  static_cast<long long>(seconds % 60));
  }
  return text;
}

std::string ProgressLine::render(const Progress& progress,
                                 std::chrono::steady_clock::time_point now) {
  if (progress.phase != phase_) {
    phase_ = progress.phase;
    phase_started_ = now;
    phase_first_bytes_ = progress.done_bytes;
    phase_first_files_ = progress.done_files;
    phase_first_part_ = progress.part.value_or(0);
  }
  std::string text = progress.phase + ": ";
  if (progress.part) {
    return text + render_part(*progress.part, now);
  }
  if (progress.total_bytes > 0) {
    text += percentage(progress.done_bytes, progress.total_bytes) + "  " +
            home::format_size(progress.done_bytes) + " of " +
            home::format_size(progress.total_bytes) + "  ";
  } else if (progress.done_bytes > 0) {
    text += home::format_size(progress.done_bytes) + "  ";
  }
  text += std::to_string(progress.done_files);
  if (progress.total_files > 0) {
    text += " of " + std::to_string(progress.total_files);
  }
  // "1 of 2 files", as one counts.
  text += std::max(progress.done_files, progress.total_files) == 1 ? " file" : " files";
  const double seconds = std::chrono::duration<double>(now - phase_started_).count();
  if (seconds < 0.5) {
    return text;
  }
  // Bytes tell better than files how long it takes, where both are known.
  const bool by_bytes = progress.total_bytes > 0 || progress.done_bytes > phase_first_bytes_;
  const double done = by_bytes ? static_cast<double>(progress.done_bytes - phase_first_bytes_)
                               : static_cast<double>(progress.done_files - phase_first_files_);
  const double rate = done / seconds;
  text += "  " + (by_bytes ? home::format_size(static_cast<std::uint64_t>(rate)) + "/s"
                           : std::to_string(static_cast<std::uint64_t>(rate)) + " files/s");
  const std::uint64_t total = by_bytes ? progress.total_bytes : progress.total_files;
  const std::uint64_t at = by_bytes ? progress.done_bytes : progress.done_files;
  if (total > at && rate > 0) {
    const auto left = static_cast<std::int64_t>(static_cast<double>(total - at) / rate);
    text += "  " + format_duration(std::chrono::seconds(left)) + " left";
  }
  return text;
}

std::string ProgressLine::render_part(double part,
                                      std::chrono::steady_clock::time_point now) const {
  constexpr std::uint64_t kWhole = 1'000'000;
  // A drive may say anything; what is no number between 0 and 1 counts as 0.
  const double sane = part >= 0 && part <= 1 ? part : 0;
  const auto done = static_cast<std::uint64_t>(sane * static_cast<double>(kWhole));
  std::string text = percentage(done, kWhole);
  const double seconds = std::chrono::duration<double>(now - phase_started_).count();
  const double advance = sane - phase_first_part_;
  if (seconds >= 1 && advance > 0) {
    const auto left = static_cast<std::int64_t>((1 - sane) / advance * seconds);
    text += "  " + format_duration(std::chrono::seconds(left)) + " left";
  }
  return text;
}

StandardConsole::StandardConsole(std::stop_token stop, std::function<Clock::time_point()> now)
    : stop_(std::move(stop)), now_(std::move(now)), terminal_(::isatty(STDERR_FILENO) == 1) {}

StandardConsole::~StandardConsole() {
  const std::lock_guard lock(mutex_);
  end_phase();
  clear_line();
}

void StandardConsole::progress_as_json() {
  const std::lock_guard lock(mutex_);
  json_progress_ = true;
}

void StandardConsole::clear_line() {
  if (line_drawn_) {
    std::fputs("\r\033[K", stderr);
    line_drawn_ = false;
  }
}

void StandardConsole::lose_output() {
  const int why = errno;
  output_lost_ = true;
  if (why == EPIPE) {
    throw ReaderGone();
  }
  throw_errno("write to standard output", why);
}

void StandardConsole::out(std::string_view text) {
  const std::lock_guard lock(mutex_);
  clear_line();
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    lose_output();
  }
}

void StandardConsole::finish() {
  const std::lock_guard lock(mutex_);
  // What is lost was told already.
  if (!output_lost_ && std::fflush(stdout) != 0) {
    lose_output();
  }
}

void StandardConsole::error(std::string_view line) {
  const std::lock_guard lock(mutex_);
  clear_line();
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fputc('\n', stderr);
}

StandardConsole::Clock::duration StandardConsole::pause() const {
  return json_progress_ ? Clock::duration(kJsonLine)
         : terminal_    ? Clock::duration(kRedraw)
                        : Clock::duration(kPlainLine);
}

void StandardConsole::progress(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  const bool new_phase = progress.phase != latest_.phase;
  if (new_phase) {
    end_phase();
    phase_shown_ = false;
  }
  latest_ = progress;
  latest_text_ = line_.render(progress, now);
  latest_shown_ = false;
  if (new_phase ? json_progress_ || terminal_ : now - last_shown_ >= pause()) {
    show();
  }
  if (new_phase || latest_shown_) {
    last_shown_ = now;
  }
}

void StandardConsole::end_phase() {
  if (!latest_shown_ && (json_progress_ || (!terminal_ && phase_shown_))) {
    show();
  }
}

void StandardConsole::show() {
  if (json_progress_) {
    nlohmann::json line = {{"phase", printable(latest_.phase)},
                           {"done_bytes", latest_.done_bytes},
                           {"total_bytes", latest_.total_bytes},
                           {"done_files", latest_.done_files},
                           {"total_files", latest_.total_files}};
    if (latest_.part) {
      line["part"] = *latest_.part;
    }
    std::fprintf(stderr, "%s\n", line.dump().c_str());
  } else if (terminal_) {
    winsize size{};
    const std::size_t columns =
        ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
    std::fprintf(stderr, "\r\033[K%s", latest_text_.substr(0, columns).c_str());
    std::fflush(stderr);
    line_drawn_ = true;
  } else {
    std::fprintf(stderr, "%s\n", latest_text_.c_str());
  }
  latest_shown_ = true;
  phase_shown_ = true;
}

}  // namespace mixtape::tools
