// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/scsi_changer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/scsi/sense.h"

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::array kKinds{Element::Kind::transport, Element::Kind::slot,
                            Element::Kind::import_export, Element::Kind::drive};
constexpr std::chrono::minutes kMoveTimeout{10};
constexpr std::chrono::minutes kInventoryTimeout{60};  // Hours of shelves in the largest.
// A target has a reason for some unit attentions in a row, not for endless ones.
constexpr int kMostUnitAttentions = 10;
constexpr std::chrono::milliseconds kShortestPause{1};
// One answer holds so many elements; what a stranger can make us allocate is bounded by it.
constexpr std::uint16_t kElementsAtOnce = 200;
constexpr std::uint32_t kStatusAllocation = 64 * 1024;
constexpr std::uint32_t kLargestStatusAllocation = 1024 * 1024;

bool is_getting_ready(const Sense& sense) {
  return sense.key == SenseKey::not_ready && sense.is(0x04, 0x01);
}

[[noreturn]] void throw_move_failure(const std::string& what, const Sense& sense) {
  const unsigned code = (unsigned{sense.asc} << 8) | sense.ascq;
  switch (code) {
    case 0x3b0d:
      throw Error(ErrorCode::conflict, what + ": there is a cartridge already where it goes");
    case 0x3b0e:
      throw Error(ErrorCode::not_found, what + ": there is no cartridge where it should be");
    case 0x3b11:  // Medium magazine not accessible.
    case 0x3b12:  // Medium magazine removed.
      throw Error(ErrorCode::io, what + ": the magazine is out; put it back");
    case 0x5302:  // Medium removal prevented.
    case 0x5303:  // Medium removal prevented by data transfer element.
      throw Error(ErrorCode::locked, what + ": what holds it does not give it out now");
    default:
      break;
  }
  const std::string why = to_string(sense);
  if (sense.key == SenseKey::illegal_request) {
    throw Error(ErrorCode::unsupported, what + ": the changer refuses it (" + why + ")");
  }
  throw Error(ErrorCode::io, what + ": " + why + "; look at the changer's display");
}

}  // namespace

ScsiChanger::ScsiChanger(std::unique_ptr<Transport> transport, ScsiChangerOptions options)
    : transport_(std::move(transport)), options_(options) {
  Bytes data(kMostChangerParameters);
  const Cdb6 inquiry = changer_inquiry();
  data.resize(require({.cdb = inquiry, .in = data}, "ask who it is"));
  inquiry_ = parse_changer_inquiry(data);
  if (inquiry_.device_type != kChangerDeviceType) {
    throw Error(ErrorCode::invalid, doing("open it") +
                                        ": it is no medium changer but a device of type " +
                                        std::to_string(inquiry_.device_type));
  }
  const Cdb6 ready = changer_ready();
  require({.cdb = ready}, "wait until it is ready");
  data.assign(kMostChangerParameters, {});
  const Cdb6 assignment = changer_mode_sense(0x1d);
  data.resize(require({.cdb = assignment, .in = data}, "ask for its elements"));
  assignment_ = parse_element_assignment(data);
  learn_capabilities();
  // Whatever a process of ours that died in the middle of a move has left locked.
  lock_door(false);
}

std::string ScsiChanger::doing(std::string_view what) const {
  return "changer " + name() + ": " + std::string(what);
}

void ScsiChanger::learn_capabilities() {
  Bytes data(kMostChangerParameters);
  const Cdb6 sense = changer_mode_sense(0x1f);
  const Reply reply = execute({.cdb = sense, .in = data}, "ask for its capabilities").reply;
  if (reply.status != Status::good) {
    return;  // The page is optional.
  }
  data.resize(std::min(data.size(), reply.transferred));
  capabilities_ = parse_changer_capabilities(data);
}

Answer ScsiChanger::execute(const Command& command, std::string_view what) {
  const Answer answer = insist(
      *transport_, command, doing(what),
      {.pause = options_.pause,
       .most_waits = static_cast<int>(options_.patience / std::max(options_.pause, kShortestPause)),
       .most_attentions = kMostUnitAttentions,
       .passes_attention = [](const Sense&) { return true; },
       .is_getting_ready = is_getting_ready});
  if (answer.reply.status == Status::check_condition && is_getting_ready(answer.sense)) {
    throw Error(ErrorCode::io, doing(what) + ": it does not get ready; look at its display");
  }
  return answer;
}

std::size_t ScsiChanger::require(const Command& command, std::string_view what) {
  const auto [reply, sense] = execute(command, what);
  if (reply.status != Status::good) {
    throw Error(ErrorCode::io, doing(what) + ": " + to_string(sense));
  }
  return std::min(reply.transferred, command.in.size());
}

std::vector<Element> ScsiChanger::elements() {
  try {
    return read_all();
  } catch (const Error& error) {
    // It may never have counted what it holds; that takes minutes, so only now and only once.
    if (error.code() != ErrorCode::io || std::exchange(inventory_asked_, true)) {
      throw;
    }
    const Cdb6 inventory = initialize_element_status();
    if (execute({.cdb = inventory, .timeout = kInventoryTimeout}, "count its cartridges")
            .reply.status != Status::good) {
      throw;
    }
  }
  return read_all();
}

std::vector<Element> ScsiChanger::read_all() {
  std::vector<Element> elements;
  for (const Element::Kind kind : kKinds) {
    read_kind(kind, elements);
  }
  // A robot that reaches none of its slots does not know the bit: tgt 1.0.85 never sets it.
  const auto is_reached_slot = [](const Element& each) {
    return each.kind == Element::Kind::slot && each.accessible;
  };
  if (std::ranges::none_of(elements, is_reached_slot)) {
    for (Element& element : elements) {
      element.accessible = true;
    }
  }
  return elements;
}

