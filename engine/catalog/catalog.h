// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "engine/catalog/sqlite.h"

// Opening the catalog and the state of this machine beside it.
//
// catalog.db travels on every medium; state.db never does and may be lost: it holds what is only of
// this machine (where sources stood at the last scan, hashes of an unfinished job, which media were
// not seen since a recovery).
// It is attached to each connection as schema `state`.
//
// Errors: throws Error{unsupported} for a newer schema, naming both numbers and leaving the file
//         untouched; Error{not_found} when there is none (run init); Error{corrupt, no_space}.

namespace mixtape::catalog {

// Creates an empty catalog; Error{conflict} when one is there. `name` of this machine, for merged
// views.
void create_catalog(const std::filesystem::path& catalog_db, std::string_view name);

enum class Access { read, write };
// Opens both databases, migrates an older schema first (write access), sets WAL, foreign keys, FULL
// sync.
[[nodiscard]] Database open_catalog(const std::filesystem::path& catalog_db,
                                    const std::filesystem::path& state_db, Access access);

// The state alone, attached to a connection that has no catalog; made or migrated when need be.
[[nodiscard]] Database open_state(const std::filesystem::path& state_db);

// PRAGMA integrity_check and foreign_key_check in words; empty when all is well. Cost: reads
// everything.
[[nodiscard]] std::string check_catalog(Database& database);

}  // namespace mixtape::catalog
