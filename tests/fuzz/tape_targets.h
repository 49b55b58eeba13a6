// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tapeio/bytes.h"

// The targets that belong to tapes: what drives, changers and iSCSI targets answer, the URLs that
// name them, and the files of simulated cartridges. See targets.h.

namespace mixtape::fuzz {

void sense(ByteView input);
void ssc_data(ByteView input);
void element_status(ByteView input);
void library_url(ByteView input);
void sim_url(ByteView input);
void cartridge_chip(ByteView input);
void sim_files(ByteView input);

}  // namespace mixtape::fuzz
