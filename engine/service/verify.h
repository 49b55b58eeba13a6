// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/verifications.h"
#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "tapeio/library.h"

// Verify: reads again what the catalog says is on a medium, and notes of each copy whether it is.
//
// A whole medium is read in one pass, from its beginning to its end: label, each index compared
// with the catalog, each archive chunk by chunk and member by member, each content's hash, the
// closing index. A sample or a path reads the copies alone, in the order of the tape. What is
// damaged costs what it held: reading goes on behind it. What was found is noted as it is found, so
// that a verification that was stopped keeps what it has.
//
// Errors: throws Error{not_found} for a label or path that the catalog does not know,
//         Error{no_medium} for a lost one, Error{invalid} for a request that names nothing,
//         Error{cancelled}. What is wrong with a medium, or why it could not be read, is in the
//         result; the reporter hears it too.

namespace mixtape::service {

struct VerifyRequest {
  std::vector<std::string> media;  // Labels.
  std::vector<std::string> paths;  // Absolute: every copy of what `latest` has there and below.
  // Also the medium in use of which some copy was not read for longest; when that is not here and
  // nobody is waited for, the one that is.
  bool due = false;
  // Of whole media only a sample: the first and the last copy, and of the others so many at random
  // and so many of those that were not verified for longest.
  std::optional<std::uint32_t> sample;
  std::uint64_t seed = 0;  // Of what is taken at random.
  tapeio::ForPeople for_people = tapeio::ForPeople::fail;
  bool dry_run = false;  // Says what would be read; changes nothing and moves nothing.
};

struct VerifiedMedium {
  std::string label;
  std::string location;
  std::string drive;  // Vendor, product and serial; empty for disks.
  catalog::VerifyScope scope{};
  bool complete = false;              // All that was to be read was read, good or bad.
  std::uint64_t copies = 0;           // To read.
  std::uint64_t good = 0;             // Of them, until it was stopped.
  std::uint64_t damaged = 0;          //
  std::uint64_t hashes_learnt = 0;    // Of the good: their hash was not known before.
  std::uint64_t bytes = 0;            // Read from the medium; dry_run: of the copies.
  std::vector<std::string> troubles;  // With the medium itself: an index, a place, its end.
};

// A damaged copy, by a path that has its content.
struct DamagedFile {
  std::string path;  // As the catalog has it.
  std::string medium;
  std::string why;
};

struct VerifyResult {
  std::vector<VerifiedMedium> media;  // In the order of reading.
  std::vector<DamagedFile> damaged;   // The first ones, whose path is known.
  std::uint64_t damaged_count = 0;    // All copies.
  std::uint64_t unsaved = 0;          // Verdicts that the catalog did not take.
};

[[nodiscard]] VerifyResult verify(Context& context, const VerifyRequest& request,
                                  Reporter& reporter);

}  // namespace mixtape::service
