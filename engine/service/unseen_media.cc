// SPDX-License-Identifier: Apache-2.0
#include "engine/service/unseen_media.h"

namespace mixtape::service {

void look_for_unseen_media(Context& context) {
  for (const catalog::Medium& medium : context.ledger.unseen_media()) {
    if (context.workspace.libraries().find(medium, context.ledger).label_read) {
      context.ledger.label_seen(medium);
    }
  }
}

}  // namespace mixtape::service
