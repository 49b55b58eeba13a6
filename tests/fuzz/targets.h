// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "tapeio/bytes.h"

// Every parser that reads what others may have written, as a function of bytes: for the fuzzers
// (tools/fuzz) and for the test that feeds them tests/corpus.

namespace mixtape::fuzz {

struct Target {
  std::string_view name;  // Of the fuzzer (fuzz_NAME) and of its directory in tests/corpus.
  void (*parse)(ByteView input);
};

std::span<const Target> targets();

// A value or an Error is an answer; any other exception ends the process, and so does a value that
// is another one after it was written and read again.
void feed(const Target& target, ByteView input);

}  // namespace mixtape::fuzz
