// SPDX-License-Identifier: Apache-2.0
#include "engine/service/verify.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/archive/targets.h"
#include "engine/service/copy_reads.h"
#include "engine/service/load_known.h"
#include "engine/service/media_state.h"
#include "engine/service/medium_pass.h"
#include "engine/service/told_losses.h"
#include "engine/service/verdicts.h"
#include "tapeio/drive_report.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using catalog::VerifyScope;

constexpr std::size_t kMostNamed = 100;

class Verify {
 public:
  Verify(Context& context, const VerifyRequest& request, Reporter& reporter)
      : context_(context), request_(request), reporter_(reporter), verdicts_(context, reporter) {}

  VerifyResult run() {
    plan();
    for (Task& task : tasks_) {
      VerifiedMedium medium = describe(task);
      if (!request_.dry_run) {
        read(task, medium);
      }
      result_.media.push_back(std::move(medium));
    }
    name_damaged();
    result_.unsaved = verdicts_.unsaved();
    return std::move(result_);
  }

 private:
  struct Task {
    catalog::Medium medium;
    VerifyScope scope{};
    std::vector<CopyToRead> copies;  // Unless the scope is the whole medium.
  };

  // --- What is to be read

  void plan() {
    std::vector<catalog::Medium> media;
    for (const std::string& label : request_.media) {
      const catalog::Medium medium = known_medium(context_, label);
      if (medium.state == catalog::MediumState::lost) {
        throw Error(ErrorCode::no_medium, "verify medium " + label +
                                              ": it is noted as lost; if it turned up, run "
                                              "`mixtape media found " +
                                              label + "` first");
      }
      media.push_back(medium);
    }
    if (request_.due) {
      media.push_back(longest_unverified());
    }
    std::set<catalog::MediumId> met;
    for (catalog::Medium& medium : media) {
      if (met.insert(medium.id).second) {
        add_medium(std::move(medium));
      }
    }
    add_paths();
    if (tasks_.empty()) {
      throw Error(ErrorCode::invalid, "verify: name a medium or a path, or say --due");
    }
  }

  void add_medium(catalog::Medium medium) {
    Task task{.medium = std::move(medium), .scope = VerifyScope::medium, .copies = {}};
    if (request_.sample) {
      task.scope = VerifyScope::sample;
      task.copies = sample_of(context_, task.medium, *request_.sample, request_.seed);
    }
    tasks_.push_back(std::move(task));
  }

  [[nodiscard]] bool is_here(const catalog::Medium& medium) {
    return context_.workspace.libraries()
        .find(medium, context_.ledger, Libraries::Look::glance)
        .medium.has_value();
  }

  catalog::Medium longest_unverified() {
    std::optional<catalog::Medium> first;
    for (const catalog::Ledger::LastVerified& each : context_.ledger.last_verified()) {
      const auto medium = context_.ledger.medium(each.medium);
      if (!medium || medium->state == catalog::MediumState::retired) {
        continue;
      }
      first = first ? first : medium;
      if (request_.for_people == tapeio::ForPeople::wait || is_here(*medium)) {
        if (medium->id != first->id) {
          reporter_.note("medium " + first->label + noted_place(*first) +
                         " was not verified for longer, but is not here");
        }
        return *medium;
      }
    }
    if (!first) {
      throw Error(ErrorCode::not_found, "verify --due: no medium in use holds a copy of anything");
    }
    return *first;
  }

  void add_paths() {
    std::map<catalog::MediumId, std::size_t> by_medium;
    std::set<catalog::ContentId> met;
    for (const std::string& path : request_.paths) {
      const auto id = context_.tree.find_path(std::string_view(path).substr(1));
      if (!id || !context_.tree.at({}, *id)) {
        throw Error(ErrorCode::not_found, "verify " + path +
                                              ": latest has no such path; `mixtape find` looks for "
                                              "names, `mixtape history` tells what there was");
      }
      context_.tree.walk({}, *id, [&](const std::string&, const catalog::Version& version) {
        if (version.content && met.insert(*version.content).second) {
          add_copies(version, by_medium);
        }
        return true;
      });
    }
    if (!request_.paths.empty() && by_medium.empty()) {
      throw Error(ErrorCode::not_found, "verify " + request_.paths.front() +
                                            ": no medium holds a copy of anything there");
    }
  }

