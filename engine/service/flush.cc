// SPDX-License-Identifier: Apache-2.0
#include "engine/service/flush.h"

#include <spdlog/spdlog.h>

#include "engine/archive/hash_files.h"
#include "engine/service/copy_policy.h"
#include "engine/service/pins.h"
#include "engine/service/recall_service.h"
#include "engine/service/settle.h"
#include "engine/service/time_text.h"
#include "engine/service/write_needed.h"
#include "engine/service/writing.h"
#include "engine/staging/directory.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

// A set that goes back to staging unless its job was committed.
class StagedSet {
 public:
  StagedSet(staging::Staging& staging, std::string name)
      : staging_(staging), name_(std::move(name)), directory_(staging_.take(name_)) {}
  ~StagedSet() {
    if (directory_) {
      try {
        staging_.give_back(name_);
      } catch (const Error& error) {
        // The next flush finds the set where it is and gives it back.
        spdlog::error("give back what a flush had taken: {}", error.what());
      }
    }
  }
  StagedSet(const StagedSet&) = delete;
  StagedSet& operator=(const StagedSet&) = delete;

  [[nodiscard]] const std::optional<std::filesystem::path>& directory() const { return directory_; }
  template <typename LastLook>
  void commit(const LastLook& last_look) {
    directory_.reset();
    staging_.commit(name_, last_look);
  }

 private:
  staging::Staging& staging_;
  const std::string name_;
  std::optional<std::filesystem::path> directory_;
};

struct Unmet {
  bool unwritten = false;                                     // Some staged file is on no medium.
  std::vector<std::pair<std::string, recall::Content>> keep;  // On too few; paths in the set.
};

// nullopt when all of it is back in staging or gone.
std::optional<tapeio::UniqueFd> find_set(const std::filesystem::path& set) {
  try {
    return staging::open_directory(set);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) {
      throw;
    }
    return std::nullopt;
  }
}

// The files of a set by their numbers in the catalog; what that does not know is left out.
std::vector<catalog::PathId> paths_in(Context& context, const std::filesystem::path& set) {
  std::vector<catalog::PathId> paths;
  const auto directory = find_set(set);
  if (!directory) {
    return paths;
  }
  staging::each_below(directory->get(), [&](const std::string& path) {
    if (const auto id = context.tree.find_path(path)) {
      paths.push_back(*id);
    }
  });
  return paths;
}

Unmet find_unmet(Context& context, const std::filesystem::path& set) {
  Unmet unmet;
  each_need_beside(context, paths_in(context, set), [&](const catalog::CopyNeed& need) {
    const std::filesystem::path file = set / need.path;
    std::error_code absent;
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(file, absent))) {
      return true;
    }
    if (need.on.empty()) {
      unmet.unwritten = true;
    } else if (source_at(file, need.version)) {
      unmet.keep.emplace_back(need.path, to_content(need.version));
    }
    return true;
  });
  return unmet;
}

// What the set holds and too few media have stays on this disk.
void keep_unmet(Context& context, const std::filesystem::path& set, const Unmet& unmet) {
  for (const auto& [path, content] : unmet.keep) {
    context.workspace.cache().adopt(set / path, content);
  }
  context.workspace.cache().sync_pins();
}

void settle_leftovers(Context& context) {
  staging::Staging& staging = context.workspace.staging();
  for (const staging::Staging::Leftover& leftover : staging.leftovers()) {
    if (leftover.committed) {
      staging.commit(leftover.set_name, [&](const std::filesystem::path& set) {
        keep_unmet(context, set, find_unmet(context, set));
      });
    } else {
      staging.give_back(leftover.set_name);
    }
  }
}

archive::ScanRequest scan_request(Context& context, const std::filesystem::path& set) {
  archive::ScanRequest request;
  request.base = set.string();
  request.roots = {set.string()};
  request.scratch = context.workspace.home().scratch();
  request.now_ns = context.now_s() * 1'000'000'000;
  return request;
}

