// SPDX-License-Identifier: Apache-2.0
#include "engine/service/part_file.h"

#include <algorithm>
#include <climits>

namespace mixtape::service {
namespace {

constexpr std::size_t kBuffer = 1 * MiB;
constexpr std::size_t kLongestCharacter = 4;  // Of UTF-8, bytes.

// Goes through what the file has from `begin` to `end`, in order and past its holes.
void walk(const Destination::NewFile& file, std::uint64_t begin, std::uint64_t end,
          const TellDone& tell,
          const std::function<void(std::uint64_t offset, ByteView bytes)>& stored) {
  Bytes buffer(kBuffer);
  while (begin < end) {
    begin = std::max(begin, file.next_data(begin));
    if (begin >= end) {
      return;
    }
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, end - begin));
    const std::size_t got = file.read_back(begin, MutableBytes(buffer).first(want));
    if (got == 0) {
      return;  // It ends in a hole.
    }
    stored(begin, ByteView(buffer).first(got));
    begin += got;
    tell(begin);
  }
}

}  // namespace

format::Digest hash_of(const Destination::NewFile& file, std::uint64_t size, const TellDone& tell) {
  const Bytes zeros(kBuffer);
  format::Hasher hasher;
  std::uint64_t at = 0;
  const auto hash_zeros_up_to = [&](std::uint64_t end) {
    while (at < end) {
      const std::uint64_t count = std::min<std::uint64_t>(kBuffer, end - at);
      hasher.update(ByteView(zeros).first(static_cast<std::size_t>(count)));
      at += count;
      tell(at);
    }
  };
  walk(file, 0, size, tell, [&](std::uint64_t offset, ByteView bytes) {
    hash_zeros_up_to(offset);
    hasher.update(bytes);
    at += bytes.size();
  });
  hash_zeros_up_to(size);
  return hasher.finish();
}

void copy_whole_ranges(const Destination::NewFile& from, std::uint64_t size,
                       const std::vector<FileHole>& holes, Destination::NewFile& to,
                       const TellDone& tell) {
  const auto write = [&](std::uint64_t offset, ByteView bytes) { to.write_at(offset, bytes); };
  std::uint64_t at = 0;
  for (const FileHole& hole : holes) {
    walk(from, at, hole.offset, tell, write);
    at = hole.offset + hole.length;
  }
  walk(from, at, size, tell, write);
}

std::string name_of_part(const std::string& name, int number) {
  const std::string suffix = ".partial" + (number == 1 ? "" : "~" + std::to_string(number));
  std::size_t size = std::min(name.size(), NAME_MAX - suffix.size());
  const auto goes_on = [&](std::size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xc0U) == 0x80U;
  };
  for (std::size_t back = 0; size < name.size() && back < kLongestCharacter; ++back) {
    if (!goes_on(size - back)) {
      size -= back;
      break;
    }
  }
  return name.substr(0, size) + suffix;
}

}  // namespace mixtape::service
