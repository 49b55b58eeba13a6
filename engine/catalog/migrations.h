// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/catalog/sqlite.h"

// The schemas of catalog.db and state.db, as the ordered steps that made them.
//
// Step n takes a database of version n (PRAGMA user_version) to version n + 1. Steps are never
// edited once released: a change is a new step. All missing steps run in one transaction.
//
// Meaning of the tables: docs/catalog.md

namespace mixtape::catalog {

// "MXTP": tells a catalog from any other SQLite file (PRAGMA application_id).
inline constexpr std::int64_t kCatalogApplicationId = 0x4d585450;

[[nodiscard]] std::span<const std::string_view> catalog_steps();
[[nodiscard]] std::span<const std::string_view> state_steps();

// The version of the schema `schema` ("main", "state") of this connection.
[[nodiscard]] std::size_t schema_version(Database& database, std::string_view schema);

// Throws Error{unsupported} when the database is newer than the steps; `what` names it in the
// message.
void refuse_newer(Database& database, std::string_view schema,
                  std::span<const std::string_view> steps, std::string_view what);

// Runs the missing steps. The text of a step names its tables with the schema in front of them
// where that is not "main".
void migrate(Database& database, std::string_view schema, std::span<const std::string_view> steps,
             std::string_view what);

// The statements of sqlite_schema in a canonical order: what a schema is, as text.
[[nodiscard]] std::string schema_text(Database& database);

}  // namespace mixtape::catalog
