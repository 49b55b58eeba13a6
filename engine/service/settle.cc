// SPDX-License-Identifier: Apache-2.0
#include "engine/service/settle.h"

#include <system_error>

#include "engine/service/release_note.h"
#include "tapeio/error.h"

namespace mixtape::service {

std::filesystem::path repack_scratch(const home::Home& home) {
  return home.scratch() / "repack";
}

void settle_last_run(Context& context, Reporter& reporter) {
  context.ledger.settle_unfinished();
  std::vector<ReleasingFile> noted;
  try {
    noted = noted_releasing(context.workspace.home());
  } catch (const Error& error) {
    reporter.problem(error.what());
  }
  (void)take_back_releasing(context, noted, reporter);
  std::error_code stays;
  std::filesystem::remove_all(repack_scratch(context.workspace.home()), stays);
}

}  // namespace mixtape::service
