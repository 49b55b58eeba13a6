// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "tests/bench/library_trace.h"

// How often tapes have to be mounted for a trace, whoever decides: a count below which no policy
// gets that keeps every bound.
//
// It follows from the trace alone, not from a run. A request that follows another is asked for no
// sooner than if each before it had been read at once, and no later than if each had taken its
// whole bound; so it is read within a window that the trace fixes, after the one that it follows.
// Mounting and reading are taken to need no time, and what has a day is left out: both can only
// lower the count.

namespace mixtape::bench {

// The larger of the two below.
[[nodiscard]] std::size_t least_mounts(const Trace& trace);

// With any number of drives. In a stretch of time all is read that is asked for after its beginning
// and has to be read before its end; the tapes of that which are not in a drive at the beginning
// have to come. Of all ways to cut the time into stretches the one with the largest sum.
[[nodiscard]] std::size_t least_mounts_by_stretches(const Trace& trace);

// With one drive: the least there is for these windows, of requests that begin together on one tape
// only one counted, by looking at every order that may be the
// best. A mount can be put off until what is read after it cannot wait any longer, since the tape
// before it then stays for longer; so tapes change only when a window ends.
[[nodiscard]] std::size_t least_mounts_of_one_drive(const Trace& trace);

}  // namespace mixtape::bench
