// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/recall/archive_reader.h"
#include "engine/recall/cache.h"
#include "engine/recall/content_fill.h"
#include "engine/recall/medium_stay.h"
#include "engine/recall/read_ahead.h"
#include "engine/recall/recall.h"
#include "engine/recall/recall_pace.h"
#include "engine/recall/recall_queue.h"
#include "engine/recall/tape_sweep.h"
#include "engine/recall/waiting_room.h"

// The worker behind Recall: owns the drive, picks requests, brings contents in, tries the next
// copy.
//
// Threads: run() on one thread; nothing else is called meanwhile.
// Errors:  none leave run(): they reach those who wait.

namespace mixtape::recall {

class RecallWorker {
 public:
  RecallWorker(Cache& cache, std::span<const format::Identity> identities, const Outside& outside,
               const Options& options, WaitingRoom& room, RecallPace& pace, UnreadAhead& unread)
      : cache_(cache),
        identities_(identities),
        outside_(outside),
        options_(options),
        room_(room),
        pace_(pace),
        unread_(unread) {}

  // Works until the room is closed.
  void run();

 private:
  using Clock = WaitingRoom::Clock;

  struct Job {
    Content content;
    Asker asker;
    std::vector<Extent> copies;  // Those not found damaged; `chosen` is read next.
    std::size_t chosen = 0;
    bool tried_again = false;  // The chosen copy failed once with what was loaded then.
    std::shared_ptr<Cache::Incoming> incoming;
    std::uint64_t done = 0;              // Bytes in `incoming`,
    std::array<std::byte, 16> from{};    // from the copy in this bundle,
    bool mixed = false;                  // and from others.
    std::exception_ptr no_room, damage;  // Why the cache cannot take it; of the first bad copy.
    std::optional<Clock::time_point> absent_since;
    Clock::time_point since;  // When it was asked for.
  };

  void drop_unused();
  [[nodiscard]] Clock::time_point wake_time() const;
  void admit(const WaitingRoom::NewRequest& request);
  // Where the copy lies that is read next; ends it when its medium stays away.
  void place(RequestId id);
  // Asks for a medium that is away; false: it stays away, and the request was ended.
  bool wait_for(RequestId id, const std::string& medium_label);
  void choose(RequestId id, std::size_t copy);  // Puts it where this copy lies.
  void look_for_media();
  [[nodiscard]] bool present(const std::string& medium_label);
  // Present, and a drive for it is not lent to others.
  [[nodiscard]] bool ready(const std::string& medium_label);
  [[nodiscard]] bool moves(const std::string& medium_label) const;

  // From which it can be served now: several only if cartridges move and nothing was read yet.
  [[nodiscard]] std::set<std::string> media_for(const Job& job);
  // As the policy sees a request, and all that could be read now.
  [[nodiscard]] Want want_of(RequestId id, const Job& job);
  [[nodiscard]] std::vector<MediumWork> media_work();
  [[nodiscard]] Sweep sweep_now(bool is_over) const;
  // How much a request counts in the order on a tape; 0: nobody waits for it.
  [[nodiscard]] std::size_t weight_of(RequestId id);
  // What has a copy there is read from there.
  void draw_to(const std::string& medium_label);
  // Until when the loaded tape is kept for who reads on from it.
  [[nodiscard]] Clock::time_point kept_until() const;
  // What changing the loaded tape for another takes.
  [[nodiscard]] Seconds mount_worth() const;
  void gather(RequestId next);
  [[nodiscard]] std::optional<Place> head() const;
  [[nodiscard]] bool reaches(RequestId id);

  // What is read next; nullopt when nothing can be.
  [[nodiscard]] std::optional<RequestId> next_request();
  // Whose turn it is by the plan of the loaded tape.
  [[nodiscard]] std::optional<RequestId> next_in_sweep();
  // The loaded medium is a tape: everything that waits for it is put into a plan.
  void begin_sweep();
  // What the drive took before, and what it has taken now.
  void learn(TapeModel& tape) const;
  void tell_located() const;
  // Into the plan of the loaded tape, if nothing is due elsewhere; what stayed out till then.
  void join_sweep(RequestId id);
  void join_late();
  void put_into_sweep(RequestId id);

  // --- Reading ahead
  struct Following {
    Content content;
    std::vector<Extent> copies;
    std::size_t chosen = 0;
    TapeRead read;
  };
  void begin_ahead(const Extent& extent);
  // The loaded tape is to be read on from where it is, though `next` may wait.
  [[nodiscard]] bool reads_on(std::optional<RequestId> next);
  void read_on();
  // Whether who waits on the loaded tape has to, for what is read ahead.
  [[nodiscard]] bool is_held_up(RequestId next);
  // What lies behind what was read last and is not in the cache.
  [[nodiscard]] const Following* following();
  [[nodiscard]] std::optional<Following> follows(const Content& content);
  void note_asked(RequestId id, const Extent& extent);
  // Gives whom it read for last a moment to ask for more, before the head goes away from him.
  [[nodiscard]] bool lingers(RequestId next);
  // Where everything is read, who waits at the lowest place is next, or who has waited longest.
  [[nodiscard]] RequestId turn_of(RequestId next);

