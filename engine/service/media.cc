// SPDX-License-Identifier: Apache-2.0
#include "engine/service/media.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "engine/archive/load_waiting.h"
#include "engine/archive/medium_writer.h"
#include "engine/archive/stranger.h"
#include "engine/home/config.h"
#include "engine/service/known_archives.h"
#include "engine/service/last_index.h"
#include "engine/service/media_state.h"
#include "engine/service/writing.h"
#include "tapeio/changer.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

constexpr int kLastNumber = 9999;
// The texts at its beginning, an index, an archive and a closing index take a record each.
constexpr std::uint64_t kLeastCapacity = 4 * MiB;

tapeio::Library& library_for(Context& context, const std::string& what, std::string_view url) {
  const std::string wanted = home::absolute_library_url(url, context.workspace.home().directory());
  (void)context.config();  // So that a library named there a moment ago is known.
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    if (url.empty() || library->url() == tapeio::url_for_people(wanted)) {
      return *library;
    }
  }
  std::string why;
  for (const std::string& absent : context.workspace.libraries().absent()) {
    why += "; " + absent;
  }
  throw Error(ErrorCode::not_found,
              (url.empty() ? what + ": no library is here; see `libraries` in mixtape.toml"
                           : what + ": " + tapeio::url_for_people(url) +
                                 " is no library of mixtape.toml, or not here now") +
                  why);
}

std::string free_label(Context& context) {
  std::set<std::string> taken;
  for (const catalog::Medium& medium : context.ledger.media()) {
    taken.insert(medium.label);
  }
  for (const Libraries::Slot& slot : context.workspace.libraries().slots()) {
    taken.insert(slot.medium.label);
  }
  for (int number = 1; number <= kLastNumber; ++number) {
    char label[16];
    std::snprintf(label, sizeof label, "MX%04d", number);
    if (!taken.contains(label)) {
      return label;
    }
  }
  throw Error(ErrorCode::conflict,
              "add a medium: MX0001 to MX9999 are all taken; name it yourself");
}

void require_no_cleaning_cartridge(const std::string& verb, std::string_view label) {
  if (tapeio::is_cleaning_barcode(std::string(label))) {
    throw Error(ErrorCode::invalid, verb + " medium " + std::string(label) +
                                        ": it is a cleaning cartridge; `mixtape media clean "
                                        "DRIVE` cleans with it");
  }
}

tapeio::PlacedMedium placed_medium(Context& context, const std::string& verb,
                                   std::string_view label) {
  require_no_cleaning_cartridge(verb, label);
  const auto placed = context.workspace.libraries().find(label);
  if (!placed) {
    throw Error(ErrorCode::not_found,
                verb + " medium " + std::string(label) +
                    ": no library has it now; `mixtape media list` shows all");
  }
  return *placed;
}

// A robot knows its cartridges by their barcodes. Where a human puts them in, an empty one has no
// name yet: it is the one in the drive.
tapeio::PlacedMedium medium_to_label(Context& context, std::string_view label,
                                     std::string_view url) {
  tapeio::Library* const wanted =
      url.empty() ? nullptr : &library_for(context, "label a medium", url);
  for (const Libraries::Slot& slot : context.workspace.libraries().slots()) {
    if (slot.medium.label == label && (wanted == nullptr || slot.library == wanted)) {
      return {slot.library, slot.medium.label};
    }
  }
  std::vector<tapeio::Library*> nameless;
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    if (!library->is_fed_by_hand() || (wanted != nullptr && library != wanted)) {
      continue;
    }
    const std::vector<tapeio::DriveSlot> drives = library->mover()->drives();
    if (std::ranges::any_of(drives, [](const auto& drive) { return drive.medium == ""; })) {
      nameless.push_back(library);
    }
  }
  if (nameless.size() > 1) {
    std::string urls;
    for (const tapeio::Library* library : nameless) {
      urls += (urls.empty() ? "" : ", ") + library->url();
    }
    throw Error(ErrorCode::conflict, "label medium " + std::string(label) +
                                         ": more than one drive holds a tape without a name (" +
                                         urls + "); say which with --library URL");
  }
  return nameless.empty() ? placed_medium(context, "label", label)
                          : tapeio::PlacedMedium{nameless.front(), std::string(label)};
}

// Of the libraries that are here and have one.
std::vector<tapeio::CartridgeMover*> movers(Context& context) {
  std::vector<tapeio::CartridgeMover*> all;
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    if (tapeio::CartridgeMover* mover = library->mover()) {
      all.push_back(mover);
    }
  }
  return all;
}

