// SPDX-License-Identifier: Apache-2.0
#include "engine/service/writing.h"

#include "engine/service/copy_policy.h"

namespace mixtape::service {
namespace {

archive::ContentTap preview_tap(previews::Previews& previews) {
  return {.head = previews.limits().head,
          .tail = previews.limits().tail,
          .seen = [&previews](const archive::ContentEnds& content) {
            previews.keep(content.hash, content.size, content.head, content.tail);
          }};
}

}  // namespace

archive::WriteContext write_context(Context& context, tapeio::ForPeople for_people) {
  Workspace& workspace = context.workspace;
  const home::Config& config = context.config();
  return {
      .database = context.database,
      .recipients = context.recipients(),
      .identities = workspace.identities(),
      .scratch = workspace.home().scratch(),
      .now_s = context.now_s,
      .record_size = config.record_size,
      .bundle_bytes = config.bundle_size,
      .domain = copy_domains(context.workspace),
      .warning_zone_bytes = {},
      .for_people = for_people,
      .tap = preview_tap(workspace.previews()),
      .robot_away = [&workspace] { return workspace.libraries().robot_away(); },
      .before_commit = {},
  };
}

}  // namespace mixtape::service
