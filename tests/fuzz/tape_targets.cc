// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/tape_targets.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tapeio/library_url.h"
#include "tapeio/lto/cartridge_chip.h"
#include "tapeio/lto/drive_use.h"
#include "tapeio/lto/sim_options.h"
#include "tapeio/lto/sim_places.h"
#include "tapeio/scsi/iscsi_transport.h"
#include "tapeio/scsi/sense.h"
#include "tapeio/scsi/smc_commands.h"
#include "tapeio/scsi/ssc_data.h"
#include "tests/support/temp_dir.h"

namespace mixtape::fuzz {
namespace {

using namespace tapeio;

// Of several parsers on one input each has its turn, whatever the others say.
template <typename Parse>
void attempt(Parse parse) {
  try {
    parse();
  } catch (const Error&) {
    // An answer as well.
  }
}

// A target that answers each command with these bytes.
class AnsweringTransport final : public scsi::Transport {
 public:
  explicit AnsweringTransport(ByteView answer) : answer_(answer) {}
  [[nodiscard]] std::string name() const override { return "an evil target"; }
  [[nodiscard]] scsi::Reply execute(const scsi::Command& command) override {
    const std::size_t size = std::min(answer_.size(), command.in.size());
    std::copy_n(answer_.begin(), size, command.in.begin());
    return {.transferred = size};
  }
  [[nodiscard]] std::size_t most_data() const override { return kMaxRecordSize; }

