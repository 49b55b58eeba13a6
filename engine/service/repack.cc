// SPDX-License-Identifier: Apache-2.0
#include "engine/service/repack.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "engine/archive/medium_use.h"
#include "engine/catalog/verifications.h"
#include "engine/service/gather.h"
#include "engine/service/media_state.h"
#include "engine/service/pins.h"
#include "engine/service/repack_estimate.h"
#include "engine/service/scratch_directory.h"
#include "engine/service/settle.h"
#include "engine/service/time_text.h"
#include "engine/service/unseen_media.h"
#include "engine/service/write_needed.h"
#include "engine/service/writing.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using catalog::ContentId;

constexpr std::uint64_t kStatBlock = 512;
constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::size_t kMostNamed = 100;
constexpr const char* kNotYet = "it was not come to; run this again";

// The progress of a part as that of the whole: reading and writing count alike.
class PartOfWhole final : public Reporter {
 public:
  PartOfWhole(Reporter& whole, std::uint64_t total_bytes, std::uint64_t total_files)
      : whole_(whole), total_bytes_(total_bytes), total_files_(total_files) {}

  void progress(const Progress& part) override {
    Progress shown = part;
    shown.done_bytes = before_bytes_ + part.done_bytes;
    shown.done_files = before_files_ + part.done_files;
    shown.total_bytes = std::max(total_bytes_, shown.done_bytes);
    shown.total_files = std::max(total_files_, shown.done_files);
    whole_.progress(shown);
  }
  void note(const std::string& line) override { whole_.note(line); }
  void problem(const std::string& line) override { whole_.problem(line); }
  [[nodiscard]] std::stop_token stop() const override { return whole_.stop(); }
  void part_done(std::uint64_t bytes, std::uint64_t files) {
    before_bytes_ += bytes;
    before_files_ += files;
  }

 private:
  Reporter& whole_;
  const std::uint64_t total_bytes_, total_files_;
  std::uint64_t before_bytes_ = 0, before_files_ = 0;
};

class Repack {
 public:
  Repack(Context& context, const RepackRequest& request, Reporter& reporter)
      : context_(context), request_(request), whole_(reporter) {}

  RepackResult run() {
    if (request_.budget_bytes == 0) {
      throw Error(ErrorCode::invalid, "repack medium " + request_.label +
                                          ": with a budget of 0 nothing could be brought here; say "
                                          "how much of it may lie on this disk at once");
    }
    medium_ = known_medium(context_, request_.label);
    result_.was_retired = medium_.state == catalog::MediumState::retired;
    if (medium_.state == catalog::MediumState::lost) {
      throw Error(ErrorCode::no_medium, "repack medium " + medium_.label +
                                            ": it is noted as lost; if it turned up, run "
                                            "`mixtape media found " +
                                            medium_.label + "` first");
    }
    if (request_.dry_run) {
      find_alive();
      preview();
      return std::move(result_);
    }
    settle_last_run(context_, whole_);
    look_for_unseen_media(context_);
    find_alive();
    move_all();
    if (result_.left_files == 0) {
      (void)retire_medium(context_, medium_.label);
      result_.retired = true;
    }
    release_pins(context_);
    return std::move(result_);
  }

 private:
  using Batch = std::vector<AliveContent>;

  void find_alive() {
    alive_ = alive_on(context_, medium_);
    for (const AliveContent& content : alive_) {
      ++result_.files;
      result_.bytes += content.size;
      copies_ += content.copies;
      copy_bytes_ += content.copies * content.size;
    }
  }

  [[nodiscard]] std::uint64_t budget() const {
    if (request_.budget_bytes) {
      return *request_.budget_bytes;
    }
    return std::filesystem::space(context_.workspace.home().scratch()).available / 2;
  }
  [[nodiscard]] archive::WriteContext write_to_others() const {
    archive::WriteContext write = write_context(context_, request_.for_people);
    write.leave_alone = medium_.id;
    return write;
  }

