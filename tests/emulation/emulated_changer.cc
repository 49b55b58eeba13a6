// SPDX-License-Identifier: Apache-2.0
#include "tests/emulation/emulated_changer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::test {

using tapeio::scsi::Command;
using tapeio::scsi::Reply;
using tapeio::scsi::Status;

namespace {

using Data = std::vector<std::uint8_t>;
using Cdb = std::span<const std::uint8_t>;

enum Kind : std::uint8_t { kTransport = 1, kSlot = 2, kDoor = 3, kDrive = 4 };

struct SenseTriple {
  std::uint8_t key, asc, ascq;
};
constexpr SenseTriple kInvalidCommand{0x5, 0x20, 0x00}, kInvalidField{0x5, 0x24, 0x00},
    kInvalidElement{0x5, 0x21, 0x01}, kDestinationFull{0x5, 0x3b, 0x0d},
    kSourceEmpty{0x5, 0x3b, 0x0e}, kRemovalPrevented{0x5, 0x53, 0x03},
    kBecomingReady{0x2, 0x04, 0x01}, kInitializationRequired{0x2, 0x04, 0x02},
    kJammed{0x4, 0x15, 0x01}, kReset{0x6, 0x29, 0x00}, kDoorAccessed{0x6, 0x28, 0x01};

struct Place {
  std::uint8_t kind = 0;
  std::uint16_t address = 0;
  bool is_full = false;
  StickeredCartridge content = {};
  std::optional<std::uint16_t> source = std::nullopt;
  std::optional<EmulatedBay> bay = std::nullopt;
};

void put_16(Data& data, std::size_t value) {
  data.push_back(static_cast<std::uint8_t>(value >> 8));
  data.push_back(static_cast<std::uint8_t>(value & 0xff));
}

void put_24(Data& data, std::size_t value) {
  data.push_back(static_cast<std::uint8_t>(value >> 16));
  put_16(data, value & 0xffff);
}

void put_text(Data& data, const std::string& text, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    data.push_back(static_cast<std::uint8_t>(i < text.size() ? text[i] : ' '));
  }
}

std::size_t get_16(Cdb cdb, std::size_t at) {
  return std::size_t{cdb[at]} << 8 | cdb[at + 1];
}

bool is_zero(Cdb cdb, std::initializer_list<std::size_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [&](std::size_t at) { return cdb[at] == 0; });
}

std::size_t size_of(std::uint8_t operation) {
  return operation < 0x20 ? 6 : operation < 0x60 ? 10 : operation < 0xa0 ? 16 : 12;
}

}  // namespace

struct EmulatedChanger::State {
  explicit State(EmulatedChangerOptions with) : options(std::move(with)) {}

  EmulatedChangerOptions options;
  mutable std::mutex mutex;
  std::vector<Place> places;
  std::vector<EmulatedChangerFault> faults;
  std::vector<std::uint8_t> commands;
  std::uint64_t door_accesses = 0;
  bool is_lost = false;
  bool is_door_locked = false;

  Place* find(std::size_t address) {
    const auto found = std::find_if(places.begin(), places.end(),
                                    [&](const Place& each) { return each.address == address; });
    return found == places.end() ? nullptr : &*found;
  }

  // The plan for this command, which is done with then.
  std::optional<EmulatedChangerFault> fault_for(std::uint8_t operation) {
    std::optional<EmulatedChangerFault> now;
    for (auto fault = faults.begin(); fault != faults.end();) {
      const bool is_other = fault->operation && *fault->operation != operation;
      if (is_other || (now && fault->command == 0)) {
        ++fault;  // Of two for the same command the second waits for the next.
      } else if (fault->command > 0) {
        --fault->command;
        ++fault;
      } else {
        now = *fault;
        fault = faults.erase(fault);
      }
    }
    return now;
  }

  Data inquiry(Cdb cdb) const {
    require(is_zero(cdb, {1, 2, 5}));
    Data data{0x08, 0x80, 0x06, 0x02, 31, 0, 0, 0};
    put_text(data, options.vendor, 8);
    put_text(data, options.product, 16);
    put_text(data, options.revision, 4);
    data.resize(std::min(data.size(), get_16(cdb, 3)));
    return data;
  }

