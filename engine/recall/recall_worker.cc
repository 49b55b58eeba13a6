// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall_worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "engine/recall/cache_index.h"
#include "engine/recall/content_fill.h"
#include "engine/recall/fetch_extent.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::recall {

namespace {

// With nothing to wait for, the worker still looks up now and then.
constexpr std::chrono::hours kIdle{1};

// Tells the outside something; that it cannot take it now must not stop the recall.
template <typename Tell>
void tell(const char* what, Tell tell_it) {
  try {
    tell_it();
  } catch (const Error& error) {
    spdlog::warn("recall: {}: {}", what, error.what());
  }
}

// Catalogs come from media: what no archive can have is no copy.
bool is_possible(const Extent& copy) {
  try {
    (void)spot_of(copy);
    return true;
  } catch (const Error& error) {
    spdlog::warn("recall: pass over a copy: {}", error.what());
    return false;
  }
}

ReadBack from_file(tapeio::UniqueFd fd) {
  return [file = std::make_shared<tapeio::UniqueFd>(std::move(fd))](std::uint64_t offset,
                                                                    MutableBytes into) {
    return tapeio::read_full_at(file->get(), into, offset, "cache entry");
  };
}

}  // namespace

void RecallWorker::run() {
  // The limits may have become smaller since.
  drop_unused();
  while (!room_.closed()) {
    for (const WaitingRoom::NewRequest& request : room_.wait_for_new(wake_time())) {
      admit(request);
    }
    look_for_media();
    if (hands_over()) {
      hand_over();
    }
    const auto next = next_request();
    reading_on_ = reads_on(next);
    if (reading_on_) {
      read_on();
      last_served_ = Clock::now();
      continue;
    }
    if (!next) {
      resting_ = true;
      drop_unused();
      if (reader_ && Clock::now() >= rests_until()) {
        give_back();
      }
      continue;
    }
    if (std::exchange(resting_, false) && !reaches(*next)) {
      gather(*next);
      continue;
    }
    if (lingers(*next)) {
      continue;
    }
    serve(turn_of(*next));
    last_served_ = Clock::now();
  }
  unload();
}

void RecallWorker::drop_unused() {
  tell("look for what is unused", [&] { cache_.expire(); });
}

RecallWorker::Clock::time_point RecallWorker::wake_time() const {
  const Clock::time_point now = Clock::now();
  if (!resting_ || reading_on_) {
    return reading_on_ ? now : std::max(now, lingers_until_.value_or(now));
  }
  if (!jobs_.empty()) {
    const Clock::time_point kept = kept_until();
    return kept > now ? std::min(kept, next_look_) : next_look_;
  }
  return reader_ ? std::min(rests_until(), now + options_.poll) : now + kIdle;
}

void RecallWorker::admit(const WaitingRoom::NewRequest& request) {
  const Content& content = request.content;
  Job job;
  job.content = content;
  job.asker = request.asker;
  job.since = Clock::now();
  try {
    if (auto fd = cache_.open(content)) {
      room_.finish(request.id, from_file(std::move(*fd)));
      return;
    }
    job.copies = outside_.extents(content);
    std::erase_if(job.copies, [](const Extent& copy) { return !is_possible(copy); });
    if (job.copies.empty()) {
      const std::string why = outside_.why_none ? outside_.why_none(content) : "";
      throw Error(ErrorCode::corrupt, "recall content " + std::to_string(content.number) +
                                          ": no medium holds a good copy" +
                                          (why.empty() ? "" : "; " + why));
    }
  } catch (const Error&) {
    room_.finish(request.id, std::current_exception());
    return;
  }
  jobs_[request.id] = std::move(job);
  place(request.id);
}

