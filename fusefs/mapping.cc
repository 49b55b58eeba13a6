// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace mixtape::fusefs {

std::unique_ptr<Mapping> Mapping::of(const tapeio::UniqueFd& file, std::uint64_t size) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) != size) {
    return nullptr;
  }
  void* begin = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (begin == MAP_FAILED) {
    return nullptr;
  }
  return std::unique_ptr<Mapping>(new Mapping(static_cast<std::byte*>(begin), size));
}

Mapping::~Mapping() {
  ::munmap(begin_, size_);
}

ByteView Mapping::range(std::uint64_t offset, std::size_t size) const {
  static const auto kPage = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t end = std::min(size_, offset + size);
  const std::uint64_t first_page = offset / kPage * kPage;
  // One call instead of a fault for every few pages. Kernels before 5.14 do not have it; there the
  // copy into the reply faults them in.
  if (::madvise(begin_ + first_page, end - first_page, MADV_POPULATE_READ) != 0 &&
      errno != EINVAL) {
    return {};
  }
  return {begin_ + offset, end - offset};
}

}  // namespace mixtape::fusefs