void ScsiChanger::read_kind(Element::Kind kind, std::vector<Element>& elements) {
  const ElementRange& range = assignment_.of(kind);
  const std::uint32_t end = std::uint32_t{range.first} + range.count;
  for (std::uint32_t next = range.first; next < end;) {
    const auto left =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(end - next, kElementsAtOnce));
    ElementStatusRequest request{
        .kind = kind, .first = static_cast<std::uint16_t>(next), .count = left};
    const ElementStatus status = read_some(request);
    if (status.elements.empty()) {
      return;  // Fewer than it has said; a magazine may be out.
    }
    for (Element element : status.elements) {
      if (element.kind != kind || element.address < next || element.address >= end) {
        throw Error(ErrorCode::io, doing("read element status") + ": it answers about element " +
                                       std::to_string(element.address) +
                                       ", which was not asked for");
      }
      element.number = element.address - range.first + 1U;
      next = element.address + 1U;
      elements.push_back(std::move(element));
    }
  }
}

// Asks for fewer, and then for longer answers, until one holds all that it asked for.
ElementStatus ScsiChanger::read_some(ElementStatusRequest& request) {
  request.allocation = kStatusAllocation;
  while (true) {
    Bytes data(request.allocation);
    const Reply reply = ask_status(request, data);
    data.resize(std::min(data.size(), reply.transferred));
    const bool is_cut = mend_short_status(data, request.allocation);
    ElementStatus status = parse_element_status(data);
    if (is_cut && !status.elements.empty()) {
      status.elements.back().identifier.clear();  // Its end is among what is missing.
    }
    // What came is good also when it was cut: the next question begins behind it.
    if (!status.elements.empty() || status.bytes_available <= request.allocation) {
      return status;
    }
    if (request.count > 1) {
      request.count = 1;
    } else if (request.allocation < kLargestStatusAllocation) {
      request.allocation = kLargestStatusAllocation;
    } else {
      throw Error(ErrorCode::io, doing("read element status") + ": one element takes " +
                                     std::to_string(status.bytes_available) + " bytes");
    }
  }
}

Reply ScsiChanger::ask_status(ElementStatusRequest& request, Bytes& data) {
  while (true) {
    request.volume_tags = has_volume_tags_;
    request.drive_identifiers = has_drive_identifiers_ && request.kind == Element::Kind::drive;
    const Cdb12 cdb = read_element_status(request);
    const auto [reply, sense] = execute({.cdb = cdb, .in = data}, "read element status");
    if (reply.status == Status::good) {
      return reply;
    }
    // A changer without a barcode reader, or before DVCID, refuses the bit that asks for it.
    const bool is_refusal = sense.key == SenseKey::illegal_request;
    if (is_refusal && request.drive_identifiers) {
      has_drive_identifiers_ = false;
    } else if (is_refusal && request.volume_tags) {
      has_volume_tags_ = false;
    } else {
      throw Error(ErrorCode::io, doing("read element status") + ": " + to_string(sense));
    }
  }
}

void ScsiChanger::lock_door(bool lock) {
  if (has_door_lock_) {
    const Cdb6 cdb = lock_changer_door(lock);
    const Reply reply = execute({.cdb = cdb}, lock ? "lock its door" : "unlock its door").reply;
    has_door_lock_ = reply.status == Status::good;
  }
}

std::optional<Element::Kind> ScsiChanger::kind_at(std::uint16_t address) const {
  for (const Element::Kind kind : kKinds) {
    const ElementRange& range = assignment_.of(kind);
    if (address >= range.first && address - range.first < range.count) {
      return kind;
    }
  }
  return std::nullopt;
}

void ScsiChanger::require_movable(std::uint16_t from, std::uint16_t to) const {
  const auto source = kind_at(from);
  const auto destination = kind_at(to);
  if (!source || !destination) {
    throw Error(ErrorCode::invalid, doing("move a cartridge") + ": it has no element " +
                                        std::to_string(source ? to : from));
  }
  if (capabilities_ && !capabilities_->moves(*source, *destination)) {
    throw Error(
        ErrorCode::unsupported,
        doing("move a cartridge") + ": it does not move one straight from " +
            place_name({.kind = *source, .number = from - assignment_.of(*source).first + 1U}) +
            " to " +
            place_name(
                {.kind = *destination, .number = to - assignment_.of(*destination).first + 1U}));
  }
}

void ScsiChanger::move(std::uint16_t from, std::uint16_t to) {
  require_movable(from, to);
  const std::string what =
      "move a cartridge from element " + std::to_string(from) + " to " + std::to_string(to);
  lock_door(true);
  const Cdb12 cdb = move_medium(from, to);
  // Where no answer comes, the lock goes with the connection, or when the changer is opened again.
  const auto [reply, sense] = execute({.cdb = cdb, .timeout = kMoveTimeout}, what);
  lock_door(false);
  if (reply.status != Status::good) {
    throw_move_failure(doing(what), sense);
  }
}

DriveIdentity ScsiChanger::identity() const {
  DriveIdentity identity;
  identity.vendor = inquiry_.vendor;
  identity.product = inquiry_.product;
  identity.revision = inquiry_.revision;
  if (!has_volume_tags_) {
    identity.notes.emplace_back(
        "no barcodes: cartridges cannot be told apart without loading them");
  }
  if (!has_drive_identifiers_) {
    identity.notes.emplace_back("no drive serial numbers: drives are taken in the order given");
  }
  if (!has_door_lock_) {
    identity.notes.emplace_back("no door lock: leave the door closed while a cartridge moves");
  }
  return identity;
}

}  // namespace mixtape::tapeio::scsi