void RecallWorker::serve(RequestId id) {
  if (!room_.wanted(id)) {
    if (room_.retire(id)) {
      forget(id);
    }
    return;
  }
  const Job& job = jobs_.at(id);
  const Extent extent = job.copies[job.chosen];
  const bool was_loaded = reader_ && loaded_ == extent.archive.medium_label;
  if (!was_loaded) {
    try {
      if (!load(id, extent.archive.medium_label)) {
        return;
      }
      TapeModel tape = reader_->tape(extent.archive);
      if (tape.knows_wraps()) {
        learn(tape);
        drive_ = tape.drive();
        sweep_ = std::make_unique<TapeSweep>(loaded_, tape, reader_->access_order(),
                                             [this](RequestId each) { return weight_of(each); });
        begin_sweep();
        begin_ahead(extent);
      }
    } catch (const Error& error) {
      copy_failed(id, jobs_.at(id), error);
      return;
    }
    if (sweep_) {
      return;  // Whose turn it is, the plan says.
    }
  }
  read(id, extent);
}

void RecallWorker::read(RequestId id, const Extent& extent) {
  Job& job = jobs_.at(id);
  const Want want = want_of(id, job);
  if (sweep_) {
    sweep_->remove(id);
  }
  room_.set_running(id, true);
  try {
    if (job.no_room || asks_far_ahead(id, job.done, extent)) {
      stream(id, job, extent);
    } else {
      note_asked(id, extent);
      fill(id, job, extent);
    }
  } catch (const Error& error) {
    copy_failed(id, job, error);
  }
  fresh_ = false;
  lingers_until_.reset();
  was_waited_for_ = want.parked;
  last_reader_ = want.reader;
  last_served_for_.served(want, Clock::now().time_since_epoch());
  room_.set_running(id, false);
  join_sweep(id);  // If it is not over.
}

void RecallWorker::fill(RequestId id, Job& job, const Extent& extent) {
  if (!job.incoming) {
    try {
      job.incoming = cache_.begin(job.content);
      // What an earlier recall left: from which copy is not known.
      job.done = job.incoming->missing(0).begin;
    } catch (const Error&) {
      go_uncached(id, job, std::current_exception());
      return;
    }
  }
  note_source(job, extent);
  CacheFill sink(room_, id, job.incoming, job.content.size);
  const Clock::time_point began = Clock::now();
  try {
    bring_in(id, job, extent, sink);
  } catch (const Error&) {
    job.done = sink.done();
    throw;
  }
  pace_.observe(sink.brought(), Clock::now() - began);
  job.done = sink.done();
  if (sink.failure()) {
    go_uncached(id, job, sink.failure());
  } else if (job.done == job.content.size) {
    confirm(id, job, extent);
  }
}

void RecallWorker::note_source(Job& job, const Extent& extent) {
  const bool is_begun = job.incoming->missing(0) != ByteRange{0, job.content.size};
  job.mixed = job.mixed || (is_begun && job.from != extent.archive.bundle_uuid);
  job.from = extent.archive.bundle_uuid;
}

void RecallWorker::bring_in(RequestId id, const Job& job, const Extent& extent, CacheFill& sink) {
  for (bool on = true; on;) {
    const ByteRange gap = job.incoming->missing(0);
    if (gap.size() == 0 || !sink.start(gap)) {
      return;
    }
    on = fetch_extent(*reader_, extent, job.content.size, gap.begin, sink,
                      [&] {
                        return sink.go_on() && !hands_over() &&
                               !asks_far_ahead(id, sink.done(), extent);
                      }) ||
         !sink.go_on();
  }
}

