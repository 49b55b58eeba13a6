// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "engine/catalog/wanted.h"
#include "engine/recall/cache.h"
#include "engine/service/context.h"

// What the cache must not evict: staged bytes that left staging before as many media had them as
// the policy asks for, and what the user wants at hand.

namespace mixtape::service {

// Unpins what enough media have by now and what `latest` shows no more, if no user pinned it. At
// the end of whatever writes. Cost: where something is pinned, one walk of the tree.
void release_pins(Context& context);

// On behalf of the user; they need not be there yet. Durable when it returns. Returns how many
// could not be pinned because nobody has told their hash yet.
std::size_t pin_by_hand(recall::Cache& cache, const std::vector<catalog::WantedContent>& contents);
void unpin_by_hand(recall::Cache& cache, const std::vector<catalog::WantedContent>& contents);

}  // namespace mixtape::service
