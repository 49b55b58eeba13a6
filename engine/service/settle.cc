// SPDX-License-Identifier: Apache-2.0
#include "engine/service/settle.h"

#include <system_error>

namespace mixtape::service {

std::filesystem::path repack_scratch(const home::Home& home) {
  return home.scratch() / "repack";
}

void settle_last_run(Context& context) {
  context.ledger.settle_unfinished();
  std::error_code stays;
  std::filesystem::remove_all(repack_scratch(context.workspace.home()), stays);
}

}  // namespace mixtape::service
