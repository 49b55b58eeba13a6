// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/write_job.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>

#include "engine/archive/domains.h"
#include "engine/archive/job_items.h"
#include "engine/archive/medium_use.h"
#include "engine/archive/medium_writer.h"
#include "engine/archive/passed_over.h"
#include "engine/archive/target_choice.h"
#include "engine/archive/targets.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/tree.h"
#include "engine/format/age_stream.h"
#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

// What a preview may plan for the disks under disk media, several of which may lie on one.
class DiskRoom {
 public:
  // Not more than the disk has.
  MediumRoom limit(MediumRoom room, const Target& target) {
    const auto library = tapeio::directory_of_library(target.library->url());
    std::error_code unknown;
    if (target.slot.device_id == 0 || !library) {
      return room;
    }
    const std::string path = *library + "/" + target.slot.label;
    const std::uint64_t free = std::filesystem::space(path, unknown).available;
    if (unknown) {
      return room;
    }
    const std::uint64_t taken = taken_[target.slot.device_id];
    const std::uint64_t most = target.slot.used_bytes + (free > taken ? free - taken : 0);
    if (most < room.capacity_bytes.value_or(UINT64_MAX)) {
      room.capacity_bytes = most;
      short_of_ = "the disk under " + path + " is nearly full: free some space";
    }
    return room;
  }
  void take(const Target& target, std::uint64_t bytes) { taken_[target.slot.device_id] += bytes; }
  // Why there is less room than the media could hold; empty when there is not.
  [[nodiscard]] const std::string& short_of() const { return short_of_; }

 private:
  std::map<std::uint64_t, std::uint64_t> taken_;  // By disk.
  std::string short_of_;
};

// How often an index larger than thought may send a bundle back to be planned again: each time the
// room is measured anew from a real index, so twice is already strange.
constexpr int kMostReplans = 4;
// Recall looks each second whether there is a drive.
constexpr std::chrono::seconds kLetIn{5};

// One run over the media.
class Run {
 public:
  Run(const WriteContext& context, std::vector<Item> items,
      std::span<tapeio::Library* const> libraries)
      : context_(context),
        ledger_(context.database),
        tree_(context.database),
        libraries_(libraries),
        items_(std::move(items), tree_),
        domains_(context, ledger_),
        choice_(context, ledger_, libraries, items_, domains_) {}

  WriteOutcome write(catalog::JobId job, Reporter& reporter) {
    while (Target* const target = next_target(reporter)) {
      if (open(*target, reporter, context_.for_people)) {
        fill(job, reporter);
      }
    }
    tell_left();
    if (!writer_ && !open_any(reporter) && outcome_.media.empty()) {
      passed_over_.fail_if_any(reporter);
    }
    before_commit(context_, "finish job");
    ledger_.finish_job(job, context_.now_s());
    const bool told = tell_news(reporter);
    end(reporter, close_left_open(reporter) || told);
    return std::move(outcome_);
  }

  std::vector<MediumUse> catch_up(Reporter& reporter) {
    (void)close_left_open(reporter);
    if (ledger_.has_news()) {
      reporter.note("no medium tells what the last job did; writing an index that does");
      end(reporter, tell_news(reporter));
    } else {
      end(reporter, true);
    }
    return std::move(outcome_.media);
  }

  WriteOutcome preview() {
    // Media that the catalog does not know get numbers of their own, so that copies on them are
    // told apart.
    std::int64_t unknown = -1;
    while (const Target* const target = choice_.next()) {
      if (!is_foreign(*target)) {
        preview_medium(*target, target->known ? target->medium.id : catalog::MediumId{unknown--});
      }
    }
    while (const Target* const target = choice_.next_on_shelf()) {
      preview_medium(*target, target->medium.id);
    }
    tell_left();
    return std::move(outcome_);
  }

 private:
  void tell_left() {
    items_.tell_left(choice_.most_plain_bytes(), outcome_);
    if (!outcome_.no_room.empty()) {
      outcome_.why_no_room =
          disks_.short_of().empty() ? why_no_room(choice_.targets()) : disks_.short_of();
      outcome_.room_help = what_gives_room(libraries_, choice_.on_shelf());
    }
  }

  // The medium before it is closed. Null: no other would help.
  Target* next_target(Reporter& reporter) {
    if (Target* const target = choice_.next()) {
      (void)close(reporter, /*always=*/false);
      return target;
    }
    if (context_.for_people == tapeio::ForPeople::fail || choice_.on_shelf().empty()) {
      return nullptr;
    }
    (void)close(reporter, /*always=*/false);
    at_ = nullptr;  // It may move.
    return choice_.next_on_shelf();
  }

