// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/format/digest.h"
#include "engine/service/destination.h"
#include "engine/service/salvage.h"

// The file that a salvage fills in any order: its name, its hash, and a second one like it.
//
// Holes are passed over, but the size of a sparse content may be anything that an index says: so
// `tell` is called at each MiB with how far it is, and throws to end it.
//
// Threads: none. Errors: as the file system's.

namespace mixtape::service {

using TellDone = std::function<void(std::uint64_t done)>;

// Of so many bytes; what the file does not have of them is zeros.
[[nodiscard]] format::Digest hash_of(const Destination::NewFile& file, std::uint64_t size,
                                     const TellDone& tell);

// What stands between `holes`, which are in order.
void copy_whole_ranges(const Destination::NewFile& from, std::uint64_t size,
                       const std::vector<FileHole>& holes, Destination::NewFile& to,
                       const TellDone& tell);

// What the part of a file of that name is called: NAME.partial, then NAME.partial~2, ... A name
// that leaves no room for that loses its end, at a character of UTF-8 where it is UTF-8.
[[nodiscard]] std::string name_of_part(const std::string& name, int number);

}  // namespace mixtape::service
