// SPDX-License-Identifier: Apache-2.0
#include "engine/service/doctor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "engine/archive/medium_check.h"
#include "engine/service/stand_ins.h"
#include "engine/service/status.h"
#include "engine/service/writing.h"
#include "tapeio/dir_files.h"
#include "tapeio/dir_library.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/library.h"
#include "tapeio/tape_alerts.h"

namespace mixtape::service {
namespace fs = std::filesystem;
namespace {

using Verdict = Finding::Verdict;
using Findings = std::vector<Finding>;

constexpr std::uint64_t kLittleSpace = GiB;

void good(Findings& findings, std::string subject, std::string words) {
  findings.push_back({Verdict::good, std::move(subject), std::move(words), ""});
}

void check_fuse(Findings& findings) {
  if (::access("/dev/fuse", R_OK | W_OK) != 0) {
    findings.push_back({Verdict::bad, "FUSE", "/dev/fuse cannot be opened by this user",
                        "run `modprobe fuse` as root, and check the permissions of /dev/fuse; "
                        "everything but the mount works without"});
  } else if (::geteuid() != 0 && ::access("/usr/bin/fusermount3", X_OK) != 0 &&
             ::access("/bin/fusermount3", X_OK) != 0) {
    findings.push_back({Verdict::bad, "FUSE", "fusermount3 is missing",
                        "install the package fuse3, so that a user may mount"});
  } else {
    good(findings, "FUSE", "this user can mount");
  }
  for (const char* name : {"default_request_timeout", "max_request_timeout"}) {
    const fs::path file = fs::path("/proc/sys/fs/fuse") / name;
    std::ifstream stream(file);
    unsigned long seconds = 0;
    if (stream >> seconds && seconds > 0) {
      findings.push_back({Verdict::warning, "FUSE",
                          file.string() + " is " + std::to_string(seconds) +
                              " s: the kernel will end the mount when a tape takes longer",
                          "write 0 to " + file.string()});
    }
  }
}

void check_permissions(Findings& findings, const home::Home& home) {
  bool private_all = true;
  for (const fs::path& path : {home.directory(), home.keys()}) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || (status.st_mode & 077) != 0 ||
        status.st_uid != ::geteuid()) {
      private_all = false;
      findings.push_back({Verdict::bad, "permissions", path.string() + " is not this user's alone",
                          "run `chown " + std::to_string(::geteuid()) + " " + path.string() +
                              " && chmod 700 " + path.string() + "`"});
    }
  }
  if (private_all) {
    good(findings, "permissions", "home and keys are this user's alone");
  }
}

void check_space(Findings& findings, const std::string& subject, const fs::path& path,
                 const std::string& advice) {
  struct statvfs space {};
  if (::statvfs(path.c_str(), &space) != 0) {
    findings.push_back({Verdict::bad, subject, path.string() + " cannot be looked at",
                        "check that its disk is mounted"});
    return;
  }
  const std::uint64_t free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
  const std::string words = home::format_size(free_bytes) + " free under " + path.string();
  if (free_bytes < kLittleSpace) {
    findings.push_back({Verdict::warning, subject, words, advice});
  } else {
    good(findings, subject, words);
  }
}

void check_keys(Findings& findings, const home::Home& home) {
  const std::vector<format::Identity> identities = home.identities();
  const std::vector<format::Recipient> recipients = home.recipients();
  const bool opens = std::any_of(identities.begin(), identities.end(), [&](const auto& identity) {
    return std::find(recipients.begin(), recipients.end(), identity.recipient()) !=
           recipients.end();
  });
  if (opens) {
    good(findings, "keys",
         std::to_string(recipients.size()) +
             (recipients.size() == 1 ? " recipient" : " recipients") +
             " can read what is written; an identity here is one");
  } else {
    findings.push_back({Verdict::warning, "keys",
                        "no identity in " + home.keys().string() + " opens what is written",
                        "put one of the recipients' identities there; without it nothing can be "
                        "restored on this machine"});
  }
  if (home.recovery_kept_elsewhere()) {
    good(findings, "recovery key", "said to be kept elsewhere");
  } else {
    findings.push_back({Verdict::warning, "recovery key",
                        "it lies only on this machine: if the machine is lost, so are the media",
                        "run `mixtape key paper`, keep what it prints in a drawer, then run "
                        "`mixtape key paper --done`"});
  }
}

void add_alert(Findings& findings, const std::string& subject, const tapeio::TapeAlert& alert,
               const std::string& by_whom) {
  if (alert.severity == tapeio::TapeAlert::Severity::information) {
    return;
  }
  const bool is_critical = alert.severity == tapeio::TapeAlert::Severity::critical;
  findings.push_back({is_critical ? Verdict::bad : Verdict::warning, subject,
                      alert.name + " (TapeAlert " + std::to_string(alert.flag) + by_whom + ")",
                      alert.advice});
}

