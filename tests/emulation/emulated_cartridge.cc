// SPDX-License-Identifier: Apache-2.0
#include "tests/emulation/emulated_cartridge.h"

#include <algorithm>
#include <utility>

namespace mixtape::test {

EmulatedCartridge::EmulatedCartridge(EmulatedCartridgeOptions chosen)
    : options(std::move(chosen)) {}

std::uint64_t EmulatedCartridge::used_before(std::uint64_t block) const {
  if (block < objects.size()) {
    return used_[block];
  }
  if (objects.empty()) {
    return 0;
  }
  const Object& last = objects.back();
  return used_.back() + (last.is_filemark ? kFilemarkBytes : last.bytes.size());
}

std::uint64_t EmulatedCartridge::filemarks_before(std::uint64_t block) const {
  const auto end = objects.begin() + static_cast<std::ptrdiff_t>(std::min(block, objects.size()));
  return static_cast<std::uint64_t>(
      std::count_if(objects.begin(), end, [](const Object& object) { return object.is_filemark; }));
}

void EmulatedCartridge::cut_power() {
  truncate(synchronised);
}

void EmulatedCartridge::truncate(std::uint64_t block) {
  if (block < objects.size()) {
    objects.resize(block);
    used_.resize(block);
    synchronised = std::min(synchronised, block);
  }
}

void EmulatedCartridge::append(Object object) {
  used_.push_back(used_before(objects.size()));
  objects.push_back(std::move(object));
}

}  // namespace mixtape::test
