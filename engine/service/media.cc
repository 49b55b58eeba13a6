// SPDX-License-Identifier: Apache-2.0
#include "engine/service/media.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "engine/archive/load_waiting.h"
#include "engine/archive/medium_writer.h"
#include "engine/service/last_index.h"
#include "engine/service/writing.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

constexpr int kLastNumber = 9999;

tapeio::Library& library_for(Context& context, std::string_view url) {
  const std::string wanted = home::absolute_library_url(url, context.workspace.home().directory());
  (void)context.config();  // So that a library named there a moment ago is known.
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    if (url.empty() || library->url() == wanted) {
      return *library;
    }
  }
  throw Error(ErrorCode::not_found,
              url.empty() ? "add a medium: no library is here; see `libraries` in mixtape.toml"
                          : "add a medium: " + tapeio::url_for_people(url) +
                                " is no library of mixtape.toml, or not here now");
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

catalog::Medium known_medium(Context& context, std::string_view label) {
  const auto medium = context.ledger.medium(label);
  if (!medium) {
    throw Error(ErrorCode::not_found, "medium " + std::string(label) +
                                          ": the catalog does not know it; `mixtape media list` "
                                          "shows all");
  }
  return *medium;
}

tapeio::PlacedMedium placed_medium(Context& context, const std::string& verb,
                                   std::string_view label) {
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
tapeio::PlacedMedium medium_to_label(Context& context, std::string_view label) {
  if (const auto placed = context.workspace.libraries().find(label)) {
    return *placed;
  }
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    tapeio::CartridgeMover* mover = library->mover();
    for (const tapeio::DriveSlot& drive :
         mover == nullptr ? std::vector<tapeio::DriveSlot>{} : mover->drives()) {
      if (drive.medium && drive.medium->empty()) {
        return {library, std::string(label)};
      }
    }
  }
  return placed_medium(context, "label", label);
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

// Whether an archive of this medium stands where the catalog has it. Its label may be damaged, its
// archives still prove what it is.
bool holds_archive_of(Context& context, const catalog::Medium& medium, tapeio::TapeDrive& drive) {
  Bytes record(tapeio::kMaxRecordSize);
  for (const catalog::Bundle& bundle : context.ledger.bundles(medium.id)) {
    if (!bundle.archive_block || bundle.archive_header.empty()) {
      continue;
    }
    try {
      drive.locate(*bundle.archive_block);
      const tapeio::ReadResult read = drive.read_record(record);
      const ByteView header = bundle.archive_header;
      if (read.size >= header.size() &&
          std::ranges::equal(header, ByteView(record).first(header.size()))) {
        return true;
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::no_medium || error.code() == ErrorCode::exhausted) {
        throw;
      }
    }
  }
  return false;
}

// Not even --force writes over copies that this catalog counts on.
void require_no_medium_of_ours(Context& context, const tapeio::PlacedMedium& placed,
                               Reporter& reporter) {
  const auto drive = archive::load_and_tell(placed, tapeio::Library::Access::write, reporter,
                                            tapeio::ForPeople::fail);
  std::optional<format::MediumLabel> found;
  try {
    found = read_label(*drive);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt && error.code() != ErrorCode::unsupported) {
      throw;
    }
  }
  for (const catalog::Medium& medium : context.ledger.media()) {
    if (found ? medium.uuid == found->medium : holds_archive_of(context, medium, *drive)) {
      throw Error(ErrorCode::conflict, "label medium " + placed.label + ": it is medium " +
                                           medium.label +
                                           " of this catalog, and what is on it counts; nothing "
                                           "was written");
    }
  }
}

}  // namespace

std::string add_medium(Context& context, std::string_view label, std::string_view url,
                       std::optional<std::uint64_t> capacity_bytes) {
  const std::string name = label.empty() ? free_label(context) : std::string(label);
  if (context.ledger.medium(name)) {
    throw Error(ErrorCode::conflict, "add medium " + name + ": the catalog has one of that name");
  }
  library_for(context, url)
      .add_medium(name, capacity_bytes.value_or(context.config().medium_capacity));
  return name;
}

void label_medium(Context& context, std::string_view label, bool overwrite, Reporter& reporter) {
  tapeio::require_valid_label(label);
  const tapeio::PlacedMedium placed = medium_to_label(context, label);
  if (overwrite) {
    require_no_medium_of_ours(context, placed, reporter);
  }
  const archive::WriteContext write = write_context(context);
  const auto writer = archive::MediumWriter::open(
      write, context.ledger, *placed.library, placed.label, context.ledger.medium(label), reporter,
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
}

void load_medium(Context& context, std::string_view label, Reporter& reporter) {
  const tapeio::PlacedMedium placed = placed_medium(context, "load", label);
  if (placed.library->mover() == nullptr) {
    nothing_moves("load", label, *placed.library);
  }
  (void)archive::load_and_tell(placed, tapeio::Library::Access::read, reporter,
                               tapeio::ForPeople::fail);
}

void unload_medium(Context& context, std::string_view label) {
  mover_of(context, "unload", label).unload(label);
}

std::string export_medium(Context& context, std::string_view label) {
  return mover_of(context, "export", label).export_medium(label);
}

void clean_drive(Context& context, std::string_view drive) {
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    tapeio::CartridgeMover* mover = library->mover();
    if (mover == nullptr) {
      continue;
    }
    for (const tapeio::DriveSlot& slot : mover->drives()) {
      if (slot.name == drive || slot.device == drive) {
        mover->clean(slot.name);
        return;
      }
    }
  }
  throw Error(ErrorCode::not_found, "clean " + std::string(drive) +
                                        ": no library here has a drive of that name; `mixtape "
                                        "media list` shows them");
}

std::vector<DriveStatus> drives(Context& context) {
  std::vector<DriveStatus> all;
  for (tapeio::Library* library : context.workspace.libraries().here()) {
    if (tapeio::CartridgeMover* mover = library->mover()) {
      for (tapeio::DriveSlot& drive : mover->drives()) {
        all.push_back({library->url(), std::move(drive)});
      }
    }
  }
  return all;
}

void move_medium(Context& context, std::string_view label, std::string_view location) {
  context.ledger.set_medium_location(known_medium(context, label).id, location);
}

void retire_medium(Context& context, std::string_view label) {
  context.ledger.set_medium_state(known_medium(context, label).id, catalog::MediumState::retired);
}

}  // namespace mixtape::service
