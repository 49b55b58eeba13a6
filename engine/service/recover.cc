// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recover.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>

#include "engine/home/home.h"
#include "engine/home/home_lock.h"
#include "engine/service/context.h"
#include "engine/service/last_index.h"
#include "engine/service/recover_scan.h"
#include "engine/service/scratch_directory.h"
#include "engine/service/told_losses.h"
#include "tapeio/dir_files.h"
#include "tapeio/dir_library.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/library.h"

namespace mixtape::service {
namespace fs = std::filesystem;
namespace {

// For this user alone, who may have had it before.
void make_private(const fs::path& directory) {
  tapeio::make_directories(directory, 0700);
  if (::chmod(directory.c_str(), 0700) < 0) {
    throw_errno("change the mode of " + directory.string());
  }
}

// One that is damaged may hold whatever its user put beside what was left of it.
bool is_begun_home(const fs::path& home) {
  return std::ranges::any_of(std::array{"keys", "mixtape.toml", "catalog.db", "state.db"},
                             [&](const char* part) { return fs::exists(home / part); });
}

fs::path index_of(const ScratchDirectory& directory, const std::string& label) {
  return directory.path() / (label + ".sqlite");
}

struct Gathered {
  std::vector<catalog::FoundIndex> found;
  std::vector<LookedAt> media;
  std::map<std::string, std::string> named;  // Recipients as labels name them; the media that do.
  std::vector<catalog::Uuid> labels;         // Of media that were read.
  std::size_t not_ours = 0;                  // No identity opens them.
};

// A scan goes on without what is missing, and finds out where the rest stands.
std::unique_ptr<tapeio::TapeDrive> load(tapeio::Library& library, const std::string& label,
                                        bool despite_gaps, std::vector<std::uint64_t>& missing,
                                        Reporter& reporter) {
  const auto path = tapeio::path_of_disk_medium(library, label);
  if (despite_gaps && path) {
    missing = tapeio::missing_tape_files(*path);
  }
  if (missing.empty()) {
    return library.load(label, tapeio::Library::Access::read);
  }
  reporter.problem("medium " + label + ": " + tapeio::missing_tape_files_text(missing) +
                   ": what stood there is lost unless another medium has it");
  return tapeio::load_despite_gaps(*path);
}

void gather(tapeio::Library& library, const std::string& label, bool despite_gaps,
            const std::vector<format::Identity>& identities, const ScratchDirectory& directory,
            Gathered& gathered, Reporter& reporter, RecoverResult& result) {
  std::vector<std::uint64_t> missing;
  const auto drive = load(library, label, despite_gaps, missing, reporter);
  if (const std::string trouble = tapeio::trouble_of_disk_medium(library, label);
      !trouble.empty()) {
    reporter.problem("medium " + label + ": " + trouble);
  }
  std::optional<format::MediumLabel> medium;
  std::optional<catalog::FoundIndex> index;
  const PassedOver passed_over = [&](std::uint64_t file, const std::string& why) {
    reporter.problem("medium " + label + ": " + told_of_passed_over(file, why));
  };
  try {
    medium = read_label(*drive);
  } catch (const Error& damage) {
    if (!is_damage(damage.code())) {
      throw;
    }
    index = read_last_index_without_label(*drive, damage, identities, index_of(directory, label),
                                          passed_over);
    medium = label_in(index->label);
    reporter.problem("medium " + label + ": " + told_of_damaged_label(label, damage));
  }
  if (!medium) {
    result.skipped.push_back(label);
    return;
  }
  gathered.labels.push_back(medium->medium);
  drive->seek_end_of_data();
  LookedAt& looked_at = gathered.media.emplace_back(LookedAt{
      .slot = label, .label = *medium, .files = drive->position().file, .missing = missing});
  if (!index) {
    index = read_last_index(*drive, *medium, identities, index_of(directory, label), passed_over);
  }
  if (!index) {
    result.skipped.push_back(label);
    return;
  }
  if (index->label.medium != medium->medium) {
    reporter.problem("medium " + label + ": " + told_of_damaged_uuid(*medium, index->label));
    looked_at.label.medium = gathered.labels.back() = index->label.medium;
  }
  looked_at.told_up_to = last_told_by(index->label);
  gathered.found.push_back(std::move(*index));
  for (const std::string& recipient : medium->recipients) {
    std::string& media = gathered.named[recipient];
    media += (media.empty() ? "" : ", ") + label;
  }
  result.read.push_back(label);
}

Gathered gather_all(tapeio::Library& library, const std::vector<format::Identity>& identities,
                    bool despite_gaps, const ScratchDirectory& directory, Reporter& reporter,
                    RecoverResult& result) {
  Gathered gathered;
  const std::vector<tapeio::MediumSlot> media = library.media();
  Progress progress{"read indexes", 0, 0, 0, media.size()};
  for (const tapeio::MediumSlot& slot : media) {
    if (reporter.stop().stop_requested()) {
      throw Error(ErrorCode::cancelled, "recover: stopped before anything was changed");
    }
    try {
      gather(library, slot.label, despite_gaps, identities, directory, gathered, reporter, result);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::no_space) {
        throw;
      }
      gathered.not_ours += error.code() == ErrorCode::not_permitted ? 1 : 0;
      reporter.problem("medium " + slot.label + ": " + error.what());
    }
    ++progress.done_files;
    reporter.progress(progress);
  }
  return gathered;
}

void tell_of_left_out(const catalog::Recovered& recovered, const ScratchDirectory& directory,
                      Reporter& reporter, RecoverResult& result) {
  for (const catalog::Recovered::LeftOut& left_out : recovered.left_out) {
    std::erase_if(result.read, [&](const std::string& label) {
      if (index_of(directory, label) != left_out.index) {
        return false;
      }
      reporter.problem("medium " + label + ": " + left_out.error.what());
      return true;
    });
  }
}

// An index that cannot be believed tells nothing of its medium, which a scan then reads.
void take_indexes(Gathered& gathered, Taking& taking, bool scan, const ScratchDirectory& directory,
                  Reporter& reporter, RecoverResult& result) {
  if (gathered.found.empty()) {
    return;
  }
  try {
    taking.take(gathered.found);
    for (LookedAt& medium : gathered.media) {
      const bool is_left_out = std::ranges::any_of(
          result.recovered.left_out,
          [&](const auto& left_out) { return left_out.index == index_of(directory, medium.slot); });
      medium.told_up_to = is_left_out ? 0 : medium.told_up_to;
    }
    tell_of_left_out(result.recovered, directory, reporter, result);
  } catch (const Error& error) {
    if (!scan || error.code() != ErrorCode::corrupt) {
      throw;
    }
    reporter.problem(std::string("no index can be believed: ") + error.what());
    for (LookedAt& medium : gathered.media) {
      medium.told_up_to = 0;
    }
    result.read.clear();
  }
}

// A label is plain text that anybody may have edited: whom it names is told, and believed only when
// the user says so. Otherwise one edited medium would open all future ones to a stranger.
void tell_of_recipients(const Gathered& gathered, const std::vector<format::Recipient>& believed,
                        Reporter& reporter) {
  for (const auto& [text, media] : gathered.named) {
    try {
      const format::Recipient recipient = format::Recipient::parse(text);
      if (std::find(believed.begin(), believed.end(), recipient) == believed.end()) {
        reporter.note("the label of medium " + media + " says, in plain text, that the key of " +
                      text +
                      " opens what is there, too; what is written from now on that key will not "
                      "open: if it is yours, run `mixtape key add " +
                      text + "`");
      }
    } catch (const Error& error) {
      reporter.problem("medium " + media + " names \"" + text +
                       "\" among its recipients: " + error.what());
    }
  }
}

// Of drives that are fed by hand.
std::string nameless_tapes(tapeio::Library& library) {
  std::string text;
  if (tapeio::CartridgeMover* mover = library.mover()) {
    for (const tapeio::DriveSlot& drive : mover->drives()) {
      text += drive.trouble.empty()
                  ? ""
                  : "; the tape in " + drive.name + " tells no label (" + drive.trouble +
                        "): with dd, age and tar its archives can be read all "
                        "the same";
    }
  }
  return text;
}

// Slots of media with archives of which nothing tells.
std::vector<std::string> untold(const RecoverRequest& request, const Gathered& gathered) {
  std::vector<std::string> labels;
  for (const LookedAt& medium : gathered.media) {
    if (is_worth_a_scan(medium, known_of(request.home, medium.label.medium))) {
      labels.push_back(medium.slot);
    }
  }
  return labels;
}

// The last tape file of which an index on the medium itself tells.
std::map<catalog::Uuid, std::uint64_t> told_of(const Gathered& gathered) {
  std::map<catalog::Uuid, std::uint64_t> told;
  for (const LookedAt& medium : gathered.media) {
    if (medium.told_up_to > 0) {
      told[medium.label.medium] = medium.told_up_to;
    }
  }
  return told;
}

std::string scan_command(const RecoverRequest& request) {
  return "`" + recover_command(request.library, request.identity_file, true) + "`";
}

std::string joined(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) {
    text += (text.empty() ? "" : ", ") + label;
  }
  return text;
}

