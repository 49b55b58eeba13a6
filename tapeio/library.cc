// SPDX-License-Identifier: Apache-2.0
#include "tapeio/library.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "tapeio/error.h"

namespace mixtape::tapeio {
namespace {

constexpr std::size_t kMaxLabelSize = 32;
constexpr std::chrono::seconds kLookAgain{1};

bool is_label_character(char character) {
  return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
         (character >= '0' && character <= '9') || character == '.' || character == '_' ||
         character == '-';
}

// Where in a URL its directory stands. Options of a simulator follow behind a comma.
struct Span {
  std::size_t begin = 0;
  std::size_t size = 0;
};

Span directory_span(std::string_view url) {
  if (url.starts_with(kDirScheme)) {
    return {kDirScheme.size(), url.size() - kDirScheme.size()};
  }
  if (url.starts_with(kSimScheme)) {
    return {kSimScheme.size(), std::min(url.find(','), url.size()) - kSimScheme.size()};
  }
  return {};
}

}  // namespace

bool is_valid_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelSize && label.front() != '.' &&
         label.front() != '-' && std::all_of(label.begin(), label.end(), is_label_character);
}

void require_valid_label(std::string_view label) {
  if (!is_valid_label(label)) {
    throw Error(ErrorCode::invalid,
                "use label '" + std::string(label.substr(0, kMaxLabelSize)) +
                    "': a label has 1 to 32 of A-Z a-z 0-9 . _ - and begins with no dot or dash");
  }
}

void pause_unless_stopped(std::chrono::milliseconds pause, const std::stop_token& stop,
                          const std::string& doing) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  if (wake.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); })) {
    throw Error(ErrorCode::cancelled, doing + ": stopped");
  }
}

std::unique_ptr<TapeDrive> PlacedMedium::load(Library::Access access,
                                              const LoadWatch& watch) const {
  LoadWatch watched = watch;
  watched.checks = watch.checks && check != nullptr;
  std::unique_ptr<TapeDrive> drive = library->load(label, access, watched);
  if (check) {
    check(*drive);
  }
  return drive;
}

std::unique_ptr<TapeDrive> load_when_ready(const PlacedMedium& medium, Library::Access access,
                                           const LoadWatch& watch, ForPeople for_people) {
  const auto begun = std::chrono::steady_clock::now();
  const bool asks_people = for_people == ForPeople::wait && medium.library->is_fed_by_hand();
  LoadWatch watched = watch;
  watched.asks_people = asks_people;
  watched.checks = true;
  std::string refused;  // What was asked for when a tape turned out not to be it.
  std::optional<DriveTurns::Waiting> turn;
  while (true) {
    LoadWait wait;
    try {
      return medium.load(access, watched);
    } catch (const Error& error) {
      const bool asks = asks_people && error.code() == ErrorCode::no_medium;
      if (error.code() == ErrorCode::wrong_medium && asks_people && watched.checks) {
        // Another one, that has no label to be known by: not to be tried again while it is in.
        watched.checks = false;
        refused.clear();
        continue;
      }
      if (error.code() != ErrorCode::busy && !asks) {
        throw;
      }
      if (error.code() != ErrorCode::busy) {
        turn.reset();
      } else if (!turn) {
        turn.emplace(medium.library->turns().wait(DriveTurns::Who::job));
      }
      wait.what = error.what();
      refused = refused.empty() ? wait.what : refused;
      watched.checks = watched.checks || wait.what != refused;  // That one is out now.
      if (asks && !medium.location.empty()) {
        wait.what = medium.label + " (" + medium.location + "): " + wait.what;
      }
    }
    wait.waited =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begun);
    if (watch.tell) {
      watch.tell(wait);
    }
    pause_unless_stopped(kLookAgain, watch.stop, "wait for medium " + medium.label);
  }
}

std::optional<std::string> directory_of_library(std::string_view url) {
  const Span span = directory_span(url);
  if (span.size == 0) {
    return std::nullopt;
  }
  return std::string(url.substr(span.begin, span.size));
}

std::string url_for_people(std::string_view text) {
  constexpr std::string_view kScheme = "iscsi://";
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find(kScheme, at);
    if (begin == std::string_view::npos) {
      return shown.append(text.substr(at));
    }
    const std::size_t host = begin + kScheme.size();
    // Neither a host nor a target has an at sign; what a password has, nobody knows.
    const std::size_t end = std::min(text.find_first_of(" ,\"'", host), text.size());
    const std::size_t sign = text.substr(0, end).rfind('@');
    const bool has_user = sign != std::string_view::npos && sign > host;
    shown.append(text.substr(at, host - at));
    at = has_user ? sign + 1 : host;
  }
  return shown;
}

std::string with_directory(std::string_view url, std::string_view directory) {
  const Span span = directory_span(url);
  return std::string(url.substr(0, span.begin)) + std::string(directory) +
         std::string(url.substr(span.begin + span.size));
}

}  // namespace mixtape::tapeio
