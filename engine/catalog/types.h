// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tapeio/bytes.h"

// The words of the catalog as C++ values. Meanings: docs/catalog.md.
//
// Paths are bytes, relative to "/", without leading or trailing slash; the root directory is "".
// Times are nanoseconds since 1970 unless the name says `_s`.

namespace mixtape::catalog {

// Row numbers; distinct types so that one cannot be taken for another.
enum class PathId : std::int64_t {};
enum class JobId : std::int64_t {};
enum class ContentId : std::int64_t {};
enum class MediumId : std::int64_t {};
enum class BundleId : std::int64_t {};
enum class RootId : std::int64_t {};

template <typename Id>
constexpr std::int64_t number(Id id) {
  return static_cast<std::int64_t>(id);
}

inline constexpr PathId kRootPath{0};
// The origin of what came through staging.
inline constexpr RootId kStagingRoot{0};

using Uuid = std::array<std::byte, 16>;
using Hash = std::array<std::byte, 32>;  // BLAKE2b-256 of the content.

// What a version of a path carries besides its content.
struct Metadata {
  std::uint32_t mode = 0;  // As st_mode, file type included.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string owner;  // Names may be empty when the system had none.
  std::string group;
  std::int64_t mtime_ns = 0;
  std::vector<std::pair<std::string, std::string>>
      xattrs;                  // Sorted by name; ACLs as system.posix_acl_*.
  std::string symlink_target;  // Symlinks only.
  std::uint32_t nlink = 1;     // Names of this inode among those that were scanned with it.
  std::uint64_t device = 0;    // st_rdev of device nodes.
  bool operator==(const Metadata&) const = default;
};

// A version for ever: the path and the job that first saw it so.
struct VersionKey {
  PathId path;
  JobId first_job;
  auto operator<=>(const VersionKey&) const = default;
};

struct Version {
  VersionKey key;
  std::optional<JobId> last_job;  // Set when a job found the path gone: the last job that saw it.
  std::optional<ContentId> content;  // Regular files with at least one byte.
  std::uint64_t size = 0;
  std::optional<Hash> hash;  // Absent while first read happens during writing ("unhashed").
  bool written =
      true;  // A written bundle holds (or held) the content; always true without content.
  std::uint64_t inode = 0;  // Stable for ever; sorts by where the content was first written.
  RootId origin = kStagingRoot;
  Metadata metadata;
};

// A child in some directory of some view.
struct Entry {
  std::string name;
  Version version;
};

enum class JobKind : int { backup = 1, flush = 2, forget = 3, copy = 4 };

struct Job {
  JobId id{};
  Uuid uuid{};
  JobKind kind{};
  std::int64_t started_s = 0;              // Unique among jobs: names snapshots.
  std::optional<std::int64_t> finished_s;  // Absent: under way or crashed.
  std::string command;
};

enum class MediumState : int { active = 0, full = 1, retired = 2, lost = 3 };

struct Medium {
  MediumId id{};
  Uuid uuid{};
  std::string label;
  std::string kind;  // "dir", later "lto".
  std::uint64_t record_size = 0;
  std::optional<std::uint64_t> capacity_bytes;
  MediumState state = MediumState::active;
  std::string location;  // "shelf B"; free text, empty when unknown.
};

enum class BundleState : int {
  planned = 0,   // Its index may be on the medium; nothing is claimed.
  written = 1,   // The filemark behind its archive was written and synchronous.
  abandoned = 2  // A job died or failed; the place on the medium is free again.
};

// An index and the archive behind it.
struct Bundle {
  BundleId id{};
  Uuid uuid{};
  MediumId medium{};
  JobId job{};
  std::uint64_t number = 0;      // 1, 2, ... on its medium.
  std::uint64_t index_file = 0;  // Tape file number of the index; the archive is the next one.
  std::optional<std::uint64_t>
      archive_block;     // Block address of the archive's first record; known once written.
  Bytes archive_header;  // age header and payload nonce, as they stand in front of the archive.
  std::uint64_t plain_bytes = 0;  // Plaintext length of the archive, padding included.
  BundleState state = BundleState::planned;
  std::optional<std::int64_t> written_s;
};

// A bad one with `verified_s` was found damaged then; one without was bad from the start.
enum class CopyState : int { good = 0, bad = 1 };

// A content in an archive. Offsets are in the archive's plaintext.
struct Copy {
  ContentId content{};
  BundleId bundle{};
  std::uint64_t member_offset = 0;  // First header block of the tar member.
  std::uint64_t data_offset = 0;    // First data byte.
  std::uint64_t stored_size =
      0;                // Data bytes in the archive: the size, or less for a sparse member.
  bool sparse = false;  // The data begins with a GNU sparse 1.0 map.
  CopyState state = CopyState::good;
  std::optional<std::int64_t> verified_s;  // When it was last read whole, or found damaged.
};

// Everything a reader needs to fetch a content from one of its copies with one seek.
struct CopyPlace {
  Copy copy;
  Bundle bundle;
  Medium medium;
};

}  // namespace mixtape::catalog
