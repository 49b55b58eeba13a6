// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/types.h"
#include "tapeio/dir_files.h"

// What has to stand in the places of tape files that are missing in a directory, so that the others
// are where the catalog has them: addresses count everything in front of them.
//
// The catalog knows where archives begin and end. What is missing between two such places is as
// long as the way from one to the other lacks; of several files there the first one stands for all,
// and the others are empty.
//
// Threads: none.

namespace mixtape::service {

struct StandIn {
  std::uint64_t number = 0;           // Tape file.
  std::optional<std::uint64_t> size;  // Bytes. Absent: nothing tells, or what tells does not agree.
};
// `bundles`: what the catalog has on the medium. Nothing in these is believed to make sense.
// Cost: of the files and the bundles together, and their logarithm.
[[nodiscard]] std::vector<StandIn> stand_ins_for(const std::vector<tapeio::FoundFile>& finished,
                                                 std::uint64_t record_size,
                                                 std::span<const catalog::Bundle> bundles);

// For people, without a full stop: how to get the medium in this directory to be read again, with
// the commands; empty when no tape file is missing. Throws as find_tape_files().
[[nodiscard]] std::string stand_in_advice(const std::string& medium_path,
                                          std::span<const catalog::Bundle> bundles);

}  // namespace mixtape::service
