// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// Copies that would be good were their medium not noted as lost: nobody reads them, but it is known
// which medium to look for.
//
// Threads: belongs to its connection.

namespace mixtape::catalog {

// By bundle.
[[nodiscard]] std::vector<CopyPlace> lost_places(Database& database, ContentId content);

// For people: which media those are and what to do when one turns up; empty: there are none.
[[nodiscard]] std::string told_of_lost(Database& database, ContentId content);

}  // namespace mixtape::catalog
