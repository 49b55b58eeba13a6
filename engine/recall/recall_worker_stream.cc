// SPDX-License-Identifier: Apache-2.0
// The part of the worker that takes the head to where somebody waits in a content, and serves from
// there without bringing all of it in.

#include <algorithm>

#include "engine/recall/content_fill.h"
#include "engine/recall/fetch_extent.h"
#include "engine/recall/recall_worker.h"
#include "tapeio/error.h"

namespace mixtape::recall {

bool RecallWorker::asks_far_ahead(RequestId id, std::uint64_t done, const Extent& extent) {
  const auto lowest = room_.lowest_offset(id);
  if (!lowest || *lowest <= done || extent.sparse || room_.waits_for_more(id, kWindow)) {
    return false;
  }
  const auto block_of = [&](std::uint64_t offset) {
    const PlainRange range{.offset = extent.data_offset + offset, .size = 1};
    return extent.archive.first_block + plan_read(extent.archive, range).first_record;
  };
  if (reader_->block() != block_of(done)) {
    return *lowest - done > kWindow;  // The head has to go somewhere: better there at once.
  }
  return !reader_->tape(extent.archive).reads_through(block_of(done), block_of(*lowest));
}

void RecallWorker::stream(RequestId id, Job& job, const Extent& extent) {
  if (job.no_room) {
    room_.refuse_fetches(id, job.no_room);
    room_.refuse_reads_over(id, kWindow, job.no_room);
  }
  if (const auto from = room_.lowest_offset(id)) {
    const std::shared_ptr<Cache::Incoming> part = kept_part(job);
    if (part) {
      note_source(job, extent);
    }
    WindowFill sink(room_, id, *from, options_.linger, part);
    const auto end_window = [&] {
      (void)room_.arrived(id, {});  // The window goes with the sink.
      if (sink.lost_part()) {
        job.incoming.reset();
        job.done = 0;
        job.mixed = false;
      }
    };
    try {
      (void)fetch_extent(*reader_, extent, job.content.size, *from, sink,
                         [&] { return sink.go_on() && !hands_over(); });
    } catch (const Error&) {
      end_window();
      throw;
    }
    end_window();
  }
  // Whoever waits for bytes that have passed already makes it the next sweep's; what was read from
  // the beginning is read on.
  if (job.done == 0 && room_.retire(id)) {
    forget(id);
  }
}

}  // namespace mixtape::recall
