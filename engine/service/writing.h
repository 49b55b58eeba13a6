// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/archive/write_job.h"
#include "engine/service/context.h"

// What every writing operation gives to the archive room.

namespace mixtape::service {

// Refers to `context`, which must outlive it.
[[nodiscard]] archive::WriteContext write_context(Context& context);

}  // namespace mixtape::service
