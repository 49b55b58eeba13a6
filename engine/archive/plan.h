// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/types.h"
#include "engine/format/tar.h"

// Which items go into the next archive, and where in it each of them will stand, to the byte.
//
// The index precedes its archive on the medium, so every offset is decided before the first byte is
// written. All of this is arithmetic on values: nothing here opens a file or a drive.
//
// Format:  archaeology/tape-format.md, sections "Archive" and "Records"
// Units:   bytes; offsets count in the archive's plaintext.
// Threads: none; pure functions.

namespace mixtape::archive {

// How a source stood when it was last looked at. 0 in a field: not to be compared.
struct SourceState {
  std::int64_t mtime_ns = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t ctime_ns = 0;
  // st_blocks in bytes. Less than the size: there may be holes, and the job looks for them.
  std::uint64_t allocated_bytes = 0;
};

// Something that shall go onto media: a version of a path and where its bytes lie now.
struct Item {
  std::string path;  // As in the catalog; the member's name.
  catalog::Metadata metadata;
  std::optional<catalog::ContentId> content;  // Regular files with at least one byte.
  std::uint64_t size = 0;
  std::optional<catalog::Hash> hash;  // Known already: compared while writing.
  std::uint64_t inode = 0;  // Of the version; items that share it are hardlinks of each other.
  std::string source;  // The file with the bytes on this machine; items without content have none.
  SourceState state;
  std::optional<std::vector<format::SparseExtent>>
      extents;  // Data of a file with holes; the job fills it in.

  // On how many media more it shall stand. 0: only where it leads to something (directories).
  std::uint32_t copies = 1;
  std::vector<catalog::MediumId> on;          // Media that hold the content already.
  std::vector<catalog::MediumId> damaged_on;  // Media that spoilt a copy of it: they get no other.
  bool apart = false;       // Each copy in a place of its own, where that can be had.
  bool only_apart = false;  // The last of them nowhere else.
};

// An item for a version as the catalog has it.
Item make_item(std::string path, const catalog::Version& version);

// Archive order: a directory first, then what is in it: its non-directories in byte order, then its
// subdirectories in byte order, each with all that is below.
bool archive_less(const Item& left, const Item& right);

// The directory above, "" for what stands at the top.
std::string_view parent_of(std::string_view path);

// --- Room

// Kept free behind an archive whatever the arithmetic says: real media are not exact.
inline constexpr std::uint64_t kSlack = MiB;
// What a filemark may cost. Tape drives take some hundred KiB, disks one block.
inline constexpr std::uint64_t kFilemarkCost = 64 * KiB;

// The length of the zone before the end in which a drive warns, when it cannot be asked: a
// twentieth of the medium, at most 1 GiB.
std::uint64_t assumed_warning_zone(std::optional<std::uint64_t> capacity_bytes);

struct MediumRoom {
  std::optional<std::uint64_t> capacity_bytes;  // nullopt: only the medium's end will tell.
  std::uint64_t used_bytes = 0;                 // Before the place where the next index goes.
  std::uint64_t record_size = 0;
  std::uint64_t index_bytes = 0;  // One index on the medium: whole records, an upper bound.
  std::uint64_t warning_zone_bytes = 0;
};

// How much ciphertext an archive may have, in whole records, so that its index before it and a
// closing index behind it fit as well and the drive does not warn.
std::uint64_t archive_room(const MediumRoom& room);

// --- The plan

enum class Stored : std::uint8_t {
  data,          // The content stands here.
  hardlink,      // Another name of a member's inode.
  same_content,  // Only the bytes are those of an earlier member.
  nothing,       // Directories, symlinks, device nodes, empty files.
};

struct PlannedMember {
  std::uint32_t item = 0;         // Index into the items.
  std::uint32_t header_size = 0;  // pax blocks and header: the data begins at offset + header_size.
  std::uint64_t offset = 0;
  std::uint64_t stored_size = 0;  // Data bytes, a sparse map included, padding to 512 not.
  std::uint32_t target_item = 0;  // Links: the item whose member they point to.
  Stored stored = Stored::nothing;

  [[nodiscard]] std::uint64_t data_offset() const { return offset + header_size; }
  [[nodiscard]] std::uint64_t data_end() const { return data_offset() + stored_size; }
  [[nodiscard]] std::uint64_t end() const {
    return data_offset() + round_up(stored_size, format::kTarBlock);
  }
};

struct ArchivePlan {
  std::vector<PlannedMember> members;  // In archive order, without gaps.
  std::uint64_t tar_bytes = 0;         // Members and the two blocks that end the archive.
  std::uint64_t plain_bytes = 0;       // Padded so that the ciphertext is whole records.
  std::uint64_t data_bytes = 0;        // Content stored here, without headers and padding.
  std::uint32_t data_members = 0;
  // Wanted items that need more room than was left when their turn came.
  std::vector<std::uint32_t> too_big;
  // Wanted items whose turn did not come because the archive had its target size, or holds another
  // version of their path.
  bool more = false;
};

enum class Want : std::uint8_t {
  no,
  lead,
  yes
};  // lead: a directory, where something below it goes.

struct ArchiveLimits {
  std::uint64_t room_bytes = 0;    // archive_room()
  std::uint64_t target_bytes = 0;  // Plaintext after which the archive is closed.
  std::uint64_t record_size = 0;
  std::uint64_t preamble_bytes = 0;  // Header and nonce of the archive's age file.
};

// `items` in archive order, every directory that leads to one of them among them; `wants` is as
// long. An item that does not fit is passed over and those behind it are tried. Each path stands
// once in an archive, since tar keeps only the last of a name: of several items that have it, in
// the order of age, the first goes, and the next with the next archive. An archive without a data
// member is worth nothing: `members` is empty then.
ArchivePlan plan_archive(std::span<const Item> items, std::span<const Want> wants,
                         const ArchiveLimits& limits);

// The tar member of an item, as planned and as written. `target`: of links.
format::TarMember tar_member(const Item& item, Stored stored, const Item* target);

// What the catalog says of the contents in it, in archive order; Copy::bundle is left to the
// ledger.
std::vector<catalog::Copy> copies_of(const ArchivePlan& plan, std::span<const Item> items);

}  // namespace mixtape::archive
