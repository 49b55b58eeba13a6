// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "engine/catalog/wanted.h"
#include "engine/recall/recall.h"

// What was asked for by itself, and not by a read: kept on disk before add() returns, so that a
// daemon that was killed goes on with it. Recall has only so many of them at a time: a tree of
// millions fills no memory.
//
// What nobody waits for (no `done`) waits for its medium instead, as long as that takes: recall's
// queue holds so many of these (recall::Options::most_away), the others are put off: they stay on
// the disk, where they are in nobody's way, and are tried again now and then.
//
// A row goes when its content is in the cache, when it is cancelled, and when it failed for good;
// rows that are damaged or whose content the catalog does not know are passed over with a line in
// the log. While catalog or disk fail, all stay and are gone on with afterwards.
//
// Threads:  every method from any thread, none waits for a tape; `done` runs where completions of
//           recalls run.
// Errors:   throws what the database throws; Error{conflict} when too many wait.
// Lifetime: destroying it leaves all rows that are not over.

namespace mixtape::service {

class RecallList {
 public:
  // So many are in the queue of recall at once; enough to order them well over a whole tape.
  static constexpr std::size_t kAtOnce = 4096;
  // After catalog or disk failed, and for what was put off, it is tried again then.
  static constexpr std::chrono::seconds kTryAgain{10};

  // The number that a content of an earlier run has now; nullopt: none.
  using Resolve = std::function<std::optional<catalog::ContentId>(const catalog::WantedContent&)>;
  // Goes on with what `state_db` has; ":memory:" keeps nothing.
  RecallList(const std::filesystem::path& state_db, recall::Recall& recall, Resolve resolve,
             std::chrono::milliseconds try_again = kTryAgain);
  ~RecallList();

  using Done = std::function<void(const catalog::WantedContent&, std::exception_ptr error)>;
  enum class Batch : std::int64_t {};
  // Durable when it returns. `done` runs once for each, unless the batch is cancelled.
  Batch add(const std::vector<catalog::WantedContent>& contents, Done done = {});
  // What has not come yet is given up, unless another batch wants it too; `done` may still be
  // running, and is not begun any more. Who reads the same reads on.
  // False after keep_all(): it is gone on with later.
  bool cancel(Batch batch);
  // Takes a request out of recall's queue, whoever asked for it; false: there is none of that
  // number. What was kept for it is off the disk when this returns.
  bool cancel(recall::RequestId id);
  // All of them, likewise; `done` runs for each. Returns how many there were.
  std::size_t cancel_all();
  // How many are not in recall's queue yet.
  [[nodiscard]] std::size_t behind();
  // From now on nothing is given up: the process is about to end.
  void keep_all();

 private:
  using Clock = std::chrono::steady_clock;
  struct AddedBatch {
    std::int64_t last = 0;
    std::size_t left = 0;
    Done done;
  };
  struct UnderWay {
    catalog::WantedContent wanted;
    std::optional<recall::RequestId> id;  // Once recall has told it.
    bool cancelled = false;
  };

  // What tells contents apart over runs; where a hash is not known yet, the number does.
  using Key = std::tuple<std::uint64_t, std::optional<catalog::Hash>, std::int64_t>;

  void feed(const std::stop_token& stop);
  // What is over is taken off the disk, and what there is room for handed over.
  void step();
  void take_off();
  // The next rows, which are under way from now on; empty: there are none.
  std::vector<std::int64_t> take(std::size_t most);
  void fetch(std::int64_t number);
  // Rows that were taken, and of which recall was not told, are taken again later.
  void put_back(std::span<const std::int64_t> numbers);
  // Whether somebody is told of this row.
  [[nodiscard]] bool is_waited_for(std::int64_t number);  // Under mutex_.
  // What was put off is taken again from its first row on, unless it is too early.
  void take_up_again(const std::unique_lock<std::mutex>& locked);
  // Looks up what is of an earlier run; throws Error{not_found}, and what the catalog throws.
  [[nodiscard]] recall::Content content_of(std::int64_t number,
                                           const catalog::WantedContent& wanted);
  void over(std::int64_t number, const std::exception_ptr& error);
  // Readers of the same contents. When they read on, so is a content that another row wants: its
  // cancelled row ends with that one.
  enum class Readers { end, read_on };
  std::size_t cancel_requests(std::int64_t first, std::int64_t last, Readers readers);
  static Key key_of(const catalog::WantedContent& wanted) {
    return {wanted.size, wanted.hash, wanted.hash ? 0 : catalog::number(wanted.content)};
  }
  // By rows that were not cancelled.
  [[nodiscard]] std::set<Key> still_wanted() const;  // Under mutex_.

  recall::Recall& recall_;
  const Resolve resolve_;
  const std::chrono::milliseconds try_again_;
  std::int64_t last_of_before_ = 0;  // Rows up to here are of an earlier run.

  std::mutex database_mutex_;  // Taken before mutex_.
  // Guarded by database_mutex_:
  catalog::Database database_;
  catalog::Wanted rows_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_:
  std::map<std::int64_t, UnderWay> under_way_;
  std::map<std::int64_t, AddedBatch> batches_;   // By the number of the first.
  std::vector<std::int64_t> over_;               // To be taken off the disk.
  std::int64_t handed_to_ = 0;                   // The last row handed over.
  bool more_ = true;                             // There may be rows behind it.
  std::optional<std::int64_t> put_off_from_;     // The first of them.
  Clock::time_point pass_began_ = Clock::now();  // Since the first row was taken last.
  Clock::time_point next_pass_{};
  bool keeps_ = false;

  std::jthread thread_;  // Last: it uses the members above.
};

}  // namespace mixtape::service
