// SPDX-License-Identifier: Apache-2.0
#include "engine/service/media_state.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/service/copy_policy.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using catalog::MediumState;

bool is_in_use(MediumState state) {
  return state == MediumState::active || state == MediumState::full;
}

void count_lacking(Context& context, catalog::MediumId medium, StateChange& change) {
  const auto has = [&](const std::vector<catalog::MediumId>& media) {
    return std::ranges::find(media, medium) != media.end();
  };
  each_need(context, [&](const catalog::CopyNeed& need) {
    if (need.missing == 0 || (!has(need.retired) && !has(need.lost))) {
      return true;
    }
    ++change.lacking_files;
    change.lacking_bytes += need.version.size;
    if (std::ranges::all_of(need.on, [&](auto on) { return on == medium; })) {
      ++change.only_here_files;
      change.only_here_bytes += need.version.size;
    }
    return true;
  });
}

StateChange set_state(Context& context, std::string_view label, MediumState state, bool dry_run) {
  // A dry run leaves by rolling back: the same statements, the same numbers.
  catalog::Transaction transaction(context.database);
  const catalog::Medium medium = known_medium(context, label);
  const bool same = medium.state == state || (is_in_use(state) && is_in_use(medium.state));
  StateChange change{.before = medium.state, .after = same ? medium.state : state};
  if (change.changed()) {
    context.ledger.set_medium_state(medium.id, state, context.now_s());
    context.ledger.add_news();
    if (medium.state == MediumState::lost) {
      context.ledger.expect_label(medium);
    }
  }
  count_lacking(context, medium.id, change);
  if (!dry_run) {
    transaction.commit();
  }
  return change;
}

}  // namespace

std::optional<std::string> library_with(Context& context, std::string_view label) {
  for (const Libraries::Slot& slot : context.workspace.libraries().slots(Libraries::Look::glance)) {
    if (slot.medium.label == label) {
      return slot.library->url();
    }
  }
  return std::nullopt;
}

catalog::Medium known_medium(Context& context, std::string_view label) {
  if (auto medium = context.ledger.medium(label)) {
    return std::move(*medium);
  }
  const std::string name = "medium " + std::string(label);
  if (const auto library = library_with(context, label)) {
    throw Error(ErrorCode::not_found,
                name + ": it is in " + *library +
                    ", but this catalog has written nothing to it; `mixtape media list` shows what "
                    "it holds, `mixtape backup` writes to an empty one when it needs it");
  }
  throw Error(ErrorCode::not_found,
              name + ": the catalog does not know it; `mixtape media list` shows all");
}

StateChange retire_medium(Context& context, std::string_view label, bool dry_run) {
  return set_state(context, label, MediumState::retired, dry_run);
}

StateChange lose_medium(Context& context, std::string_view label, bool dry_run) {
  return set_state(context, label, MediumState::lost, dry_run);
}

StateChange find_medium(Context& context, std::string_view label, bool dry_run) {
  return set_state(context, label, MediumState::active, dry_run);
}

}  // namespace mixtape::service
