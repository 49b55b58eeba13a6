// SPDX-License-Identifier: Apache-2.0
#include "engine/format/archaeology.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "engine/format/archaeology_texts.h"
#include "engine/format/tar.h"
#include "tapeio/error.h"
#include "tapeio/tape_drive.h"

namespace mixtape::format {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kJsonName = "mixtape-tape.json";
constexpr std::string_view kWitnessName = "unmixtape.c";
// A label of some hundred bytes, and recipients of 62 each.
constexpr std::size_t kMaxJson = 64 * KiB;
// Members in front of mixtape-tape.json that are looked at; there is one.
constexpr int kMaxMembersBefore = 16;
// How far that is looked for: the README in front of it has a few kilobytes.
constexpr std::uint64_t kMaxBefore = 16 * MiB;
// Below, the wait between records costs a drive its speed; above, no drive reads them.
constexpr std::uint64_t kMinRecordSize = 64 * KiB;
constexpr std::size_t kMaxLabel = 32;
constexpr std::size_t kMaxRecipients = 1000;
// What 64 bits of nanoseconds hold, as the members' times are: the years 1678 to 2262.
constexpr std::int64_t kMaxCreated = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;
constexpr std::size_t kMaxText = 256;  // Of a recipient or the program's name.

// --- Values as text

std::string uuid_text(const std::array<std::byte, 16>& uuid) {
  std::string text = to_hex(uuid);
  for (const std::size_t at : {20, 16, 12, 8}) {
    text.insert(at, "-");
  }
  return text;
}

std::string utc_text(std::int64_t time_s) {
  const std::time_t time = time_s;
  std::tm parts{};
  std::array<char, 64> text{};
  if (gmtime_r(&time, &parts) == nullptr) {
    return "unknown";
  }
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text.data();
}

bool is_printable(std::string_view text) {
  return !text.empty() && text.size() <= kMaxText &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_label(std::string_view label) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '.' &&
         label.front() != '-' && std::all_of(label.begin(), label.end(), allowed);
}

// What is wrong with the label; empty when nothing is.
std::string defect_of(const MediumLabel& label) {
  if (!is_label(label.label)) {
    return "the label must be 1 to 32 of A-Z a-z 0-9 . _ -";
  }
  if (label.record_size < kMinRecordSize || label.record_size > tapeio::kMaxRecordSize ||
      label.record_size % kTarBlock != 0) {
    return "a record size of " + std::to_string(label.record_size) + " is not possible";
  }
  if (label.recipients.size() > kMaxRecipients ||
      !std::all_of(label.recipients.begin(), label.recipients.end(), is_printable)) {
    return "the recipients are no public keys";
  }
  if (label.created_s > kMaxCreated || label.created_s < -kMaxCreated) {
    return "it was made in no year from 1678 to 2262";
  }
  return is_printable(label.program) ? "" : "the program has no printable name";
}

// --- Members

std::string recipients_text(const MediumLabel& label) {
  std::string text;
  for (const std::string& recipient : label.recipients) {
    text += "    " + recipient + "\n";
  }
  return text.empty() ? "    (not told)\n" : text;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// Where the source of the witness stands: a stranger without tar copies it from there.
struct WitnessPlace {
  std::uint64_t offset = 0, size = 0;
};

std::string readme_for(const MediumLabel& label, const WitnessPlace& witness) {
  std::string text(readme_template());
  text = replaced(std::move(text), "@LABEL@", label.label);
  text = replaced(std::move(text), "@MEDIUM_UUID@", uuid_text(label.medium));
  text = replaced(std::move(text), "@CATALOG_UUID@", uuid_text(label.catalog));
  text = replaced(std::move(text), "@RECORD_SIZE@", std::to_string(label.record_size));
  text = replaced(std::move(text), "@FORMAT@", std::to_string(label.format));
  text = replaced(std::move(text), "@CREATED@", utc_text(label.created_s));
  text = replaced(std::move(text), "@PROGRAM@", label.program);
  text = replaced(std::move(text), "@UNMIXTAPE_OFFSET@", std::to_string(witness.offset));
  text = replaced(std::move(text), "@UNMIXTAPE_SIZE@", std::to_string(witness.size));
  return replaced(std::move(text), "@RECIPIENTS@\n", recipients_text(label));
}

std::string json_for(const MediumLabel& label) {
  Json json;
  json["format"] = label.format;
  json["medium"] = uuid_text(label.medium);
  json["label"] = label.label;
  json["record_size"] = label.record_size;
  json["catalog"] = uuid_text(label.catalog);
  json["recipients"] = label.recipients;
  json["created"] = label.created_s;
  json["program"] = label.program;
  return json.dump(2) + "\n";
}

Bytes header_of(std::string_view name, std::uint64_t size, bool executable,
                std::int64_t created_s) {
  TarMember member;
  member.name = name;
  member.size = size;
  member.mode = executable ? 0755 : 0644;
  member.mtime_ns = created_s * 1'000'000'000;
  const TarHeader header = encode_header(member);
  return {header.blocks.begin(), header.blocks.end()};
}

// Returns where its data begin.
std::uint64_t append_member(Bytes& archive, std::string_view name, std::string_view text,
                            const MediumLabel& label) {
  const Bytes header = header_of(name, text.size(), name.ends_with(".sh"), label.created_s);
  archive.insert(archive.end(), header.begin(), header.end());
  const std::uint64_t begin = archive.size();
  const ByteView data = as_bytes(text);
  archive.insert(archive.end(), data.begin(), data.end());
  archive.resize(round_up(archive.size(), kTarBlock));
  return begin;
}

// The members without the end of the archive.
Bytes texts_of(const MediumLabel& label) {
  MIXTAPE_ASSERT(label.format == kTapeFormat);
  if (const std::string defect = defect_of(label); !defect.empty()) {
    throw Error(ErrorCode::invalid, "label medium \"" + label.label + "\": " + defect);
  }
  Bytes others;
  append_member(others, kJsonName, json_for(label), label);
  WitnessPlace in_others;
  for (const ArchaeologyText& text : archaeology_texts()) {
    const std::uint64_t begin = append_member(others, text.name, text.text, label);
    if (text.name == kWitnessName) {
      in_others = {.offset = begin, .size = text.text.size()};
    }
  }
  // The README stands in front of what it tells the place of, and grows with the digits of it.
  Bytes archive;
  WitnessPlace witness = in_others;
  do {
    witness.offset = archive.size() + in_others.offset;
    archive.clear();
    append_member(archive, "README.txt", readme_for(label, witness), label);
  } while (witness.offset != archive.size() + in_others.offset);
  archive.insert(archive.end(), others.begin(), others.end());
  return archive;
}

// Passes `size` bytes on and fills them up to a whole block.
void copy_file(const ArchaeologyFile& file, ByteSink& out) {
  const std::unique_ptr<ByteSource> source = file.open();
  Bytes buffer(std::min<std::uint64_t>(std::max<std::uint64_t>(file.size, 1), MiB));
  std::uint64_t left = file.size;
  while (left > 0) {
    const std::size_t got =
        source->read(MutableBytes(buffer).first(std::min<std::uint64_t>(left, buffer.size())));
    if (got == 0) {
      throw Error(ErrorCode::conflict, "copy " + file.name +
                                           " to the first tape file of a medium: it has become "
                                           "shorter than it was; run it again");
    }
    out.write(ByteView(buffer).first(got));
    left -= got;
  }
  out.write(Bytes(round_up(file.size, kTarBlock) - file.size));
}

// Writes zero bytes up to a whole record.
void end_archive(std::uint64_t size, std::uint64_t record_size, ByteSink& out) {
  out.write(Bytes(round_up(size + kTarEnd, record_size) - size));
}

// --- Reading

[[noreturn]] void corrupt(const std::string& why) {
  throw Error(ErrorCode::corrupt, "read the archaeology of a medium: " + why);
}

// A source that must not be needed to its end: whoever labelled the medium may be hostile.
class Beginning final : public ByteSource {
 public:
  explicit Beginning(ByteSource& in) : in_(in) {}
  std::size_t read(MutableBytes into) override {
    if (left_ == 0) {
      corrupt("there is no " + std::string(kJsonName) + " in its first " +
              std::to_string(kMaxBefore / MiB) + " MiB");
    }
    const std::size_t size = in_.read(into.first(std::min<std::uint64_t>(into.size(), left_)));
    left_ -= size;
    return size;
  }

 private:
  ByteSource& in_;
  std::uint64_t left_ = kMaxBefore;
};

// The member's value, or nullptr when it is not there or of another type.
template <typename Value>
const Value* find(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() ? nullptr : found->get_ptr<const Value*>();
}

std::string text_of(const Json& json, const char* key) {
  const auto* text = find<Json::string_t>(json, key);
  if (text == nullptr) {
    corrupt(std::string(kJsonName) + " has no text \"" + key + "\"");
  }
  return *text;
}

std::uint64_t number_of(const Json& json, const char* key) {
  const auto* number = find<Json::number_unsigned_t>(json, key);
  if (number == nullptr) {
    corrupt(std::string(kJsonName) + " has no number \"" + key + "\"");
  }
  return *number;
}

std::array<std::byte, 16> uuid_of(const Json& json, const char* key) {
  const std::string text = text_of(json, key);
  std::array<std::byte, 16> uuid{};
  const std::string digits = replaced(text, "-", "");
  const bool hexadecimal = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (digits.size() == 2 * uuid.size() && hexadecimal) {
    const Bytes bytes = from_hex(digits);
    std::copy(bytes.begin(), bytes.end(), uuid.begin());
  }
  if (uuid_text(uuid) != text) {
    corrupt(std::string(kJsonName) + " has no UUID \"" + key + "\"");
  }
  return uuid;
}

std::int64_t time_of(const Json& json, const char* key) {
  const auto* time = find<Json::number_integer_t>(json, key);
  if (time == nullptr) {
    corrupt(std::string(kJsonName) + " has no time \"" + key + "\"");
  }
  return *time;
}

std::vector<std::string> recipients_of(const Json& json) {
  const auto* list = find<Json::array_t>(json, "recipients");
  if (list == nullptr || list->size() > kMaxRecipients) {
    corrupt(std::string(kJsonName) + " has no list of recipients");
  }
  std::vector<std::string> recipients;
  for (const Json& recipient : *list) {
    const auto* text = recipient.get_ptr<const Json::string_t*>();
    recipients.push_back(text != nullptr ? *text : "");
  }
  return recipients;
}

MediumLabel label_from(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    corrupt(std::string(kJsonName) + " is not JSON");
  }
  const std::uint64_t version = number_of(json, "format");
  if (version > kTapeFormat) {
    throw Error(ErrorCode::unsupported, "read the archaeology of a medium: its format is version " +
                                            std::to_string(version) +
                                            ", this program knows up to " +
                                            std::to_string(kTapeFormat) + "; use a newer program");
  }
  if (version == 0) {
    corrupt("there is no format version 0");
  }
  MediumLabel label;
  label.format = static_cast<std::uint32_t>(version);
  label.medium = uuid_of(json, "medium");
  label.catalog = uuid_of(json, "catalog");
  label.label = text_of(json, "label");
  label.record_size = number_of(json, "record_size");
  label.recipients = recipients_of(json);
  label.created_s = time_of(json, "created");
  label.program = text_of(json, "program");
  if (const std::string defect = defect_of(label); !defect.empty()) {
    corrupt(defect);
  }
  return label;
}

}  // namespace

