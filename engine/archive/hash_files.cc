// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/hash_files.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <system_error>
#include <thread>

#include "engine/archive/hash_pool.h"
#include "engine/archive/pace.h"
#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

// An interruption costs at most this much work, and a transaction with its fsync is paid no more
// often.
constexpr std::chrono::seconds kKeepInterval{1};
// Hashes that wait for their transaction, at most.
constexpr std::size_t kMostPending = 65536;

void append_result(SpillLog& log, const FirstReadResult& result) {
  std::array<std::byte, 2 + sizeof(catalog::Hash)> record{};
  record[0] = static_cast<std::byte>(result.what);
  record[1] = static_cast<std::byte>(result.unreadable);
  std::copy(result.hash.begin(), result.hash.end(), record.begin() + 2);
  log.append(record);
}

// Another change has this size too; `sizes` is sorted.
bool shared_size(const std::vector<std::uint64_t>& sizes, std::uint64_t size) {
  const auto first = std::lower_bound(sizes.begin(), sizes.end(), size);
  return sizes.end() - first > 1 && *(first + 1) == size;
}

class HashRun {
 public:
  HashRun(const Scan& scan, const ScanCatalog& known, const HashOptions& options,
          Reporter& reporter)
      : scan_(scan),
        known_(known),
        reporter_(reporter),
        result_(options.scratch),
        pool_(options.threads, options.while_reading) {}

  HashedFiles run() {
    choose();
    ChangeReader changes(scan_.changes);
    Change change;
    std::size_t number = 0;
    while (changes.next(change)) {
      if (change.wants_content()) {
        add(change, choices_[number++]);
      }
    }
    close_batch();
    while (!window_.empty()) {
      take_first();
    }
    stop_if_asked();
    keep_hashes();
    report();
    return std::move(result_);
  }

 private:
  // Decides for each file before the first is read, so that progress has a goal.
  void choose() {
    std::vector<bool> group_seen(scan_.link_groups.size(), false);
    ChangeReader changes(scan_.changes);
    Change change;
    while (changes.next(change)) {
      if (!change.wants_content()) {
        continue;
      }
      if (change.group != 0 && group_seen[change.group]) {
        choices_.push_back(FirstRead::linked);
        continue;
      }
      group_seen[change.group] = true;
      const bool read_now = change.kind == ChangeKind::content ||
                            shared_size(scan_.sizes, change.file.size) ||
                            known_.ledger.size_known(change.file.size);
      choices_.push_back(read_now ? FirstRead::hashed : FirstRead::later);
      if (read_now) {
        ++total_files_;
        total_bytes_ += change.file.size;
      } else {
        ++result_.later;
      }
      breathe();
    }
  }

  void add(const Change& change, FirstRead choice) {
    HashTask task;
    task.choice.what = choice;
    if (choice == FirstRead::hashed) {
      if (const auto early = known_.sources.early_hash(change.file)) {
        task.choice.hash = *early;
        ++result_.reused;
        reused_bytes_ += change.file.size;
      } else {
        task.read = true;
        task.path = scan_.on_disk(change.path);
        task.catalog_path = change.path;
        task.file = change.file;
        if (!scan_.base.empty()) {
          // What a flush took is never changed, but its names in the tree come and go.
          task.file.ctime_ns = 0;
        }
        batch_bytes_ += change.file.size;
      }
    }
    batch_->tasks.push_back(std::move(task));
    if (batch_->tasks.size() == kTasksInBatch || batch_bytes_ >= kBytesInBatch) {
      close_batch();
    }
  }

  void close_batch() {
    pool_.submit(*batch_);
    window_.push_back(std::move(batch_));
    batch_ = std::make_unique<HashBatch>();
    batch_bytes_ = 0;
    if (window_.size() > kBatchesOnTheirWay) {
      take_first();
    }
  }

