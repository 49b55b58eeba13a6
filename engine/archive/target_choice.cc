// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/target_choice.h"

#include <algorithm>
#include <limits>
#include <set>

#include "engine/archive/medium_writer.h"

namespace mixtape::archive {

TargetChoice::TargetChoice(const WriteContext& context, catalog::Ledger& ledger,
                           std::span<tapeio::Library* const> libraries, const JobItems& items,
                           const Domains& domains)
    : context_(context),
      ledger_(ledger),
      libraries_(libraries),
      items_(items),
      domains_(domains),
      targets_(targets_in(libraries, ledger, context.record_size)) {
  std::erase_if(targets_, [&](const Target& target) {
    return target.known && target.medium.id == context.leave_alone;
  });
  apart_ = lie_in_several_places();
}

bool TargetChoice::lie_in_several_places() const {
  std::set<std::string> places;
  for (const Target& target : targets_) {
    places.insert(domains_.place_of(target.medium));
  }
  places.erase("");
  return places.size() > 1;
}

// Its closing index is written over, hence counted as room.
std::uint64_t TargetChoice::bytes_for(const Target& target) const {
  if (is_full(target)) {
    return 0;
  }
  const JobItems::Wanted wanted = items_.wanted_by(taker(target.medium));
  MediumRoom room = room_in(context_, target);
  room.used_bytes -= target.known ? std::min(room.used_bytes, room.index_bytes) : 0;
  return wanted.smallest > 0 && archive_room(room) > wanted.smallest ? wanted.bytes : 0;
}

Target* TargetChoice::best_of_round() {
  Target* best = nullptr;
  std::uint64_t most = 0;
  for (Target& target : targets_) {
    if (target.done || (best != nullptr && !target.known)) {
      continue;
    }
    const std::uint64_t bytes = bytes_for(target);
    target.done = bytes == 0;  // What is wanted only becomes less.
    if (bytes > most) {
      best = &target;
      most = bytes;
      if (is_in_drive(target)) {
        break;
      }
    }
  }
  return best;
}

Target* TargetChoice::next() {
  Target* best = best_of_round();
  if (best == nullptr && apart_) {
    apart_ = false;
    for (Target& target : targets_) {
      target.done = false;
    }
    best = best_of_round();
  }
  if (best != nullptr) {
    best->done = true;
  }
  return best;
}

std::vector<Target> TargetChoice::on_shelf() const {
  std::vector<Target> targets =
      targets_to_fetch(libraries_, targets_, ledger_, context_.robot_away);
  std::erase_if(targets, [&](const Target& target) {
    return target.medium.id == context_.leave_alone || bytes_for(target) == 0;
  });
  std::ranges::stable_sort(targets, [&](const Target& a, const Target& b) {
    return items_.wanted_by(taker(a.medium)).bytes > items_.wanted_by(taker(b.medium)).bytes;
  });
  return targets;
}

Target* TargetChoice::next_on_shelf() {
  if (context_.for_people == tapeio::ForPeople::fail) {
    return nullptr;
  }
  std::vector<Target> targets = on_shelf();
  if (targets.empty()) {
    return nullptr;
  }
  Target& next = targets_.emplace_back(std::move(targets.front()));
  next.done = true;
  return &next;
}

std::uint64_t TargetChoice::most_plain_bytes() const {
  std::uint64_t most = 0;
  for (const Target& target : targets_) {
    MediumRoom room = room_in(context_, target);
    room.used_bytes = archaeology_bytes(room.record_size);
    most = std::max(most, archive_room(room));
  }
  return targets_.empty() ? std::numeric_limits<std::uint64_t>::max() : most;
}

}  // namespace mixtape::archive