 private:
  const ByteView answer_;
};

void mode_pages(ByteView input, scsi::ModeForm form) {
  const auto mode = scsi::parse_mode_data(input, form);
  if (!mode) {
    return;
  }
  const auto again = scsi::parse_mode_data(scsi::build_mode_list(*mode, form), form);
  MIXTAPE_ASSERT(again.has_value());
  MIXTAPE_ASSERT(again->buffered_mode == mode->buffered_mode && again->density == mode->density);
  MIXTAPE_ASSERT(again->block_size == mode->block_size && again->page.size() == mode->page.size());
}

void attributes(ByteView input) {
  const auto found = scsi::parse_attributes(input);
  const auto again = scsi::parse_attributes(scsi::build_attribute_list(found));
  MIXTAPE_ASSERT(std::ranges::equal(found, again, [](const auto& left, const auto& right) {
    return left.id == right.id && left.format == right.format && left.value == right.value;
  }));
}

void access_order(ByteView input) {
  const std::size_t most = input.size() / scsi::kAccessRangeBytes;
  for (const std::size_t count : {std::size_t{0}, most / 2, most}) {
    if (auto order = scsi::parse_access_order(input, count)) {
      std::ranges::sort(*order);
      MIXTAPE_ASSERT(order->size() == count);
      MIXTAPE_ASSERT(count == 0 || (order->front() == 0 && order->back() == count - 1));
    }
  }
}

// What is shown to people is what names the device again, and a password stands nowhere in it.
void device(const DeviceUrl& url) {
  if (url.kind != DeviceUrl::Kind::iscsi) {
    return;
  }
  MIXTAPE_ASSERT(url_for_people(url_for_people(url.text)) == url_for_people(url.text));
  const DeviceUrl again = parse_device_url(url.text);
  MIXTAPE_ASSERT(again.host == url.host && again.port == url.port && again.lun == url.lun);
  MIXTAPE_ASSERT(again.target == url.target && again.user == url.user && again.password.empty());
}

}  // namespace

void sense(ByteView input) {
  const std::vector<std::uint8_t> bytes(
      reinterpret_cast<const std::uint8_t*>(input.data()),
      reinterpret_cast<const std::uint8_t*>(input.data()) + input.size());
  const scsi::Sense decoded = scsi::decode_sense(bytes);
  MIXTAPE_ASSERT(!decoded.progress || (*decoded.progress >= 0 && *decoded.progress <= 1));
  MIXTAPE_ASSERT(!scsi::to_string(decoded).empty());
  const scsi::Advice advice = scsi::advice_for(decoded);
  MIXTAPE_ASSERT(!advice.sentence.empty());
}

void ssc_data(ByteView input) {
  using namespace scsi;
  (void)parse_inquiry(input);
  (void)parse_serial(input);
  (void)parse_designators(input);
  (void)parse_operation_codes(input);
  (void)parse_brief_position(input);
  (void)parse_complete_position(input);
  (void)parse_extended_position(input);
  (void)parse_block_limits(input);
  (void)parse_access_order_limits(input);
  (void)parse_ends_of_wraps(input);
  mode_pages(input, ModeForm::six);
  mode_pages(input, ModeForm::ten);
  attributes(input);
  access_order(input);
  if (!input.empty()) {
    if (const auto log = parse_log_page(input, std::to_integer<std::uint8_t>(input[0]) & 0x3f)) {
      for (const auto& [code, value] : *log) {
        (void)number_of(*log, code);
      }
    }
  }
  AnsweringTransport transport(input);
  const std::vector<unsigned> units = logical_units(transport);
  MIXTAPE_ASSERT(std::ranges::is_sorted(units));
}

void element_status(ByteView input) {
  attempt([&] { (void)scsi::parse_changer_inquiry(input); });
  attempt([&] {
    const auto assignment = scsi::parse_element_assignment(input);
    for (int kind = 1; kind <= 4; ++kind) {
      const auto& range = assignment.of(static_cast<Element::Kind>(kind));
      MIXTAPE_ASSERT(unsigned{range.first} + range.count <= 0x10000u);
    }
  });
  attempt([&] { (void)scsi::parse_changer_capabilities(input); });
  attempt([&] {
    Bytes mended(input.begin(), input.end());
    if (scsi::mend_short_status(mended, input.size() + 8)) {
      (void)scsi::parse_element_status(mended);
    }
  });
  for (const Element& element : scsi::parse_element_status(input).elements) {
    (void)place_name(element);
    const bool is_shown_as_it_is = std::ranges::all_of(
        element.barcode + element.identifier, [](char each) { return each >= ' ' && each <= '~'; });
    MIXTAPE_ASSERT(is_shown_as_it_is);
    MIXTAPE_ASSERT(element.full || element.barcode.empty());
  }
}

void library_url(ByteView input) {
  const std::string_view url = as_text(input);
  (void)url_for_people(url);
  if (const auto directory = directory_of_library(url)) {
    MIXTAPE_ASSERT(with_directory(url, *directory) == url);
  }
  attempt([&] { device(parse_device_url(url)); });
  const CartridgeLibraryUrl library = parse_cartridge_library_url(url);
  MIXTAPE_ASSERT(library.changer.has_value() || library.drives.size() == 1);
  if (library.changer) {
    device(*library.changer);
  }
  for (const DeviceUrl& drive : library.drives) {
    device(drive);
  }
}

void sim_url(ByteView input) {
  const lto::SimLibraryOptions options = lto::parse_sim_options(as_text(input));
  MIXTAPE_ASSERT(options.path.starts_with('/') && options.drives > 0 && options.slots > 0);
  MIXTAPE_ASSERT(options.modelled_scale() > 0);
}

void cartridge_chip(ByteView input) {
  const lto::CartridgeChip chip = lto::decode_cartridge_chip(as_text(input));
  MIXTAPE_ASSERT(lto::decode_cartridge_chip(lto::encode(chip)) == chip);
}

void sim_files(ByteView input) {
  const lto::DriveUses uses = lto::decode_drive_uses(as_text(input));
  const lto::DriveUses again = lto::decode_drive_uses(lto::encode(uses));
  MIXTAPE_ASSERT(again == uses);

  static const test::TempDir directory(test::TempDir::Place::memory);
  const std::string file = directory / "places.txt";
  test::write_text(file, as_text(input));
  const std::vector<std::string> labels = {"A", "MX0001L9", "MX0002L9"};
  lto::SimPlaces places(file, 2);
  places.meet(labels);
  places.save();
  lto::SimPlaces kept(file, 2);
  kept.meet(labels);
  for (const std::string& label : labels) {
    MIXTAPE_ASSERT(!places.place_of(label).empty());
    MIXTAPE_ASSERT(kept.place_of(label) == places.place_of(label));
  }
}

}  // namespace mixtape::fuzz