  void take_first() {
    while (!pool_.wait(*window_.front(), kProgressInterval)) {
      breathe();
    }
    for (HashTask& task : window_.front()->tasks) {
      finish(task);
      append_result(result_.results, task.choice);
    }
    window_.pop_front();
    if (keep_pace_.due() || pending_.size() >= kMostPending) {
      keep_hashes();
    }
    breathe();
  }

  // Turns what was read into a result.
  void finish(HashTask& task) {
    if (!task.read) {
      return;
    }
    using Outcome = FileReader::Outcome;
    ++result_.files;
    result_.bytes += task.file.size;
    if (task.result.outcome == Outcome::hashed) {
      task.choice.hash = task.result.digest;
      if (task.file.ctime_ns != 0) {
        pending_.emplace_back(task.file, task.result.digest);
      }
      return;
    }
    task.choice.what = FirstRead::failed;
    task.choice.unreadable = task.result.outcome == Outcome::unreadable;
    if (task.result.outcome == Outcome::vanished) {
      return;
    }
    std::string why = "read " + task.path + ": ";
    why += task.choice.unreadable ? std::generic_category().message(task.result.error)
                                  : "it changed meanwhile, the next run takes it";
    reporter_.problem(why);
    result_.troubles.add({.path = task.catalog_path, .why = std::move(why)});
  }

  void keep_hashes() {
    if (pending_.empty()) {
      return;
    }
    catalog::Transaction transaction(known_.database);
    for (const auto& [file, hash] : pending_) {
      known_.sources.keep_early_hash(file, hash);
    }
    transaction.commit();
    pending_.clear();
  }

  void breathe() {
    if (progress_pace_.due()) {
      stop_if_asked();
      report();
    }
  }

  void stop_if_asked() {
    if (reporter_.stop().stop_requested()) {
      keep_hashes();
      throw Error(ErrorCode::cancelled, "hash: stopped on request");
    }
  }

  void report() {
    Progress progress;
    progress.phase = "hash";
    progress.done_files = result_.files + result_.reused;
    progress.total_files = total_files_;
    progress.done_bytes = reused_bytes_ + pool_.read_bytes();
    progress.total_bytes = total_bytes_;
    reporter_.progress(progress);
  }

  // A batch is what a thread takes at once: many small files or one large one.
  static constexpr std::size_t kTasksInBatch = 128;
  static constexpr std::uint64_t kBytesInBatch = 2 * MiB;
  // So many small files may be finished while a large one before them is still read.
  static constexpr std::size_t kBatchesOnTheirWay = 64;

  const Scan& scan_;
  const ScanCatalog& known_;
  Reporter& reporter_;
  HashedFiles result_;

  std::vector<FirstRead> choices_;  // One for each change that wants content.
  std::uint64_t total_files_ = 0, total_bytes_ = 0, reused_bytes_ = 0;

  std::unique_ptr<HashBatch> batch_ = std::make_unique<HashBatch>();
  std::uint64_t batch_bytes_ = 0;
  std::deque<std::unique_ptr<HashBatch>> window_;  // Submitted, in order.
  std::vector<std::pair<catalog::FileIdentity, catalog::Hash>> pending_;
  Pace keep_pace_{kKeepInterval};
  Pace progress_pace_{kProgressInterval};
  HashPool pool_;  // Last: its threads work on the batches above until it is gone.
};

}  // namespace

bool FirstReadReader::next(FirstReadResult& result) {
  if (!reader_.next(record_)) {
    return false;
  }
  result.what = static_cast<FirstRead>(record_[0]);
  result.unreadable = record_[1] != std::byte{0};
  std::copy_n(record_.begin() + 2, result.hash.size(), result.hash.begin());
  return true;
}

HashedFiles hash_files(const Scan& scan, const ScanCatalog& known, const HashOptions& options,
                       Reporter& reporter) {
  return HashRun(scan, known, options, reporter).run();
}

}  // namespace mixtape::archive
