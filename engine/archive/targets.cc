// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/targets.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/archive/medium_writer.h"
#include "engine/format/age_stream.h"
#include "engine/format/archaeology.h"
#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

bool is_before(const Target& a, const Target& b) {
  if (a.known != b.known) {
    return a.known;
  }
  if (is_in_drive(a) != is_in_drive(b)) {
    return is_in_drive(a);
  }
  return a.known && a.slot.used_bytes > b.slot.used_bytes;
}

}  // namespace

bool is_in_drive(const Target& target) {
  return target.slot.loaded && target.library->mover() != nullptr;
}

bool is_full(const Target& target) {
  return target.medium.state == catalog::MediumState::full;
}

bool is_foreign(const Target& target) {
  return !target.known && target.slot.used_bytes > 0;
}

std::uint64_t archaeology_bytes(std::uint64_t record_size) {
  format::MediumLabel label;
  label.label = "MX";
  label.record_size = record_size;
  label.program = "mixtape";
  return format::build_archaeology(label).size();
}

std::uint64_t used_as_known(const catalog::Medium& medium,
                            std::span<const catalog::Bundle> bundles) {
  const std::uint64_t record = medium.record_size;
  std::uint64_t used = archaeology_bytes(record);
  for (const catalog::Bundle& bundle : bundles) {
    const std::uint64_t block = bundle.archive_block.value_or(0), filemarks = bundle.index_file + 1;
    const std::uint64_t sealed =
        format::cipher_size(bundle.archive_header.size(), bundle.plain_bytes);
    const std::uint64_t before = block > filemarks ? block - filemarks : 0;
    used = std::max(used, (before + (sealed + record - 1) / record) * record);
  }
  return used;
}

MediumRoom room_in(const WriteContext& context, const Target& target) {
  const std::uint64_t record_size = target.medium.record_size;
  MediumRoom room{.capacity_bytes = target.slot.capacity_bytes ? target.slot.capacity_bytes
                                                               : target.medium.capacity_bytes,
                  .used_bytes = target.slot.used_bytes,
                  .record_size = record_size,
                  .index_bytes = estimated_index_bytes(context, record_size),
                  .warning_zone_bytes = context.warning_zone_bytes.value_or(
                      assumed_warning_zone(target.slot.capacity_bytes))};
  if (room.used_bytes == 0) {
    room.used_bytes = archaeology_bytes(record_size) +
                      round_up(context.archaeology.bytes_for(room.capacity_bytes), record_size);
  }
  return room;
}

std::vector<Target> targets_in(std::span<tapeio::Library* const> libraries, catalog::Ledger& ledger,
                               std::uint64_t record_size) {
  std::vector<Target> targets;
  for (tapeio::Library* library : libraries) {
    for (const tapeio::MediumSlot& slot : library->media()) {
      if (!tapeio::is_valid_label(slot.label)) {
        continue;  // Nobody named it yet: `mixtape media label` does.
      }
      const std::optional<catalog::Medium> row = ledger.medium(slot.label);
      Target target{library, slot, row.value_or(catalog::Medium{}), row.has_value()};
      target.medium.label = slot.label;
      const bool lacks_index = is_full(target) && ledger.has_open_end(target.medium.id);
      if (target.medium.state != catalog::MediumState::active && !lacks_index) {
        continue;
      }
      if (!row) {
        target.medium.record_size = record_size;
      }
      targets.push_back(std::move(target));
    }
  }
  std::ranges::stable_sort(targets, is_before);
  return targets;
}

bool is_cartridge(const catalog::Medium& medium) {
  return medium.kind != "dir" && medium.kind != "sim";
}

bool belongs_to_robot(const catalog::Medium& medium) {
  return medium.kind == "changer";
}

std::vector<Target> targets_to_fetch(std::span<tapeio::Library* const> libraries,
                                     std::span<const Target> here, catalog::Ledger& ledger,
                                     const std::function<bool()>& robot_away) {
  const auto by_hand = std::ranges::find_if(
      libraries, [](const tapeio::Library* each) { return each->is_fed_by_hand(); });
  if (by_hand == libraries.end()) {
    return {};
  }
  const bool lacks_robots = robot_away && robot_away();
  std::vector<Target> targets;
  for (const catalog::Medium& medium : ledger.media()) {
    const bool is_here = std::ranges::any_of(
        here, [&](const Target& target) { return target.medium.label == medium.label; });
    if (is_here || medium.state != catalog::MediumState::active || !is_cartridge(medium) ||
        !tapeio::is_valid_label(medium.label) || (lacks_robots && belongs_to_robot(medium))) {
      continue;
    }
    tapeio::MediumSlot slot{.label = medium.label, .capacity_bytes = medium.capacity_bytes};
    slot.used_bytes = used_as_known(medium, ledger.bundles(medium.id));
    targets.push_back({*by_hand, std::move(slot), medium, /*known=*/true});
  }
  std::ranges::stable_sort(targets, is_before);
  return targets;
}

bool is_in_reach(const Target& target) {
  if (!target.library->is_fed_by_hand()) {
    return true;
  }
  try {
    const std::vector<tapeio::MediumSlot> now = target.library->media();
    return std::ranges::any_of(
        now, [&](const tapeio::MediumSlot& slot) { return slot.label == target.slot.label; });
  } catch (const Error& error) {
    if (error.code() == ErrorCode::exhausted) {
      throw;
    }
    return true;  // Loading it says what is wrong.
  }
}

std::string what_gives_room(std::span<tapeio::Library* const> libraries,
                            std::span<const Target> on_shelf) {
  if (!on_shelf.empty()) {
    const catalog::Medium& medium = on_shelf.front().medium;
    return "put tape " + medium.label +
           (medium.location.empty() ? "" : " (" + medium.location + ")") + " into " +
           on_shelf.front().library->url();
  }
  std::string disks, cartridges;
  for (const tapeio::Library* library : libraries) {
    if (tapeio::directory_of_library(library->url())) {
      disks =
          "make another medium with `mixtape media add`, or bring one on another disk within "
          "reach";
    } else if (cartridges.empty()) {
      cartridges = library->is_fed_by_hand()
                       ? "put another tape into " + library->url() +
                             " (`mixtape media label` gives an empty one its name)"
                       : "put another cartridge into " + library->url();
    }
  }
  if (disks.empty() && cartridges.empty()) {
    return "bring a library within reach (`mixtape doctor` says which are not)";
  }
  return disks + (disks.empty() || cartridges.empty() ? "" : "; or ") + cartridges;
}

std::string why_no_room(std::span<const Target> targets) {
  return targets.empty() ? "none is within reach"
                         : "each is full, is not ours, has failed or cannot be written to now, has "
                           "or had a copy of it, or lies on the disk that has one";
}

std::string news_without_place(std::span<tapeio::Library* const> libraries,
                               std::span<const Target> targets) {
  return "no medium carries this news yet: " + why_no_room(targets) + "; " +
         what_gives_room(libraries, {}) +
         ", then the next job that changes something is told there";
}

}  // namespace mixtape::archive
