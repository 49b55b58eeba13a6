// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/archive/write_job.h"
#include "engine/service/context.h"

// What every writing operation gives to the archive room.

namespace mixtape::service {

// Refers to `context`, which must outlive it. `for_people`: as WriteContext.
[[nodiscard]] archive::WriteContext write_context(
    Context& context, tapeio::ForPeople for_people = tapeio::ForPeople::fail);

}  // namespace mixtape::service
