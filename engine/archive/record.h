// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "engine/archive/hash_files.h"
#include "engine/archive/scan.h"
#include "engine/catalog/types.h"

// Puts what a scan found into the catalog: versions, their contents, what is gone, and how the
// sources stand.
//
// A content is known by its hash, wherever its file is: renamed, moved and duplicated files get new
// versions of old contents. A version that nothing distinguishes from the one before it is not
// recorded.
//
// Threads: none.
// Errors:  throws what the catalog throws. The caller holds one transaction around it: either all
// of a scan is
//          recorded or nothing.

namespace mixtape::archive {

enum class RecordAs {
  source,  // Versions of the scan's roots; what those brought and is gone is ended.
  staged,  // Versions of staging; directories only where nothing stands at their path.
};

struct Recorded {
  std::uint64_t fresh = 0;     // Paths without a present version so far.
  std::uint64_t changed = 0;   // Files with another content than before.
  std::uint64_t metadata = 0;  // The content as before, something else not.
  std::uint64_t ended = 0;     // Gone from disk.
  std::uint64_t contents = 0;  // New to the catalog.
  std::uint64_t content_bytes = 0;
  std::uint64_t duplicates = 0;  // Versions of a content that another path brought.
  std::uint64_t duplicate_bytes = 0;

  // A job that recorded nothing leaves no trace.
  [[nodiscard]] bool anything() const { return fresh + changed + metadata + ended > 0; }
};

// `hashed` must be that of `scan`.
[[nodiscard]] Recorded record(const Scan& scan, const HashedFiles& hashed, catalog::JobId job,
                              RecordAs as, const ScanCatalog& into);

}  // namespace mixtape::archive