void RecallWorker::confirm(RequestId id, Job& job, const Extent& extent) {
  EntryHash hash{};
  try {
    hash = job.incoming->confirm();
  } catch (const Error&) {
    const bool blameless = std::exchange(job.mixed, false);
    start_over(id, job);
    if (blameless) {
      return;  // Which of the copies was wrong shows when one of them is read whole.
    }
    throw;
  }
  const ReadBack read_back = [incoming = job.incoming](std::uint64_t offset, MutableBytes into) {
    return incoming->read_back(offset, into);
  };
  (void)room_.arrived(id,
                      {.begin = 0, .end = job.content.size, .read_back = read_back, .keeps = true});
  if (!job.content.hash) {
    tell("note a hash", [&] { outside_.hashed(job.content, hash); });
  } else if (!job.mixed) {
    tell("note a good copy", [&] { outside_.verified(job.content, extent); });
  }
  try {
    (void)job.incoming->commit();
  } catch (const Error&) {
    room_.refuse_fetches(id, std::current_exception());
  }
  room_.finish(id, read_back);
  spdlog::debug("recall: content {} from medium {}", job.content.number,
                extent.archive.medium_label);
  forget(id);
}

void RecallWorker::start_over(RequestId id, Job& job) {
  (void)room_.arrived(id, {});
  if (job.incoming) {
    job.incoming->discard();
  }
  job.incoming.reset();
  job.done = 0;
}

void RecallWorker::go_uncached(RequestId id, Job& job, const std::exception_ptr& why) {
  job.no_room = why;
  job.mixed = false;
  start_over(id, job);
  spdlog::warn("recall: the cache has no room for content {} of {} bytes", job.content.number,
               job.content.size);
}

std::shared_ptr<Cache::Incoming> RecallWorker::kept_part(Job& job) {
  if (!job.incoming && !job.no_room) {
    tell("keep what is read of a content", [&] {
      job.incoming = cache_.begin(job.content);
      job.done = job.incoming->missing(0).begin;
    });
  }
  return job.incoming;
}

void RecallWorker::copy_failed(RequestId id, Job& job, const Error& error) {
  const Extent extent = job.copies[job.chosen];
  if (error.code() == ErrorCode::exhausted) {
    fail(id, std::current_exception());
    return;
  }
  if (error.code() == ErrorCode::no_medium) {
    unload();
    present_[extent.archive.medium_label] = false;
    place(id);
    return;
  }
  if (!fresh_ && !std::exchange(job.tried_again, true)) {
    // The medium may have been exchanged or written to since it was loaded.
    unload();
    return;
  }
  if (error.code() != ErrorCode::not_permitted) {
    spdlog::warn("recall: content {} on medium {}: {}", job.content.number,
                 extent.archive.medium_label, error.what());
  }
  // Only the tape and what was read from it say something about the copy: a drive or a disk that
  // fails may do better next time.
  if (is_damage(error.code())) {
    job.damage = job.damage ? job.damage : std::make_exception_ptr(error);
    tell("note a damaged copy", [&] { outside_.damaged(job.content, extent, error.what()); });
  }
  job.copies.erase(job.copies.begin() + static_cast<std::ptrdiff_t>(job.chosen));
  job.tried_again = false;
  job.failed.push_back(extent.archive.bundle_uuid);
  if (job.copies.empty()) {
    take_last_resort(job);
  }
  if (!job.copies.empty()) {
    place(id);
    return;
  }
  const bool is_told = error.code() == ErrorCode::not_permitted || is_of_medium(error.code());
  fail(id,
       std::make_exception_ptr(Error(is_told ? error.code() : ErrorCode::corrupt, error.what())));
}

void RecallWorker::take_last_resort(Job& job) {
  if (!outside_.found_damaged || std::exchange(job.has_last_resort, true)) {
    return;
  }
  tell("look for copies that were damaged before", [&] {
    job.copies = outside_.found_damaged(job.content);
    std::erase_if(job.copies, [&](const Extent& copy) {
      return !is_possible(copy) || std::find(job.failed.begin(), job.failed.end(),
                                             copy.archive.bundle_uuid) != job.failed.end();
    });
  });
}

void RecallWorker::forget(RequestId id) {
  queue_.remove(id);
  stay_away_.erase(id);
  jobs_.erase(id);
  if (sweep_) {
    sweep_->remove(id);
  }
}

void RecallWorker::fail(RequestId id, const std::exception_ptr& error) {
  forget(id);
  room_.finish(id, error);
}

}  // namespace mixtape::recall
