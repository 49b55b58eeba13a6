// SPDX-License-Identifier: Apache-2.0
#include "engine/format/secret.h"

#include <sodium.h>

#include <cstring>
#include <new>
#include <utility>

#include "engine/format/sodium_init.h"

namespace mixtape::format {

// sodium_malloc puts guard pages around the bytes, asks for them to be locked (and goes on when the
// limit on locked memory forbids it), and wipes them in sodium_free. It costs some pages and system
// calls, which a key per archive can afford.
Secret::Secret(std::size_t size) : size_(size) {
  require_sodium();
  data_ = static_cast<std::byte*>(sodium_malloc(size));
  if (data_ == nullptr) {
    throw std::bad_alloc();
  }
  sodium_memzero(data_, size);
}

Secret Secret::copy_of(ByteView bytes) {
  Secret copy(bytes.size());
  if (!bytes.empty()) {
    std::memcpy(copy.data_, bytes.data(), bytes.size());
  }
  return copy;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Secret::~Secret() {
  sodium_free(data_);
}

}  // namespace mixtape::format