[[noreturn]] void throw_nothing_found(const RecoverRequest& request, const Gathered& gathered,
                                      tapeio::Library& library) {
  const std::vector<std::string> labels = untold(request, gathered);
  std::string why = "the identity opens none of its media";
  if (gathered.not_ours > 0) {
    why += request.scan
               ? ""
               : ", or what stands in front of their indexes is damaged: " + scan_command(request) +
                     " looks at each archive";
  } else {
    why = "no medium there has an index that can be read" + nameless_tapes(library);
    if (request.scan) {
      why += ", nor an archive of which no index tells";
    } else if (!labels.empty()) {
      why +=
          "; " + scan_command(request) + " reads the archives of " + joined(labels) + " themselves";
    }
  }
  throw Error(gathered.not_ours > 0 ? ErrorCode::not_permitted : ErrorCode::not_found,
              "recover from " + tapeio::url_for_people(request.library) + ": " + why);
}

}  // namespace

RecoverResult recover(const RecoverRequest& request, Reporter& reporter) {
  const std::vector<format::Identity> identities =
      format::read_identity_file(request.identity_file);
  const auto library = request.open ? request.open(request.library)
                                    : tapeio::open_library(request.library, read_label_text);
  RecoverResult result;
  const bool had_home = fs::exists(request.home);
  if (had_home && !is_begun_home(request.home)) {
    home::require_no_strangers(request.home, "recover into");
  }
  make_private(request.home);
  try {
    const home::HomeLock no_mount(request.home, home::HomeLock::Role::recovery, request.command);
    const home::HomeLock lock(request.home, home::HomeLock::Role::writer, request.command);
    const ScratchDirectory directory(request.home / "scratch" / "recover");
    Gathered gathered = gather_all(*library, identities, request.scan, directory, reporter, result);
    Taking taking(request, identities, gathered.labels, told_of(gathered), reporter, result);
    take_indexes(gathered, taking, request.scan, directory, reporter, result);
    if (request.scan) {
      scan_all(request, *library, identities, gathered.media, taking, reporter, result);
    }
    // Scanned again, it has all of it already.
    if (!taking.took_anything() && !(request.scan && fs::exists(request.home / "catalog.db"))) {
      throw_nothing_found(request, gathered, *library);
    }
    if (const auto labels = untold(request, gathered); !labels.empty() && !request.scan) {
      reporter.problem("archives on " + joined(labels) + " of which no index tells are missing: " +
                       scan_command(request) + " reads them");
    }
    for (const std::string& catalog : result.recovered.directories) {
      reporter.note("the media of another catalog than that of " + request.home.string() +
                    " were read: its files stand under " + catalog);
    }
    tell_of_recipients(gathered, home::Home(request.home).recipients(), reporter);
  } catch (const Error&) {
    // A scan that was stopped keeps what it had read.
    if (!had_home && !fs::exists(request.home / "catalog.db")) {
      std::error_code ignored;
      fs::remove_all(request.home, ignored);
    }
    throw;
  }
  return result;
}

}  // namespace mixtape::service
