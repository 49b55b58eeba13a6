// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recall_service.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/catalog/lost_copies.h"
#include "engine/service/locate_times.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

// Verdicts on copies that wait for the catalog; more than this means that a whole medium is
// unreadable, and the later ones will be found again.
constexpr std::size_t kMaxChores = 10'000;
// How long a drive that reads no more is kept from those who want to write.
constexpr std::chrono::seconds kHold{10};
// Good copies that are noted together: those of so much time.
constexpr std::chrono::seconds kGather{1};

// Of a content that is in the cache now, for the time when it is not any more.
void keep_preview(Workspace& workspace, const recall::Content& content) {
  const auto file = content.hash ? workspace.cache().open(content) : std::nullopt;
  if (!file) {
    return;
  }
  const previews::Limits& limits = workspace.previews().limits();
  Bytes head(static_cast<std::size_t>(std::min<std::uint64_t>(limits.head, content.size)));
  Bytes tail(
      static_cast<std::size_t>(std::min<std::uint64_t>(limits.tail, content.size - head.size())));
  const auto is_read = [&](Bytes& part, std::uint64_t offset) {
    return ::pread(file->get(), part.data(), part.size(), static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(part.size());
  };
  if (is_read(head, 0) && is_read(tail, content.size - tail.size())) {
    workspace.previews().keep(*content.hash, content.size, head, tail);
  }
}

}  // namespace

recall::Content to_content(const catalog::Version& version) {
  MIXTAPE_ASSERT(version.content.has_value());
  return {catalog::number(*version.content), version.size, version.hash};
}

recall::Extent to_extent(const catalog::CopyPlace& place) {
  recall::Extent extent;
  extent.archive.medium_label = place.medium.label;
  extent.archive.medium_uuid = place.medium.uuid;
  extent.archive.bundle_uuid = place.bundle.uuid;
  extent.archive.record_size = place.medium.record_size;
  extent.archive.first_block = place.bundle.archive_block.value_or(0);
  extent.archive.header = place.bundle.archive_header;
  extent.archive.plain_bytes = place.bundle.plain_bytes;
  extent.data_offset = place.copy.data_offset;
  extent.stored_size = place.copy.stored_size;
  extent.sparse = place.copy.sparse;
  return extent;
}

void note_verified(Context& context, const std::vector<VerifiedCopy>& copies) {
  catalog::Transaction transaction(context.database);
  const std::int64_t now_s = context.now_s();
  std::optional<catalog::Bundle> bundle;
  for (const VerifiedCopy& copy : copies) {
    if (!bundle || bundle->uuid != copy.bundle) {
      bundle = context.ledger.bundle(copy.bundle);
    }
    try {
      if (bundle) {
        context.ledger.mark_verified(copy.content, bundle->id, now_s);
      }
    } catch (const Error& error) {
      // Its content may have turned out to be another's since.
      if (error.code() != ErrorCode::not_found) {
        throw;
      }
    }
  }
  transaction.commit();
}

RecallService::RecallService(Workspace& workspace, Say say, Queue queue)
    : workspace_(workspace), say_(std::move(say)) {
  chore_thread_ = std::jthread([this](const std::stop_token& stop) { work_off(stop); });
  recall::Options options;
  options.wait_for_medium = workspace_.home().config().wait_for_medium;
  // A cartridge stays in its drive afterwards; only others may have the drive then.
  options.hold = kHold;
  recall_ = std::make_unique<recall::Recall>(workspace_.cache(), workspace_.identities(), outside(),
                                             options);
  list_ = std::make_unique<RecallList>(
      queue == Queue::kept ? workspace_.home().state_db() : std::filesystem::path(":memory:"),
      *recall_, [this](const catalog::WantedContent& wanted) { return resolve(wanted); });
}

RecallService::~RecallService() = default;

Context& RecallService::reader() {
  if (!reader_) {
    reader_ = std::make_unique<Context>(workspace_, catalog::Access::read);
  }
  return *reader_;
}

// Numbers change with a recovery; a content without a hash is believed only with its old number.
std::optional<catalog::ContentId> RecallService::resolve(const catalog::WantedContent& wanted) {
  if (!resolving_) {
    resolving_ = std::make_unique<Context>(workspace_, catalog::Access::read);
  }
  if (wanted.hash) {
    return resolving_->ledger.find_content(wanted.size, *wanted.hash);
  }
  return resolving_->ledger.size_of(wanted.content) == wanted.size ? std::optional(wanted.content)
                                                                   : std::nullopt;
}

