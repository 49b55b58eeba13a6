// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recall_list.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/catalog/catalog.h"
#include "tapeio/error.h"

namespace mixtape::service {

namespace {

// Rows read from the disk at once.
constexpr std::size_t kRows = 500;
// Of the time, passes over what was put off take so large a part at most,
constexpr int kPassShare = 20;
// but whatever they take, the next one begins within this.
constexpr std::chrono::minutes kMostBetweenPasses{10};

std::string words_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& failure) {
    return failure.what();
  }
}

bool has_code(const std::exception_ptr& error, ErrorCode code) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& failure) {
    return failure.code() == code;
  } catch (const std::exception&) {
    return false;
  }
}

bool is_cancelled(const std::exception_ptr& error) {
  return has_code(error, ErrorCode::cancelled);
}

}  // namespace

RecallList::RecallList(const std::filesystem::path& state_db, recall::Recall& recall,
                       Resolve resolve, std::chrono::milliseconds try_again)
    : recall_(recall),
      resolve_(std::move(resolve)),
      try_again_(try_again),
      database_(catalog::open_state(state_db)),
      rows_(database_) {
  // Who asked was told that it is queued: that must be true after a power failure, too.
  database_.execute("PRAGMA state.synchronous = FULL");
  last_of_before_ = rows_.last_number();
  if (const std::int64_t waiting = rows_.count(); waiting > 0) {
    spdlog::info("recall: {} files were queued when the last mount ended", waiting);
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { feed(stop); });
}

RecallList::~RecallList() {
  keep_all();
  thread_.request_stop();
  thread_.join();
  // Completions of what is under way use this object.
  cancel_requests(0, std::numeric_limits<std::int64_t>::max(), Readers::read_on);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return under_way_.empty(); });
}

RecallList::Batch RecallList::add(const std::vector<catalog::WantedContent>& contents, Done done) {
  if (contents.empty()) {
    return Batch{0};
  }
  const std::lock_guard database_lock(database_mutex_);
  const std::int64_t first = rows_.add(contents);
  const std::lock_guard lock(mutex_);
  batches_[first] = {.last = first + static_cast<std::int64_t>(contents.size()) - 1,
                     .left = contents.size(),
                     .done = std::move(done)};
  more_ = true;
  changed_.notify_all();
  return Batch{first};
}

bool RecallList::cancel(Batch batch) {
  const auto first = static_cast<std::int64_t>(batch);
  std::int64_t last = 0;
  {
    const std::lock_guard database_lock(database_mutex_);
    {
      const std::lock_guard lock(mutex_);
      const auto found = batches_.find(first);
      if (found == batches_.end() || keeps_) {
        return !keeps_;
      }
      last = found->second.last;
      batches_.erase(found);
    }
    rows_.remove_range(first, last);
  }
  cancel_requests(first, last, Readers::read_on);
  return true;
}

bool RecallList::cancel(recall::RequestId id) {
  const bool is_known = recall_.cancel(id);
  take_off();
  return is_known;
}

std::size_t RecallList::cancel_all() {
  const auto cancelled = std::make_exception_ptr(Error(ErrorCode::cancelled, "recall: cancelled"));
  std::size_t count = 0;
  for (bool more = true; more;) {
    for (const std::int64_t number : take(kRows)) {
      over(number, cancelled);
      ++count;
    }
    const std::lock_guard lock(mutex_);
    if (put_off_from_ && !more_) {
      handed_to_ = *std::exchange(put_off_from_, {}) - 1;
      more_ = true;
    }
    more = more_;
  }
  count += cancel_requests(0, std::numeric_limits<std::int64_t>::max(), Readers::end);
  take_off();
  return count;
}

std::size_t RecallList::cancel_requests(std::int64_t first, std::int64_t last, Readers readers) {
  std::vector<recall::RequestId> ids;
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto begin = under_way_.lower_bound(first), end = under_way_.upper_bound(last);
    for (auto each = begin; each != end; ++each, ++count) {
      each->second.cancelled = true;
    }
    const auto others = readers == Readers::end ? std::set<Key>() : still_wanted();
    for (auto each = begin; each != end; ++each) {
      if (each->second.id && !others.contains(key_of(each->second.wanted))) {
        ids.push_back(*each->second.id);
      }
    }
  }
  for (const recall::RequestId id : ids) {
    readers == Readers::end ? void(recall_.cancel(id)) : recall_.give_up_fetches(id);
  }
  return count;
}