  // The next ones that fit onto the disk together; what never does is told.
  [[nodiscard]] Batch next_batch(std::size_t& next, std::uint64_t budget) {
    Batch batch;
    std::uint64_t bytes = 0;
    for (; next < alive_.size() && batch.size() < request_.most_files_at_once; ++next) {
      const AliveContent& content = alive_[next];
      if (content.size > budget) {
        why_left_[content.id] = std::to_string(content.size) +
                                " bytes are more than this disk is to hold at once; `--budget` "
                                "says how much";
        continue;
      }
      if (bytes + content.size > budget) {
        break;
      }
      bytes += content.size;
      batch.push_back(content);
    }
    return batch;
  }

  static std::set<ContentId> ids_of(const Batch& batch) {
    std::set<ContentId> ids;
    for (const AliveContent& content : batch) {
      ids.insert(content.id);
    }
    return ids;
  }

  void preview() {
    const std::uint64_t most = budget();
    Batch all;
    for (std::size_t next = 0; next < alive_.size();) {
      const Batch batch = next_batch(next, most);
      result_.batches += batch.empty() ? 0 : 1;
      all.insert(all.end(), batch.begin(), batch.end());
    }
    const std::vector<archive::Item> items = items_for(context_, medium_, ids_of(all));
    result_.written = archive::WriteJob(write_to_others())
                          .preview(items, context_.workspace.libraries().here(whole_.stop()));
    note_left(items, result_.written);
    result_.minutes = repack_minutes(context_, medium_, result_);
    name_left(alive_, [&](ContentId content) { return why_left_.contains(content); });
    result_.retired = result_.left_files == 0;
  }

  // --- What is left

  static std::string why_no_room(const archive::WriteOutcome& outcome, bool only_apart) {
    if (only_apart) {
      return "no medium in another place than its other copies can take it; put one into a library "
             "that lies elsewhere, or carry one with a copy there and note it (`mixtape media "
             "move`)";
    }
    return "no other medium here can take all copies of it: " + outcome.why_no_room + "; " +
           outcome.room_help;
  }

  template <typename IsLeft>
  void name_left(const std::vector<AliveContent>& contents, IsLeft is_left) {
    std::set<ContentId> named;
    for (const AliveContent& content : contents) {
      if (!is_left(content.id)) {
        continue;
      }
      ++result_.left_files;
      result_.left_bytes += content.size;
      if (named.size() < kMostNamed) {
        named.insert(content.id);
      }
    }
    for (const auto& [content, path] : catalog::paths_with(context_.database, named)) {
      if (named.erase(content) > 0) {
        const auto why = why_left_.find(content);
        result_.left.push_back(
            {context_.tree.path_of(path),
             which_version(content, path) + (why == why_left_.end() ? kNotYet : why->second)});
      }
    }
  }

  // Of a path with several versions: "the version of 2026-11-21 19:14:03: ".
  [[nodiscard]] std::string which_version(ContentId content, catalog::PathId path) {
    const std::vector<catalog::Version> versions = context_.tree.history(path);
    const auto its =
        std::ranges::find(versions, std::optional(content), &catalog::Version::content);
    if (versions.size() < 2 || its == versions.end()) {
      return "";
    }
    return "the version of " + local_time(its->metadata.mtime_ns / kNanoseconds) + ": ";
  }

  // --- Moving

  void move_all() {
    PartOfWhole reporter(whole_, result_.bytes + copy_bytes_, result_.files + copies_);
    ScratchDirectory scratch(repack_scratch(context_.workspace.home()));
    const std::uint64_t most = budget();
    for (std::size_t next = 0; next < alive_.size();) {
      const Batch batch = next_batch(next, most);
      if (!batch.empty()) {
        move_batch(batch, scratch.path(), reporter);
        scratch.clear();
      }
    }
    const std::vector<AliveContent> left = alive_on(context_, medium_);
    name_left(left, [](ContentId) { return true; });
  }

