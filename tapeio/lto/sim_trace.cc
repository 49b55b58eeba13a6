// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_trace.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::tapeio::lto {
namespace {

std::string place(std::uint64_t block, TapePoint point) {
  char text[96];
  std::snprintf(text, sizeof(text), "%llu/%u/%.1f", static_cast<unsigned long long>(block),
                point.wrap, point.metres);
  return text;
}

std::string number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

}  // namespace

std::string to_string(const SimTraceLine& line) {
  std::string text = number("%.3f", line.at_s);
  text.append("\t").append(line.drive);
  text.append("\t").append(line.medium.empty() ? "-" : line.medium);
  text.append("\t").append(line.operation);
  text.append("\t").append(std::to_string(line.count));
  text.append("\t").append(place(line.block_before, line.from));
  text.append("\t").append(place(line.block_after, line.to));
  text.append("\t").append(std::to_string(line.bytes));
  text.append("\t").append(number("%.3f", line.seconds));
  return text.append(line.failed ? "\tfailed\n" : "\tdone\n");
}

SimTrace::SimTrace(std::string path, std::uint64_t limit_bytes)
    : path_(std::move(path)), limit_bytes_(limit_bytes) {}

void SimTrace::append(const SimTraceLine& line) {
  const std::string text = to_string(line);
  const std::lock_guard lock(mutex_);
  struct stat status;
  if (::stat(path_.c_str(), &status) == 0 &&
      static_cast<std::uint64_t>(status.st_size) + text.size() > limit_bytes_) {
    rename_file(path_, path_ + ".1");
  }
  const UniqueFd file = open_file(path_, O_WRONLY | O_CREAT | O_APPEND);
  write_full(file.get(), as_bytes(text), path_);
}

}  // namespace mixtape::tapeio::lto
