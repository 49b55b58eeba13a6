// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/ledger.h"
#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "engine/service/recall_service.h"
#include "engine/service/verify.h"

// What a verification found out about copies, on its way into the catalog.
//
// Threads: none.

namespace mixtape::service {

// What is noted of a copy that was read whole and is not the content.
inline constexpr const char* kOtherHash = "its hash is not that of the content";

class Verdicts {
 public:
  struct Damage {
    catalog::ContentId content{};
    std::string medium;
    std::string why;
  };

  // `context` may be one that only reads: verdicts are written through a connection of their own.
  // A VerifiedMedium that is handed in stays until the next write_down.
  Verdicts(Context& context, Reporter& reporter) : context_(context), reporter_(reporter) {}

  // The copy was read whole and has this hash; it is damaged when that is not the content's.
  void read(VerifiedMedium& medium, const catalog::Bundle& bundle,
            const catalog::Ledger::Held& held, const catalog::Hash& digest);
  void damaged(VerifiedMedium& medium, const catalog::Bundle& bundle,
               const catalog::Ledger::Held& held, const std::string& why);

  // Takes the last damages back, all but the first `kept` of found_damaged(), as far as they are
  // not written down: it may have been the drive.
  void withdraw(VerifiedMedium& medium, std::size_t kept);

  // Into the catalog. What it does not take now is told once and counts as unsaved; nothing is
  // thrown for that.
  void write_down();
  void enter(const catalog::Verification& verification);
  // The next run that writes gives it one.
  void lacks_closing_index(const catalog::Medium& medium);

  [[nodiscard]] const std::vector<Damage>& found_damaged() const { return all_damaged_; }
  [[nodiscard]] std::uint64_t unsaved() const { return unsaved_; }

 private:
  struct Learnt {
    VerifiedMedium& medium;
    catalog::ContentId content{};
    catalog::BundleId bundle{};
    catalog::Hash hash{};
  };
  struct Bad {
    catalog::ContentId content{};
    catalog::BundleId bundle{};
    std::string why;
  };

  Context& writer();
  // Notes a hash, or that the copy is bad because another one became known meanwhile.
  void settle(Context& context, const Learnt& learnt, std::vector<Bad>& bad);
  void refuse(std::uint64_t verdicts, const std::string& why);

  Context& context_;
  Reporter& reporter_;
  std::unique_ptr<Context> writer_;
  std::vector<VerifiedCopy> good_;
  std::vector<Learnt> learnt_;
  std::vector<Bad> bad_;
  std::vector<Damage> all_damaged_;
  std::uint64_t unsaved_ = 0;
};

}  // namespace mixtape::service
