// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "engine/archive/load_waiting.h"
#include "engine/catalog/lost_copies.h"
#include "engine/service/destination.h"
#include "engine/service/restore_order.h"
#include "engine/service/restore_partial.h"
#include "engine/service/restore_plan.h"
#include "engine/service/restore_writer.h"
#include "tapeio/error.h"

namespace mixtape::service {

namespace {

// Looks for media, and remembers those that failed.
class Media {
 public:
  Media(Context& context, Reporter& reporter, tapeio::ForPeople for_people)
      : context_(context), reporter_(reporter), for_people_(for_people) {}

  [[nodiscard]] bool here(const std::string& label) {
    const auto known = here_.find(label);
    if (known != here_.end()) {
      return known->second;
    }
    const Libraries::Lookup found = find(label);
    if (!found.why_not.empty()) {
      why_not_[label] = found.why_not;
    }
    return here_[label] = found.medium.has_value();
  }
  // Whether somebody can put it into a drive: then load() waits for him. Or it may be in one, under
  // a label that cannot be read: then load() finds out.
  [[nodiscard]] bool can_be_fetched(const std::string& label) {
    if (failed_.contains(label)) {
      return false;
    }
    const auto known = fetchable_.find(label);
    if (known != fetchable_.end()) {
      return known->second;
    }
    const auto drive = drive_for(label);
    return (fetchable_[label] = drive && (for_people_ == tapeio::ForPeople::wait ||
                                          holds_nameless(*drive->library)));
  }
  [[nodiscard]] bool has_failed(const std::string& label) const { return failed_.contains(label); }
  void failed(const std::string& label) {
    here_[label] = false;
    failed_.insert(label);
  }
  [[nodiscard]] std::optional<tapeio::PlacedMedium> where(const std::string& label) const {
    return find(label).medium;
  }
  // Why a medium is not here, as far as there is more to say.
  [[nodiscard]] std::string why_not(const std::string& label) const {
    const auto known = why_not_.find(label);
    return known == why_not_.end() ? "" : ": " + known->second;
  }

  // What somebody can do about it; empty: he was asked already.
  [[nodiscard]] std::string how_to_fetch(const std::string& label) const {
    const auto drive = drive_for(label);
    if (!drive) {
      return "; bring it within reach and run this again";
    }
    return for_people_ == tapeio::ForPeople::wait
               ? ""
               : "; put it into " + drive->library->url() + " and run this again, or with --wait";
  }

  // Error{no_medium, conflict, ...}.
  [[nodiscard]] std::unique_ptr<tapeio::TapeDrive> load(const std::string& label) const {
    auto placed = find(label).medium;
    if (!placed) {
      placed = drive_for(label);
    }
    if (!placed) {
      throw Error(ErrorCode::no_medium, "load medium " + label + ": it is not here any more");
    }
    return archive::load_and_tell(*placed, tapeio::Library::Access::read, reporter_, for_people_);
  }

 private:
  [[nodiscard]] Libraries::Lookup find(const std::string& label) const {
    const auto medium = context_.ledger.medium(label);
    return medium ? context_.workspace.libraries().find(*medium, context_.ledger)
                  : Libraries::Lookup{};
  }
  [[nodiscard]] std::optional<tapeio::PlacedMedium> drive_for(const std::string& label) const {
    const auto medium = context_.ledger.medium(label);
    return medium ? context_.workspace.libraries().drive_for(*medium, context_.ledger)
                  : std::nullopt;
  }

  static bool holds_nameless(tapeio::Library& library) {
    const std::vector<tapeio::DriveSlot> drives = library.mover()->drives();
    return std::ranges::any_of(drives, [](const auto& drive) { return drive.medium == ""; });
  }

  Context& context_;
  Reporter& reporter_;
  const tapeio::ForPeople for_people_;
  std::map<std::string, bool> here_;
  std::map<std::string, bool> fetchable_;
  std::set<std::string> failed_;
  std::map<std::string, std::string> why_not_;
};

class Restore {
 public:
  Restore(Context& context, const RestoreRequest& request, Reporter& reporter)
      : context_(context),
        request_(request),
        reporter_(reporter),
        media_(context, reporter, request.for_people),
        destination_(request.to, !request.dry_run),
        plan_(context, request, destination_, result_) {}

