// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/recall/read_order.h"
#include "engine/recall/tape_model.h"
#include "engine/recall/unread_ahead.h"

// How far to read on behind what a reader asked for, on a tape where going back costs a locate.
//
// What a reader will ask for next is not known, what he asked for is:
//   - Whoever asks for what lies just behind what he got before reads on. Behind that, as much is
//     read ahead as the tape gives in the time of a locate, and four times as much each time he
//     comes to its end or half of it was opened, up to kMostLocates of them. So of several who read
//     on in several places each has long runs, and what is read for nobody in the end is no more
//     than the last of them.
//   - Requests all over the tape that go on until a fortieth of the time was spent on locating that
//     reading all of it would take: then it is read through once, from the lowest place that
//     somebody waits at, as long as anybody waits. Only where the budget holds all that is on it.
// What takes longer to read than going there and back is read for nobody: a run ends before it, and
// who reads everything goes over it. Meanwhile whoever waits in another place waits for the end of
// the run, if he reads on as well; else he is let in between, so seldom that it costs a sixteenth.
//
// Units:   seconds, by the model of the loaded tape; bytes of contents.
// Threads: the worker's.

namespace mixtape::recall {

class ReadAhead {
 public:
  // `stored_bytes`: of all archives on the tape. `budget_bytes`: what may lie in the cache unread.
  ReadAhead(const TapeModel& tape, std::uint64_t record_size, std::uint64_t stored_bytes,
            std::uint64_t budget_bytes, UnreadAhead& unread);

  // What somebody waited for was read, or will be at once; `head`: the block that was under the
  // head, nullopt after a load.
  void asked(std::optional<std::uint64_t> head, const TapeRead& read);
  // What follows was read ahead, or is there already and counts for nothing.
  void read(const TapeRead& read);
  // Nothing follows, or it must not be read.
  void stop() { is_stopped_ = true; }
  // Somebody who waits in another place is let in between.
  void let_in() { since_let_in_s_ = 0; }

  // Whether there is anything to read on for, whatever follows.
  [[nodiscard]] bool may_want(bool anybody_waits) const;
  // Whether to read on with this.
  [[nodiscard]] bool wants(const TapeRead& following, std::uint64_t bytes, bool anybody_waits);
  // Whether who waits for this waits until wants() says no.
  [[nodiscard]] bool holds_up(const TapeRead& waiting) const;
  [[nodiscard]] bool reads_everything() const;
  // It is read only for those who ask for it.
  [[nodiscard]] bool is_too_long(const TapeRead& read) const;

 private:
  // Somebody who reads on, or may: where he came to.
  struct Stream {
    std::uint64_t end_block = 0;
    std::uint64_t run_from = 0;  // Behind this block
    double window_s = 0;         // so much is read ahead; 0: he has not read on yet.
  };
  [[nodiscard]] double seconds(std::uint64_t from_block, std::uint64_t to_block) const;
  [[nodiscard]] std::optional<std::size_t> stream_at(const TapeRead& read) const;
  void begin_run(Stream& stream);

  TapeModel tape_;
  UnreadAhead& unread_;
  double all_s_ = 0;          // To read all that is on it.
  double most_window_s_ = 0;  // So that some readers share the budget.
  bool holds_all_ = false;    // The budget does.
  std::uint64_t budget_bytes_;
  std::vector<Stream> streams_;  // Who asked last is last.
  double located_s_ = 0;         // For those who did not read on.
  double since_let_in_s_;        // Read ahead since somebody was let in between.
  bool is_stopped_ = false;
};

}  // namespace mixtape::recall
