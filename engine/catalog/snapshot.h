// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/scan_losses.h"
#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"
#include "tapeio/error.h"

// The catalog as it travels on every medium, and back.
//
// Format:   archaeology/tape-format.md, section "Index"
// Errors:   throws Error{corrupt} for a file that is no index, Error{unsupported} for a newer
//           format (naming both numbers), Error{conflict}, Error{no_space}.
// Everything read here is hostile until checked: integrity_check, bounded sizes, no schema of its
// own runs (trusted_schema=OFF, no views or triggers of the file are used).

namespace mixtape::catalog {

enum class IndexRole { bundle, closing };

// The row that an index has about itself (table tape_file).
struct IndexLabel {
  IndexRole role{};
  std::uint32_t format = 1;
  Uuid catalog{};
  Uuid medium{};
  std::string medium_label;
  std::uint64_t record_size = 0;
  std::uint64_t tape_file = 0;    // The file number of this very index.
  std::optional<Uuid> bundle;     // Bundle indexes: which bundle's archive follows.
  std::uint64_t last_bundle = 0;  // Number of the last written bundle on this medium.
  std::int64_t written_s = 0;
  std::uint64_t sequence = 0;  // Grows with every index of this catalog: the highest knows most.
};

// Writes a compact copy of the catalog, with `label` in it, to `to` (must not exist).
// Cost: reads and writes the whole catalog (a second per million files).
void export_index(Database& catalog, const IndexLabel& label, const std::filesystem::path& to);

// Checks a decrypted index and returns its label. The file is not changed. Cost: reads all of it.
[[nodiscard]] IndexLabel inspect_index(const std::filesystem::path& index);
// The label alone, for whoever takes nothing else from the index: what it says otherwise may be
// damaged. Cost: some pages.
[[nodiscard]] IndexLabel label_of_index(const std::filesystem::path& index);

// What an inspected index says stands in front of the archive of a bundle; empty: nothing.
[[nodiscard]] Bytes archive_header_in(const std::filesystem::path& index, const Uuid& bundle);

// Where an inspected index says that contents stand in the archive of a bundle, by offset.
struct IndexedMember {
  std::uint64_t member_offset = 0, data_offset = 0, stored_size = 0;
  bool operator==(const IndexedMember&) const = default;
};
[[nodiscard]] std::vector<IndexedMember> members_in(const std::filesystem::path& index,
                                                    const Uuid& bundle);

// A catalog found on media. `index` is what inspect_index accepted; `bundle_exists`: for a bundle
// index, the filemark behind the archive that follows was seen, at `archive_block`.
struct FoundIndex {
  std::filesystem::path index;
  IndexLabel label;
  bool bundle_exists = false;
  std::uint64_t archive_block = 0;
  std::uint64_t archive_plain_bytes = 0;
  bool scanned = false;  // No medium carries it: it was made of archives (scanned.h).
};

// Makes the catalog at `to` (empty, or one to merge into) know everything that the indexes know.
// Order does not matter and doing it twice changes nothing: same catalog uuid: union by natural
// keys (paths by name, contents by hash, media, jobs and bundles by uuid), the later event wins.
// From a single newest closing index into an empty catalog the result equals the lost one row by
// row. Indexes of another catalog: their paths come under "@NAME/". The file is replaced in one
// step at the end.
// An index that cannot be believed is left out, and the others are taken; when none is left, its
// error is thrown.
// Cost: some seconds per million paths; memory of about 100 bytes per path and content of an index
// that is merged into another.
struct Recovered {
  struct LeftOut {
    std::filesystem::path index;
    Error error;
  };
  std::size_t media = 0, jobs = 0, versions = 0, contents = 0, unhashed = 0;
  std::vector<LeftOut> left_out;
  std::set<std::string> directories;  // "@NAME" of each other catalog whose index was taken.
};
// What this machine has seen for itself: where it keeps that, and the media whose own label was
// read now. Other media that the catalog did not know before become unseen (Ledger::unseen_media).
struct Seen {
  std::filesystem::path state_db;
  std::vector<Uuid> media;
  // The last tape file of which an index of its own tells.
  std::map<Uuid, std::uint64_t> told = {};
  // What was scanned, and with what losses: noted before anything of it is in the catalog.
  std::optional<Uuid> scanned = std::nullopt;
  std::span<const ScanLoss> losses = {};
  std::int64_t now_s = 0;
};
Recovered recover_catalog(const std::vector<FoundIndex>& found, const std::filesystem::path& to,
                          const std::optional<Seen>& seen = std::nullopt);

}  // namespace mixtape::catalog