  RestoreResult run() {
    if (request_.dry_run) {
      preview();
      return std::move(result_);
    }
    try {
      bring_back();
    } catch (...) {
      destination_.drop_empty_directories();
      throw;
    }
    return std::move(result_);
  }

 private:
  void bring_back() {
    require_space();
    RestoreWriter writer(context_, plan_, destination_, result_, reporter_);
    writer.make_what_has_no_content();
    std::vector<std::size_t> wanted = writer.copy_from_cache();
    // Usually one round; damaged copies make others.
    while (!wanted.empty()) {
      RestorePlan::Sweeps round = plan_.sweep(wanted, here());
      // What nobody has to fetch comes first.
      RestorePlan::Sweeps fetched = plan_.sweep(round.left_over, [this](const std::string& label) {
        return media_.can_be_fetched(label);
      });
      wanted = try_damaged(writer, fetched.left_over);
      give_up(fetched.left_over);
      for (RestorePlan::Sweeps* sweeps : {&round, &fetched}) {
        for (RestoreSweep& sweep : sweeps->sweeps) {
          read(writer, sweep, wanted);
        }
      }
    }
    PartialRestore(context_, plan_, destination_, result_, reporter_, [this](const auto& label) {
      return media_.load(label);
    }).make(damaged_);
    writer.finish();
  }

  [[nodiscard]] std::function<bool(const std::string&)> here() {
    return [this](const std::string& label) { return media_.here(label); };
  }

  void require_space() {
    const std::uint64_t free = destination_.free_bytes();
    if (plan_.needed_bytes > free) {
      throw Error(ErrorCode::no_space,
                  "restore to " + request_.to + ": " + std::to_string(plan_.needed_bytes) +
                      " bytes are needed and " + std::to_string(free) + " are free");
    }
  }

  void read(RestoreWriter& writer, RestoreSweep& sweep, std::vector<std::size_t>& again) {
    note_medium(sweep.label, true, sweep.reads.size(), sweep.bytes);
    RestoreWriter::Swept swept;
    try {
      std::unique_ptr<tapeio::TapeDrive> drive = media_.load(sweep.label);
      put_in_order(context_, sweep, plan_, *drive);
      swept = writer.read(sweep, std::move(drive));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::no_space || error.code() == ErrorCode::cancelled) {
        throw;
      }
      swept.medium_failed = error.what();
      for (const RestoreSweep::Read& read : sweep.reads) {
        swept.again.push_back(read.content);
      }
    }
    if (!swept.medium_failed.empty()) {
      // What comes back from no other has its trouble at the end.
      reporter_.note("medium " + sweep.label + ": " + swept.medium_failed +
                     "; what it has is looked for on others");
      media_.failed(sweep.label);
      for (const std::size_t number : swept.again) {
        plan_.contents[number].why = "medium " + sweep.label + ": " + swept.medium_failed;
      }
    }
    again.insert(again.end(), swept.again.begin(), swept.again.end());
  }

  // Takes those out of `contents`, and returns them, of which every good copy failed just now and
  // which have others that were noted as damaged: a drive may do better with these than it did.
  std::vector<std::size_t> try_damaged(RestoreWriter& writer, std::vector<std::size_t>& contents) {
    std::vector<std::size_t> again;
    std::erase_if(contents, [&](std::size_t number) {
      const RestoreContent& content = plan_.contents[number];
      const bool is_read = content.copies.empty();  // No medium failed under it.
      if (content.is_settled() || !has_failed(content) ||
          !plan_.add_damaged(number, [this](const std::string& label) {
            return media_.here(label) || media_.can_be_fetched(label);
          })) {
        return false;
      }
      if (is_read && !content.why.empty()) {
        writer.tell_another_is_read(content, content.why);
      }
      again.push_back(number);
      return true;
    });
    return again;
  }

  [[nodiscard]] bool has_failed(const RestoreContent& content) const {
    return std::ranges::all_of(content.copies, [&](const RestoreCopy& copy) {
      return media_.has_failed(plan_.archives[copy.archive].place.medium_label);
    });
  }