  Data mode_sense(Cdb cdb) const {
    const std::uint8_t page = cdb[2] & 0x3f;
    require(is_zero(cdb, {3, 5}) && (cdb[1] & ~0x08) == 0 && cdb[2] == page);
    require(!options.lacking_mode_pages.contains(page));
    Data data{0, 0, 0, 0};
    if (page == 0x1d) {
      data.insert(data.end(), {0x1d, 0x12});
      for (const auto& [first, count] :
           {std::pair{options.first_transport, 1U}, std::pair{options.first_slot, options.slots},
            std::pair{options.first_import_export, options.import_exports},
            std::pair{options.first_drive, options.drives}}) {
        put_16(data, first);
        put_16(data, count);
      }
      data.insert(data.end(), {0, 0});
    } else if (page == 0x1f) {
      const std::uint8_t from_drive = options.moves_from_drive_to_door ? 0x0e : 0x0a;
      data.insert(data.end(), {0x1f, 0x12, 0x0e, 0, 0x0e, 0x0e, 0x0e, from_drive});
      data.resize(data.size() + 12);
    } else {
      throw kInvalidField;
    }
    data[0] = static_cast<std::uint8_t>(data.size() - 1);
    data.resize(std::min(data.size(), std::size_t{cdb[4]}));
    return data;
  }

  bool is_accessible(const Place& place) const {
    return !place.is_full || !place.bay || options.like_tgt || place.bay->is_unloaded();
  }

  Data descriptor(const Place& place, bool with_tag, bool with_identifier) const {
    Data data;
    put_16(data, place.address);
    std::uint8_t flags = place.is_full ? 0x01 : 0x00;
    // tgt does not know the bit.
    flags |= !options.like_tgt && place.kind != kTransport && is_accessible(place) ? 0x08 : 0x00;
    flags |= place.kind == kDoor ? 0x30 : 0x00;
    data.insert(data.end(), {flags, 0, 0, 0, 0, 0, 0});
    data.push_back(place.is_full && place.source ? 0x80 : 0x00);
    put_16(data, place.is_full ? place.source.value_or(0) : 0);
    if (with_tag) {
      put_text(data, place.is_full ? place.content.sticker : "", 32);
      data.insert(data.end(), {0, 0, 0, 0});
    }
    if (with_identifier) {
      data.insert(data.end(), {0x02, 0x01, 0, 34});
      put_text(data, options.vendor, 8);
      put_text(data, "ULT3580-TD8", 16);
      put_text(data, place.bay ? place.bay->serial : "", 10);
    } else {
      data.insert(data.end(), {0, 0, 0, 0});
    }
    data.resize(data.size() + options.vendor_bytes, 0xee);
    return data;
  }

  Data element_status(Cdb cdb) const {
    const std::uint8_t kind = cdb[1] & 0x0f;
    const bool with_tag = (cdb[1] & 0x10) != 0;
    const bool with_identifier = (cdb[6] & 0x01) != 0;
    require((cdb[1] & 0xe0) == 0 && kind <= kDrive && (cdb[6] & ~0x03) == 0);
    require(is_zero(cdb, {10, 11}));
    require(!with_tag || options.has_barcode_reader);
    require(!with_identifier || options.tells_drive_identifiers);
    if (options.needs_inventory) {
      throw kInitializationRequired;
    }
    Data pages;
    std::size_t count = 0, first = 0;
    for (std::uint8_t of = kTransport; of <= kDrive; ++of) {
      Data descriptors;
      std::size_t size = 0;
      for (const Place& place : places) {
        if (place.kind == of && (kind == 0 || kind == of) && place.address >= get_16(cdb, 2) &&
            count < get_16(cdb, 4)) {
          const Data one = descriptor(place, with_tag, with_identifier && of == kDrive);
          first = count++ == 0 ? place.address : first;
          size = one.size();
          descriptors.insert(descriptors.end(), one.begin(), one.end());
        }
      }
      if (!descriptors.empty()) {
        pages.insert(pages.end(), {of, static_cast<std::uint8_t>(with_tag ? 0x80 : 0)});
        put_16(pages, size);
        pages.push_back(0);
        put_24(pages, descriptors.size());
        pages.insert(pages.end(), descriptors.begin(), descriptors.end());
      }
    }
    Data data;
    put_16(data, first);
    put_16(data, count);
    data.push_back(0);
    put_24(data, pages.size());
    data.insert(data.end(), pages.begin(), pages.end());
    const std::size_t sent = options.like_tgt ? data.size() - 8 : data.size();
    data.resize(std::min(sent, std::size_t{cdb[7]} << 16 | get_16(cdb, 8)));
    return data;
  }

