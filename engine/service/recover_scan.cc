// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recover_scan.h"

#include <algorithm>
#include <utility>

#include "engine/archive/medium_writer.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/scanned.h"
#include "engine/home/home.h"
#include "engine/service/context.h"
#include "engine/service/scan_medium.h"
#include "engine/service/scratch_directory.h"
#include "engine/service/stand_ins.h"
#include "tapeio/dir_files.h"
#include "tapeio/dir_library.h"
#include "tapeio/dir_medium.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostStandIns = 64;

std::vector<format::Recipient> recipients_of(const std::vector<format::Identity>& identities) {
  std::vector<format::Recipient> recipients;
  for (const format::Identity& identity : identities) {
    recipients.push_back(identity.recipient());
  }
  return recipients;
}

// Where an index tells where archives stand, that is counted with the files that are missing, and
// empty ones in their places would make all of it wrong. Where only a scan tells, they have to
// stay: the scan counts with them. A file that stands far behind the others is none of theirs.
void refuse_stand_ins(const LookedAt& medium, const KnownOfMedium& known, const std::string& path) {
  if (medium.told_up_to > 0 || !std::ranges::all_of(known.bundles, catalog::is_scanned)) {
    throw Error(ErrorCode::conflict,
                "its archives are not scanned: where others stand an index tells, and that holds "
                "only with the tape files that are missing; " +
                    stand_in_advice(path, known.bundles) + ", and scan again");
  }
  if (medium.missing.size() > kMostStandIns) {
    throw Error(ErrorCode::conflict,
                std::to_string(medium.missing.size()) +
                    " tape files are missing in front of others: its archives are not scanned; "
                    "take away the files there that are none of the medium's, and scan again");
  }
}

// Called when the first archive of the medium was opened: nothing is written beside what is
// somebody else's.
void stand_in_for_missing(const LookedAt& medium, const std::string& path, Reporter& reporter) {
  tapeio::make_stand_ins(path);
  reporter.note("medium " + medium.slot + ": empty files named NUMBER.lost were made in " + path +
                " in place of those that are missing; when one turns up, put it there and scan "
                "again");
}

// All that is on the medium is known, and yet nothing of it can be read.
void tell_of_stand_ins(tapeio::Library& library, const LookedAt& medium, const KnownOfMedium& known,
                       Reporter& reporter) {
  const auto path = tapeio::path_of_disk_medium(library, medium.slot);
  if (!medium.missing.empty() && path) {
    reporter.problem("medium " + medium.slot + ": it cannot be read until nothing is missing: " +
                     stand_in_advice(*path, known.bundles));
  }
}

void scan(const RecoverRequest& request, tapeio::Library& library,
          const std::vector<format::Identity>& identities, const LookedAt& medium, Taking& taking,
          Reporter& reporter, RecoverResult& result) {
  const KnownOfMedium known = known_of(request.home, medium.label.medium);
  if (!is_worth_a_scan(medium, known)) {
    tell_of_stand_ins(library, medium, known, reporter);
    return;
  }
  auto gaps =
      medium.missing.empty() ? std::nullopt : tapeio::path_of_disk_medium(library, medium.slot);
  if (gaps) {
    refuse_stand_ins(medium, known, *gaps);
  }
  const auto drive = gaps ? tapeio::load_despite_gaps(*gaps)
                          : library.load(medium.slot, tapeio::Library::Access::read);
  const ScratchDirectory scratch(request.home / "scratch" / "scan");
  const MediumScan::What what{.label = medium.label,
                              .kind = archive::kind_of_media(library),
                              .known = known.bundles,
                              .again = known.lossy,
                              .scratch = scratch.path(),
                              .command = "recover --scan",
                              .now_s = system_now_s()};
  MediumScan medium_scan(
      *drive, what, identities, reporter,
      [&](const catalog::FoundIndex& found, std::span<const catalog::ScanLoss> losses) {
        if (const auto path = std::exchange(gaps, std::nullopt)) {
          stand_in_for_missing(medium, *path, reporter);
        }
        taking.take_scanned(found, losses);
      });
  result.scanned.push_back(medium.slot);
  const auto tell = [&] {
    result.scan += medium_scan.summary();
    taking.note(medium.label.medium, medium_scan.losses());
  };
  try {
    medium_scan.run();
  } catch (const Error&) {
    tell();
    throw;
  }
  tell();
}

}  // namespace

