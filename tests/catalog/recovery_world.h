// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/snapshot.h"
#include "tests/catalog/catalog_fixture.h"

// A catalog with a life behind it, its indexes, and what two catalogs are compared by.

namespace mixtape::catalog {

// Every row of every table but the one that only an index has.
[[nodiscard]] std::vector<std::string> all_rows(const std::filesystem::path& file);

// What a catalog says, without its row numbers: by paths, uuids and hashes. Versions that nobody
// knows the bytes of are left out.
[[nodiscard]] std::vector<std::string> all_facts(const std::filesystem::path& file);

// A history with everything in it: links, deletions, duplicates, bad and verified copies.
void live_a_life(Machine& machine);

void ledger_symlink(Machine& in, const Job& job, const std::string& path, std::int64_t target);

class RecoveryTest : public CatalogTest {
 protected:
  FoundIndex index_of(Machine& from, IndexRole role, std::string_view label,
                      std::optional<BundleId> bundle = std::nullopt) {
    FoundIndex found;
    found.index = directory / ("index-" + std::to_string(++indexes_));
    found.label.role = role;
    found.label.catalog = from.ledger.catalog_uuid();
    found.label.medium = uuid_of(label);
    found.label.medium_label = label;
    found.label.record_size = 1 << 20;
    found.label.tape_file = static_cast<std::uint64_t>(indexes_);
    found.label.written_s = from.now;
    found.label.sequence = from.ledger.next_sequence();
    if (bundle) {
      const Bundle row = *from.ledger.bundle(*bundle);
      found.label.bundle = row.uuid;
      found.bundle_exists = true;
      found.archive_block = 77;
      found.archive_plain_bytes = row.plain_bytes;
    }
    export_index(from.database, found.label, found.index);
    return found;
  }
  FoundIndex closing(Machine& from, std::string_view label) {
    return index_of(from, IndexRole::closing, label);
  }
  std::filesystem::path fresh() { return directory / ("to-" + std::to_string(++indexes_) + ".db"); }
  std::filesystem::path recovered(const std::vector<FoundIndex>& found) {
    const std::filesystem::path to = fresh();
    (void)recover_catalog(found, to);
    return to;
  }
  // Each alone, one after the other, into the same catalog.
  std::filesystem::path recovered_one_by_one(const std::vector<FoundIndex>& found) {
    const std::filesystem::path to = fresh();
    for (const FoundIndex& one : found) {
      (void)recover_catalog({one}, to);
    }
    return to;
  }
  Machine reopened(const std::filesystem::path& file) {
    const std::string name = file.stem().string();
    return Machine(file.parent_path(), name);
  }

  int indexes_ = 0;
};

}  // namespace mixtape::catalog