  StickeredCartridge lift(Place& place) {
    if (place.bay && !options.like_tgt && !place.bay->is_unloaded()) {
      throw kRemovalPrevented;
    }
    StickeredCartridge content = std::exchange(place.content, {});
    if (place.bay) {
      content.cartridge = place.bay->remove(options.like_tgt);
    }
    place.is_full = false;
    return content;
  }

  static void lay(Place& place, StickeredCartridge content, std::uint16_t source) {
    if (place.bay && !place.bay->insert(content.cartridge)) {
      throw kDestinationFull;
    }
    place.content = std::move(content);
    place.is_full = true;
    place.source = source;
  }

  void move(Cdb cdb, bool jams) {
    require(is_zero(cdb, {1, 8, 9, 10, 11}));
    Place* hand = find(options.first_transport);
    Place* source = find(get_16(cdb, 4));
    Place* destination = find(get_16(cdb, 6));
    if (source == nullptr || destination == nullptr ||
        (get_16(cdb, 2) != 0 && get_16(cdb, 2) != hand->address)) {
      throw kInvalidElement;
    }
    if (!source->is_full) {
      throw kSourceEmpty;
    }
    if (destination->is_full) {
      throw kDestinationFull;
    }
    if (source->kind == kDrive && destination->kind == kDoor && !options.moves_from_drive_to_door) {
      throw kInvalidField;
    }
    StickeredCartridge content = lift(*source);
    lay(jams ? *hand : *destination, std::move(content), source->address);
    if (jams) {
      throw kJammed;
    }
  }

  static void require(bool is_right) {
    if (!is_right) {
      throw kInvalidField;
    }
  }

  Data carry_out(Cdb cdb, bool jams) {
    switch (cdb[0]) {
      case 0x00:
        require(is_zero(cdb, {1, 2, 3, 4, 5}));
        return {};
      case 0x07:
        require(is_zero(cdb, {1, 2, 3, 4, 5}));
        options.needs_inventory = false;
        return {};
      case 0x12:
        return inquiry(cdb);
      case 0x1a:
        return mode_sense(cdb);
      case 0x1e:
        require(is_zero(cdb, {1, 2, 3, 5}) && (cdb[4] & ~0x01) == 0);
        is_door_locked = cdb[4] == 1;
        return {};
      case 0xa5:
        move(cdb, jams);
        return {};
      case 0xb8:
        return element_status(cdb);
      default:
        throw kInvalidCommand;
    }
  }
};

class EmulatedChanger::Connection final : public tapeio::scsi::Transport {
 public:
  explicit Connection(std::shared_ptr<State> state)
      : state_(std::move(state)), door_accesses_(state_->door_accesses) {}

  std::string name() const override { return "emulated changer"; }
  std::size_t most_data() const override { return state_->options.most_data; }

  Reply execute(const Command& command) override {
    const std::lock_guard lock(state_->mutex);
    const Cdb cdb = command.cdb;
    MIXTAPE_ASSERT(!cdb.empty() && cdb.size() == size_of(cdb[0]));
    const auto fault = state_->fault_for(cdb[0]);
    state_->commands.push_back(cdb[0]);
    if (state_->is_lost || (fault && fault->kind == EmulatedChangerFault::Kind::connection_lost)) {
      state_->is_lost = true;
      throw Error(ErrorCode::io, "ask the emulated changer: connection lost");
    }
    if (fault && fault->kind == EmulatedChangerFault::Kind::busy) {
      return {.status = Status::busy};
    }
    try {
      if (fault && fault->kind == EmulatedChangerFault::Kind::sense) {
        throw SenseTriple{fault->key, fault->asc, fault->ascq};
      }
      throw_news(cdb[0]);
      return answer(command, state_->carry_out(cdb, fault.has_value()));
    } catch (const SenseTriple& sense) {
      return refusal(sense);
    }
  }

 private:
  // What has to be said before anything is carried out.
  void throw_news(std::uint8_t operation) {
    const bool lacks =
        state_->options.lacking.contains(operation) ||
        (state_->options.like_tgt && (operation == 0x1e || operation == 0xa6 || operation == 0x2b));
    if (lacks) {
      throw kInvalidCommand;
    }
    if (operation == 0x12) {
      return;
    }
    if (!std::exchange(was_told_of_reset_, true)) {
      throw kReset;
    }
    if (std::exchange(door_accesses_, state_->door_accesses) != state_->door_accesses) {
      throw kDoorAccessed;
    }
    if (state_->options.polls_until_ready > 0) {
      --state_->options.polls_until_ready;
      throw kBecomingReady;
    }
  }

