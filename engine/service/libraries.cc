// SPDX-License-Identifier: Apache-2.0
#include "engine/service/libraries.h"

#include <algorithm>
#include <utility>

#include "engine/archive/targets.h"
#include "engine/service/known_archives.h"
#include "engine/service/last_index.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

constexpr char kMergeMark = '~';
// Archives that are looked for on a cartridge whose label is damaged; each costs a locate.
constexpr std::size_t kMostProofs = 4;

// What keeps a library from being opened now and may pass; anything else is a wrong configuration.
bool may_pass(ErrorCode code) {
  return code == ErrorCode::not_found || code == ErrorCode::not_permitted ||
         code == ErrorCode::io || code == ErrorCode::locked || code == ErrorCode::no_medium;
}

// Reads what the medium says of itself.
Libraries::Lookup look_at(const tapeio::PlacedMedium& placed, const catalog::Medium& medium) {
  Libraries::Lookup found;
  try {
    const auto drive = placed.load(tapeio::Library::Access::read);
    const auto label = read_label(*drive);
    if (!label) {
      found.why_not = "the medium of that label in " + placed.library->url() + " is blank";
    } else if (is_damaged_twin(label->medium, medium.uuid)) {
      // As where the label itself is damaged.
    } else if (label->medium != medium.uuid) {
      found.why_not = "the medium of that label in " + placed.library->url() + " is another one (" +
                      to_hex(label->medium) + " instead of " + to_hex(medium.uuid) + ")";
    } else {
      found.label_read = true;
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::exhausted) {
      throw;
    }
    // Where the label itself is damaged the archives still prove what they are: each opens only
    // with the key that the catalog has for it.
    if (error.code() != ErrorCode::corrupt) {
      found.why_not = error.what();
    }
  }
  if (found.why_not.empty()) {
    found.medium = placed;
  }
  return found;
}

// The check for a medium that nobody looked at yet.
std::function<void(tapeio::TapeDrive&)> must_be(const tapeio::PlacedMedium& placed,
                                                const catalog::Medium& medium,
                                                std::vector<KnownArchive> archives) {
  return [what = "load medium " + placed.label + " in " + placed.library->url() + ": ",
          wanted = medium.uuid, archives = std::move(archives)](tapeio::TapeDrive& drive) {
    std::optional<format::MediumLabel> found;
    try {
      found = read_label(drive);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt && !is_of_medium(error.code())) {
        throw;
      }
      // A damaged label is no reason not to read what its archives hold. A stranger's tape under
      // our barcode has no label of ours either, but nothing of ours: its records would be taken
      // for damaged copies.
      if (holds_any(archives, drive).value_or(false)) {
        return;
      }
      throw Error(is_of_medium(error.code()) ? error.code() : ErrorCode::wrong_medium,
                  what +
                      "it does not say that it is one of ours, and holds no archive that the "
                      "catalog has there (" +
                      error.what() + ")");
    }
    const bool is_it =
        found && (found->medium == wanted || (is_damaged_twin(found->medium, wanted) &&
                                              holds_any(archives, drive).value_or(false)));
    if (!is_it) {
      throw Error(ErrorCode::wrong_medium, what + "it is " +
                                               (found ? "another one (" + to_hex(found->medium) +
                                                            " instead of " + to_hex(wanted) + ")"
                                                      : "blank") +
                                               "; put the right one in its place");
    }
  };
}

}  // namespace

bool may_be(std::string_view slot_label, const catalog::Medium& medium) {
  return medium.label == slot_label ||
         (medium.label.starts_with(slot_label) && medium.label[slot_label.size()] == kMergeMark);
}

std::vector<std::unique_ptr<Libraries::Known>>::iterator Libraries::find_known(
    const std::string& url) {
  return std::find_if(known_.begin(), known_.end(),
                      [&](const auto& each) { return each->url == url; });
}

Libraries::Libraries(std::vector<std::string> urls, LibrariesOptions options)
    : options_(std::move(options)) {
  use(std::move(urls));
}

void Libraries::use(std::vector<std::string> urls) {
  for (auto url = urls.begin(); url != urls.end(); ++url) {
    urls.erase(std::remove(std::next(url), urls.end(), *url), urls.end());
  }
  std::vector<std::unique_ptr<Known>> fresh;
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& url : urls) {
      if (find_known(url) == known_.end()) {
        fresh.push_back(std::make_unique<Known>(url));
      }
    }
  }
  for (const auto& each : fresh) {
    try {
      (void)open(*each, {});
    } catch (const Error& error) {
      if (!may_pass(error.code())) {
        throw;
      }
    }
  }
  // From here on nothing fails: somebody may be using what is known, now or never again.
  const std::lock_guard lock(mutex_);
  for (auto& each : fresh) {
    if (find_known(each->url) == known_.end()) {  // Else another command was quicker.
      known_.push_back(std::move(each));
    }
  }
  for (const auto& each : known_) {
    each->in_use = false;
  }
  for (std::size_t place = 0; place < urls.size(); ++place) {
    const auto wanted = find_known(urls[place]);
    (*wanted)->in_use = true;
    std::iter_swap(wanted, known_.begin() + static_cast<std::ptrdiff_t>(place));
  }
}

std::vector<std::string> Libraries::urls() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> urls;
  for (const auto& known : known_) {
    if (known->in_use) {
      urls.push_back(known->url);
    }
  }
  return urls;
}