  void move_batch(const Batch& batch, const std::filesystem::path& scratch, PartOfWhole& reporter) {
    NeededItems needed;
    needed.items = items_for(context_, medium_, ids_of(batch));
    const std::vector<tapeio::Library*> libraries =
        context_.workspace.libraries().here(whole_.stop());
    archive::WriteJob write(write_to_others());
    archive::WriteOutcome outcome;
    if (!worth_a_job({}, needed, write, libraries, outcome)) {
      note_left(needed.items, outcome);
      return;
    }
    gather(batch, scratch, reporter, needed.items);
    if (needed.items.empty()) {
      return;
    }
    catalog::Transaction transaction(context_.database);
    const catalog::Job job =
        context_.ledger.begin_job(catalog::JobKind::copy, request_.command, context_.now_s());
    transaction.commit();
    outcome = write.write(job.id, needed.items, libraries, reporter);
    ++result_.batches;
    reporter.part_done(outcome.bytes, outcome.files);
    note_left(needed.items, outcome);
    add_written(std::move(outcome));
  }

  // Brings the contents onto this disk, and drops the items of those that did not come.
  void gather(const Batch& batch, const std::filesystem::path& scratch, PartOfWhole& reporter,
              std::vector<archive::Item>& items) {
    Progress shown{.phase = "read " + medium_.label};
    const Gathered gathered = Gather(context_, scratch, request_.for_people, reporter, failing_,
                                     [&](std::uint64_t bytes) {
                                       shown.done_bytes += bytes;
                                       reporter.progress(shown);
                                     })
                                  .read(batch, medium_);
    reporter.part_done(shown.done_bytes, gathered.files.size());
    why_left_.insert(gathered.lost.begin(), gathered.lost.end());
    std::erase_if(items, [&](archive::Item& item) {
      const auto file = gathered.files.find(*item.content);
      // What was read without a hash may have turned out to be another content.
      if (file == gathered.files.end() || !context_.ledger.size_of(*item.content)) {
        return true;
      }
      item.hash = context_.ledger.hash_of(*item.content);
      item.source = file->second.string();
      struct stat status {};
      if (::lstat(item.source.c_str(), &status) == 0) {
        item.state.allocated_bytes = static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
      }
      return false;
    });
  }

  void note_left(const std::vector<archive::Item>& items, const archive::WriteOutcome& outcome) {
    std::map<std::string, std::string> why;
    for (const auto* troubles : {&outcome.too_big, &outcome.bad}) {
      for (const archive::ItemTrouble& each : *troubles) {
        why[each.path] = each.why;
      }
    }
    const std::set<std::string> no_room(outcome.no_room.begin(), outcome.no_room.end());
    for (const archive::Item& item : items) {
      if (!item.content) {
        continue;
      }
      if (const auto found = why.find(item.path); found != why.end()) {
        why_left_[*item.content] = found->second;
      } else if (no_room.contains(item.path)) {
        why_left_[*item.content] = why_no_room(outcome, item.only_apart);
      }
    }
  }

  void add_written(archive::WriteOutcome outcome) {
    result_.written.files += outcome.files;
    result_.written.bytes += outcome.bytes;
    for (const archive::MediumUse& use : outcome.media) {
      archive::add_use(use, result_.written.media);
    }
  }

  Context& context_;
  const RepackRequest& request_;
  Reporter& whole_;
  catalog::Medium medium_;
  std::vector<AliveContent> alive_;
  std::uint64_t copies_ = 0, copy_bytes_ = 0;  // To be written.
  std::map<ContentId, std::string> why_left_;
  FailingMedia failing_;
  RepackResult result_;
};

}  // namespace

RepackResult repack(Context& context, const RepackRequest& request, Reporter& reporter) {
  return with_health_recorded(context, [&] { return Repack(context, request, reporter).run(); });
}

}  // namespace mixtape::service
