// SPDX-License-Identifier: Apache-2.0
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <exception>
#include <string_view>

#include "fusefs/node.h"
#include "tapeio/bytes.h"

// How answers become replies of libfuse.
//
// Each request is replied to exactly once. A reply may come from any thread and never waits.

namespace mixtape::fusefs {

// The one table from errors to errno. Logs what an operator should know of; `what` names the
// request or file.
[[nodiscard]] int error_number_of(const std::exception_ptr& error, std::string_view what) noexcept;

void reply_error(fuse_req_t request, const std::exception_ptr& error,
                 std::string_view what) noexcept;

// Runs a callback's body; what it throws becomes the reply.
template <typename Body>
void answer(fuse_req_t request, std::string_view what, Body&& body) noexcept {
  try {
    body();
  } catch (...) {
    reply_error(request, std::current_exception(), what);
  }
}

// A buffer that a serving thread keeps: making one for each reply costs more than many a reply. The
// next call on the same thread gives the same bytes.
[[nodiscard]] MutableBytes thread_buffer(std::size_t size);

[[nodiscard]] struct stat to_stat(const Attributes& attributes);
[[nodiscard]] fuse_entry_param to_entry(const Found& found);
// Seconds that the kernel may believe it.
[[nodiscard]] double timeout_of(Freshness freshness);

}  // namespace mixtape::fusefs
