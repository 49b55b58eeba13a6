// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Points in time as people write and read them.

namespace mixtape::service {

// "20261121T191403Z", as snapshots are named; "2026-11-21T19:14:03Z"; or local time: "2026-11-21",
// "2026-11-21 19:14", "2026-11-21 19:14:03". A date alone means its last second; a minute likewise.
// Throws Error{invalid} naming the forms.
std::int64_t parse_time(std::string_view text);

// "20261121T191403Z"
std::string snapshot_name(std::int64_t time_s);
// "2026-11-21 19:14:03" in local time.
std::string local_time(std::int64_t time_s);

}  // namespace mixtape::service
