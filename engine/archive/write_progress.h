// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/archive/pace.h"
#include "engine/archive/plan.h"
#include "engine/progress/reporter.h"

// Tells how far a job is while one of its archives is written, a few times a second.
//
// Threads:  none; that of the drive.
// Lifetime: reporter and plan must outlive it.

namespace mixtape::archive {

class WriteProgress {
 public:
  // `before`: how far the job had come; `preamble`: bytes in front of the archive's first chunk.
  WriteProgress(Reporter& reporter, const ArchivePlan& plan, const Progress& before,
                std::uint64_t preamble, std::uint64_t record_size);

  // So many records of the archive were written. The last one is always told.
  void written(std::uint64_t records);

 private:
  Reporter& reporter_;
  const ArchivePlan& plan_;
  const std::uint64_t preamble_;
  const std::uint64_t record_size_;
  const std::uint64_t cipher_bytes_;
  const std::uint64_t before_bytes_;
  Progress progress_;
  std::size_t next_member_ = 0;
  Pace pace_{kProgressInterval};
};

}  // namespace mixtape::archive
