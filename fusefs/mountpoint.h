// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fusefs/mount.h"

namespace mixtape::fusefs {

// Refuses, with what to do about it, a place where a mount would fail, hide something or wait for
// itself. Throws Error{not_found, invalid, conflict, unsupported}.
void check_mountpoint(const MountOptions& options);

}  // namespace mixtape::fusefs
