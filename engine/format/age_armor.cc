// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_armor.h"

#include <algorithm>
#include <optional>

#include "engine/format/age_header.h"
#include "engine/format/age_primitives.h"

namespace mixtape::format {

namespace {

constexpr std::string_view kBegin = "-----BEGIN AGE ENCRYPTED FILE-----";
constexpr std::string_view kEnd = "-----END AGE ENCRYPTED FILE-----";
constexpr std::string_view kAnyAgeVersion = "age-encryption.org/";
constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
constexpr std::size_t kColumns = 64;
constexpr std::size_t kBytesPerLine = kColumns / 4 * 3;
// Allowed before the BEGIN line, and again after the END line.
constexpr std::size_t kMaxWhiteSpace = 1024;
constexpr std::size_t kBlock = 16 * KiB;
constexpr int kNoCharacter = -1;

[[noreturn]] void refuse(const std::string& why) {
  throw AgeError(AgeFailure::armor, "read armored age file: " + why);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(kWhiteSpace) == std::string_view::npos;
}

}  // namespace

bool looks_armored(ByteView start) {
  const std::string_view text = as_text(start);
  if (text.starts_with(kAnyAgeVersion)) {
    return false;
  }
  const std::size_t first = std::min(text.find_first_not_of(kWhiteSpace), text.size());
  return text.substr(first).starts_with("-----") || text.find(kBegin) != std::string_view::npos;
}

ArmorReader::ArmorReader(ByteSource& in) : in_(in), block_(kBlock) {}

std::size_t ArmorReader::read(MutableBytes into) {
  while (unread_.empty() && place_ != Place::after && !into.empty()) {
    switch (place_) {
      case Place::before:
        read_begin();
        break;
      case Place::inside:
        read_body_line();
        break;
      case Place::last_line_seen:
        expect_end(needed_line());
        break;
      case Place::after:
        break;
    }
  }
  const std::size_t size = std::min(into.size(), unread_.size());
  std::copy_n(unread_.begin(), size, into.begin());
  unread_ = unread_.subspan(size);
  return size;
}

int ArmorReader::next_character() {
  if (unread_block_.empty()) {
    const std::size_t size = in_.read(block_);
    if (size == 0) {
      return kNoCharacter;
    }
    unread_block_ = ByteView(block_).first(size);
  }
  const int character = std::to_integer<int>(unread_block_.front());
  unread_block_ = unread_block_.subspan(1);
  return character;
}

// Without LF or CRLF; the last line may lack both. nullopt at the end of the input.
std::optional<std::string_view> ArmorReader::next_line() {
  line_.clear();
  int character = next_character();
  if (character == kNoCharacter) {
    return std::nullopt;
  }
  for (; character != kNoCharacter && character != '\n'; character = next_character()) {
    if (line_.size() > kMaxWhiteSpace) {
      refuse("a line is too long");
    }
    line_.push_back(static_cast<char>(character));
  }
  if (line_.ends_with('\r')) {
    line_.pop_back();
  }
  return line_;
}

std::string_view ArmorReader::needed_line() {
  const std::optional<std::string_view> line = next_line();
  if (!line) {
    refuse("it ends before the END line");
  }
  return *line;
}

void ArmorReader::read_begin() {
  std::size_t skipped = 0;
  std::string_view line = needed_line();
  while (is_blank(line)) {
    skipped += line.size() + 1;
    if (skipped > kMaxWhiteSpace) {
      refuse("too much white space before the BEGIN line");
    }
    line = needed_line();
  }
  if (line != kBegin) {
    refuse("the first line is not \"" + std::string(kBegin) + "\"");
  }
  place_ = Place::inside;
}

void ArmorReader::read_body_line() {
  const std::string_view line = needed_line();
  if (line == kEnd) {
    expect_end(line);
    return;
  }
  std::optional<Bytes> bytes = line.empty() || line.size() > kColumns
                                   ? std::nullopt
                                   : base64_decode(line, Padding::required);
  if (!bytes) {
    refuse("a line is not canonical base64 of 1 to 64 columns");
  }
  decoded_ = std::move(*bytes);
  unread_ = decoded_;
  if (decoded_.size() < kBytesPerLine) {
    place_ = Place::last_line_seen;
  }
}

void ArmorReader::expect_end(std::string_view line) {
  if (line != kEnd) {
    refuse("a short line is not followed by \"" + std::string(kEnd) + "\"");
  }
  std::size_t skipped = 0;
  for (int c = next_character(); c != kNoCharacter; c = next_character()) {
    if (kWhiteSpace.find(static_cast<char>(c)) == std::string_view::npos) {
      refuse("text follows the END line");
    }
    if (++skipped > kMaxWhiteSpace) {
      refuse("too much white space after the END line");
    }
  }
  place_ = Place::after;
}

void ArmorWriter::begin() {
  if (!begun_) {
    out_.write(as_bytes(std::string(kBegin) + '\n'));
    begun_ = true;
  }
}

void ArmorWriter::write(ByteView bytes) {
  begin();
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  std::string lines;
  std::size_t at = 0;
  for (; pending_.size() - at >= kBytesPerLine; at += kBytesPerLine) {
    lines += base64_encode(ByteView(pending_).subspan(at, kBytesPerLine), Padding::required) + '\n';
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at));
  if (!lines.empty()) {
    out_.write(as_bytes(lines));
  }
}

void ArmorWriter::finish() {
  begin();
  std::string tail;
  if (!pending_.empty()) {
    tail = base64_encode(pending_, Padding::required) + '\n';
    pending_.clear();
  }
  tail += std::string(kEnd) + '\n';
  out_.write(as_bytes(tail));
}

}  // namespace mixtape::format
