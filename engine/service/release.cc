// SPDX-License-Identifier: Apache-2.0
#include "engine/service/release.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "engine/service/copy_policy.h"
#include "engine/service/release_note.h"
#include "engine/service/source_guard.h"
#include "engine/staging/directory.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

constexpr std::uint64_t kStatBlock = 512;
// Files that are checked, noted as released in one commit, and deleted. Each holds two descriptors.
constexpr std::size_t kMostAtOnce = 64;

// Whether enough media hold a copy that was read again.
class VerifiedCopies {
 public:
  explicit VerifiedCopies(Context& context)
      : context_(context),
        policy_(context.config()),
        domain_(copy_domains(context.workspace, AwayDisks::one_for_all)),
        place_(copy_places(context)) {
    ask_what_is_unseen();
  }

  void ask_what_is_unseen() {
    unseen_.clear();
    for (const catalog::Medium& medium : context_.ledger.unseen_media()) {
      unseen_.insert(medium.id);
    }
  }

  // Why they are too few; empty: they are enough.
  [[nodiscard]] std::string why_not(const std::string& path, catalog::ContentId content) {
    std::set<std::string> domains, places;
    std::string unverified;
    for (const catalog::CopyPlace& place : context_.ledger.places(content)) {
      const catalog::Medium& medium = place.medium;
      if (medium.state == catalog::MediumState::retired || unseen_.contains(medium.id)) {
        continue;
      }
      if (place.copy.verified_s) {
        domains.insert(domain_(medium));
        places.insert(place_(medium));
      } else {
        unverified += (unverified.empty() ? "" : ", ") + medium.label;
      }
    }
    // Never without any, whatever the policy.
    const std::uint32_t wanted = std::max(policy_.wanted(path), 1U);
    if (domains.size() >= wanted) {
      return policy_.must_differ(path) ? why_too_near(places, wanted) : "";
    }
    return std::to_string(domains.size()) + " of the " + std::to_string(wanted) +
           " copies that the policy asks for are verified and on media that count" +
           (unverified.empty()
                ? "; `mixtape status` says what is lacking"
                : "; not verified yet: " + unverified + ", which `mixtape verify` reads");
  }

 private:
  // Why verified copies in these places lie too near to each other; empty: they do not.
  static std::string why_too_near(std::set<std::string> places, std::uint32_t wanted) {
    const bool some_unknown = places.erase("") > 0;
    if (std::max<std::size_t>(places.size(), 1) >= wanted) {
      return "";
    }
    std::string names;
    for (const std::string& place : places) {
      names += (names.empty() ? "" : ", ") + place;
    }
    return "its verified copies lie in " + std::to_string(places.size()) + " of the " +
           std::to_string(wanted) + " places that the policy asks for" +
           (names.empty() ? "" : " (" + names + ")") +
           (some_unknown ? "; nobody noted where some of them are kept"
                         : "; take a medium elsewhere") +
           ", `mixtape media move` notes it";
  }

  Context& context_;
  const CopyPolicy policy_;
  const MediumName domain_, place_;
  std::set<catalog::MediumId> unseen_;
};

class Release {
 public:
  Release(Context& context, const ReleaseRequest& request, Reporter& reporter)
      : context_(context), request_(request), reporter_(reporter), copies_(context) {}

  ReleaseResult run() {
    if (request_.remove) {
      unsettled_ = take_back_releasing(context_, noted_releasing(home()), reporter_);
    }
    for (const auto& [path, version] : files_below()) {
      look_at(path, version);
      if (batch_.size() == kMostAtOnce || read_bytes_ >= request_.most_read_at_once) {
        settle_batch();
      }
    }
    settle_batch();
    name_what_was_never_backed_up();
    count_freed();
    reporter_.progress(progress_);
    return std::move(result_);
  }

 private:
  struct Candidate {
    std::string path;
    catalog::Version version;
    SourceGuard guard;
    bool gone = false;
  };
  using Inode = std::pair<dev_t, ino_t>;
  struct Names {
    std::uint64_t released = 0, all = 0;
    std::uint64_t allocated_bytes = 0;
  };

  // Gathered first, because the rows of versions change on the way.
  std::vector<std::pair<std::string, catalog::Version>> files_below() {
    std::map<std::string, catalog::Version> files;
    for (const std::string& path : request_.paths) {
      const auto id = context_.tree.find_path(std::string_view(path).substr(1));
      if (!id || !context_.tree.at({}, *id)) {
        throw Error(ErrorCode::not_found, "release " + path + ": latest has no such path");
      }
      context_.tree.walk({}, *id, [&](const std::string& at, const catalog::Version& version) {
        if (version.content) {
          files.emplace(at, version);
          progress_.total_bytes += version.size;
        }
        return true;
      });
    }
    progress_.total_files = files.size();
    return {files.begin(), files.end()};
  }

  void refuse(const std::string& path, const std::string& why) {
    result_.refused.push_back({path, why});
  }

  // Whoever is told that all may go would remove it with the directory. A directory that cannot be
  // read does not take away what was said of the files.
  void name_what_was_never_backed_up() {
    for (const std::filesystem::path path : request_.paths) {
      try {
        if (const auto directory = staging::find_readable_directory(AT_FDCWD, path)) {
          staging::each_below(directory->get(), [&](const std::string& below) {
            name_if_never_backed_up(path / below);
          });
        }
      } catch (const Error& error) {
        refuse(path.relative_path(),
               std::string("what else lies below cannot be told: ") + error.what());
      }
    }
  }

