// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "tapeio/bytes.h"

// Release: which source files need not stay on this disk, because media hold them.
//
// A file may go when as many media as the policy asks for, each in use and seen, hold a copy that
// was read again and found right, and when the file is what was backed up: its size, its time, and
// its hash, which is read anew each time. Nothing is deleted whose hash was not just read. What was
// released stays in `latest`: no scan ends it, only `forget` does.
//
// Where the policy asks for distinct locations, these copies also lie in as many places; a place
// that nobody noted is none.
//
// Disk media that are not here count as one copy together: they may lie on one disk. What the
// catalog knows of the copies is asked a second time when a file is about to be deleted, since
// others may have been read for long meanwhile.
//
// Errors: throws Error{not_found} for a path that `latest` lacks, Error{cancelled}. Why one file
//         must stay is in the result. After an error or a crash what is deleted is in `latest`.
//         What a crash has left of one batch belongs to its scan again with the next job that finds
//         it there (release_note.h). Throws what tells why that note cannot be read: another one
//         would take its place.
// Cost:   reads every file that it finds worthy.

namespace mixtape::service {

struct ReleaseRequest {
  std::vector<std::string> paths;  // Absolute: files and directories of `latest`.
  bool remove = false;             // Deletes them; otherwise says which it would.
  // Files are deleted at the latest when so much was read since the first of them was leased:
  // whoever wants to write to one waits that long.
  std::uint64_t most_read_at_once = 256 * MiB;
};

struct ReleasedFile {
  std::string path;  // As the catalog has it.
  std::uint64_t size = 0;
};

struct RefusedFile {
  std::string path;
  std::string why;
};

struct ReleaseResult {
  std::vector<ReleasedFile> released;  // Deleted, or with remove == false: would be.
  std::uint64_t bytes = 0;             // Their sizes.
  // What the disk gets back: of a file with several names only when all of them go.
  std::uint64_t freed_bytes = 0;
  std::uint64_t absent = 0;  // Not on this disk (any more).
  std::vector<RefusedFile> refused;
};

[[nodiscard]] ReleaseResult release(Context& context, const ReleaseRequest& request,
                                    Reporter& reporter);

}  // namespace mixtape::service
