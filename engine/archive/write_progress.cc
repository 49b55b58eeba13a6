// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/write_progress.h"

#include "engine/format/age_stream.h"

namespace mixtape::archive {

WriteProgress::WriteProgress(Reporter& reporter, const ArchivePlan& plan, const Progress& before,
                             std::uint64_t preamble, std::uint64_t record_size)
    : reporter_(reporter),
      plan_(plan),
      preamble_(preamble),
      record_size_(record_size),
      cipher_bytes_(format::cipher_size(preamble, plan.plain_bytes)),
      before_bytes_(before.done_bytes),
      progress_(before) {}

void WriteProgress::written(std::uint64_t records) {
  const std::uint64_t done = records * record_size_;
  if (!pace_.due() && done < cipher_bytes_) {
    return;
  }
  // A job counts the bytes of its files; headers and padding are spread over them.
  const double part = static_cast<double>(done) / static_cast<double>(cipher_bytes_);
  progress_.done_bytes =
      before_bytes_ + static_cast<std::uint64_t>(part * static_cast<double>(plan_.data_bytes));
  while (next_member_ < plan_.members.size() &&
         format::cipher_size(preamble_, plan_.members[next_member_].data_end()) <= done) {
    progress_.done_files += plan_.members[next_member_++].stored == Stored::data ? 1 : 0;
  }
  reporter_.progress(progress_);
}

}  // namespace mixtape::archive
