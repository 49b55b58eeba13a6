// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/archive/file_ends.h"
#include "engine/archive/plan.h"
#include "engine/archive/tar_stream.h"
#include "engine/format/age_stream.h"
#include "engine/format/digest.h"
#include "tapeio/tape_drive.h"

// One planned archive onto the medium: sources are read, hashed, sealed and written, all at the
// same time.
//
// The drive is served by the calling thread from a deep ring of records, so that neither a slow
// disk nor the cipher makes it stop. What comes out is exactly the plan, or a prefix of it when the
// medium warned.
//
// Threads:  starts a reader and some sealers, and joins them before it returns, also by exception.
// Errors:   what the drive throws; Error with every stage that failed and its reason. The filemark
// behind
//           the archive is the caller's: until it returned, nothing here exists.

namespace mixtape::archive {

struct PipelineOptions {
  std::size_t record_size = MiB;
  std::uint64_t ring_bytes = 128 * MiB;
  // The drive stops and repositions when it runs dry: it is fed as DriveFeed says.
  bool streaming = false;
  unsigned sealers = 0;  // 0: one per processor.
  std::uint64_t room_after_warning =
      0;  // Bytes that may still be written once the drive has warned.
  ContentTap tap;
  std::stop_token stop;
  std::function<void(std::uint64_t records)> on_record;  // After each; on the calling thread.
};

struct ArchiveResult {
  enum class End {
    complete,       // Everything planned was handed over.
    early_warning,  // A prefix was: members that end behind plain_bytes do not exist.
    end_of_medium,  // The hard end came first: nothing of this archive counts.
    cancelled,      // Somebody asked to stop: nothing of this archive counts.
  };
  End end = End::complete;
  bool warned = false;
  std::uint64_t plain_bytes = 0;  // The archive's real plaintext length.
  std::uint64_t records = 0;
  std::uint64_t underruns = 0;  // The ring ran empty while the drive was fed, with more to come.
  double taking_s = 0;          // What the drive took to take the records.
  // By member of the plan; set for members with data within plain_bytes.
  std::vector<std::optional<format::Digest>> hashes;
  std::vector<SourceFault> faults;  // Ascending by member.
};

// `preamble` belongs to this plan alone: no other bytes were or will ever be sealed with it.
ArchiveResult write_archive(std::span<const Item> items, const ArchivePlan& plan,
                            const format::AgePreamble& preamble, tapeio::TapeDrive& drive,
                            const PipelineOptions& options);

}  // namespace mixtape::archive