[[noreturn]] void nothing_moves(const std::string& verb, std::string_view label,
                                const tapeio::Library& library) {
  throw Error(ErrorCode::unsupported, verb + " medium " + std::string(label) + ": " +
                                          library.url() +
                                          " has no drives, its media are always within reach");
}

tapeio::CartridgeMover& mover_of(Context& context, const std::string& verb,
                                 std::string_view label) {
  const tapeio::PlacedMedium placed = placed_medium(context, verb, label);
  if (placed.library->mover() == nullptr) {
    nothing_moves(verb, label, *placed.library);
  }
  return *placed.library->mover();
}

// Which of these media it is that has no label that can be read: one of their archives tells.
Recognised recognise_by_archives(Context& context, const std::vector<catalog::Medium>& media,
                                 const std::string& label, tapeio::TapeDrive& drive,
                                 Reporter& reporter) {
  std::vector<std::vector<KnownArchive>> archives;
  for (const catalog::Medium& medium : media) {
    archives.push_back(known_archives(context.ledger, medium.id));
  }
  return recognise(archives, drive, [&](std::size_t done, std::size_t all) {
    if (reporter.stop().stop_requested()) {
      throw Error(ErrorCode::cancelled, "label medium " + label + ": stopped; nothing was written");
    }
    reporter.progress({.phase = "look for archives of this catalog on " + label,
                       .part = static_cast<double>(done) / static_cast<double>(all)});
  });
}

// Not even --force writes over copies that this catalog counts on.
void require_no_medium_of_ours(Context& context, const tapeio::PlacedMedium& placed,
                               Reporter& reporter) {
  const auto drive = archive::load_and_tell(placed, tapeio::Library::Access::write, reporter,
                                            tapeio::ForPeople::fail);
  const std::vector<catalog::Medium> media = context.ledger.media();
  Recognised found;
  if (const auto label = read_label_if_readable(*drive)) {
    const auto its = std::ranges::find(media, label->medium, &catalog::Medium::uuid);
    if (its != media.end()) {
      found.is = static_cast<std::size_t>(its - media.begin());
    }
  } else {
    found = recognise_by_archives(context, media, placed.label, *drive, reporter);
  }
  if (found.may_be) {
    throw Error(ErrorCode::io, "label medium " + placed.label +
                                   ": nothing on it can be read, so it may be medium " +
                                   media[*found.may_be].label +
                                   " of this catalog; nothing was written. Clean the drive, or try "
                                   "another");
  }
  if (found.is) {
    throw Error(ErrorCode::conflict, "label medium " + placed.label + ": it is medium " +
                                         media[*found.is].label +
                                         " of this catalog, and what is on it counts; nothing was "
                                         "written");
  }
}

}  // namespace

void require_usable_capacity(std::uint64_t capacity_bytes) {
  if (capacity_bytes < kLeastCapacity) {
    throw Error(ErrorCode::invalid, "a medium of " + home::format_size(capacity_bytes) +
                                        " holds no archive beside its own texts and indexes; give "
                                        "it " +
                                        home::format_size(kLeastCapacity) + " or more");
  }
}

std::string add_medium(Context& context, std::string_view label, std::string_view url,
                       std::optional<std::uint64_t> capacity_bytes) {
  const std::string name = label.empty() ? free_label(context) : std::string(label);
  if (context.ledger.medium(name)) {
    throw Error(ErrorCode::conflict, "add medium " + name + ": the catalog has one of that name");
  }
  if (const auto library = library_with(context, name)) {
    throw Error(ErrorCode::conflict,
                "add medium " + name + ": " + *library + " has one of that name; choose another");
  }
  if (capacity_bytes) {
    require_usable_capacity(*capacity_bytes);
  }
  library_for(context, "add a medium", url)
      .add_medium(name, capacity_bytes.value_or(context.config().medium_capacity));
  return name;
}

void label_medium(Context& context, std::string_view label, bool overwrite, Reporter& reporter,
                  std::string_view url) {
  tapeio::require_valid_label(label);
  const tapeio::PlacedMedium placed = medium_to_label(context, label, url);
  if (overwrite) {
    require_no_medium_of_ours(context, placed, reporter);
  }
  const archive::WriteContext write = write_context(context);
  auto writer = archive::MediumWriter::open(write, context.ledger, *placed.library, placed.label,
                                            context.ledger.medium(label), reporter,
                                            overwrite ? archive::MediumWriter::Stranger::overwrite
                                                      : archive::MediumWriter::Stranger::leave);
  if (!writer) {
    throw Error(ErrorCode::wrong_medium,
                "label medium " + std::string(label) +
                    ": it is not empty; nothing was written. `mixtape media label --force " +
                    std::string(label) + "` would write over it, and what it holds is lost then");
  }
  if (!writer->labelled_now()) {
    throw Error(ErrorCode::conflict,
                "label medium " + std::string(label) + ": it belongs to this catalog already");
  }
  if (writer->must_close()) {
    writer->close();
  }
  writer.reset();  // The drive comes back.
  record_health(context);
}

