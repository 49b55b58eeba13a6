// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "tapeio/scsi/scsi_features.h"
#include "tapeio/scsi/ssc_data.h"

// The chip in the cartridge (SPC-5 7.4): attributes by number, of fixed sizes where hosts write.

namespace mixtape::tapeio::scsi {
namespace {

// A chip has 16 KiB at most.
constexpr std::uint32_t kMemoryBytes = 32 * 1024;

using Attributes = std::map<std::uint16_t, Bytes>;

Attributes read_all(DriveLink& link) {
  Attributes all;
  const Bytes data =
      link.ask("read the cartridge's chip", read_attribute(0, kMemoryBytes), kMemoryBytes);
  for (MediumAttribute& attribute : parse_attributes(data)) {
    all[attribute.id] = std::move(attribute.value);
  }
  return all;
}

std::optional<std::uint64_t> number(const Attributes& all, std::uint16_t id) {
  return number_of(all, id);
}

std::string text(const Attributes& all, std::uint16_t id) {
  const auto found = all.find(id);
  return found == all.end() ? std::string{} : printable(found->second);
}

std::string vendor_and_serial(const Attributes& all, std::uint16_t id) {
  constexpr std::size_t kVendor = 8;
  const auto found = all.find(id);
  if (found == all.end() || found->second.size() <= kVendor) {
    return {};
  }
  const ByteView value = found->second;
  const std::string vendor = printable(value.first(kVendor));
  const std::string serial = printable(value.subspan(kVendor));
  return vendor + (vendor.empty() || serial.empty() ? "" : " ") + serial;
}

Bytes padded(const std::string& from, const StoryField& field) {
  Bytes value(field.size, field.is_text ? std::byte{0} : std::byte{' '});
  const std::size_t size = std::min(from.size(), value.size());
  std::transform(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size), value.begin(),
                 [](char letter) { return static_cast<std::byte>(letter); });
  return value;
}

}  // namespace

MediumStory AttributeMemory::story() {
  const Attributes all = read_all(link_);
  MediumStory story;
  for (const StoryField& field : kStoryFields) {
    story.*field.part = text(all, field.attribute);
  }
  return story;
}

void AttributeMemory::write_story(const MediumStory& story) {
  std::vector<MediumAttribute> attributes;
  for (const StoryField& field : kStoryFields) {
    if (!(story.*field.part).empty()) {
      attributes.push_back(
          {.id = field.attribute,
           .format = field.is_text ? MediumAttribute::Format::text : MediumAttribute::Format::ascii,
           .value = padded(story.*field.part, field)});
    }
  }
  const Bytes list = build_attribute_list(attributes);
  link_.must("write the cartridge's chip", write_attribute(static_cast<std::uint32_t>(list.size())),
             {}, list);
}

MediumWear AttributeMemory::wear() {
  const Attributes all = read_all(link_);
  const auto density = number(all, 0x0405);
  const std::uint64_t kind = number(all, 0x0408).value_or(0);
  MediumWear wear;
  wear.loads = number(all, 0x0003);
  wear.mebibytes_written_ever = number(all, 0x0220);
  wear.mebibytes_read_ever = number(all, 0x0221);
  wear.mebibytes_remaining = number(all, 0x0000);
  wear.mebibytes_capacity = number(all, 0x0001);
  // Of each load: who built the drive (8 bytes), and its serial number.
  for (const std::uint16_t id : {0x020a, 0x020b, 0x020c, 0x020d}) {
    if (std::string drive = vendor_and_serial(all, id); !drive.empty()) {
      wear.last_drives.push_back(std::move(drive));
    }
  }
  wear.manufacturer = text(all, 0x0400);
  wear.serial = text(all, 0x0401);
  if (density && *density <= 0xff) {
    wear.density = static_cast<std::uint8_t>(*density);
  }
  wear.is_cleaning_cartridge = kind == 0x01;
  wear.is_worm = kind == 0x80;
  return wear;
}

}  // namespace mixtape::tapeio::scsi