  // Contents without a copy that can be read: says which medium would help, or what was wrong.
  void give_up(const std::vector<std::size_t>& contents) {
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> away;
    for (const std::size_t number : contents) {
      RestoreContent& content = plan_.contents[number];
      if (request_.partial && content.copies.empty() && !content.is_settled() &&
          has_copies(content)) {
        damaged_.push_back(number);
        continue;
      }
      std::string why = content.why;
      if (content.copies.empty()) {
        const std::string lost =
            catalog::told_of_lost(context_.database, catalog::ContentId{content.content.number});
        why = (why.empty() ? "no medium holds a good copy" : why) +
              (lost.empty() ? "" : "; " + lost) +
              (is_damaged(content) && has_copies(content)
                   ? "; `mixtape restore --partial` brings what is left of it"
                   : "");
      }
      if (!content.copies.empty()) {
        const std::string& label =
            plan_.archives[content.copies.front().archive].place.medium_label;
        auto& [files, bytes] = away[label];
        ++files;
        add_capped(bytes, content.content.size);
        why = content.why.empty() ? "medium " + label + where_is(label) + " is not here" +
                                        media_.why_not(label) + media_.how_to_fetch(label)
                                  : why;
      }
      for (; !content.is_settled(); ++content.settled) {
        add_trouble(result_, plan_.items[content.items[content.settled]].target, why);
      }
    }
    for (const auto& [label, count] : away) {
      note_medium(label, false, count.first, count.second);
    }
  }

  // Damaged ones, of which something may be left, on media that are not lost.
  [[nodiscard]] bool has_copies(const RestoreContent& content) {
    const catalog::ContentId id{content.content.number};
    return !context_.ledger.places_to_read(id).empty();
  }

  [[nodiscard]] bool is_damaged(const RestoreContent& content) const {
    return !context_.ledger.damaged(catalog::ContentId{content.content.number}).empty();
  }

  [[nodiscard]] std::string where_is(const std::string& label) {
    const auto medium = context_.ledger.medium(label);
    return medium && !medium->location.empty() ? " (" + medium->location + ")" : "";
  }

  void note_medium(const std::string& label, bool is_here, std::uint64_t files,
                   std::uint64_t bytes) {
    const auto known =
        std::find_if(result_.media.begin(), result_.media.end(),
                     [&](const RestoreMedium& medium) { return medium.label == label; });
    if (known != result_.media.end()) {
      known->files += files;
      add_capped(known->bytes, bytes);
      return;
    }
    const auto medium = context_.ledger.medium(label);
    result_.media.push_back({.label = label,
                             .location = medium ? medium->location : "",
                             .here = is_here,
                             .files = files,
                             .bytes = bytes});
  }

  // What the model of the tape says of reading it, and in which order.
  void note_order(RestoreMedium& noted, RestoreSweep& sweep) {
    const auto medium = context_.ledger.medium(sweep.label);
    const auto placed = media_.where(sweep.label);
    if (!medium || !placed) {
      return;
    }
    const recall::TapeModel tape = expected_tape(*placed, *medium);
    const recall::ReadOrder order = put_in_order(sweep, plan_, tape);
    if (tape.knows_wraps()) {
      noted.times = {.tape = tape.name(),
                     .locates = order.locates,
                     .locate_s = order.costs.locate_s,
                     .least_locate_s = order.bound,
                     .read_s = order.costs.read_s};
    }
    for (const RestoreSweep::Read& read : sweep.reads) {
      noted.order.push_back(plan_.items[plan_.contents[read.content].items.front()].target);
    }
  }

  void preview() {
    std::vector<std::size_t> wanted;
    for (std::size_t number = 0; number < plan_.contents.size(); ++number) {
      if (context_.workspace.cache().contains(plan_.contents[number].content)) {
        ++result_.from_cache;
      } else {
        wanted.push_back(number);
      }
    }
    RestorePlan::Sweeps round = plan_.sweep(wanted, here());
    for (RestoreSweep& sweep : round.sweeps) {
      note_medium(sweep.label, true, sweep.reads.size(), sweep.bytes);
      note_order(result_.media.back(), sweep);
    }
    give_up(round.left_over);
  }

  Context& context_;
  const RestoreRequest& request_;
  Reporter& reporter_;
  Media media_;
  RestoreResult result_;
  Destination destination_;
  RestorePlan plan_;
  std::vector<std::size_t> damaged_;  // Contents of which what is left is wanted.
};

}  // namespace

RestoreResult restore(Context& context, const RestoreRequest& request, Reporter& reporter) {
  return with_health_recorded(context, [&] { return Restore(context, request, reporter).run(); });
}

}  // namespace mixtape::service