Bytes build_archaeology(const MediumLabel& label) {
  Bytes archive = texts_of(label);
  archive.resize(round_up(archive.size() + kTarEnd, label.record_size));
  return archive;
}

void write_archaeology(const MediumLabel& label, std::span<const ArchaeologyFile> files,
                       ByteSink& out) {
  const Bytes texts = texts_of(label);
  std::uint64_t size = texts.size();
  out.write(texts);
  for (const ArchaeologyFile& file : files) {
    const Bytes header = header_of(file.name, file.size, file.executable, label.created_s);
    out.write(header);
    copy_file(file, out);
    size += archaeology_bytes(file);
  }
  end_archive(size, label.record_size, out);
}

std::uint64_t archaeology_bytes(const ArchaeologyFile& file) {
  return header_of(file.name, file.size, file.executable, 0).size() +
         round_up(file.size, kTarBlock);
}

MediumLabel parse_archaeology(ByteSource& in) {
  Beginning beginning(in);
  TarReader reader(beginning);
  for (int i = 0; i < kMaxMembersBefore; ++i) {
    const auto found = reader.next();
    if (!found) {
      break;
    }
    if (found->member.name != kJsonName) {
      continue;
    }
    if (found->member.type != MemberType::file || found->member.size > kMaxJson) {
      corrupt(std::string(kJsonName) + " is no file of a possible size");
    }
    Bytes text(found->member.size);
    std::size_t size = 0;
    while (const std::size_t got = reader.read(MutableBytes(text).subspan(size))) {
      size += got;
    }
    return label_from(as_text(text));
  }
  corrupt("there is no " + std::string(kJsonName) + ": this is no medium of this program");
}

}  // namespace mixtape::format