std::set<RecallList::Key> RecallList::still_wanted() const {
  std::set<Key> wanted;
  for (const auto& [number, row] : under_way_) {
    if (!row.cancelled) {
      wanted.insert(key_of(row.wanted));
    }
  }
  return wanted;
}

std::size_t RecallList::behind() {
  const std::lock_guard database_lock(database_mutex_);
  const std::lock_guard lock(mutex_);
  const auto all = static_cast<std::size_t>(rows_.count());
  return all - std::min(all, under_way_.size() + over_.size());
}

void RecallList::keep_all() {
  const std::lock_guard lock(mutex_);
  keeps_ = true;
}

void RecallList::feed(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      step();
    } catch (const Error& error) {
      spdlog::warn("recall: the list of what is to be recalled: {}", error.what());
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, try_again_, [] { return false; });
      continue;
    }
    std::unique_lock lock(mutex_);
    const auto is_work = [this] {
      return !over_.empty() || (more_ && !keeps_ && under_way_.size() < kAtOnce);
    };
    if (put_off_from_ && !more_ && !keeps_) {
      changed_.wait_until(lock, stop, next_pass_, is_work);
      take_up_again(lock);
    } else {
      changed_.wait(lock, stop, [&] { return is_work() || (put_off_from_ && !more_ && !keeps_); });
    }
  }
}

void RecallList::take_up_again(const std::unique_lock<std::mutex>&) {
  const Clock::time_point now = Clock::now();
  if (put_off_from_ && !more_ && !keeps_ && now >= next_pass_) {
    handed_to_ = *std::exchange(put_off_from_, {}) - 1;
    more_ = true;
    pass_began_ = now;
  }
}

void RecallList::take_off() {
  const std::lock_guard database_lock(database_mutex_);
  std::vector<std::int64_t> numbers;
  {
    const std::lock_guard lock(mutex_);
    numbers = over_;
  }
  if (!numbers.empty()) {
    rows_.remove(numbers);
  }
  const std::lock_guard lock(mutex_);
  over_.erase(over_.begin(), over_.begin() + static_cast<std::ptrdiff_t>(numbers.size()));
}

void RecallList::step() {
  take_off();
  std::size_t room = 0;
  {
    const std::lock_guard lock(mutex_);
    room = more_ && !keeps_ ? kAtOnce - std::min(kAtOnce, under_way_.size()) : 0;
  }
  const std::vector<std::int64_t> taken = take(std::min(room, kRows));
  for (std::size_t next = 0; next < taken.size(); ++next) {
    try {
      fetch(taken[next]);
    } catch (const Error&) {
      put_back(std::span(taken).subspan(next));
      throw;
    }
  }
}

void RecallList::put_back(std::span<const std::int64_t> numbers) {
  std::vector<std::int64_t> cancelled;
  {
    const std::lock_guard lock(mutex_);
    for (const std::int64_t number : numbers) {
      const auto each = under_way_.find(number);
      if (each != under_way_.end() && each->second.cancelled) {
        cancelled.push_back(number);
      } else if (each != under_way_.end()) {
        under_way_.erase(each);
      }
    }
    handed_to_ = numbers.front() - 1;
    more_ = true;
  }
  for (const std::int64_t each : cancelled) {
    over(each, std::make_exception_ptr(Error(ErrorCode::cancelled, "recall: cancelled")));
  }
}

