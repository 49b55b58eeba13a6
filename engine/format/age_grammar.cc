// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_grammar.h"

#include <algorithm>
#include <string_view>

#include "engine/format/age_header.h"
#include "engine/format/age_primitives.h"

namespace mixtape::format {

namespace {

constexpr std::string_view kStanzaStart = "-> ";
// Base64 columns of a full body line; a shorter line, possibly empty, ends the body.
constexpr std::size_t kColumns = 64;

[[noreturn]] void refuse(const std::string& why) {
  throw AgeError(AgeFailure::header, "read age header: " + why);
}

bool is_visible(char c) {
  return c >= 0x21 && c <= 0x7e;
}

// Hands out whole lines; remembers where it stands.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  // Without its LF; nullopt when the LF is not there yet.
  std::optional<std::string_view> next() {
    const std::size_t end = text_.find('\n', position_);
    if (end == std::string_view::npos) {
      check_unfinished(text_.substr(position_));
      return std::nullopt;
    }
    const std::string_view line = text_.substr(position_, end - position_);
    position_ = end + 1;
    return line;
  }

  [[nodiscard]] std::size_t position() const { return position_; }

 private:
  // Binary rubbish need not be read up to the size limit before it is refused.
  void check_unfinished(std::string_view part) const {
    if (text_.size() >= kMaxAgeHeader) {
      refuse("longer than " + std::to_string(kMaxAgeHeader) + " bytes");
    }
    if (!std::all_of(part.begin(), part.end(), [](char c) { return c == ' ' || is_visible(c); })) {
      refuse("a character that no header has");
    }
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

std::vector<std::string> parse_arguments(std::string_view line) {
  std::vector<std::string> arguments;
  std::string_view rest = line.substr(kStanzaStart.size());
  while (true) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view argument = rest.substr(0, end);
    if (argument.empty() || !std::all_of(argument.begin(), argument.end(), is_visible)) {
      refuse("an empty or unprintable argument of a stanza");
    }
    arguments.emplace_back(argument);
    if (end == rest.size()) {
      return arguments;
    }
    rest.remove_prefix(end + 1);
  }
}

std::optional<Bytes> parse_body(Lines& lines) {
  Bytes body;
  while (true) {
    const std::optional<std::string_view> line = lines.next();
    if (!line) {
      return std::nullopt;
    }
    const std::optional<Bytes> part =
        line->size() <= kColumns ? base64_decode(*line, Padding::none) : std::nullopt;
    if (!part) {
      refuse("a body line of a stanza is not canonical base64 of at most 64 columns");
    }
    body.insert(body.end(), part->begin(), part->end());
    if (line->size() < kColumns) {
      return body;
    }
  }
}

void parse_mac(std::string_view line, HeaderText& header) {
  const std::string_view text = line.substr(kAgeMacLine.size());
  const std::optional<Bytes> mac =
      text.starts_with(' ') ? base64_decode(text.substr(1), Padding::none) : std::nullopt;
  if (!mac || mac->size() != header.mac.size()) {
    refuse("the last line is not \"--- \" and 43 base64 characters");
  }
  std::copy(mac->begin(), mac->end(), header.mac.begin());
}

}  // namespace

std::optional<HeaderText> parse_header_text(ByteView start) {
  const std::string_view text = as_text(start.first(std::min(start.size(), kMaxAgeHeader)));
  if (!text.starts_with(kAgeVersionLine.substr(0, text.size()))) {
    refuse("the first line is not \"age-encryption.org/v1\"");
  }
  Lines lines(text);
  if (!lines.next()) {
    return std::nullopt;
  }
  HeaderText header;
  while (true) {
    const std::size_t line_start = lines.position();
    const std::optional<std::string_view> line = lines.next();
    if (!line) {
      return std::nullopt;
    }
    if (line->starts_with(kAgeMacLine)) {
      if (header.stanzas.empty()) {
        refuse("no stanza");
      }
      parse_mac(*line, header);
      header.covered = line_start + kAgeMacLine.size();
      header.size = lines.position();
      return header;
    }
    if (!line->starts_with(kStanzaStart)) {
      refuse("a line that begins neither a stanza nor the end");
    }
    Stanza stanza{.arguments = parse_arguments(*line), .body = {}};
    std::optional<Bytes> body = parse_body(lines);
    if (!body) {
      return std::nullopt;
    }
    stanza.body = std::move(*body);
    header.stanzas.push_back(std::move(stanza));
  }
}

std::string stanza_text(const Stanza& stanza) {
  std::string text = "->";
  for (const std::string& argument : stanza.arguments) {
    text += ' ' + argument;
  }
  text += '\n';
  const std::string body = base64_encode(stanza.body, Padding::none);
  for (std::size_t at = 0; at <= body.size(); at += kColumns) {
    text += body.substr(at, kColumns) + '\n';
  }
  return text;
}

}  // namespace mixtape::format
