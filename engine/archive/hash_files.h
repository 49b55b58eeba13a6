// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "engine/archive/scan.h"
#include "engine/archive/spill_log.h"
#include "engine/catalog/types.h"
#include "engine/progress/reporter.h"

// Reads the files of a scan whose hash must be known before anything is written.
//
// A new path whose size no known content and no other changed file has cannot be a duplicate: it is
// hashed while it is written, so that it is read once. Everything else is read here, by several
// threads. A file that changes meanwhile, vanishes or refuses is left for the next scan; the others
// go on.
//
// Threads:  starts its own and joins them before it returns; the catalog is used by the caller's
// thread only. Errors:   throws Error{cancelled}; hashes taken so far stay in state.db and are not
// taken again. Cost:     one open, read and two stats per small file; memory for some thousand
// files on their way.

namespace mixtape::archive {

enum class FirstRead : std::uint8_t {
  hashed,
  later,   // While it is written.
  linked,  // Another name of a file that came before.
  failed,  // Changed, gone or unreadable: nothing can be said about its content now.
};

// What the first read said about one change.
struct FirstReadResult {
  FirstRead what = FirstRead::later;
  catalog::Hash hash{};     // When hashed.
  bool unreadable = false;  // When failed: not to be tried again before something changes.
};

struct HashedFiles {
  explicit HashedFiles(const std::filesystem::path& scratch) : results(scratch) {}

  SpillLog results;  // One for each change that wants content, in the order of the scan.
  std::uint64_t files = 0, bytes = 0;  // Read now.
  std::uint64_t reused = 0;            // Hashed by an earlier run that was interrupted.
  std::uint64_t later = 0;
  Troubles troubles;  // Changed or unreadable ones. A file that vanished is none.
};

// Reads HashedFiles::results from the front.
class FirstReadReader {
 public:
  explicit FirstReadReader(const HashedFiles& hashed) : reader_(hashed.results) {}
  bool next(FirstReadResult& result);

 private:
  SpillLog::Reader reader_;
  Bytes record_;
};

struct HashOptions {
  std::filesystem::path scratch;
  unsigned threads = 0;  // 0: as many as there are processors.
  // Called by a reading thread after the first bytes of a file; tests change the file there.
  std::function<void(const std::string& path)> while_reading;
};

[[nodiscard]] HashedFiles hash_files(const Scan& scan, const ScanCatalog& known,
                                     const HashOptions& options, Reporter& reporter);

}  // namespace mixtape::archive
