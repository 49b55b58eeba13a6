// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "engine/archive/plan.h"
#include "engine/catalog/types.h"
#include "engine/service/context.h"

// What is alive on a medium: contents of which the policy would lack copies were the medium
// retired, or have them in fewer places than it asks for and than now, and those of history that no
// other medium in use holds. A copy that was verified there is not made up for by older ones that
// nobody has read yet: somebody may have deleted a file because of it.
//
// Threads: none. `context` writes, with no transaction open: for each question the medium is
//          retired, and in use again behind it, by rolling back.
// Cost:    each one pass over the newest versions, two where copies have to lie apart; alive_on()
//          also a look at each content on the medium.

namespace mixtape::service {

struct AliveContent {
  catalog::ContentId id{};
  std::uint64_t size = 0;
  std::uint32_t copies = 1;  // To be written elsewhere.
};

// In the order in which they stand on the medium.
[[nodiscard]] std::vector<AliveContent> alive_on(Context& context, const catalog::Medium& medium);

// For a write job, without sources; what must not come closer together says so. Every file of
// `latest` that needs one of these contents, and of the others one version, of one path the later
// version last. What is alive no more is left out.
[[nodiscard]] std::vector<archive::Item> items_for(Context& context, const catalog::Medium& medium,
                                                   const std::set<catalog::ContentId>& contents);

}  // namespace mixtape::service