// What the drives are, what they lack and what they complain of, as far as they tell without a
// cartridge being moved.
void check_drives(Findings& findings, Context& context) {
  for (const auto& [library, drive, health] : drives(context)) {
    std::string text = library + ": " + (drive.identity.empty() ? drive.device : drive.identity);
    for (const std::string& note : drive.notes) {
      text += "; " + note;
    }
    if (drive.identity.empty() && drive.notes.empty()) {
      text += drive.medium ? "; what it can do shows when it is used: to ask would rewind its tape"
                           : "; it cannot be asked now";
    }
    good(findings, drive.name, text);
    if (!drive.trouble.empty()) {
      findings.push_back({Verdict::warning, drive.name,
                          "the tape in it tells no label: " + drive.trouble,
                          "`mixtape restore` finds out by its archives which one it is, and reads "
                          "it; then retire it"});
    }
    for (const tapeio::TapeAlert& alert :
         health ? health->report.alerts : std::vector<tapeio::TapeAlert>{}) {
      if (tapeio::concerns_drive(alert.flag)) {
        add_alert(findings, drive.name, alert, "");
      }
    }
  }
}

void check_wear(Findings& findings, const MediumStatus& medium) {
  for (const BlamedErrors& each : medium.errors) {
    findings.push_back({Verdict::warning, "medium " + medium.medium.label,
                        std::to_string(each.pair.errors) + " failed reads and writes in " +
                            each.pair.drive + ": " + blame_text(each.blame),
                        blame_advice(each.blame)});
  }
  for (const catalog::HealthSample& sample : medium.health) {
    for (const tapeio::TapeAlert& alert : sample.report.alerts) {
      if (tapeio::concerns_medium(alert.flag)) {
        add_alert(findings, "medium " + medium.medium.label, alert,
                  ", told by " + sample.report.drive);
      }
    }
  }
}

void check_prospects(Findings& findings, const MediumStatus& medium) {
  for (const Prospect& prospect : medium.prospects) {
    findings.push_back({Verdict::warning, "medium " + medium.medium.label, "it " + prospect.what,
                        prospect.advice});
  }
}

void check_libraries(Findings& findings, Context& context) {
  // A drive that is fed by hand says who it is once its tape was looked at.
  (void)context.workspace.libraries().slots();
  for (const std::string& absent : context.workspace.libraries().absent()) {
    findings.push_back({Verdict::warning, "library", absent,
                        "attach it, or take it out of `libraries` in mixtape.toml"});
  }
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    if (const auto directory = tapeio::directory_of_library(library->url())) {
      check_space(findings, "library", *directory, "make room: media there grow no more without");
    }
    if (tapeio::CartridgeMover* mover = library->mover()) {
      mover->meet_drives();
    }
  }
  check_drives(findings, context);
}

// Whether tape files are missing: nothing else can be found out of it then.
bool tell_of_missing(Findings& findings, Context& context, const Libraries::Slot& slot,
                     const catalog::Medium& medium) {
  const auto path = tapeio::path_of_disk_medium(*slot.library, slot.medium.label);
  const std::vector<std::uint64_t> missing =
      path ? tapeio::missing_tape_files(*path) : std::vector<std::uint64_t>();
  if (missing.empty()) {
    return false;
  }
  findings.push_back({Verdict::bad, "medium " + medium.label,
                      "it cannot be read: " + tapeio::missing_tape_files_text(missing),
                      stand_in_advice(*path, context.ledger.bundles(medium.id))});
  return true;
}

// What the catalog says of a medium against what is on it, as before an append. Only of media that
// nothing has to move for.
void check_what_is_on(Findings& findings, Context& context, const Libraries::Slot& slot,
                      const catalog::Medium& medium, Reporter& reporter) {
  if (slot.medium.device_id == 0) {
    return;
  }
  try {
    if (tell_of_missing(findings, context, slot, medium)) {
      return;
    }
    const auto drive = slot.library->load(slot.medium.label, tapeio::Library::Access::read);
    (void)archive::check_medium(write_context(context), context.ledger, medium, *drive, reporter);
  } catch (const Error& error) {
    findings.push_back(
        {Verdict::bad, "medium " + medium.label, error.what(),
         "until that is mended nothing is written to it, and what is damaged on it is read from "
         "other media where they have it"});
  }
}

// A label is given twice when a library is away while a medium is added: which of them the catalog
// means they say themselves.
void tell_namesake(Findings& findings, const Libraries::Slot& slot,
                   const tapeio::PlacedMedium& right) {
  const std::string label = slot.medium.label;
  const std::string url = tapeio::url_for_people(slot.library->url());
  const auto directory = tapeio::directory_of_library(slot.library->url());
  findings.push_back({Verdict::warning, "medium " + label,
                      "another one in " + url +
                          " has the same label; the one that the catalog knows is in " +
                          tapeio::url_for_people(right.library->url()),
                      (directory ? "rename the other one to a label that is free (`mv " +
                                       *directory + "/" + label + " " + *directory + "/NEW`)"
                                 : std::string("give the other one a barcode that is free")) +
                          ", and leave the known one as it is"});
}

