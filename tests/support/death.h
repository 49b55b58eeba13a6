// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mixtape::test {

// This process is gone, with nothing unwound and nothing tidied away.
[[noreturn]] void die();

}  // namespace mixtape::test
