// SPDX-License-Identifier: Apache-2.0
#include "engine/service/unseen_media.h"

#include "engine/service/last_index.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

bool says_that_it_is(tapeio::Library& library, const catalog::Medium& medium) {
  try {
    const auto drive = library.load(medium.label, tapeio::Library::Access::read);
    const auto label = read_label(*drive);
    return label && label->medium == medium.uuid;
  } catch (const Error&) {
    return false;  // It stays unseen; whoever reads or writes it will say what is wrong with it.
  }
}

}  // namespace

void look_for_unseen_media(Context& context) {
  for (const catalog::Medium& medium : context.ledger.unseen_media()) {
    for (const auto& library : context.workspace.libraries()) {
      for (const tapeio::MediumSlot& slot : library->media()) {
        if (slot.label == medium.label && says_that_it_is(*library, medium)) {
          context.ledger.label_seen(medium);
        }
      }
    }
  }
}

}  // namespace mixtape::service
