// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/load_for_writing.h"

#include <optional>
#include <string>

#include "engine/archive/load_waiting.h"
#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

// archaeology/tape-format.md, "Records".
constexpr std::uint64_t kLeastRecordSize = 64 * KiB;

}  // namespace

std::unique_ptr<tapeio::TapeDrive> load_for_writing(const tapeio::PlacedMedium& medium,
                                                    Reporter& reporter,
                                                    tapeio::ForPeople for_people) {
  std::unique_ptr<tapeio::TapeDrive> drive =
      load_and_tell(medium, tapeio::Library::Access::write, reporter, for_people);
  const std::string what = "write to medium " + medium.label + ": ";
  const std::optional<tapeio::MediumInfo> info = drive->medium();
  if (!info) {
    throw Error(ErrorCode::no_medium, what + "it is not in the drive");
  }
  if (info->write_protected) {
    throw Error(ErrorCode::write_protected,
                what + "it is write-protected; take that off, or write to another");
  }
  if (!info->shortage.empty()) {
    throw Error(ErrorCode::no_space, what + info->shortage);
  }
  return drive;
}

std::uint64_t record_size_for(std::uint64_t configured, const tapeio::MediumInfo& medium) {
  std::uint64_t size = configured;
  while (size > medium.most_record_bytes && size / 2 >= kLeastRecordSize) {
    size /= 2;
  }
  if (size > medium.most_record_bytes) {
    throw Error(ErrorCode::unsupported,
                "write to medium " + medium.label + ": its drive takes records of " +
                    std::to_string(medium.most_record_bytes) +
                    " bytes at most, and no medium of ours has less than 64 KiB");
  }
  return size;
}

}  // namespace mixtape::archive
