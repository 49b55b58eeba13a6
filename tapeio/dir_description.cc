// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_description.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "tapeio/dir_files.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/key_values.h"
#include "tapeio/tape_drive.h"
#include "tapeio/unique_fd.h"

namespace mixtape::tapeio {
namespace {

constexpr std::uint64_t kMaxDescriptionSize = 64 * KiB;
// What tells how to read a medium without its description: archaeology/tape-format.md.
constexpr std::string_view kArchaeologyName = "0000.archaeology.tar";
constexpr std::string_view kIndexEnding = ".index.sqlite.age";
constexpr std::string_view kRecordSizeKey = "\"record_size\":";
constexpr std::size_t kTextsOfArchaeology = MiB;  // Its label is among the first of them.
constexpr std::size_t kUsualRecordSize = MiB;
constexpr std::size_t kMostDigits = 16;  // Of a record size, with spaces before it.

// What tape file 0 says in plain text.
std::size_t record_size_told_by(const std::string& tape_file) {
  const UniqueFd fd(::open(tape_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status;
  if (!fd.valid() || ::fstat(fd.get(), &status) < 0 || !S_ISREG(status.st_mode)) {
    return kUsualRecordSize;
  }
  Bytes bytes(kTextsOfArchaeology);
  bytes.resize(read_full_at(fd.get(), bytes, 0, tape_file));
  const std::string_view text = as_text(bytes);
  // Other texts there have the key, too, but no number behind it.
  for (std::size_t key = text.find(kRecordSizeKey); key != std::string_view::npos;
       key = text.find(kRecordSizeKey, key + 1)) {
    std::string_view digits = text.substr(key + kRecordSizeKey.size(), kMostDigits);
    digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
    const auto size = parse_number(digits.substr(0, digits.find_first_not_of("0123456789")));
    if (size && *size > 0 && *size <= kMaxRecordSize) {
      return static_cast<std::size_t>(*size);
    }
  }
  return kUsualRecordSize;
}

bool has_files_of_ours(const std::string& medium_path) {
  std::error_code failure;
  for (std::filesystem::directory_iterator entry(medium_path, failure), end;
       !failure && entry != end; entry.increment(failure)) {
    const std::string name = entry->path().filename();
    if (name == kArchaeologyName ||
        (name.ends_with(kIndexEnding) && parse_tape_file_name(name).has_value())) {
      return true;
    }
  }
  return false;
}

// Whether the description itself is lost, and not the permission or the program to read it.
bool is_loss(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::not_found || code == ErrorCode::io;
}

}  // namespace

MediumDescription read_medium_description(const std::string& medium_path) {
  const Bytes text = read_file(medium_path + "/" + kMediumDescriptionName, kMaxDescriptionSize,
                               O_NOFOLLOW | O_NONBLOCK);
  try {
    return decode_medium_description(as_text(text));
  } catch (const Error& error) {
    throw Error(error.code(), "medium " + medium_path + ": " + error.what());
  }
}

MediumDescription description_for_reading(const std::string& medium_path) {
  try {
    return read_medium_description(medium_path);
  } catch (const Error& error) {
    if (!is_loss(error.code()) || !has_files_of_ours(medium_path)) {
      throw;
    }
  }
  return {.capacity_bytes = std::max<std::uint64_t>(used_bytes_of_medium(medium_path), 1),
          .record_size = record_size_told_by(medium_path + "/" + std::string(kArchaeologyName))};
}

std::string trouble_of_description(const std::string& medium_path) {
  try {
    static_cast<void>(read_medium_description(medium_path));
    return {};
  } catch (const Error& error) {
    if (!is_loss(error.code()) || !has_files_of_ours(medium_path)) {
      return {};
    }
    return std::string(kMediumDescriptionName) + " in " + medium_path + " is lost or damaged (" +
           error.what() +
           "): the medium can be read, but not written to; put the file back, or write it anew "
           "with the lines `format = 1`, `capacity_bytes = N` and `record_size = " +
           std::to_string(description_for_reading(medium_path).record_size) + "`";
  }
}

bool is_disk_medium(const std::string& medium_path) {
  return ::access((medium_path + "/" + kMediumDescriptionName).c_str(), F_OK) == 0 ||
         has_files_of_ours(medium_path);
}

void write_medium_description(const std::string& medium_path,
                              const MediumDescription& description) {
  write_file_durably(medium_path + "/" + kMediumDescriptionName, as_bytes(encode(description)));
}

}  // namespace mixtape::tapeio