KnownOfMedium known_of(const fs::path& home, const catalog::Uuid& medium) {
  KnownOfMedium known;
  if (!fs::exists(home / "catalog.db")) {
    return known;
  }
  catalog::Database database =
      catalog::open_catalog(home / "catalog.db", home / "state.db", catalog::Access::read);
  catalog::Ledger ledger(database);
  for (const catalog::Medium& each : ledger.media()) {
    if (each.uuid == medium) {
      known.bundles = ledger.bundles(each.id);
    }
  }
  known.lossy = catalog::ScanLosses(database).to_read_again(medium);
  return known;
}

bool is_worth_a_scan(const LookedAt& medium, const KnownOfMedium& known) {
  // It has an index in front of it, so one tape file is no archive.
  std::uint64_t told = medium.told_up_to;
  for (const catalog::Bundle& bundle : known.bundles) {
    told = std::max(told, bundle.index_file + 1);
  }
  return medium.files > told + 2 || !known.lossy.empty();
}

Taking::Taking(const RecoverRequest& request, const std::vector<format::Identity>& identities,
               std::vector<catalog::Uuid> labels, std::map<catalog::Uuid, std::uint64_t> told,
               Reporter& reporter, RecoverResult& result)
    : request_(request),
      identities_(identities),
      labels_(std::move(labels)),
      told_(std::move(told)),
      reporter_(reporter),
      result_(result) {}

void Taking::take(const std::vector<catalog::FoundIndex>& found) {
  take(found, {.state_db = state_db(), .media = labels_, .told = told_});
}

void Taking::take_scanned(const catalog::FoundIndex& found,
                          std::span<const catalog::ScanLoss> losses) {
  take({found}, {.state_db = state_db(),
                 .media = labels_,
                 .scanned = found.label.medium,
                 .losses = losses,
                 .now_s = system_now_s()});
}

void Taking::take(const std::vector<catalog::FoundIndex>& found, const catalog::Seen& seen) {
  if (!took_anything_) {
    for (const std::string& addition : home::Home::prepare(
             request_.home, request_.identity_file, recipients_of(identities_), request_.library)) {
      reporter_.note(addition);
    }
  }
  catalog::Recovered recovered =
      catalog::recover_catalog(found, request_.home / "catalog.db", seen);
  took_anything_ = true;
  recovered.directories.merge(result_.recovered.directories);
  result_.recovered = std::move(recovered);
}

void Taking::note(const catalog::Uuid& medium, std::span<const catalog::ScanLoss> losses) {
  if (losses.empty() || !fs::exists(request_.home / "catalog.db")) {
    return;
  }
  catalog::Database state = catalog::open_state(state_db());
  catalog::Transaction transaction(state);
  catalog::ScanLosses(state).note(medium, system_now_s(), losses);
  transaction.commit();
}

void scan_all(const RecoverRequest& request, tapeio::Library& library,
              const std::vector<format::Identity>& identities, std::span<const LookedAt> media,
              Taking& taking, Reporter& reporter, RecoverResult& result) {
  for (const LookedAt& medium : media) {
    try {
      scan(request, library, identities, medium, taking, reporter, result);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::no_space || error.code() == ErrorCode::cancelled) {
        throw;
      }
      result.unscanned.push_back(medium.slot);
      reporter.problem("medium " + medium.slot + ": " + error.what());
    }
  }
}

}  // namespace mixtape::service
