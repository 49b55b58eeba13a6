// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "engine/service/salvage.h"
#include "tapeio/library.h"

// Restore: files and trees come back below a directory, each medium in one sweep: on a tape in the
// order in which it is soonest through (restore_order.h), else in that of the blocks.
//
// Everything lands at DIR/PATH with its whole path, so restoring to "/" puts it back where it was.
// A file is complete and has its metadata before it has its name; what is there already and matches
// (size, time of change) is passed over, so that an interrupted restore is finished by running it
// again. A copy that turns out damaged is noted in the catalog and the next one is read.
//
// Asked for what is left of damaged files, it reads those of which every copy is damaged once more,
// chunk by chunk out of all copies (restore_partial.h). What stays with holes is called
// PATH.partial, or something like it where that is taken, and is still a trouble.
//
// Errors:  throws Error{no_space} before anything moves when the files cannot fit, and when the
//          disk fills up all the same; Error{cancelled}; Error{not_found} for a time before the
//          first job. What is wrong with one file is in the result.

namespace mixtape::service {

// What happens to a path that is there already and differs.
enum class Conflict {
  refuse,     // It stays, and that is a problem.
  skip,       // It stays, and that is fine.
  newer,      // It is replaced when the archived one is newer.
  rename,     // It stays; the archived one gets ".restored" behind its name.
  overwrite,  // It is replaced.
};

struct RestoreRequest {
  std::vector<std::string> paths;    // Absolute.
  std::string to;                    // The directory; made when it is not there.
  std::optional<std::int64_t> at_s;  // As the tree was then; absent: the newest versions.
  Conflict conflict = Conflict::refuse;
  // Whether it waits until somebody has put a tape into a drive that is fed by hand.
  tapeio::ForPeople for_people = tapeio::ForPeople::fail;
  bool dry_run = false;  // Says what would be read from where; changes nothing.
  bool partial = false;  // Also what is whole of files of which every copy is damaged.
};

struct RestoreTrouble {
  std::string path;  // As the catalog has it, without the leading slash.
  std::string why;
};

// What has to come, or came, from one medium.
struct RestoreMedium {
  std::string label;
  std::string location;
  bool here = false;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  // Of a dry run: by the model of the tape, where one is known; without mounting it.
  struct Times {
    std::string tape;  // "LTO-8".
    std::size_t locates = 0;
    double locate_s = 0;
    double least_locate_s = 0;  // No order has less.
    double read_s = 0;
  };
  std::optional<Times> times = {};
  // Of a dry run: one path of each content, in the order of reading.
  std::vector<std::string> order = {};
};

// What is left of a file.
struct RestorePartial {
  std::string path;  // Below the directory, under the name that was free for it.
  std::uint64_t size = 0;
  std::vector<FileHole> holes;  // None: all bytes are there, and their hash is not the right one.
};

struct RestoreResult {
  std::uint64_t files = 0, bytes = 0;  // Restored; with dry_run: that would be.
  std::uint64_t directories = 0, symlinks = 0, specials = 0, links = 0;
  std::uint64_t unchanged = 0;   // There already.
  std::uint64_t skipped = 0;     // Left alone as the conflict rule says.
  std::uint64_t from_cache = 0;  // Contents that no medium was needed for.
  std::uint64_t unverified = 0;  // Contents whose hash was never taken.
  std::uint64_t damaged_copies = 0;
  std::vector<RestoreMedium> media;      // In the order of reading.
  std::vector<RestoreTrouble> troubles;  // The first ones.
  std::uint64_t trouble_count = 0;       // All of them; zero: everything asked for is there.
  std::vector<RestorePartial> partials;
  std::vector<std::string>
      lost_attributes;  // "path: user.x": what DIR or this user could not take.
  std::uint64_t lost_attribute_count = 0;
};

[[nodiscard]] RestoreResult restore(Context& context, const RestoreRequest& request,
                                    Reporter& reporter);

}  // namespace mixtape::service
