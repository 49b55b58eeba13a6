// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/load_waiting.h"

#include <string>

namespace mixtape::archive {

std::unique_ptr<tapeio::TapeDrive> load_and_tell(const tapeio::PlacedMedium& medium,
                                                 tapeio::Library::Access access, Reporter& reporter,
                                                 tapeio::ForPeople for_people) {
  std::string last;
  const auto tell = [&](const tapeio::LoadWait& wait) {
    // "put in A in place of B" becomes "put in A" once B is out: nothing new for anybody.
    if (!last.starts_with(wait.what)) {
      reporter.note(wait.what + "; waiting");
    }
    last = wait.what;
    if (wait.progress) {
      reporter.progress({.phase = wait.what, .part = wait.progress});
    }
  };
  const tapeio::LoadWatch watch{.stop = reporter.stop(), .tell = tell};
  return tapeio::load_when_ready(medium, access, watch, for_people);
}

}  // namespace mixtape::archive
