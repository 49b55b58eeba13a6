// SPDX-License-Identifier: Apache-2.0
#include "engine/service/writing.h"

#include "engine/service/copy_policy.h"

namespace mixtape::service {

archive::WriteContext write_context(Context& context) {
  const Workspace& workspace = context.workspace;
  const home::Config& config = workspace.home().config();
  return {
      .database = context.database,
      .recipients = workspace.recipients(),
      .identities = workspace.identities(),
      .scratch = workspace.home().scratch(),
      .now_s = context.now_s,
      .record_size = config.record_size,
      .bundle_bytes = config.bundle_size,
      .domain = copy_domains(context.workspace),
      .warning_zone_bytes = {},
      .before_commit = {},
  };
}

std::vector<tapeio::Library*> all_libraries(const Workspace& workspace) {
  std::vector<tapeio::Library*> libraries;
  for (const auto& library : workspace.libraries()) {
    libraries.push_back(library.get());
  }
  return libraries;
}

}  // namespace mixtape::service
