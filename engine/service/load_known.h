// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "engine/catalog/types.h"
#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "tapeio/library.h"

// A medium of the catalog, wherever it is, on its way into a drive to be read.

namespace mixtape::service {

// " (shelf B)", or nothing where no place is noted.
[[nodiscard]] std::string noted_place(const catalog::Medium& medium);

// From its library, or by somebody who puts it into a drive that is fed by hand. The head is at the
// beginning. Error{no_medium} when it is not here; what loading throws.
[[nodiscard]] std::unique_ptr<tapeio::TapeDrive> load_known(Context& context,
                                                            const catalog::Medium& medium,
                                                            Reporter& reporter,
                                                            tapeio::ForPeople for_people);

}  // namespace mixtape::service