bool Libraries::lock_opening(Known& known, const Patience& patience) const {
  constexpr std::chrono::milliseconds kLookForStop{100};
  const auto give_up = std::chrono::steady_clock::now() + options_.open_within;
  while (!known.opening.try_lock()) {
    if (!patience.waits || std::chrono::steady_clock::now() >= give_up) {
      return false;
    }
    tapeio::pause_unless_stopped(kLookForStop, patience.stop,
                                 "open library " + tapeio::url_for_people(known.url));
  }
  return true;
}

tapeio::Library& Libraries::open(Known& known, const Patience& patience) {
  std::unique_lock opening(known.opening, std::defer_lock);
  {
    const std::lock_guard lock(mutex_);
    if (known.library) {
      return *known.library;
    }
  }
  if (lock_opening(known, patience)) {
    opening = std::unique_lock(known.opening, std::adopt_lock);
  }
  {
    const std::lock_guard lock(mutex_);
    if (known.library) {
      return *known.library;
    }
    if (known.trouble && std::chrono::steady_clock::now() < known.open_again) {
      throw Error(*known.trouble);
    }
  }
  if (!opening) {
    throw Error(ErrorCode::busy, "open library " + tapeio::url_for_people(known.url) +
                                     ": another command is opening it; look again in a moment");
  }
  try {
    std::unique_ptr<tapeio::Library> library =
        options_.open ? options_.open(known.url) : tapeio::open_library(known.url, read_label_text);
    const std::lock_guard lock(mutex_);
    known.library = std::move(library);
    return *known.library;
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    known.trouble = error;
    known.open_again = std::chrono::steady_clock::now();
    if (!tapeio::directory_of_library(known.url)) {
      known.open_again += options_.open_again;
    }
    throw;
  }
}

Libraries::View Libraries::view(Look look, const Patience& patience) {
  std::vector<Known*> asked;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& known : known_) {
      if (known->in_use) {
        asked.push_back(known.get());
      }
    }
  }
  View view;
  for (Known* known : asked) {
    try {
      tapeio::Library& library = open(*known, patience);
      view.here.push_back({&library, look == Look::glance ? library.glance() : library.media()});
    } catch (const Error& error) {
      if (error.code() == ErrorCode::exhausted || error.code() == ErrorCode::cancelled) {
        throw;  // It is this process that cannot look, or is not to.
      }
      view.absent.push_back(error.what());
      view.robot_away = view.robot_away || known->url.starts_with(tapeio::kChangerScheme);
    }
  }
  return view;
}

std::vector<tapeio::Library*> Libraries::opened() {
  const std::lock_guard lock(mutex_);
  std::vector<tapeio::Library*> libraries;
  for (const auto& known : known_) {
    if (known->in_use && known->library) {
      libraries.push_back(known->library.get());
    }
  }
  return libraries;
}

std::vector<tapeio::Library*> Libraries::here(const std::stop_token& stop) {
  std::vector<tapeio::Library*> libraries;
  for (const Here& each : view(Look::glance, {.waits = true, .stop = stop}).here) {
    libraries.push_back(each.library);
  }
  return libraries;
}

std::vector<std::string> Libraries::absent() {
  return view(Look::glance, {}).absent;
}

bool Libraries::robot_away() {
  return view(Look::glance, {.waits = true}).robot_away;
}

std::vector<Libraries::Slot> Libraries::slots(Look look, const std::stop_token& stop) {
  std::vector<Slot> slots;
  for (Here& each : view(look, {.waits = look == Look::read, .stop = stop}).here) {
    for (tapeio::MediumSlot& medium : each.media) {
      slots.push_back({each.library, std::move(medium)});
    }
  }
  return slots;
}

std::optional<tapeio::PlacedMedium> Libraries::find(std::string_view label) {
  for (const Slot& slot : slots()) {
    if (slot.medium.label == label) {
      return tapeio::PlacedMedium{slot.library, slot.medium.label};
    }
  }
  return std::nullopt;
}

Libraries::Lookup Libraries::find(const catalog::Medium& medium, catalog::Ledger& ledger,
                                  Look look) {
  Lookup result;
  for (const Slot& slot : slots(look)) {
    if (!may_be(slot.medium.label, medium)) {
      continue;
    }
    const tapeio::PlacedMedium placed{slot.library, slot.medium.label};
    if (slot.library->mover() != nullptr) {
      // Looking would move cartridges, or disturb whoever has the drive.
      result.medium = placed;
      result.medium->check =
          must_be(placed, medium, known_archives(ledger, medium.id, kMostProofs));
      return result;
    }
    result = look_at(placed, medium);
    if (result.medium) {
      break;
    }
  }
  return result;
}

std::optional<tapeio::PlacedMedium> Libraries::drive_for(const catalog::Medium& medium,
                                                         catalog::Ledger& ledger) {
  // Where catalogs were merged, ours bears a mark that the tape does not.
  const std::string label = medium.label.substr(0, medium.label.find(kMergeMark));
  if (!archive::is_cartridge(medium) || !tapeio::is_valid_label(label)) {
    return std::nullopt;
  }
  const View now = view(Look::glance, {.waits = true});
  if (now.robot_away && archive::belongs_to_robot(medium)) {
    return std::nullopt;
  }
  for (const auto& [library, media] : now.here) {
    if (library->is_fed_by_hand()) {
      tapeio::PlacedMedium placed{.library = library, .label = label};
      placed.check = must_be(placed, medium, known_archives(ledger, medium.id, kMostProofs));
      placed.location = medium.location;
      return placed;
    }
  }
  return std::nullopt;
}

}  // namespace mixtape::service
