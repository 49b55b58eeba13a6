// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_places.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "tapeio/bytes.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/library.h"

namespace mixtape::tapeio::lto {
namespace {

constexpr std::size_t kExportSlots = 4;
constexpr std::uint64_t kMostFileBytes = MiB;
constexpr std::string_view kSlot = "slot";
constexpr std::string_view kExport = "export";
constexpr std::string_view kDrive = "drive";

template <typename Numbers>
bool is_taken(const Numbers& numbers, std::size_t number) {
  return std::any_of(numbers.begin(), numbers.end(),
                     [number](const auto& entry) { return entry.second == number; });
}

template <typename Numbers>
std::size_t first_free(const Numbers& numbers) {
  std::size_t number = 1;
  while (is_taken(numbers, number)) {
    ++number;
  }
  return number;
}

}  // namespace

SimPlaces::SimPlaces(std::string file, std::size_t slots) : file_(std::move(file)), slots_(slots) {
  load();
}

void SimPlaces::load() {
  std::string text;
  try {
    text = as_text(read_file(file_, kMostFileBytes));
  } catch (const Error&) {
    return;  // Not there yet, or not readable: see the header.
  }
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string kind, label;
    std::size_t number = 0;
    fields >> kind >> number >> label;
    Numbers* numbers = kind == kSlot     ? &stored_
                       : kind == kExport ? &exported_
                       : kind == kDrive  ? &loaded_
                                         : nullptr;
    const bool is_known = numbers == &loaded_
                              ? loaded_.contains(label)
                              : stored_.contains(label) || exported_.contains(label);
    if (numbers != nullptr && is_valid_label(label) && !is_known && number > 0 &&
        !is_taken(*numbers, number)) {
      numbers->emplace(label, number);
    }
  }
}

void SimPlaces::save() const {
  std::string text = "# Where the cartridges of this simulated library are.\n";
  for (const auto& [label, number] : stored_) {
    text.append(kSlot).append(" ").append(std::to_string(number)).append(" " + label + "\n");
  }
  for (const auto& [label, number] : exported_) {
    text.append(kExport).append(" ").append(std::to_string(number)).append(" " + label + "\n");
  }
  for (const auto& [label, number] : loaded_) {
    text.append(kDrive).append(" ").append(std::to_string(number)).append(" " + label + "\n");
  }
  write_file_durably(file_, as_bytes(text));
}

void SimPlaces::meet(const std::vector<std::string>& labels) {
  const auto is_gone = [&](const auto& entry) {
    return std::find(labels.begin(), labels.end(), entry.first) == labels.end();
  };
  std::erase_if(stored_, is_gone);
  std::erase_if(exported_, is_gone);
  std::erase_if(loaded_, is_gone);
  for (const std::string& label : labels) {
    if (!stored_.contains(label) && !exported_.contains(label)) {
      stored_.emplace(label, first_free(stored_));
    }
  }
}

void SimPlaces::require_room() {
  if (stored_.size() >= slots_) {
    throw Error(ErrorCode::no_space, "add medium: all " + std::to_string(slots_) +
                                         " slots of the simulated library have one");
  }
}

void SimPlaces::export_one(std::string_view label) {
  if (exported_.contains(label)) {
    return;
  }
  if (exported_.size() == kExportSlots) {
    throw Error(ErrorCode::no_space, "export medium " + std::string(label) +
                                         ": all import/export slots are full: take one out");
  }
  const auto stored = stored_.find(label);
  exported_.emplace(label, first_free(exported_));
  if (stored != stored_.end()) {
    stored_.erase(stored);
  }
}

void SimPlaces::import_one(std::string_view label) {
  const auto found = exported_.find(label);
  if (found != exported_.end()) {
    stored_.emplace(label, first_free(stored_));
    exported_.erase(found);
  }
}

bool SimPlaces::is_exported(std::string_view label) const {
  return exported_.contains(label);
}

void SimPlaces::put_into_drive(std::string_view label, std::size_t drive) {
  std::erase_if(loaded_, [&](const auto& entry) { return entry.second == drive; });
  loaded_.insert_or_assign(std::string(label), drive);
}

void SimPlaces::take_out_of_drive(std::string_view label) {
  if (const auto found = loaded_.find(label); found != loaded_.end()) {
    loaded_.erase(found);
  }
}

std::string SimPlaces::in_drive(std::size_t drive) const {
  const auto found = std::find_if(loaded_.begin(), loaded_.end(),
                                  [drive](const auto& entry) { return entry.second == drive; });
  return found == loaded_.end() ? "" : found->first;
}

std::string SimPlaces::place_of(std::string_view label) const {
  if (const auto found = exported_.find(label); found != exported_.end()) {
    return "import/export " + std::to_string(found->second);
  }
  const auto found = stored_.find(label);
  return found == stored_.end() ? "" : "slot " + std::to_string(found->second);
}

}  // namespace mixtape::tapeio::lto
