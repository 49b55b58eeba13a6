// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recover.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "engine/home/home.h"
#include "engine/home/home_lock.h"
#include "engine/service/last_index.h"
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

// Indexes on their way; gone with the scope.
class IndexDirectory {
 public:
  explicit IndexDirectory(fs::path directory) : directory_(std::move(directory)) {
    clear();
    make_private(directory_.parent_path());
    make_private(directory_);
  }
  IndexDirectory(const IndexDirectory&) = delete;
  IndexDirectory& operator=(const IndexDirectory&) = delete;
  ~IndexDirectory() { clear(); }
  [[nodiscard]] fs::path file(const std::string& label) const {
    return directory_ / (label + ".sqlite");
  }

 private:
  // What cannot be removed is in the way of who writes there, and then told.
  void clear() const {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  const fs::path directory_;
};

struct Gathered {
  std::vector<catalog::FoundIndex> found;
  std::map<std::string, std::string> named;  // Recipients as labels name them; the media that do.
  std::vector<catalog::Uuid> labels;         // Of media whose own label was read.
  std::size_t not_ours = 0;                  // No identity opens them.
};

void gather(tapeio::Library& library, const std::string& label,
            const std::vector<format::Identity>& identities, const IndexDirectory& directory,
            Gathered& gathered, RecoverResult& result) {
  const auto drive = library.load(label, tapeio::Library::Access::read);
  const auto medium = read_label(*drive);
  if (!medium) {
    result.skipped.push_back(label);
    return;
  }
  gathered.labels.push_back(medium->medium);
  auto index = read_last_index(*drive, *medium, identities, directory.file(label));
  if (!index) {
    result.skipped.push_back(label);
    return;
  }
  gathered.found.push_back(std::move(*index));
  for (const std::string& recipient : medium->recipients) {
    std::string& media = gathered.named[recipient];
    media += (media.empty() ? "" : ", ") + label;
  }
  result.read.push_back(label);
}

Gathered gather_all(tapeio::Library& library, const std::vector<format::Identity>& identities,
                    const IndexDirectory& directory, Reporter& reporter, RecoverResult& result) {
  Gathered gathered;
  const std::vector<tapeio::MediumSlot> media = library.media();
  Progress progress{"read indexes", 0, 0, 0, media.size()};
  for (const tapeio::MediumSlot& slot : media) {
    if (reporter.stop().stop_requested()) {
      throw Error(ErrorCode::cancelled, "recover: stopped before anything was changed");
    }
    try {
      gather(library, slot.label, identities, directory, gathered, result);
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

std::vector<format::Recipient> recipients_of(const std::vector<format::Identity>& identities) {
  std::vector<format::Recipient> recipients;
  for (const format::Identity& identity : identities) {
    recipients.push_back(identity.recipient());
  }
  return recipients;
}

void tell_of_left_out(const catalog::Recovered& recovered, const IndexDirectory& directory,
                      Reporter& reporter, RecoverResult& result) {
  for (const catalog::Recovered::LeftOut& left_out : recovered.left_out) {
    std::erase_if(result.read, [&](const std::string& label) {
      if (directory.file(label) != left_out.index) {
        return false;
      }
      reporter.problem("medium " + label + ": " + left_out.error.what());
      return true;
    });
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
        reporter.note("medium " + media + " also names " + text +
                      ": if you know it, run `mixtape key add " + text + "`");
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

}  // namespace

RecoverResult recover(const RecoverRequest& request, Reporter& reporter) {
  const std::vector<format::Identity> identities =
      format::read_identity_file(request.identity_file);
  const auto library = request.open ? request.open(request.library)
                                    : tapeio::open_library(request.library, read_label_text);
  RecoverResult result;
  const bool had_home = fs::exists(request.home);
  make_private(request.home);
  try {
    const home::HomeLock no_mount(request.home, home::HomeLock::Role::recovery, request.command);
    const home::HomeLock lock(request.home, home::HomeLock::Role::writer, request.command);
    const IndexDirectory directory(request.home / "scratch" / "recover");
    const Gathered gathered = gather_all(*library, identities, directory, reporter, result);
    if (gathered.found.empty()) {
      throw Error(gathered.not_ours > 0 ? ErrorCode::not_permitted : ErrorCode::not_found,
                  "recover from " + tapeio::url_for_people(request.library) + ": " +
                      (gathered.not_ours > 0 ? std::string("the identity opens none of its media")
                                             : "no medium there has an index that can be read" +
                                                   nameless_tapes(*library)));
    }
    for (const std::string& addition : home::Home::prepare(
             request.home, request.identity_file, recipients_of(identities), request.library)) {
      reporter.note(addition);
    }
    result.recovered =
        catalog::recover_catalog(gathered.found, request.home / "catalog.db",
                                 catalog::Seen{request.home / "state.db", gathered.labels});
    for (const std::string& catalog : result.recovered.directories) {
      reporter.note("the media of another catalog than that of " + request.home.string() +
                    " were read: its files stand under " + catalog);
    }
    tell_of_left_out(result.recovered, directory, reporter, result);
    tell_of_recipients(gathered, home::Home(request.home).recipients(), reporter);
  } catch (const Error&) {
    if (!had_home) {
      std::error_code ignored;
      fs::remove_all(request.home, ignored);
    }
    throw;
  }
  return result;
}

}  // namespace mixtape::service