  void serve(RequestId id);
  void read(RequestId id, const Extent& extent);
  // False: not now; the request was placed anew.
  bool load(RequestId id, const std::string& medium_label);
  [[nodiscard]] tapeio::LoadWatch watch_load();
  void unload();
  // --- Sharing drives with jobs
  [[nodiscard]] bool hands_over() const;  // One has waited for the loaded drive long enough.
  void hand_over();
  // Until when a drive that nobody reads from any more is kept. Its tape is rewound then.
  [[nodiscard]] Clock::time_point rests_until() const;
  void give_back();
  // Error{busy} while a job for which a drive was given back may not have taken it yet.
  void let_jobs_in(tapeio::Library& library) const;
  // Among those who wait for a drive there, as long as somebody waits for bytes from there.
  void wait_for_turn(tapeio::Library& library);
  void end_waits();
  void fill(RequestId id, Job& job, const Extent& extent);
  // What comes into `incoming` from now on is this copy's.
  static void note_source(Job& job, const Extent& extent);
  // Reads what is missing of it.
  void bring_in(RequestId id, const Job& job, const Extent& extent, CacheFill& sink);
  void confirm(RequestId id, Job& job, const Extent& extent);
  void go_uncached(RequestId id, Job& job, const std::exception_ptr& why);
  void stream(RequestId id, Job& job, const Extent& extent);
  // Where the cache keeps what is read of it; null: nowhere.
  std::shared_ptr<Cache::Incoming> kept_part(Job& job);
  // All who wait for it want bytes so far behind the first `done` that the head goes there at once.
  [[nodiscard]] bool asks_far_ahead(RequestId id, std::uint64_t done, const Extent& extent);
  // The chosen copy cannot be read, or is not what it must be.
  void copy_failed(RequestId id, Job& job, const Error& error);
  void start_over(RequestId id, Job& job);
  void forget(RequestId id);
  void fail(RequestId id, const std::exception_ptr& error);

  Cache& cache_;
  std::span<const format::Identity> identities_;
  const Outside& outside_;
  const Options& options_;
  WaitingRoom& room_;
  RecallPace& pace_;
  UnreadAhead& unread_;

  std::map<RequestId, Job> jobs_;
  RecallQueue queue_;
  std::unique_ptr<ArchiveReader> reader_;
  std::string loaded_;                 // The medium that reader_ reads,
  tapeio::Library* lender_ = nullptr;  // and who lent the drive.
  Clock::time_point handed_over_at_{};
  tapeio::Library* handed_over_to_ = nullptr;  // A job of that library.
  std::map<tapeio::Library*, tapeio::DriveTurns::Waiting> turns_;
  std::set<std::string> kept_from_;                 // Media for whose drives it waited meanwhile.
  TimedDrive drive_;                                // Which reads it, where it is known.
  std::unique_ptr<TapeSweep> sweep_;                // Of a loaded tape whose wraps are known.
  std::unique_ptr<ReadAhead> ahead_;                // In that sweep,
  std::deque<Following> following_;                 // what comes next,
  std::optional<Following> last_;                   // behind this.
  bool reading_on_ = false;                         // It is being read on.
  std::optional<Clock::time_point> lingers_until_;  // Since something was read.
  Clock::time_point let_in_at_{};  // When somebody was let in while everything was read.
  Clock::duration load_took_{};
  Clock::time_point loaded_at_{};
  Clock::time_point plan_ends_{};    // Of the sweep, by its model.
  Clock::time_point next_choice_{};  // When others than those in the sweep are looked at again.
  Clock::time_point kept_until_{};   // The loaded tape, from those who want others.
  bool is_read_on_ = false;          // Bytes of the loaded tape were asked for while it was read.
  std::uint32_t last_reader_ = 0;    // The thread that was read for last.
  bool was_waited_for_ = false;      // Somebody waited for what was read last.
  bool is_due_elsewhere_ = false;    // When others were looked at last.
  FairShare shares_;                 // Then.
  LastServed last_served_for_;
  bool fresh_ = false;   // Nothing was read since it was loaded.
  bool resting_ = true;  // No request was served since there was last none.
  Clock::time_point last_served_{};
  Clock::time_point next_look_{};
  std::map<std::string, bool> present_;  // Since the last look.
  std::set<std::string> moving_;         // Cartridges among them.
  std::map<std::string, tapeio::Library*> lies_in_;
  std::set<std::string> busy_;             // Whose drives all were lent, since the last look.
  std::map<std::string, Error> why_away_;  // Of those that could not be loaded, likewise.
  std::set<std::string> asked_for_;
  std::set<std::string> waited_for_drive_;
  std::map<std::string, Clock::time_point> wrong_until_;  // Another medium bears that label.
};

}  // namespace mixtape::recall
