// SPDX-License-Identifier: Apache-2.0
#include "engine/service/gather.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "engine/service/load_known.h"
#include "engine/service/recall_service.h"
#include "engine/service/restore_stream.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

// Failures of the drive one behind the other that are taken for single bad places.
constexpr std::size_t kMostFailuresInARow = 20;

std::string name_of(catalog::ContentId content) {
  return std::to_string(catalog::number(content));
}

// Readable by nobody else: what others may read is decided by who may read the file itself.
catalog::Metadata plain_file() {
  catalog::Metadata metadata;
  metadata.mode = S_IFREG | 0600;
  metadata.uid = ::geteuid();
  metadata.gid = ::getegid();
  return metadata;
}

}  // namespace

Gather::Gather(Context& context, const std::filesystem::path& directory,
               tapeio::ForPeople for_people, Reporter& reporter, FailingMedia& failing,
               std::function<void(std::uint64_t bytes)> passed)
    : context_(context),
      directory_(directory, /*make=*/false),
      path_(directory),
      for_people_(for_people),
      reporter_(reporter),
      failing_(failing),
      passed_(std::move(passed)),
      verdicts_(context, reporter) {}

void Gather::require_going_on() const {
  if (reporter_.stop().stop_requested()) {
    throw Error(ErrorCode::cancelled, "read what is alive: stopped");
  }
}

void Gather::find_places(const std::vector<AliveContent>& contents, const catalog::Medium& first) {
  std::set<std::string> here;
  for (const Libraries::Slot& slot :
       context_.workspace.libraries().slots(Libraries::Look::glance)) {
    here.insert(slot.medium.label);
  }
  for (const AliveContent& content : contents) {
    Pending& pending = pending_.emplace_back();
    pending.id = content.id;
    pending.size = content.size;
    pending.places = context_.ledger.places_to_read(content.id);
    std::erase_if(pending.places, [&](const catalog::CopyPlace& place) {
      const auto failed = failing_.why.find(place.medium.id);
      if (failed != failing_.why.end()) {
        pending.why = failed->second;
      }
      return failed != failing_.why.end();
    });
    std::ranges::stable_partition(pending.places, [&](const catalog::CopyPlace& place) {
      return place.medium.id == first.id;
    });
    std::ranges::stable_partition(pending.places, [&](const catalog::CopyPlace& place) {
      return here.contains(place.medium.label);
    });
  }
}

std::optional<catalog::Medium> Gather::next_medium() const {
  std::map<catalog::MediumId, std::uint64_t> bytes;
  std::optional<catalog::Medium> best;
  for (const Pending& pending : pending_) {
    if (pending.places.empty()) {
      continue;
    }
    const catalog::Medium& medium = pending.places.front().medium;
    const std::uint64_t sum = bytes[medium.id] += pending.size;
    if (!best || sum > bytes[best->id]) {
      best = medium;
    }
  }
  return best;
}

std::vector<Gather::Read> Gather::take_reads(const catalog::Medium& medium) {
  std::vector<Read> reads;
  for (Pending& pending : pending_) {
    const auto here = std::ranges::find(pending.places, medium.id,
                                        [](const auto& place) { return place.medium.id; });
    if (here != pending.places.end()) {
      reads.push_back({&pending, std::move(*here)});
      pending.places.erase(here);
    }
  }
  std::ranges::sort(reads, {}, [](const Read& read) {
    return std::pair(read.place.bundle.archive_block, read.place.copy.data_offset);
  });
  return reads;
}

Gathered Gather::read(const std::vector<AliveContent>& contents, const catalog::Medium& first) {
  find_places(contents, first);
  while (const auto medium = next_medium()) {
    read_medium(*medium, take_reads(*medium));
    std::erase_if(pending_, [&](const Pending& each) { return result_.files.contains(each.id); });
  }
  for (const Pending& each : pending_) {
    result_.lost.emplace(each.id, each.why.empty() ? "no medium holds a good copy" : each.why);
  }
  pending_.clear();
  return std::move(result_);
}

void Gather::read_medium(const catalog::Medium& medium, std::vector<Read> reads) {
  VerifiedMedium sums;
  sums.label = medium.label;
  std::size_t done = 0;
  try {
    read_stream(reads, load_known(context_, medium, reporter_, for_people_), sums, done);
  } catch (const Error& error) {
    file_.reset();
    verdicts_.write_down();
    if (error.code() == ErrorCode::no_space) {
      throw Error(ErrorCode::no_space, "bring what is alive to " + path_.string() + ": " +
                                           error.what() +
                                           "; free some space or let less be there at once "
                                           "(`--budget`), then run it again: nothing was lost");
    }
    if (error.code() == ErrorCode::cancelled) {
      throw;
    }
    const std::string why = "medium " + medium.label + ": " + error.what();
    reporter_.problem(why);
    failing_.why.emplace(medium.id, why);
    for (; done < reads.size(); ++done) {
      reads[done].pending->why = why;
    }
  }
  verdicts_.write_down();
}

void Gather::read_stream(const std::vector<Read>& reads, std::unique_ptr<tapeio::TapeDrive> drive,
                         VerifiedMedium& sums, std::size_t& done) {
  using Kind = RestoreStream::Event::Kind;
  RestoreStream stream(
      std::move(drive), context_.workspace.identities(), reads.size(), [&](std::size_t number) {
        return RestoreStream::Wanted{to_extent(reads[number].place), reads[number].pending->size};
      });
  while (const auto event = stream.next()) {
    require_going_on();
    const Read& read = reads[event->number];
    std::size_t& failed_in_a_row = failing_.failures_in_a_row[read.place.medium.id];
    switch (event->kind) {
      case Kind::begin:
        file_ = directory_.create(name_of(read.pending->id));
        break;
      case Kind::data:
        file_->write(event->data);
        passed_(event->data.size());
        break;
      case Kind::zeros:
        file_->write_zeros(event->zeros);
        passed_(event->zeros);
        break;
      case Kind::end:
        failed_in_a_row = 0;
        finish(read, sums, event->digest);
        done = event->number + 1;
        break;
      case Kind::failed:
        file_.reset();
        if (is_damage(event->code)) {
          verdicts_.damaged(sums, read.place.bundle,
                            {.copy = read.place.copy, .size = read.pending->size, .hash = {}},
                            event->why);
        } else if ((event->code != ErrorCode::io && event->code != ErrorCode::not_permitted) ||
                   ++failed_in_a_row >= kMostFailuresInARow) {
          throw Error(event->code, event->why);
        }
        read.pending->why = "the copy on medium " + sums.label + ": " + event->why;
        done = event->number + 1;
        break;
    }
  }
}

void Gather::finish(const Read& read, VerifiedMedium& sums, const format::Digest& digest) {
  Pending& pending = *read.pending;
  const std::uint64_t damaged = sums.damaged;
  const catalog::Ledger::Held held{
      .copy = read.place.copy, .size = pending.size, .hash = context_.ledger.hash_of(pending.id)};
  if (file_->size() != pending.size) {
    verdicts_.damaged(sums, read.place.bundle, held, "it has another size than the content");
  } else {
    verdicts_.read(sums, read.place.bundle, held, digest);
  }
  if (sums.damaged > damaged) {
    file_.reset();
    pending.why = "the copy on medium " + sums.label + " is not the content";
    return;
  }
  file_->finish(plain_file(), Existing::replace);
  file_.reset();
  result_.files.emplace(pending.id, path_ / name_of(pending.id));
}

}  // namespace mixtape::service