  void name_if_never_backed_up(const std::filesystem::path& here) {
    std::error_code vanished;
    if (std::filesystem::is_directory(std::filesystem::symlink_status(here, vanished))) {
      return;
    }
    const std::string name = here.relative_path();
    const auto id = context_.tree.find_path(name);
    if (!vanished && (!id || !context_.tree.at({}, *id))) {
      refuse(name, "it was never backed up");
    }
  }

  void look_at(const std::string& path, const catalog::Version& version) {
    if (reporter_.stop().stop_requested()) {
      settle_batch();
      throw Error(ErrorCode::cancelled, "release: stopped");
    }
    progress_.phase = request_.remove ? "release" : "look for what can be released";
    reporter_.progress(progress_);
    ++progress_.done_files;
    progress_.done_bytes += version.size;
    if (read_bytes_ + version.size > request_.most_read_at_once) {
      settle_batch();
    }
    SourceGuard guard("/" + path);
    if (is_in_batch(guard)) {
      // Deleting the one name changes the file, and so what is checked under the other.
      settle_batch();
      guard = SourceGuard("/" + path);
    }
    if (guard.is_absent()) {
      ++result_.absent;
    } else if (std::string why = why_not(path, version); !why.empty()) {
      refuse(path, why);
    } else if (!guard.is(version, reporter_)) {
      refuse(path, guard.why());
    } else {
      batch_.push_back({path, version, std::move(guard)});
    }
    read_bytes_ += batch_.empty() ? 0 : version.size;
  }

  [[nodiscard]] bool is_in_batch(const SourceGuard& guard) const {
    return std::ranges::any_of(batch_, [&](const Candidate& candidate) {
      return inode_of(candidate.guard) == inode_of(guard);
    });
  }

  static Inode inode_of(const SourceGuard& guard) {
    return {guard.status().st_dev, guard.status().st_ino};
  }

  // What the catalog has against it; empty: nothing.
  [[nodiscard]] std::string why_not(const std::string& path, const catalog::Version& version) {
    const auto newest = context_.ledger.newest(version.key.path);
    if (!newest || newest->key != version.key) {
      return "a newer version of it is on no medium yet; run `mixtape backup`";
    }
    return copies_.why_not(path, *version.content);
  }

  void settle_batch() {
    std::vector<Candidate> batch = std::exchange(batch_, {});
    read_bytes_ = 0;
    if (batch.empty()) {
      return;
    }
    if (request_.remove) {
      note_released(batch);
      remove(batch);
    }
    for (const Candidate& candidate : batch) {
      if (candidate.gone || !request_.remove) {
        count(candidate);
      }
    }
  }

  // Noted before it is done: a file that is gone and was not noted would end with the next scan.
  // Those that must stay after all leave the batch.
  void note_released(std::vector<Candidate>& batch) {
    catalog::Transaction transaction(context_.database);
    copies_.ask_what_is_unseen();
    std::erase_if(batch, [&](const Candidate& candidate) {
      const std::string why = why_not(candidate.path, candidate.version);
      if (!why.empty()) {
        refuse(candidate.path, why);
      }
      return !why.empty();
    });
    std::vector<ReleasingFile> releasing = unsettled_;
    for (const Candidate& candidate : batch) {
      releasing.push_back({candidate.path, context_.tree.root_path(candidate.version.origin)});
      context_.ledger.set_origin(candidate.version.key, catalog::kStagingRoot);
    }
    note_releasing(home(), releasing);
    if (!batch.empty()) {
      context_.ledger.add_news();
    }
    transaction.commit();
  }

  void remove(std::vector<Candidate>& batch) {
    try {
      for (Candidate& candidate : batch) {
        candidate.gone = candidate.guard.remove();
        if (!candidate.gone) {
          refuse(candidate.path, candidate.guard.why());
        }
      }
    } catch (...) {
      take_back(batch);
      throw;
    }
    take_back(batch);
  }

  // What is still there belongs to the scan that it came from, as before.
  void take_back(const std::vector<Candidate>& batch) {
    if (std::ranges::all_of(batch, &Candidate::gone)) {
      forget_releasing(home(), unsettled_);
      return;
    }
    catalog::Transaction transaction(context_.database);
    for (const Candidate& candidate : batch) {
      if (!candidate.gone) {
        context_.ledger.set_origin(candidate.version.key, candidate.version.origin);
      }
    }
    transaction.commit();
    forget_releasing(home(), unsettled_);
  }

  [[nodiscard]] const home::Home& home() const { return context_.workspace.home(); }

  void count(const Candidate& candidate) {
    const struct stat& status = candidate.guard.status();
    Names& names = inodes_[inode_of(candidate.guard)];
    ++names.released;
    names.all = std::max<std::uint64_t>(names.all, status.st_nlink);
    names.allocated_bytes = static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
    result_.released.push_back({candidate.path, candidate.version.size});
    result_.bytes += candidate.version.size;
  }

  void count_freed() {
    for (const auto& [inode, names] : inodes_) {
      result_.freed_bytes += names.released >= names.all ? names.allocated_bytes : 0;
    }
  }

  Context& context_;
  const ReleaseRequest& request_;
  Reporter& reporter_;
  VerifiedCopies copies_;
  std::vector<ReleasingFile> unsettled_;  // Of a release that died; it stays noted.
  std::vector<Candidate> batch_;
  std::uint64_t read_bytes_ = 0;  // Since the first of the batch was leased.
  std::map<Inode, Names> inodes_;
  Progress progress_;
  ReleaseResult result_;
};

}  // namespace

ReleaseResult release(Context& context, const ReleaseRequest& request, Reporter& reporter) {
  return Release(context, request, reporter).run();
}

}  // namespace mixtape::service
