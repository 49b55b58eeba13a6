// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "engine/progress/reporter.h"
#include "tapeio/error.h"

// Where a command's words go: this terminal, a pipe, or (control_server.h) the socket of another
// process.
//
// Threads: every method from any thread.

namespace mixtape::tools {

class Console : public Reporter {
 public:
  // Results, as they are to stand on standard output.
  virtual void out(std::string_view text) = 0;
  // Words for the user, on standard error; whole lines.
  virtual void error(std::string_view line) = 0;

  void note(const std::string& line) override { error(line); }
  void problem(const std::string& line) override {
    ++problems_;
    error("mixtape: " + line);
  }
  // How many items went wrong while the rest went on.
  [[nodiscard]] std::size_t problems() const { return problems_; }

 private:
  std::atomic<std::size_t> problems_ = 0;
};

// Names from disk may hold anything; a terminal must not obey them. Control bytes and invalid UTF-8
// become \xNN, a newline \n, a backslash \\ .
std::string printable(std::string_view name);

// "1 file", "2 files", "3 directories": `thing` takes an s.
std::string counted(std::uint64_t count, std::string_view thing);

// "00:12:30 left" style.
std::string format_duration(std::chrono::seconds duration);

// Turns progress into text: percentage, amount, rate and time left; restarted by a new phase.
class ProgressLine {
 public:
  [[nodiscard]] std::string render(const Progress& progress,
                                   std::chrono::steady_clock::time_point now);

 private:
  [[nodiscard]] std::string render_part(double part,
                                        std::chrono::steady_clock::time_point now) const;

  std::string phase_;
  std::chrono::steady_clock::time_point phase_started_;
  std::uint64_t phase_first_bytes_ = 0;
  std::uint64_t phase_first_files_ = 0;
  double phase_first_part_ = 0;
};

// Whoever read standard output has enough (`| head`): the command ends, with nothing to say.
class ReaderGone final : public Error {
 public:
  ReaderGone() : Error(ErrorCode::io, "write to standard output: nobody reads it any more") {}
};

// Standard output and error of this process. On a terminal progress is one line that is redrawn;
// elsewhere a plain line every ten seconds, and the last one of a phase that took so long. As JSON
// it is one object a line: the first and the last of each phase, and one a second in between.
//
// Errors: out() and finish() throw Error when standard output cannot take the text, ReaderGone when
// it is a pipe that nobody reads.
class StandardConsole final : public Console {
 public:
  using Clock = std::chrono::steady_clock;

  explicit StandardConsole(std::stop_token stop,
                           std::function<Clock::time_point()> now = Clock::now);
  ~StandardConsole() override;

  void out(std::string_view text) override;
  void error(std::string_view line) override;
  void progress(const Progress& progress) override;
  void progress_as_json();
  [[nodiscard]] std::stop_token stop() const override { return stop_; }
  // All that was given to out() has left this process.
  void finish();

 private:
  // Under mutex_.
  void clear_line();
  void end_phase();
  void show();
  [[nodiscard]] Clock::duration pause() const;
  [[noreturn]] void lose_output();

  const std::stop_token stop_;
  const std::function<Clock::time_point()> now_;
  const bool terminal_;
  std::mutex mutex_;
  // Guarded by mutex_.
  bool json_progress_ = false;
  ProgressLine line_;
  Progress latest_;
  std::string latest_text_;
  bool latest_shown_ = true;
  bool phase_shown_ = false;  // Some line of this phase.
  Clock::time_point last_shown_{};
  bool line_drawn_ = false;
  bool output_lost_ = false;
};

// What the engine says holds labels and paths out of a catalog, and catalogs come from media.
class PrintableReporter final : public Reporter {
 public:
  explicit PrintableReporter(Reporter& out) : out_(out) {}
  void progress(const Progress& progress) override {
    Progress shown = progress;
    shown.phase = printable(progress.phase);
    out_.progress(shown);
  }
  void note(const std::string& line) override { out_.note(printable(line)); }
  void problem(const std::string& line) override { out_.problem(printable(line)); }
  [[nodiscard]] std::stop_token stop() const override { return out_.stop(); }

 private:
  Reporter& out_;
};

}  // namespace mixtape::tools