  static Reply answer(const Command& command, const Data& data) {
    Reply reply;
    reply.transferred = std::min(data.size(), command.in.size());
    if (reply.transferred > 0) {
      std::memcpy(command.in.data(), data.data(), reply.transferred);
    }
    return reply;
  }

  Reply refusal(const SenseTriple& sense) const {
    Reply reply{.status = Status::check_condition};
    if (state_->options.descriptor_sense) {
      reply.sense = {0x72, sense.key, sense.asc, sense.ascq};
      reply.sense_size = 8;
    } else {
      reply.sense = {0x70, 0, sense.key, 0, 0, 0, 0, 10, 0, 0, 0, 0, sense.asc, sense.ascq};
      reply.sense_size = 18;
    }
    return reply;
  }

  std::shared_ptr<State> state_;
  std::uint64_t door_accesses_;
  bool was_told_of_reset_ = false;
};

EmulatedChanger::EmulatedChanger(EmulatedChangerOptions options, std::vector<EmulatedBay> bays)
    : state_(std::make_shared<State>(std::move(options))) {
  const EmulatedChangerOptions& has = state_->options;
  const auto add = [&](Kind kind, std::uint16_t first, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      state_->places.push_back({.kind = kind, .address = static_cast<std::uint16_t>(first + i)});
    }
  };
  add(kTransport, has.first_transport, 1);
  add(kSlot, has.first_slot, has.slots);
  add(kDoor, has.first_import_export, has.import_exports);
  add(kDrive, has.first_drive, has.drives);
  for (std::size_t i = 0; i < bays.size(); ++i) {
    state_->find(has.first_drive + i)->bay = std::move(bays[i]);
  }
}

EmulatedChanger::~EmulatedChanger() = default;

std::unique_ptr<tapeio::scsi::Transport> EmulatedChanger::connect() {
  return std::make_unique<Connection>(state_);
}

std::uint16_t EmulatedChanger::slot(unsigned number) const {
  return static_cast<std::uint16_t>(state_->options.first_slot + number - 1);
}
std::uint16_t EmulatedChanger::import_export(unsigned number) const {
  return static_cast<std::uint16_t>(state_->options.first_import_export + number - 1);
}
std::uint16_t EmulatedChanger::drive(unsigned number) const {
  return static_cast<std::uint16_t>(state_->options.first_drive + number - 1);
}

void EmulatedChanger::put(std::uint16_t address, StickeredCartridge cartridge) {
  const std::lock_guard lock(state_->mutex);
  Place* place = state_->find(address);
  MIXTAPE_ASSERT(place != nullptr && !place->is_full);
  State::lay(*place, std::move(cartridge), address);
  place->source.reset();
  state_->door_accesses += place->kind == kDoor ? 1 : 0;
}

StickeredCartridge EmulatedChanger::take(std::uint16_t address) {
  const std::lock_guard lock(state_->mutex);
  Place* place = state_->find(address);
  MIXTAPE_ASSERT(place != nullptr);
  state_->door_accesses += place->kind == kDoor ? 1 : 0;
  if (place->bay && place->is_full) {
    static_cast<void>(place->bay->remove(true));
  }
  place->is_full = false;
  return std::exchange(place->content, {});
}

std::optional<std::string> EmulatedChanger::at(std::uint16_t address) const {
  const std::lock_guard lock(state_->mutex);
  const Place* place = state_->find(address);
  MIXTAPE_ASSERT(place != nullptr);
  return place->is_full ? std::optional(place->content.sticker) : std::nullopt;
}

std::optional<std::string> EmulatedChanger::in_hand() const {
  return at(state_->options.first_transport);
}

bool EmulatedChanger::is_door_locked() const {
  const std::lock_guard lock(state_->mutex);
  return state_->is_door_locked;
}

void EmulatedChanger::plan(EmulatedChangerFault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->faults.push_back(fault);
}

std::vector<std::uint8_t> EmulatedChanger::take_commands() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->commands, {});
}

}  // namespace mixtape::test
