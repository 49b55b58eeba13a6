// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/format/age_keys.h"
#include "engine/recall/asker.h"
#include "engine/recall/cache.h"
#include "engine/recall/cancel_marks.h"
#include "engine/recall/extent.h"
#include "engine/recall/tape_model.h"
#include "tapeio/library.h"

// Bringing contents back: parked reads on one side, a worker that owns the drives on the other.
//
// A read of a content in the cache is answered at once. Any other read is parked: its content is
// queued, the worker loads the medium, makes one seek, decrypts, and answers parked reads as their
// bytes arrive (authenticated by age), while the content fills the cache; it stays there only when
// its hash was confirmed. A copy that turns out damaged is reported and the next one is tried;
// parked reads notice nothing. One recall in flight per content, however many wait for it. Requests
// are gathered for a moment and served medium by medium, on each in the order in which its drive is
// soonest through with them (read_order.h); those that come meanwhile are put into that order.
//
// Drives are shared with jobs (tapeio/drive_turns.h): one that waits gets the drive when nobody
// reads from it any more, or when it has waited for Options::hand_over_after. While jobs have them
// all and somebody waits for bytes, recall is among those who wait, and a job that writes lets it
// in behind the bundle under way.
//
// Threads:  every method from any thread, none waits for a tape; completions run on the worker's
//           thread, inside read() when the bytes are there, or inside cancel: never block there.
// Errors:   reach completions as std::exception_ptr (Error).
// Lifetime: destroying it cancels everything parked (Error{cancelled}) and joins the worker.

namespace mixtape::recall {

// What recall asks the outside world. All but within_reach called on the worker's thread.
struct Outside {
  // Copies of a content that are worth reading, the preferred first.
  std::function<std::vector<Extent>(const Content&)> extents;
  // Where this medium is now; nullopt: not within reach.
  std::function<std::optional<tapeio::PlacedMedium>(const std::string& medium_label)> find_medium;
  // A copy was found damaged: its bytes are not what they must be, or the tape is bad there.
  // One that a drive fails to read now is not.
  std::function<void(const Content&, const Extent&, const std::string& why)> damaged;
  // A copy was read whole and has the hash that the content had before.
  std::function<void(const Content&, const Extent&)> verified;
  // The hash of a content that had none.
  std::function<void(const Content&, const std::array<std::byte, 32>& hash)> hashed;
  // Somebody must fetch this medium ("put MX0003 (shelf B) into reach"), and somebody waits until
  // then; said once per wait.
  std::function<void(const std::string& medium_label)> ask_for;
  // Whether a good copy lies on a medium that is here; called by eta(), on any thread.
  std::function<bool(const Content&)> within_reach;
  // What this drive took for locates before, the newest first; asked when a tape was loaded. None
  // of these two need be there; both are called on the worker's thread.
  std::function<std::vector<order::LocateSample>(const TimedDrive&)> known_locates = {};
  // And now; told when the tape is done with.
  std::function<void(const TimedDrive&, std::vector<order::LocateSample>)> located = {};
  // The contents that follow one on the medium of this copy, the nearest first; and how many bytes
  // all archives there have. Nothing is read ahead where these two are absent. On the worker's
  // thread.
  std::function<std::vector<Content>(const Content&, const Extent&, std::size_t most)> behind = {};
  std::function<std::uint64_t(const Extent&)> stored_beside = {};
  // More words, for people, of a content that has no copy worth reading; they may be none, and so
  // may this. On the worker's thread.
  std::function<std::string(const Content&)> why_none = {};
  // Copies that were found damaged before: the last resort when those of extents() have failed. A
  // drive may do better this time. On the worker's thread, and may be absent.
  std::function<std::vector<Extent>(const Content&)> found_damaged = {};
  // Where people find a medium ("shelf B"); empty: nobody noted it. Likewise.
  std::function<std::string(const std::string& medium_label)> location = {};
};

struct Options {
  // After the first request of an idle time others may join before the medium moves.
  std::chrono::milliseconds gather{50};
  // Where a cartridge has to be brought: for as long as they keep coming within this time,
  std::chrono::milliseconds gather_for_mount{500};
  // and no longer than that. Both are little beside a mount.
  std::chrono::milliseconds most_gather_for_mount{5000};
  // Within this a read is answered, and what was queued is here, as far as the drive can do it at
  // all: who has waited for most of it comes before all others (medium_choice.h).
  std::chrono::seconds patience{std::chrono::minutes(15)};
  std::chrono::seconds patience_of_queued{std::chrono::hours(24)};
  // How long a cartridge that somebody reads on from waits for his next read while another one is
  // wanted; absent: what mounting it took, so that waiting in vain costs no more than the mount
  // that it may spare.
  std::optional<std::chrono::milliseconds> mount_worth = {};
  std::chrono::seconds wait_for_medium{0};  // Then Error{no_medium}; 0: at once.
  // Fetches that wait for media as long as it takes: so many. The rest gets Error{no_medium}.
  std::size_t most_away = 1024;
  // How often a library is asked whether a medium has appeared.
  std::chrono::milliseconds poll{1000};
  // How long a medium that nobody reads stays in its drive.
  std::chrono::seconds hold{30};
  // A job that waits for a drive gets this one when it has waited for so long, whatever is read
  // then: after the record under way, and for as long as it needs it.
  std::chrono::seconds hand_over_after{std::chrono::minutes(15)};
  // Only while the cache has no room: how long the tape stands still for the next read of a reader.
  std::chrono::milliseconds linger{200};
  // What is read ahead and nobody has opened yet (read_ahead.h); absent: half of what the cache
  // keeps beside pins. 0: nothing is.
  std::optional<std::uint64_t> read_ahead_bytes = {};
};

enum class RequestId : std::uint64_t {};

struct QueueEntry {
  RequestId id;
  Content content;
  std::string what;  // For people: a path.
  std::string medium_label;
  std::uint64_t block = 0;
  std::uint64_t done_bytes = 0;
  std::size_t waiting = 0;  // Parked reads.
  bool here = false;        // Its medium.
  bool running = false;
  std::optional<std::size_t> turn;          // Its place in the plan of the loaded tape.
  std::optional<std::chrono::seconds> eta;  // Until it is done, as eta() has it.
};

class Recall {
 public:
  Recall(Cache& cache, std::span<const format::Identity> identities, Outside outside,
         Options options);
  ~Recall();

