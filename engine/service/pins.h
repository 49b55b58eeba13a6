// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/service/context.h"

// What the cache must not evict: staged bytes that left staging before as many media had them as
// the policy asks for.

namespace mixtape::service {

// Unpins what enough media have by now and what `latest` shows no more. At the end of whatever
// writes. Cost: where something is pinned, one walk of the tree.
void release_pins(Context& context);

}  // namespace mixtape::service
