// SPDX-License-Identifier: Apache-2.0
#include "engine/service/verdicts.h"

#include "tapeio/error.h"

namespace mixtape::service {

void Verdicts::read(VerifiedMedium& medium, const catalog::Bundle& bundle,
                    const catalog::Ledger::Held& held, const catalog::Hash& digest) {
  if (held.hash && *held.hash != digest) {
    damaged(medium, bundle, held, kOtherHash);
    return;
  }
  ++medium.good;
  if (!held.hash) {
    ++medium.hashes_learnt;
    learnt_.push_back({medium, held.copy.content, bundle.id, digest});
  }
  good_.push_back({held.copy.content, bundle.uuid});
  if (good_.size() >= kMostVerifiedAtOnce) {
    write_down();
  }
}

void Verdicts::damaged(VerifiedMedium& medium, const catalog::Bundle& bundle,
                       const catalog::Ledger::Held& held, const std::string& why) {
  ++medium.damaged;
  bad_.push_back({held.copy.content, bundle.id, why});
  all_damaged_.push_back({held.copy.content, medium.label, why});
}

void Verdicts::withdraw(VerifiedMedium& medium, std::size_t kept) {
  while (all_damaged_.size() > kept && !bad_.empty()) {
    --medium.damaged;
    bad_.pop_back();
    all_damaged_.pop_back();
  }
}

Context& Verdicts::writer() {
  if (!writer_) {
    writer_ = std::make_unique<Context>(context_.workspace, catalog::Access::write, context_.now_s);
  }
  return *writer_;
}

void Verdicts::refuse(std::uint64_t verdicts, const std::string& why) {
  if (unsaved_ == 0) {
    reporter_.problem("what was found out about copies is not noted in the catalog: " + why);
  }
  unsaved_ += verdicts;
}

void Verdicts::settle(Context& context, const Learnt& learnt, std::vector<Bad>& bad) {
  if (!context.ledger.size_of(learnt.content)) {
    return;  // It turned out to be another's since.
  }
  const auto known = context.ledger.hash_of(learnt.content);
  if (!known || *known == learnt.hash) {
    context.ledger.set_hash(learnt.content, learnt.hash);
    return;
  }
  --learnt.medium.good;
  --learnt.medium.hashes_learnt;
  ++learnt.medium.damaged;
  bad.push_back({learnt.content, learnt.bundle, kOtherHash});
  all_damaged_.push_back({learnt.content, learnt.medium.label, kOtherHash});
}

void Verdicts::write_down() {
  const auto good = std::exchange(good_, {});
  const auto learnt = std::exchange(learnt_, {});
  auto bad = std::exchange(bad_, {});
  if (good.empty() && bad.empty()) {
    return;
  }
  const std::size_t verdicts = good.size() + bad.size();
  try {
    Context& context = writer();
    catalog::Transaction transaction(context.database);
    const std::int64_t now_s = context.now_s();
    note_verified(context, good);
    for (const Learnt& each : learnt) {
      settle(context, each, bad);
    }
    for (const Bad& copy : bad) {
      try {
        context.ledger.mark_damaged(copy.content, copy.bundle, now_s, copy.why);
      } catch (const Error& error) {
        // Its content may have turned out to be another's since.
        if (error.code() != ErrorCode::not_found) {
          throw;
        }
      }
    }
    context.ledger.add_news();
    transaction.commit();
  } catch (const Error& error) {
    refuse(verdicts, error.what());
  }
}

void Verdicts::enter(const catalog::Verification& verification) {
  try {
    catalog::Verifications(writer().database).record(verification);
  } catch (const Error& error) {
    refuse(0, error.what());
  }
}

void Verdicts::lacks_closing_index(const catalog::Medium& medium) {
  try {
    writer().ledger.set_open_end(medium.id, true);
  } catch (const Error& error) {
    refuse(0, error.what());
  }
}

}  // namespace mixtape::service