recall::Outside RecallService::outside() {
  recall::Outside outside;
  tell_of_copies(outside);
  outside.find_medium = [this](const std::string& label) {
    const auto medium = reader().ledger.medium(label);
    return medium ? workspace_.libraries().find(*medium, reader().ledger).medium : std::nullopt;
  };
  outside.damaged = [this](const recall::Content& content, const recall::Extent& extent,
                           const std::string& why) {
    const std::string line = "the copy of content " + std::to_string(content.number) +
                             " on medium " + extent.archive.medium_label + " is damaged: " + why;
    spdlog::error("{}", line);
    say_(line);
    post([content, bundle = extent.archive.bundle_uuid, why](Context& context) {
      if (const auto found = context.ledger.bundle(bundle)) {
        context.ledger.mark_damaged(catalog::ContentId{content.number}, found->id, context.now_s(),
                                    why);
      }
      record_health(context);
    });
  };
  outside.verified = [this](const recall::Content& content, const recall::Extent& extent) {
    post_verified({catalog::ContentId{content.number}, extent.archive.bundle_uuid});
    post_preview(content);
  };
  outside.hashed = [this](const recall::Content& content, const catalog::Hash& hash) {
    post([content, hash](Context& context) {
      context.ledger.set_hash(catalog::ContentId{content.number}, hash);
    });
  };
  outside.ask_for = [this](const std::string& label) {
    const std::string where = location_of(label);
    say_("waiting for medium " + label + (where.empty() ? "" : " (" + where + ")") +
         ": bring it within reach");
  };
  outside.location = [this](const std::string& label) { return location_of(label); };
  outside.known_locates = [this](const recall::TimedDrive& drive) {
    return known_locates(reader(), drive);
  };
  outside.located = [this](const recall::TimedDrive& drive,
                           std::vector<order::LocateSample> located) {
    post([drive, located = std::move(located)](Context& context) {
      note_locates(context, drive, located);
    });
  };
  tell_what_follows(outside);
  outside.within_reach = [this](const recall::Content& content) { return within_reach(content); };
  return outside;
}

void RecallService::tell_of_copies(recall::Outside& outside) {
  outside.extents = [this](const recall::Content& content) {
    std::vector<recall::Extent> extents;
    for (const catalog::CopyPlace& place :
         reader().ledger.places_to_read(catalog::ContentId{content.number})) {
      extents.push_back(to_extent(place));
    }
    return extents;
  };
  outside.found_damaged = [this](const recall::Content& content) {
    std::vector<recall::Extent> extents;
    for (const catalog::Ledger::Damaged& each :
         reader().ledger.damaged(catalog::ContentId{content.number})) {
      extents.push_back(to_extent(each.place));
    }
    return extents;
  };
  outside.why_none = [this](const recall::Content& content) {
    return catalog::told_of_lost(reader().database, catalog::ContentId{content.number});
  };
}

void RecallService::tell_what_follows(recall::Outside& outside) {
  outside.behind = [this](const recall::Content& content, const recall::Extent& extent,
                          std::size_t most) {
    std::vector<recall::Content> contents;
    for (const catalog::Ledger::Behind& each : reader().ledger.behind(
             extent.archive.bundle_uuid, catalog::ContentId{content.number}, most)) {
      contents.push_back(
          {.number = catalog::number(each.content), .size = each.size, .hash = each.hash});
    }
    return contents;
  };
  outside.stored_beside = [this](const recall::Extent& extent) {
    return reader().ledger.stored_beside(extent.archive.bundle_uuid);
  };
}

std::string RecallService::location_of(const std::string& medium_label) {
  const auto medium = reader().ledger.medium(medium_label);
  return medium ? medium->location : "";
}

// By label alone: to read what a medium says of itself would move it.
bool RecallService::within_reach(const recall::Content& content) {
  const std::lock_guard lock(asking_mutex_);
  if (!asking_) {
    asking_ = std::make_unique<Context>(workspace_, catalog::Access::read);
  }
  const auto places = asking_->ledger.places_to_read(catalog::ContentId{content.number});
  const auto slots = workspace_.libraries().slots(Libraries::Look::glance);
  return std::any_of(slots.begin(), slots.end(), [&](const Libraries::Slot& slot) {
    return std::any_of(places.begin(), places.end(), [&](const catalog::CopyPlace& place) {
      return may_be(slot.medium.label, place.medium);
    });
  });
}

void RecallService::post(Chore chore) {
  const std::lock_guard lock(mutex_);
  if (chores_.size() < kMaxChores) {
    chores_.push_back(std::move(chore));
    wake_.notify_one();
  }
}

void RecallService::post_verified(const VerifiedCopy& copy) {
  const std::lock_guard lock(mutex_);
  if (verified_.size() < kMostVerifiedAtOnce) {
    verified_.push_back(copy);
    wake_.notify_one();
  }
}

// Later, when the cache shows it.
void RecallService::post_preview(const recall::Content& content) {
  const std::lock_guard lock(mutex_);
  if (to_preview_.size() < kMostVerifiedAtOnce) {
    to_preview_.push_back(content);
  }
}

RecallService::Chore RecallService::next_chore(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  // At shutdown what is known is still written down.
  if (!wake_.wait(lock, stop, [this] { return !chores_.empty() || !verified_.empty(); })) {
    return {};
  }
  if (chores_.empty()) {
    wake_.wait_for(lock, stop, kGather, [this] { return verified_.size() == kMostVerifiedAtOnce; });
    return [copies = std::exchange(verified_, {}),
            contents = std::exchange(to_preview_, {})](Context& context) {
      for (const recall::Content& content : contents) {
        keep_preview(context.workspace, content);
      }
      note_verified(context, copies);
      record_health(context);
    };
  }
  Chore chore = std::move(chores_.front());
  chores_.pop_front();
  return chore;
}

void RecallService::work_off(const std::stop_token& stop) {
  std::unique_ptr<Context> writer;
  while (const Chore chore = next_chore(stop)) {
    try {
      if (!writer) {
        writer = std::make_unique<Context>(workspace_, catalog::Access::write);
      }
      chore(*writer);
    } catch (const Error& error) {
      spdlog::warn("note in the catalog what a recall found: {}", error.what());
    }
  }
}

}  // namespace mixtape::service
