// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/snapshot.h"
#include "engine/catalog/types.h"
#include "engine/format/age_keys.h"
#include "engine/format/archaeology.h"
#include "engine/progress/reporter.h"
#include "engine/service/recover.h"
#include "tapeio/library.h"

// Private to recover: the media that were found, what of them is worth a scan, and what takes what
// was found into the home.
//
// Threads: none.
// Errors:  as recover.

namespace mixtape::service {

// A medium that told what it is: its label, or its newest index where that is damaged.
struct LookedAt {
  std::string slot;
  format::MediumLabel label;
  std::uint64_t files = 0;             // Tape files that exist.
  std::uint64_t told_up_to = 0;        // The last of them that its newest index tells of.
  std::vector<std::uint64_t> missing;  // Those of a directory that are not there.
};

// What the catalog has of a medium; nothing where there is no catalog yet.
struct KnownOfMedium {
  std::vector<catalog::Bundle> bundles;
  std::set<std::uint64_t> lossy;  // Tape files that a scan could not read whole.
};
[[nodiscard]] KnownOfMedium known_of(const std::filesystem::path& home,
                                     const catalog::Uuid& medium);

// Whether there may be an archive of which nothing tells, or one that lost something when it was
// scanned.
[[nodiscard]] bool is_worth_a_scan(const LookedAt& medium, const KnownOfMedium& known);

// What was found, on its way into the home, which is made or completed with the first of it.
class Taking {
 public:
  // `told`: the last tape file of which an index of the medium itself tells.
  Taking(const RecoverRequest& request, const std::vector<format::Identity>& identities,
         std::vector<catalog::Uuid> labels, std::map<catalog::Uuid, std::uint64_t> told,
         Reporter& reporter, RecoverResult& result);

  void take(const std::vector<catalog::FoundIndex>& found);
  // What was scanned of a medium, and what it lost of that.
  void take_scanned(const catalog::FoundIndex& found, std::span<const catalog::ScanLoss> losses);
  // The losses of a scan that found nothing besides; without a catalog nobody asks for them.
  void note(const catalog::Uuid& medium, std::span<const catalog::ScanLoss> losses);
  [[nodiscard]] bool took_anything() const { return took_anything_; }

 private:
  void take(const std::vector<catalog::FoundIndex>& found, const catalog::Seen& seen);
  [[nodiscard]] std::filesystem::path state_db() const { return request_.home / "state.db"; }

  const RecoverRequest& request_;
  const std::vector<format::Identity>& identities_;
  const std::vector<catalog::Uuid> labels_;
  const std::map<catalog::Uuid, std::uint64_t> told_;
  Reporter& reporter_;
  RecoverResult& result_;
  bool took_anything_ = false;
};

// Scans what is worth it of all media, once indexes told what they know.
void scan_all(const RecoverRequest& request, tapeio::Library& library,
              const std::vector<format::Identity>& identities, std::span<const LookedAt> media,
              Taking& taking, Reporter& reporter, RecoverResult& result);

}  // namespace mixtape::service