// What a set holds is never changed, but whoever edits, renames or removes a file through the mount
// meanwhile changes the number of its links, and with that its ctime.
void allow_other_names(const std::filesystem::path& set, NeededItems& needed) {
  for (archive::Item& item : needed.items) {
    if (item.source.starts_with(set.string() + "/")) {
      item.state.ctime_ns = 0;
    }
  }
}

// Records and writes the set; nullopt when all of it stays staged.
std::optional<Unmet> write_set(Context& context, const std::filesystem::path& set,
                               const std::string& command, Reporter& reporter,
                               tapeio::ForPeople for_people, FlushResult& result) {
  const archive::ScanCatalog known{context.database, context.tree, context.ledger, context.sources};
  const archive::Scan scan = archive::scan(scan_request(context, set), nullptr, reporter);
  const archive::HashedFiles hashed =
      archive::hash_files(scan, known, {context.workspace.home().scratch(), 0, {}}, reporter);
  result.files = scan.files + scan.others;
  result.bytes = scan.bytes;
  result.troubles = scan.unreadable.listed();
  const auto& unhashed = hashed.troubles.listed();
  result.troubles.insert(result.troubles.end(), unhashed.begin(), unhashed.end());

  catalog::Transaction transaction(context.database);
  const catalog::Job job =
      context.ledger.propose_job(catalog::JobKind::flush, command, context.now_s());
  result.recorded = archive::record(scan, hashed, job.id, archive::RecordAs::staged, known);
  NeededItems needed = needed_items(context, scan, reporter);
  allow_other_names(set, needed);
  const auto& unreadable = needed.troubles.listed();
  result.troubles.insert(result.troubles.end(), unreadable.begin(), unreadable.end());
  result.changed = std::move(needed.changed);
  const std::vector<tapeio::Library*> libraries =
      context.workspace.libraries().here(reporter.stop());
  archive::WriteJob write(write_context(context, for_people));
  if (result.dry_run) {  // Leaves by rolling back: the same statements, the same numbers.
    result.written = write.preview(std::move(needed.items), libraries);
    return {};
  }
  const bool anything = worth_a_job(result.recorded, needed, write, libraries, result.written);
  if (anything) {
    context.ledger.enter_job(job.id);
  } else {
    context.ledger.drop_job(job.id);
  }
  transaction.commit();
  context.sources.forget_early_hashes();
  if (anything) {
    result.job = job;
    result.written = write.write(job.id, std::move(needed.items), libraries, reporter);
  } else {
    result.written.media = write.catch_up(libraries, reporter);
  }
  Unmet unmet = find_unmet(context, set);
  if (unmet.unwritten || !result.troubles.empty()) {
    return std::nullopt;
  }
  return unmet;
}

FlushResult run_flush(Context& context, const std::string& command, Reporter& reporter,
                      bool dry_run, tapeio::ForPeople for_people) {
  FlushResult result;
  result.dry_run = dry_run;
  settle_last_run(context, reporter);
  settle_leftovers(context);
  StagedSet set(context.workspace.staging(), snapshot_name(context.now_s()));
  result.left_open = context.workspace.staging().left_open();
  if (!set.directory()) {
    if (!dry_run) {
      result.written.media =
          archive::WriteJob(write_context(context))
              .catch_up(context.workspace.libraries().here(reporter.stop()), reporter);
    }
    return result;
  }
  const std::optional<Unmet> unmet =
      write_set(context, *set.directory(), command, reporter, for_people, result);
  result.still_staged = !unmet;
  if (unmet) {
    set.commit([&](const std::filesystem::path& left) { keep_unmet(context, left, *unmet); });
    result.pinned_files = unmet->keep.size();
  }
  release_pins(context);
  return result;
}

}  // namespace

FlushResult flush(Context& context, const std::string& command, Reporter& reporter, bool dry_run,
                  tapeio::ForPeople for_people) {
  return with_health_recorded(
      context, [&] { return run_flush(context, command, reporter, dry_run, for_people); });
}

}  // namespace mixtape::service
