// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/archive/spill_log.h"
#include "engine/catalog/sources.h"
#include "engine/catalog/types.h"

// What a scan found that the catalog does not know yet, one change after the other in archive
// order.
//
// Threads: none; values.

namespace mixtape::archive {

enum class ChangeKind : std::uint8_t {
  fresh,     // No version of this path is there (any more).
  content,   // Known, and its content may have changed: size, mtime, inode, device, type,
             // readability.
  metadata,  // The content is the known one; mode, owner, xattrs or the like changed.
  stamp,  // Nothing that a version holds changed; only where and how the file lies on this machine.
  linked,      // Nothing changed, but the file has several names: what happened to those decides.
  ended,       // Known, and not on disk any more.
  unreadable,  // Known, changed, and its content is closed to us: the known version stays.
};

// Several names of one file; see Scan::link_groups. 0: the file has one name.
using LinkGroupNumber = std::uint32_t;

struct Change {
  ChangeKind kind = ChangeKind::fresh;
  std::string path;                      // As in the catalog.
  std::optional<catalog::PathId> known;  // Its number, where the scan came across it.
  std::uint32_t root = 0;                // Index into Scan::roots.
  catalog::Metadata metadata;            // Not of `linked`, `ended`, `unreadable`.
  catalog::SourceStamp stamp;
  catalog::FileIdentity
      file{};  // How the file stood: size, and what must not change until it is read.
  LinkGroupNumber group = 0;

  // The content must be known before the change can be recorded.
  [[nodiscard]] bool wants_content() const;
};

void append_change(SpillLog& log, const Change& change);

// Reads a log of changes from the front.
class ChangeReader {
 public:
  explicit ChangeReader(const SpillLog& log) : reader_(log) {}
  bool next(Change& change);

 private:
  SpillLog::Reader reader_;
  Bytes record_;
};

}  // namespace mixtape::archive
