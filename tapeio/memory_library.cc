// SPDX-License-Identifier: Apache-2.0
#include "tapeio/memory_library.h"

#include <utility>

#include "tapeio/error.h"

namespace mixtape::tapeio {

// Gives the medium back to its slot when the drive is handed back.
class LoadedMemoryDrive final : public MemoryDrive {
 public:
  LoadedMemoryDrive(MemoryLibrary& library, MemoryMedium& medium, bool writable)
      : MemoryDrive(medium, writable), library_(library), label_(medium.options().label) {}
  ~LoadedMemoryDrive() override { library_.unload(label_); }

 private:
  MemoryLibrary& library_;
  std::string label_;
};

MemoryLibrary::MemoryLibrary(MemoryLibraryOptions options) : options_(std::move(options)) {}

MemoryMedium& MemoryLibrary::find_locked(const std::string& label) {
  const auto found = media_.find(label);
  if (found == media_.end()) {
    throw Error(ErrorCode::not_found,
                "find medium " + label + " in " + options_.url + ": it is not there");
  }
  return *found->second;
}

MemoryMedium& MemoryLibrary::medium(std::string_view label) {
  const std::lock_guard lock(mutex_);
  return find_locked(std::string(label));
}

std::unique_ptr<MemoryMedium> MemoryLibrary::take_out(std::string_view label) {
  const std::lock_guard lock(mutex_);
  const std::string name(label);
  static_cast<void>(find_locked(name));
  MIXTAPE_ASSERT(!loaded_.contains(name));
  return std::move(media_.extract(name).mapped());
}

void MemoryLibrary::put_in(std::unique_ptr<MemoryMedium> medium) {
  const std::lock_guard lock(mutex_);
  const std::string label = medium->options().label;
  const bool is_new = media_.emplace(label, std::move(medium)).second;
  MIXTAPE_ASSERT(is_new);
}

std::string MemoryLibrary::url() const {
  return options_.url;
}

std::vector<MediumSlot> MemoryLibrary::media() {
  const std::lock_guard lock(mutex_);
  std::vector<MediumSlot> slots;
  for (const auto& [label, medium] : media_) {
    const auto loaded = loaded_.find(label);
    const bool is_loaded = loaded != loaded_.end();
    slots.push_back({.label = label,
                     .used_bytes = is_loaded ? loaded->second : medium->used_bytes(),
                     .capacity_bytes = medium->options().space.capacity_bytes,
                     .loaded = is_loaded});
  }
  return slots;
}

void MemoryLibrary::add_medium(std::string_view label, std::uint64_t capacity_bytes) {
  require_valid_label(label);
  const std::lock_guard lock(mutex_);
  std::string name(label);
  if (media_.contains(name)) {
    throw Error(ErrorCode::conflict, "add medium " + name + ": it exists");
  }
  MediumSpace space = MediumSpace::with_default_warning(capacity_bytes);
  space.filemark_bytes = options_.filemark_bytes;
  auto medium = std::make_unique<MemoryMedium>(MemoryMediumOptions{.label = name, .space = space});
  media_.emplace(std::move(name), std::move(medium));
}

std::unique_ptr<TapeDrive> MemoryLibrary::load(std::string_view label, Access access,
                                               const LoadWatch& /*watch*/) {
  const std::lock_guard lock(mutex_);
  const std::string name(label);
  MemoryMedium& medium = find_locked(name);
  if (loaded_.contains(name) || loaded_.size() == options_.drive_count) {
    throw Error(ErrorCode::busy, "load medium " + name + ": " +
                                     (loaded_.contains(name) ? "it is in a drive already"
                                                             : "every drive is in use"));
  }
  loaded_.emplace(name, medium.used_bytes());
  std::unique_ptr<TapeDrive> drive = std::make_unique<TracedDrive>(
      std::make_unique<LoadedMemoryDrive>(*this, medium, access == Access::write), trace_);
  return options_.wrap_drive ? options_.wrap_drive(std::move(drive), medium) : std::move(drive);
}

void MemoryLibrary::unload(const std::string& label) {
  const std::lock_guard lock(mutex_);
  loaded_.erase(label);
}

}  // namespace mixtape::tapeio