void check_slot(Findings& findings, Context& context, const Libraries::Slot& slot,
                Reporter& reporter) {
  const auto medium = context.ledger.medium(slot.medium.label);
  const auto found =
      medium ? context.workspace.libraries().find(*medium, context.ledger).medium : std::nullopt;
  if (found && (found->library != slot.library || found->label != slot.medium.label)) {
    tell_namesake(findings, slot, *found);
  } else if (medium) {
    check_what_is_on(findings, context, slot, *medium, reporter);
  }
}

void check_place(Findings& findings, const MediumStatus& medium) {
  const std::string subject = "medium " + medium.medium.label;
  const bool missed =
      medium.known && !medium.here && medium.medium.state != catalog::MediumState::lost;
  if (missed && !medium.why_not.empty()) {
    findings.push_back(
        {Verdict::bad, subject, medium.why_not,
         "put the right one back; if it is gone for good, run `mixtape media retire " +
             medium.medium.label + "` and `mixtape backup`"});
  } else if (missed && medium.medium.location.empty()) {
    findings.push_back({Verdict::warning, subject, "no library has it and nobody said where it is",
                        "run `mixtape media move " + medium.medium.label + " LOCATION`"});
  }
}

void check_media(Findings& findings, Context& context, Reporter& reporter) {
  check_libraries(findings, context);
  std::size_t here = 0;
  std::set<std::string> to_check;
  for (const MediumStatus& medium : media_status(context)) {
    here += medium.here ? 1 : 0;
    check_place(findings, medium);
    check_wear(findings, medium);
    check_prospects(findings, medium);
    if (medium.known && medium.here) {
      to_check.insert(medium.medium.label);
    }
  }
  Progress progress{"look at media", 0, 0, 0, to_check.size()};
  for (const Libraries::Slot& slot : context.workspace.libraries().slots()) {
    if (to_check.contains(slot.medium.label)) {
      check_slot(findings, context, slot, reporter);
      ++progress.done_files;
      reporter.progress(progress);
    }
  }
  if (here == 0) {
    findings.push_back({Verdict::bad, "media", "no medium is here: nothing can be written",
                        "run `mixtape media add`, or attach a library"});
  } else {
    good(findings, "media", std::to_string(here) + " here");
  }
}

void check_catalog_file(Findings& findings, Context& context) {
  const std::string damage = catalog::check_catalog(context.database);
  if (damage.empty()) {
    good(findings, "catalog", "whole: every page and reference was checked");
  } else {
    findings.push_back({Verdict::bad, "catalog", damage,
                        "move " + context.workspace.home().catalog_db().string() +
                            "* aside and run `" + recover_command(context.workspace.home(), false) +
                            "`: every medium has a copy"});
  }
}

void check_policy(Findings& findings, Context& context) {
  const Status status = status_of(context);
  if (status.under_copied_files > 0) {
    const std::string unseen = unseen_text(status);
    findings.push_back({Verdict::warning, "copies",
                        std::to_string(status.under_copied_files) +
                            (status.under_copied_files == 1 ? " file (" : " files (") +
                            home::format_size(status.under_copied_bytes) + ") " +
                            (status.under_copied_files == 1 ? "is" : "are") +
                            " on fewer media than the policy asks for",
                        copies_advice(status) + (unseen.empty() ? "" : "; ") + unseen});
  } else {
    good(findings, "copies", all_copied_text(status));
  }
  for (const ToldLoss& told : status.losses) {
    findings.push_back({Verdict::warning, "medium " + told.loss.medium, told.words, told.advice});
  }
}

}  // namespace

std::vector<Finding> examine(const fs::path& home_directory, Reporter& reporter) {
  Findings findings;
  check_fuse(findings);
  // Each group may fail as a whole; what it says is then the finding.
  const auto attempt = [&](const std::string& subject, const auto& check) {
    try {
      check();
    } catch (const Error& error) {
      findings.push_back({Verdict::bad, subject, error.what(), "mend this first"});
    }
  };
  attempt("home", [&] {
    const home::Home home(home_directory);
    check_permissions(findings, home);
    check_space(findings, "space", home.directory(),
                "make room, or lower cache_limit in mixtape.toml");
    attempt("keys", [&] { check_keys(findings, home); });
    Workspace workspace((home::Home(home_directory)));
    Context context(workspace, catalog::Access::read);
    attempt("catalog", [&] { check_catalog_file(findings, context); });
    attempt("media", [&] { check_media(findings, context, reporter); });
    attempt("copies", [&] { check_policy(findings, context); });
  });
  return findings;
}

}  // namespace mixtape::service
