// SPDX-License-Identifier: Apache-2.0
#include "engine/service/load_known.h"

#include "engine/archive/load_waiting.h"
#include "tapeio/error.h"

namespace mixtape::service {

std::string noted_place(const catalog::Medium& medium) {
  return medium.location.empty() ? "" : " (" + medium.location + ")";
}

std::unique_ptr<tapeio::TapeDrive> load_known(Context& context, const catalog::Medium& medium,
                                              Reporter& reporter, tapeio::ForPeople for_people) {
  Libraries& libraries = context.workspace.libraries();
  Libraries::Lookup found = libraries.find(medium, context.ledger);
  if (!found.medium) {
    found.medium = libraries.drive_for(medium, context.ledger);
  }
  if (!found.medium) {
    throw Error(ErrorCode::no_medium, "it is not here" + noted_place(medium) +
                                          (found.why_not.empty() ? "" : ": " + found.why_not) +
                                          "; bring it within reach and run this again");
  }
  return archive::load_and_tell(*found.medium, tapeio::Library::Access::read, reporter, for_people);
}

}  // namespace mixtape::service
