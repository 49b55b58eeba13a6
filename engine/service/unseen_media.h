// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/service/context.h"

// Media that a recovery told of and that nobody has met since.

namespace mixtape::service {

// Reads the labels of those that a library has now, so that the copies on them count.
// Cost: loads each such medium, once after a recovery; nothing otherwise.
void look_for_unseen_media(Context& context);

}  // namespace mixtape::service