std::string describe_contents(Context& context, tapeio::TapeDrive& drive) {
  try {
    const auto label = read_label_if_readable(drive);
    if (label && label->catalog == context.ledger.catalog_uuid()) {
      return "medium " + label->label + " of this catalog";
    }
  } catch (const Error& error) {
    if (!is_of_medium(error.code())) {
      throw;
    }
    // A worn beginning: it is described as such.
  }
  return archive::describe_stranger(drive);
}

void load_medium(Context& context, std::string_view label, Reporter& reporter) {
  const tapeio::PlacedMedium placed = placed_medium(context, "load", label);
  if (placed.library->mover() == nullptr) {
    nothing_moves("load", label, *placed.library);
  }
  std::unique_ptr<tapeio::TapeDrive> drive;
  try {
    drive = archive::load_and_tell(placed, tapeio::Library::Access::read, reporter,
                                   tapeio::ForPeople::fail);
  } catch (const Error&) {
    record_health(context);  // A drive may raise alerts for a cartridge that it refuses.
    throw;
  }
  if (!context.ledger.medium(label)) {
    reporter.note("medium " + std::string(label) + " is not in the catalog: it holds " +
                  describe_contents(context, *drive));
  }
  drive.reset();  // It comes back, and tells how it is.
  record_health(context);
}

void unload_medium(Context& context, std::string_view label) {
  mover_of(context, "unload", label).unload(label);
}

std::string export_medium(Context& context, std::string_view label) {
  for (tapeio::CartridgeMover* mover : movers(context)) {
    const auto cleaning = mover->cleaning_cartridges();
    if (std::ranges::find(cleaning, label, &tapeio::CleaningCartridge::label) != cleaning.end()) {
      return mover->export_medium(label);
    }
  }
  if (tapeio::is_cleaning_barcode(std::string(label))) {
    throw Error(ErrorCode::not_found,
                "export cleaning cartridge " + std::string(label) +
                    ": no library here has it; `mixtape media list` shows those that are here");
  }
  return mover_of(context, "export", label).export_medium(label);
}

void clean_drive(Context& context, std::string_view drive) {
  for (tapeio::CartridgeMover* mover : movers(context)) {
    for (const tapeio::DriveSlot& slot : mover->drives()) {
      if (slot.name == drive || slot.device == drive) {
        mover->clean(slot.name);
        note_cleaned(context, slot.identity, slot.serial);
        return;
      }
    }
  }
  throw Error(ErrorCode::not_found, "clean " + std::string(drive) +
                                        ": no library here has a drive of that name; `mixtape "
                                        "media list` shows them");
}

std::vector<CleaningStatus> cleaning_cartridges(Context& context) {
  std::vector<CleaningStatus> all;
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    if (tapeio::CartridgeMover* mover = library->mover()) {
      for (tapeio::CleaningCartridge& cartridge : mover->cleaning_cartridges()) {
        all.push_back({.library = library->url(), .cartridge = std::move(cartridge)});
      }
    }
  }
  return all;
}

std::vector<DriveStatus> drives(Context& context) {
  std::vector<DriveStatus> all;
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    if (tapeio::CartridgeMover* mover = library->mover()) {
      for (tapeio::DriveSlot& drive : mover->drives()) {
        all.push_back({.library = library->url(), .drive = std::move(drive)});
      }
    }
  }
  const std::vector<catalog::HealthSample> known = known_health(context);
  for (DriveStatus& each : all) {
    const auto its = std::ranges::find_if(known, [&](const catalog::HealthSample& sample) {
      return !each.drive.serial.empty() && sample.report.serial == each.drive.serial;
    });
    if (its != known.end()) {
      each.health = *its;
    }
  }
  return all;
}

void move_medium(Context& context, std::string_view label, std::string_view location) {
  catalog::Transaction transaction(context.database);
  context.ledger.set_medium_location(known_medium(context, label).id, location, context.now_s());
  context.ledger.add_news();
  transaction.commit();
}

}  // namespace mixtape::service
