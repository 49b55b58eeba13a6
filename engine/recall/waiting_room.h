// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/recall/recall.h"
#include "engine/recall/recall_queue.h"
#include "engine/recall/tape_sweep.h"

// Who waits for which bytes: readers put reads in and take them back, the worker answers them as
// bytes arrive.
//
// One request per content, however many wait for it. Whoever takes a read out of the tables, under
// the mutex, runs its completion, after the mutex: so each runs exactly once, and none runs under
// the lock.
//
// Threads: park, fetch, cancel, list, close from any thread; everything else from the worker.
// Errors:  reach completions; completions must not throw.

namespace mixtape::recall {

// Reads what has arrived of a content; from any thread, returns how much could be read.
using ReadBack = std::function<std::size_t(std::uint64_t offset, MutableBytes into)>;

class WaitingRoom {
 public:
  using Ticket = Recall::Ticket;
  using ReadDone = Recall::ReadDone;
  using Clock = std::chrono::steady_clock;

  // --- Readers
  Ticket park(const Content& content, std::uint64_t offset, std::size_t size,
              const std::string& what, ReadDone done, Asker asker = {});
  RequestId fetch(const Content& content, const std::string& what, ReadDone done, Asker asker = {},
                  Recall::WhileAway while_away = Recall::WhileAway::as_reads);
  void cancel(Ticket ticket);
  bool cancel(RequestId id);
  void give_up_fetches(RequestId id);
  [[nodiscard]] CancelMark watch_cancel(const Content& content) {
    return marks_.of(content.number);
  }
  [[nodiscard]] std::vector<QueueEntry> list();
  // Cancels everything that waits, and everything that will.
  void close();

  // --- The worker
  struct NewRequest {
    RequestId id;
    Content content;
    Asker asker;  // Who asked first.
  };
  // Waits until there is a new request or close(), at most until `deadline`, and takes the new
  // ones.
  [[nodiscard]] std::vector<NewRequest> wait_for_new(Clock::time_point deadline);
  // Makes wait_for_new return; from any thread.
  void wake();
  // The request for this content, made if nobody asked for it: one that nobody waits for, for the
  // worker to read at once. It ends as others do.
  struct Expected {
    RequestId id;
    bool is_made = false;
  };
  [[nodiscard]] Expected expect(const Content& content);
  // Whether anybody asked for this content.
  [[nodiscard]] bool asks_for(const Content& content);
  // Returns at `deadline`, or at close().
  void gather_until(Clock::time_point deadline);
  // Returns when nothing new came for so long, at `deadline`, or at close().
  void gather_while_they_come(Clock::duration quiet, Clock::time_point deadline);
  [[nodiscard]] bool closed();
  // Whether anybody still wants it: nobody has waited any more since the last one cancelled, and
  // nobody queued it by itself, or it is gone.
  [[nodiscard]] bool wanted(RequestId id);

  // For list(): where it will be read from, and whether that happens now.
  void set_place(RequestId id, const Place& place, bool here);
  void set_running(RequestId id, bool running);
  // The plan of the loaded tape, instead of the one before.
  void set_plan(const std::vector<Turn>& turns);
  // How many reads of the request are parked.
  [[nodiscard]] std::size_t waiting(RequestId id);

  // What of the content can be read back now, [begin, end); answers the reads inside it in their
  // order of arrival. Empty forgets what was there. `keeps`: reads that come later may be answered
  // from it, too, on their own threads. Returns wanted().
  struct Arrived {
    std::uint64_t begin = 0, end = 0;
    ReadBack read_back;
    bool keeps = false;
  };
  bool arrived(RequestId id, const Arrived& arrived);
  // Ends a request that nobody wants or that has nobody waiting; false: it goes on.
  bool retire(RequestId id);
  // The request is over: answers what still waits from `read_back`, or with `error`.
  void finish(RequestId id, const ReadBack& read_back);
  void finish(RequestId id, std::exception_ptr error);

  // A medium is away: answers with `error` the reads and fetches from before `asked_before`, but
  // those fetches that stay only when `none_stays`. What waits on:
  struct Left {
    bool any = false;
    bool stays = false;  // A fetch that waits as long as it takes.
  };
  struct Refused {
    Clock::time_point asked_before;
    bool none_stays = false;
  };
  Left refuse(RequestId id, const Refused& refused, const std::exception_ptr& error);

  // --- The worker, while a content goes past the cache
  // Answers those who want the whole content in the cache; reads go on waiting.
  void refuse_fetches(RequestId id, std::exception_ptr error);
  // Answers the reads of more than `size` bytes.
  void refuse_reads_over(RequestId id, std::size_t size, std::exception_ptr error);
  // Whether somebody waits for more than `size` bytes at once.
  [[nodiscard]] bool waits_for_more(RequestId id, std::size_t size);
  // The first byte that anybody waits for.
  [[nodiscard]] std::optional<std::uint64_t> lowest_offset(RequestId id);
  // Waits until somebody waits for bytes that all lie at or behind `offset`; false at `deadline` or
  // close().
  bool wait_for_reader(RequestId id, std::uint64_t offset, Clock::time_point deadline);

 private:
  struct ParkedRead {
    Ticket ticket;
    std::uint64_t offset;
    std::size_t size;
    ReadDone done;
    Clock::time_point since{};
  };
  struct Fetch {
    ReadDone done;  // May be empty.
    bool stays = false;
    Clock::time_point since{};
  };
  struct Request {
    RequestId id;
    Content content;
    std::string what;
    // By the last byte needed, so that those that can be answered stand in front.
    std::multimap<std::uint64_t, ParkedRead> reads;
    std::vector<Fetch> fetches;
    bool abandoned = false;  // The last one who waited cancelled.
    Arrived arrived;
    Place place;
    bool here = false;  // The medium of `place`.
    bool running = false;
    std::optional<std::size_t> turn;        // In the plan of the loaded tape,
    std::optional<Clock::time_point> done;  // and when it will be done by that.
  };
  struct ParkedAt {
    RequestId id;
    std::uint64_t end;
  };

  Request& request_for(const Content& content, const std::string& what, Asker asker);
  [[nodiscard]] Request* find(RequestId id);
  [[nodiscard]] bool wanted_locked(const Request& request) const;
  static void tell(const std::vector<Fetch>& fetches, const std::exception_ptr& error);
  void erase(RequestId id);
  std::vector<ParkedRead> take_ready(Request& request);
  std::vector<ParkedRead> take_all(Request& request);
  static void answer(const ParkedRead& read, const ReadBack& read_back);

  CancelMarks marks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::map<RequestId, Request> requests_;
  std::unordered_map<std::int64_t, RequestId> by_content_;
  std::unordered_map<std::uint64_t, ParkedAt> by_ticket_;
  std::vector<NewRequest> new_;
  std::uint64_t next_id_ = 1;
  bool woken_ = false;
  bool closed_ = false;
};

}  // namespace mixtape::recall