  // False: the medium is passed over, and the next one may do.
  bool open(Target& target, Reporter& reporter,
            tapeio::ForPeople for_people = tapeio::ForPeople::fail) {
    writer_.reset();
    if (target.passed_over) {
      return false;
    }
    target.passed_over = true;
    const std::optional<catalog::Medium> known =
        target.known ? std::optional(target.medium) : std::nullopt;
    try {
      if (is_foreign(target)) {
        reporter.note("left medium " + target.medium.label +
                      " alone: it holds something that this catalog does not know");
      } else {
        writer_ = MediumWriter::open(context_, ledger_, *target.library, target.medium.label, known,
                                     reporter, MediumWriter::Stranger::leave, for_people);
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::cancelled) {
        throw;
      }
      passed_over_.refused(target.medium.label, error, reporter);
      return false;
    }
    if (!writer_) {
      return false;
    }
    target.passed_over = false;
    at_ = &target;
    const catalog::Medium& medium = writer_->medium();
    target.medium = medium;
    target.known = true;
    domains_.learn(medium);
    use_ = {};
    use_.label = medium.label;
    use_.capacity_bytes = medium.capacity_bytes;
    use_.labelled_now = writer_->labelled_now();
    return true;
  }

  // Bundle after bundle, until nothing more is wanted, fits or can be written.
  void fill(catalog::JobId job, Reporter& reporter) {
    int replans = 0;
    while (!writer_->full()) {
      const format::AgePreamble preamble = format::make_preamble(context_.recipients);
      const ArchivePlan plan =
          plan_archive(items_.items(), items_.wants(choice_.taker(writer_->medium())),
                       limits_for(context_, writer_->room()));
      if (plan.members.empty()) {
        return;
      }
      const MediumWriter::Bundle bundle = writer_->write_bundle(
          job, items_.items(), plan, preamble, items_.progress("write " + use_.label, outcome_));
      switch (bundle.state) {
        case MediumWriter::Bundle::State::written:
          items_.take(plan, bundle.archive, writer_->medium().id, ledger_, outcome_);
          ++use_.bundles;
          use_.index_bytes += bundle.index_bytes;
          use_.archive_bytes += bundle.archive_bytes;
          replans = 0;
          if (!lend(reporter)) {
            return;
          }
          break;
        case MediumWriter::Bundle::State::index_too_large:
          if (++replans == kMostReplans) {
            return;
          }
          break;
        case MediumWriter::Bundle::State::given_up:
          reporter.problem("medium " + writer_->medium().label +
                           " ended before an archive was complete: that archive goes to another "
                           "medium, what was written before it stays");
          break;
        case MediumWriter::Bundle::State::failed:
          pass_over(*bundle.failure, reporter);
          return;
        case MediumWriter::Bundle::State::cancelled:
          (void)close(reporter, /*always=*/false);
          throw Error(ErrorCode::cancelled, "write to medium " + use_.label + ": stopped");
      }
    }
  }

  // Behind a bundle the drive goes to those who wait for bytes from this library, if anybody does,
  // and comes back when they are through. False: the medium did not.
  bool lend(Reporter& reporter) {
    tapeio::DriveTurns& turns = at_->library->turns();
    if (!turns.waited(tapeio::DriveTurns::Who::reader) || writer_->full() ||
        items_.wanted_by(choice_.taker(writer_->medium())).smallest == 0) {
      return true;
    }
    reporter.note("somebody waits for files from " + at_->library->url() +
                  ": they are read before more is written to " + use_.label);
    if (!close(reporter, /*always=*/false)) {
      return false;
    }
    turns.let_in(tapeio::DriveTurns::Who::reader, kLetIn);
    return open(*at_, reporter, context_.for_people);
  }

  // The medium in the drive, or the drive, failed: what was committed stays, the rest goes on with
  // other media. Nothing more is asked of it in this job, not even a closing index.
  void pass_over(const Error& why, Reporter& reporter) {
    passed_over_.failed(use_.label, why, reporter);
    enter(use_, *writer_, 0, outcome_.media);
    at_->passed_over = true;
    writer_.reset();
  }