  void add_copies(const catalog::Version& version,
                  std::map<catalog::MediumId, std::size_t>& by_medium) {
    std::vector<catalog::CopyPlace> places = context_.ledger.places(*version.content);
    for (catalog::Ledger::Damaged& damaged : context_.ledger.damaged(*version.content)) {
      places.push_back(std::move(damaged.place));
    }
    for (catalog::CopyPlace& place : places) {
      const auto [at, fresh] = by_medium.try_emplace(place.medium.id, tasks_.size());
      if (fresh) {
        tasks_.push_back({.medium = place.medium, .scope = VerifyScope::path, .copies = {}});
      }
      tasks_[at->second].copies.push_back(
          {place.bundle, {.copy = place.copy, .size = version.size, .hash = version.hash}});
    }
  }

  VerifiedMedium describe(const Task& task) {
    VerifiedMedium medium;
    medium.label = task.medium.label;
    medium.location = task.medium.location;
    medium.scope = task.scope;
    medium.copies = task.copies.size();
    std::uint64_t bytes = 0;
    for (const CopyToRead& read : task.copies) {
      bytes += read.held.copy.stored_size;
    }
    if (task.scope == VerifyScope::medium) {
      for (const catalog::Ledger::LastVerified& each : context_.ledger.last_verified()) {
        medium.copies = each.medium == task.medium.id ? each.copies : medium.copies;
      }
      bytes = archive::used_as_known(task.medium, context_.ledger.bundles(task.medium.id));
    }
    medium.bytes = request_.dry_run ? bytes : 0;
    return medium;
  }

  // --- Reading

  void read(Task& task, VerifiedMedium& medium) {
    try {
      std::unique_ptr<tapeio::TapeDrive> drive =
          load_known(context_, task.medium, reporter_, request_.for_people);
      if (drive->features().identity) {
        medium.drive = tapeio::report_of(*drive).drive;
      }
      if (task.scope == VerifyScope::medium) {
        MediumPass(context_, task.medium, *drive, medium, verdicts_, reporter_).run();
      } else {
        read_copies(context_, task.medium, std::move(drive), std::move(task.copies), medium,
                    verdicts_, reporter_);
      }
      medium.complete = true;
      if (task.scope == VerifyScope::medium && medium.troubles.empty()) {
        context_.ledger.label_seen(task.medium);  // If it was expected, as of one that was lost.
      }
      if (task.scope == VerifyScope::medium) {
        tell_losses(medium);
      }
      note(task, medium);
    } catch (const std::exception& error) {
      note(task, medium);
      const auto* known = dynamic_cast<const Error*>(&error);
      if (known != nullptr &&
          (known->code() == ErrorCode::cancelled || known->code() == ErrorCode::no_space)) {
        throw;
      }
      medium.troubles.emplace_back(error.what());
      reporter_.problem("medium " + medium.label +
                        (medium.drive.empty() ? "" : " in " + medium.drive) + ": " + error.what());
    }
  }

  void note(const Task& task, const VerifiedMedium& medium) {
    verdicts_.write_down();
    if (medium.complete || medium.bytes > 0) {
      verdicts_.enter({.medium = task.medium.uuid,
                       .taken_s = context_.now_s(),
                       .drive = medium.drive,
                       .scope = task.scope,
                       .complete = medium.complete,
                       .copies = medium.good + medium.damaged,
                       .damaged = medium.damaged,
                       .bytes = medium.bytes});
    }
  }

  // What a scan lost is in no bundle that could be read again here.
  void tell_losses(VerifiedMedium& medium) {
    for (const ToldLoss& told : told_losses(context_)) {
      if (told.loss.medium == medium.label) {
        reporter_.problem("medium " + medium.label + ": " + told.words + "; " + told.advice);
        medium.troubles.push_back(told.words);
      }
    }
  }

  // --- What was hit

  void name_damaged() {
    const std::vector<Verdicts::Damage>& damages = verdicts_.found_damaged();
    result_.damaged_count = damages.size();
    std::set<catalog::ContentId> contents;
    for (const Verdicts::Damage& damage : damages) {
      contents.insert(damage.content);
    }
    std::multimap<catalog::ContentId, catalog::PathId> paths;
    for (const auto& [content, path] : catalog::paths_with(context_.database, contents)) {
      paths.emplace(content, path);
    }
    for (const Verdicts::Damage& damage : damages) {
      const auto [begin, end] = paths.equal_range(damage.content);
      for (auto each = begin; each != end && result_.damaged.size() < kMostNamed; ++each) {
        result_.damaged.push_back({context_.tree.path_of(each->second), damage.medium, damage.why});
      }
    }
  }

  Context& context_;
  const VerifyRequest& request_;
  Reporter& reporter_;
  Verdicts verdicts_;
  std::vector<Task> tasks_;
  VerifyResult result_;
};

}  // namespace

VerifyResult verify(Context& context, const VerifyRequest& request, Reporter& reporter) {
  return with_health_recorded(context, [&] { return Verify(context, request, reporter).run(); });
}

}  // namespace mixtape::service