  // Reads [offset, offset + size) cut at the content's end. `done` gets the bytes, or the
  // exception. Returns a ticket for cancel; the completion runs exactly once in every case.
  using ReadDone = std::function<void(ByteView bytes, std::exception_ptr error)>;
  enum class Ticket : std::uint64_t {};
  Ticket read(const Content& content, std::uint64_t offset, std::size_t size,
              const std::string& what, ReadDone done, Asker asker = {});
  // The completion runs with Error{cancelled} unless it already did. A recall that nobody waits for
  // and that nobody queued explicitly stops at the next record.
  void cancel(Ticket ticket);

  // Brings a whole content into the cache. `done` as for read, with no bytes.
  enum class WhileAway { as_reads, stay };  // stay: Options::most_away.
  RequestId fetch(const Content& content, const std::string& what, ReadDone done = {},
                  Asker asker = {}, WhileAway while_away = WhileAway::as_reads);
  // All who wait for it are answered with Error{cancelled}, and the marks of those who read on get
  // set. False: no such request.
  bool cancel(RequestId id);
  // Only what was fetched is given up; whoever reads it reads on.
  void give_up_fetches(RequestId id);
  // For a reader whose reads follow each other, from before his first: when the mark is set he
  // should ask no more. Neither cancel(Ticket) nor the end of this object sets it.
  [[nodiscard]] CancelMark watch_cancel(const Content& content);

  // In the order in which they will be served, what is away last. Cost: as sorting them.
  [[nodiscard]] std::vector<QueueEntry> queue();

  // A content was opened in the cache: whoever reads on there is still reading. Cheap.
  void used(const Content& content);

  // When a content would be in the cache if nothing else were asked for: what waits before it and
  // itself, at the pace of the last minutes. Nothing while its medium is away, or before there was
  // a pace. Cost: as queue().
  [[nodiscard]] std::optional<std::chrono::seconds> eta(const Content& content);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::recall
