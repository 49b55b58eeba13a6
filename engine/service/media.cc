// SPDX-License-Identifier: Apache-2.0
#include "engine/service/media.h"

#include <cstdio>
#include <set>

#include "engine/archive/medium_writer.h"
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
                          : "add a medium: " + std::string(url) +
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

void label_medium(Context& context, std::string_view label, Reporter& reporter) {
  const auto placed = context.workspace.libraries().find(label);
  if (!placed) {
    throw Error(ErrorCode::not_found,
                "label medium " + std::string(label) +
                    ": no library has it now; `mixtape media list` shows all");
  }
  const archive::WriteContext write = write_context(context);
  const auto writer =
      archive::MediumWriter::open(write, context.ledger, *placed->library, placed->label,
                                  context.ledger.medium(label), reporter);
  if (!writer) {
    throw Error(ErrorCode::wrong_medium,
                "label medium " + std::string(label) +
                    ": it belongs to another catalog or holds something else; nothing was written");
  }
  if (!writer->labelled_now()) {
    throw Error(ErrorCode::conflict,
                "label medium " + std::string(label) + ": it belongs to this catalog already");
  }
  if (writer->must_close()) {
    writer->close();
  }
}

void move_medium(Context& context, std::string_view label, std::string_view location) {
  context.ledger.set_medium_location(known_medium(context, label).id, location);
}

void retire_medium(Context& context, std::string_view label) {
  context.ledger.set_medium_state(known_medium(context, label).id, catalog::MediumState::retired);
}

}  // namespace mixtape::service
