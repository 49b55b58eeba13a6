// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/tape_drive.h"

// A library: drives, media, and what brings one to the other (a directory, a robot, a human).
//
// Threads:  internally synchronised.
// Errors:   throws Error{not_found, no_medium, conflict, no_space, io, invalid}.

namespace mixtape::tapeio {

struct MediumSlot {
  std::string label;
  std::uint64_t used_bytes = 0;  // As far as it can be known without moving anything.
  std::optional<std::uint64_t> capacity_bytes = std::nullopt;  // As far as known.
  bool loaded = false;          // In a drive now; a disk medium always is ready.
  std::uint64_t device_id = 0;  // Disk media: the disk it lies on; copies on one disk count once.
};

class Library {
 public:
  virtual ~Library() = default;

  // "dir:/path"; what open_library takes.
  [[nodiscard]] virtual std::string url() const = 0;

  // Every medium that is here now, in label order. Costs no drive operation.
  [[nodiscard]] virtual std::vector<MediumSlot> media() = 0;

  // Makes an empty medium. `label`: 1 to 32 of A-Z a-z 0-9 . _ - and not beginning with a dot or
  // dash. Error{conflict} when it exists. Libraries of cartridges throw Error{unsupported}.
  virtual void add_medium(std::string_view label, std::uint64_t capacity_bytes) = 0;

  // Puts the medium into a drive, head at the beginning, and hands the drive over; it goes back
  // when the returned object is destroyed. Error{not_found} when there is no such medium here. A
  // disk library has a drive for every reader, but one writer per medium: Error{conflict}.
  enum class Access { read, write };
  [[nodiscard]] virtual std::unique_ptr<TapeDrive> load(std::string_view label, Access access) = 0;
};

// A medium in the library that has it. `label` is what the library calls it.
struct PlacedMedium {
  Library* library;
  std::string label;
  [[nodiscard]] std::unique_ptr<TapeDrive> load(Library::Access access) const {
    return library->load(label, access);
  }
};

// Whether `label` is as add_medium wants it: then it is also a safe name for a directory.
[[nodiscard]] bool is_valid_label(std::string_view label);
// Error{invalid} unless it is.
void require_valid_label(std::string_view label);

// Makes the Library that `url` names. A new kind of library is one more line in library.cc.
// Error{invalid} for an unknown scheme, naming the known ones; Error{not_found} when it is not
// there.
[[nodiscard]] std::unique_ptr<Library> open_library(std::string_view url);

}  // namespace mixtape::tapeio