std::vector<std::int64_t> RecallList::take(std::size_t most) {
  if (most == 0) {
    return {};
  }
  const std::lock_guard database_lock(database_mutex_);
  std::int64_t from = 0;
  {
    const std::lock_guard lock(mutex_);
    from = handed_to_;
  }
  const auto rows = rows_.after(from, static_cast<std::int64_t>(most));
  std::vector<std::int64_t> numbers;
  const std::lock_guard lock(mutex_);
  more_ = !rows.empty();
  if (!more_) {
    next_pass_ = Clock::now() + std::clamp<Clock::duration>(
                                    kPassShare * (Clock::now() - pass_began_), try_again_,
                                    std::max<Clock::duration>(try_again_, kMostBetweenPasses));
  }
  for (const catalog::Wanted::Row& row : rows) {
    handed_to_ = row.number;
    // Behind the first one that was put off, some were not.
    if (under_way_.contains(row.number) ||
        std::find(over_.begin(), over_.end(), row.number) != over_.end()) {
      continue;
    }
    if (row.wanted) {
      under_way_[row.number] = {.wanted = *row.wanted, .id = {}, .cancelled = false};
      numbers.push_back(row.number);
    } else {
      spdlog::warn("recall: passed over line {} of the list, which is damaged", row.number);
      over_.push_back(row.number);
    }
  }
  return numbers;
}

recall::Content RecallList::content_of(std::int64_t number, const catalog::WantedContent& wanted) {
  catalog::ContentId id = wanted.content;
  if (number <= last_of_before_) {
    const auto known = resolve_(wanted);
    if (!known) {
      throw Error(ErrorCode::not_found, "recall: the catalog does not know it any more");
    }
    id = *known;
  }
  return {.number = catalog::number(id), .size = wanted.size, .hash = wanted.hash};
}

void RecallList::fetch(std::int64_t number) {
  using WhileAway = recall::Recall::WhileAway;
  catalog::WantedContent wanted;
  WhileAway while_away{};
  {
    const std::lock_guard lock(mutex_);
    const auto found = under_way_.find(number);
    if (found == under_way_.end()) {
      return;
    }
    wanted = found->second.wanted;
    while_away = is_waited_for(number) ? WhileAway::as_reads : WhileAway::stay;
  }
  recall::RequestId id{};
  try {
    id = recall_.fetch(
        content_of(number, wanted), wanted.path,
        [this, number](ByteView, const std::exception_ptr& error) { over(number, error); }, {},
        while_away);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) {
      throw;
    }
    over(number, std::current_exception());
    return;
  }
  bool cancelled = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = under_way_.find(number); found != under_way_.end()) {
      found->second.id = id;
      cancelled = found->second.cancelled && !still_wanted().contains(key_of(wanted));
    }
  }
  if (cancelled) {
    recall_.give_up_fetches(id);
  }
}

bool RecallList::is_waited_for(std::int64_t number) {
  const auto batch = batches_.upper_bound(number);
  return batch != batches_.begin() && std::prev(batch)->second.last >= number &&
         std::prev(batch)->second.done;
}

void RecallList::over(std::int64_t number, const std::exception_ptr& error) {
  Done done;
  catalog::WantedContent wanted;
  {
    const std::lock_guard lock(mutex_);
    const auto found = under_way_.find(number);
    if (found == under_way_.end()) {
      return;
    }
    if (error && has_code(error, ErrorCode::no_medium) && !found->second.cancelled &&
        !is_waited_for(number)) {
      put_off_from_ = std::min(put_off_from_.value_or(number), number);
      under_way_.erase(found);
      changed_.notify_all();
      return;
    }
    wanted = std::move(found->second.wanted);
    if (!keeps_ || !error || !is_cancelled(error)) {
      over_.push_back(number);
    }
    auto batch = batches_.upper_bound(number);
    if (batch != batches_.begin() && std::prev(batch)->second.last >= number) {
      --batch;
      done = batch->second.done;
      if (--batch->second.left == 0) {
        batches_.erase(batch);
      }
    }
  }
  if (done) {
    done(wanted, error);
  } else if (error && !is_cancelled(error)) {
    spdlog::warn("recall of /{}: {}", wanted.path, words_of(error));
  }
  // Last, and under the lock: the destructor waits for this.
  const std::lock_guard lock(mutex_);
  under_way_.erase(number);
  changed_.notify_all();
}

}  // namespace mixtape::service