  // Ends the work on the medium in the drive, if there is one. True: its closing index says all
  // that the catalog knows now; false: nothing more can be told on it.
  bool close(Reporter& reporter, bool always) {
    if (!writer_ || !(always || writer_->must_close())) {
      writer_.reset();
      return false;
    }
    std::uint64_t index = 0;
    try {
      index = writer_->close();
    } catch (const Error& error) {
      if (!is_of_medium(error.code())) {
        throw;
      }
      pass_over(error, reporter);
      return false;
    }
    enter(use_, *writer_, index, outcome_.media);
    at_->passed_over = index == 0;
    at_->filled = writer_->full();
    writer_.reset();
    return index > 0;
  }

  // A medium for what has to be told, whatever is on it: one that is in a drive before others.
  // Nobody is asked for one.
  bool open_any(Reporter& reporter) {
    const auto open_where = [&](bool filled, bool loaded) {
      return std::ranges::any_of(choice_.targets(), [&](Target& target) {
        return target.filled == filled && target.slot.loaded == loaded && !is_full(target) &&
               is_in_reach(target) && open(target, reporter);
      });
    };
    return open_where(false, true) || open_where(false, false) || open_where(true, true) ||
           open_where(true, false);
  }

  // On one medium; false when none takes it.
  bool tell_news(Reporter& reporter) {
    bool told = false;
    while (!told && (writer_ || open_any(reporter))) {
      told = close(reporter, /*always=*/true);
    }
    return told;
  }
  void end(Reporter& reporter, bool told) {
    passed_over_.tell(reporter);
    if (!told && outcome_.no_room.empty()) {
      reporter.problem(news_without_place(libraries_, choice_.targets()));
    }
  }

  // The media that an earlier job left without a closing index.
  bool close_left_open(Reporter& reporter) {
    bool told = false;
    for (Target& target : choice_.targets()) {
      if (target.known && ledger_.has_open_end(target.medium.id) && is_in_reach(target) &&
          open(target, reporter)) {
        reporter.note("medium " + target.medium.label +
                      ": an earlier run came to no closing index; writing it now");
        told = close(reporter, /*always=*/true) || told;
      }
    }
    return told;
  }

  void preview_medium(const Target& target, catalog::MediumId id) {
    catalog::Medium medium = target.medium;
    medium.id = id;
    domains_.learn(medium);
    const MediumRoom whole = room_in(context_, target);
    MediumRoom room = disks_.limit(whole, target);
    MediumUse use;
    use.label = medium.label;
    use.capacity_bytes = whole.capacity_bytes;
    use.labelled_now = !target.known;
    while (true) {
      const ArchivePlan plan = plan_archive(items_.items(), items_.wants(choice_.taker(medium)),
                                            limits_for(context_, room));
      if (plan.members.empty()) {
        break;
      }
      const std::uint64_t archive = format::cipher_size(preamble_size(context_), plan.plain_bytes);
      items_.take_planned(plan, id, outcome_);
      ++use.bundles;
      use.archive_bytes += archive;
      use.index_bytes += room.index_bytes;
      room.used_bytes += archive + room.index_bytes + 2 * kFilemarkCost;
    }
    if (use.bundles > 0) {
      use.index_bytes += room.index_bytes;
      use.used_bytes = room.used_bytes;
      disks_.take(target, room.used_bytes + room.index_bytes - whole.used_bytes);
      outcome_.media.push_back(use);
    }
  }

  const WriteContext& context_;
  catalog::Ledger ledger_;
  catalog::Tree tree_;
  const std::span<tapeio::Library* const> libraries_;
  JobItems items_;
  Domains domains_;
  DiskRoom disks_;  // Of a preview.
  TargetChoice choice_;
  std::unique_ptr<MediumWriter> writer_;  // Of the medium in the drive.
  Target* at_ = nullptr;                  // Where that medium is.
  MediumUse use_;
  PassedOver passed_over_;
  WriteOutcome outcome_;
};

}  // namespace

WriteOutcome WriteJob::write(catalog::JobId job, std::vector<Item> items,
                             std::span<tapeio::Library* const> libraries, Reporter& reporter) {
  return Run(context_, std::move(items), libraries).write(job, reporter);
}

std::vector<MediumUse> WriteJob::catch_up(std::span<tapeio::Library* const> libraries,
                                          Reporter& reporter) {
  return Run(context_, {}, libraries).catch_up(reporter);
}

WriteOutcome WriteJob::preview(std::vector<Item> items,
                               std::span<tapeio::Library* const> libraries) {
  return Run(context_, std::move(items), libraries).preview();
}

}  // namespace mixtape::archive
