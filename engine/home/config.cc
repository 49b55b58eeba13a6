// SPDX-License-Identifier: Apache-2.0
#include "engine/home/config.h"

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>

#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/library.h"

namespace mixtape::home {
namespace {

constexpr std::uint32_t kMaxCopies = 16;
constexpr std::uint64_t kMostPreview = MiB;  // The room for previews takes no more.

struct Unit {
  std::string_view name;
  double bytes;
};
constexpr Unit kUnits[] = {{"", 1},           {"B", 1},          {"kB", 1e3},      {"KB", 1e3},
                           {"MB", 1e6},       {"GB", 1e9},       {"TB", 1e12},     {"KiB", 1024.},
                           {"MiB", MiB * 1.}, {"GiB", GiB * 1.}, {"TiB", TiB * 1.}};

// One parse of one file: where errors are put into words.
class Reader {
 public:
  explicit Reader(std::string_view file_name) : file_name_(file_name) {}

  [[noreturn]] void refuse(const toml::source_region& where, const std::string& why) const {
    throw Error(ErrorCode::invalid,
                file_name_ + " line " + std::to_string(where.begin.line) + ": " + why);
  }

  std::string text(std::string_view key, const toml::node& node) const {
    const auto* value = node.as_string();
    if (value == nullptr) {
      refuse(node.source(), std::string(key) + " must be a text in quotes");
    }
    return value->get();
  }

  std::int64_t integer(std::string_view key, const toml::node& node, std::int64_t low,
                       std::int64_t high) const {
    const auto* value = node.as_integer();
    if (value == nullptr || value->get() < low || value->get() > high) {
      refuse(node.source(), std::string(key) + " must be a whole number from " +
                                std::to_string(low) + " to " + std::to_string(high));
    }
    return value->get();
  }

  bool boolean(std::string_view key, const toml::node& node) const {
    const auto* value = node.as_boolean();
    if (value == nullptr) {
      refuse(node.source(), std::string(key) + " must be true or false");
    }
    return value->get();
  }

  std::uint64_t size(std::string_view key, const toml::node& node) const {
    try {
      if (const auto* number = node.as_integer(); number != nullptr && number->get() >= 0) {
        return static_cast<std::uint64_t>(number->get());
      }
      return parse_size(text(key, node));
    } catch (const Error&) {
      refuse(node.source(), std::string(key) + " must be a size like \"64 GiB\"");
    }
  }

  std::vector<std::string> texts(std::string_view key, const toml::node& node) const {
    const auto* list = node.as_array();
    if (list == nullptr) {
      refuse(node.source(), std::string(key) + " must be a list of texts");
    }
    std::vector<std::string> values;
    for (const toml::node& item : *list) {
      values.push_back(text(key, item));
    }
    return values;
  }

 private:
  std::string file_name_;
};

RecallPolicy parse_policy(const Reader& reader, std::string_view key, const toml::node& node) {
  static const std::map<std::string, RecallPolicy> kPolicies = {{"block", RecallPolicy::block},
                                                                {"queue", RecallPolicy::queue},
                                                                {"never", RecallPolicy::never}};
  const auto found = kPolicies.find(reader.text(key, node));
  if (found == kPolicies.end()) {
    reader.refuse(node.source(), "recall must be \"block\", \"queue\" or \"never\"");
  }
  return found->second;
}

ArchaeologyExtent parse_extent(const Reader& reader, std::string_view key, const toml::node& node) {
  static const std::map<std::string, ArchaeologyExtent> kExtents = {
      {"auto", ArchaeologyExtent::by_capacity},
      {"texts", ArchaeologyExtent::texts},
      {"full", ArchaeologyExtent::full}};
  const auto found = kExtents.find(reader.text(key, node));
  if (found == kExtents.end()) {
    reader.refuse(node.source(), "archaeology must be \"auto\", \"texts\" or \"full\"");
  }
  return found->second;
}

std::vector<CopyRule> parse_copy_rules(const Reader& reader, const toml::node& node) {
  const auto* rules = node.as_table();
  if (rules == nullptr) {
    reader.refuse(node.source(), "copy_rules must be a table of \"pattern\" = copies");
  }
  std::vector<CopyRule> parsed;
  for (const auto& [pattern, copies] : *rules) {
    parsed.push_back({std::string(pattern.str()),
                      static_cast<std::uint32_t>(reader.integer("copies", copies, 1, kMaxCopies))});
  }
  return parsed;
}

// A list of patterns, or whether all of them are meant.
std::vector<std::string> parse_distinct_locations(const Reader& reader, std::string_view key,
                                                  const toml::node& node) {
  if (const auto* all = node.as_boolean()) {
    return all->get() ? std::vector<std::string>{"**"} : std::vector<std::string>();
  }
  if (!node.is_array()) {
    reader.refuse(node.source(), std::string(key) + " must be a list of patterns, true or false");
  }
  return reader.texts(key, node);
}

std::map<std::string, std::string> parse_library_places(const Reader& reader,
                                                        const toml::node& node) {
  const auto* places = node.as_table();
  if (places == nullptr) {
    reader.refuse(node.source(), "library_places must be a table of \"library\" = \"place\"");
  }
  std::map<std::string, std::string> parsed;
  for (const auto& [library, place] : *places) {
    parsed.emplace(library.str(), reader.text("the place of a library", place));
  }
  return parsed;
}

// A place that is noted for no library says nothing, and a typing error must not.
void require_libraries_with_places(const Reader& reader, const Config& config,
                                   const toml::table& table) {
  for (const auto& [library, place] : config.library_places) {
    if (std::ranges::find(config.libraries, library) == config.libraries.end()) {
      reader.refuse(table.get("library_places")->source(),
                    "library_places names \"" + library +
                        "\", which is none of `libraries` as they are written there");
    }
  }
}

std::uint64_t parse_record_size(const Reader& reader, std::string_view key,
                                const toml::node& node) {
  const std::uint64_t size = reader.size(key, node);
  if (size < 64 * KiB || size > 4 * MiB || (size & (size - 1)) != 0) {
    reader.refuse(node.source(), "record_size must be a power of two from 64 KiB to 4 MiB");
  }
  return size;
}

std::uint64_t parse_preview(const Reader& reader, std::string_view key, const toml::node& node) {
  const std::uint64_t size = reader.size(key, node);
  if (size > kMostPreview) {
    reader.refuse(node.source(),
                  std::string(key) + " must be at most " + format_size(kMostPreview));
  }
  return size;
}

using Setter = std::function<void(Config&, const Reader&, std::string_view, const toml::node&)>;

const std::map<std::string, Setter, std::less<>>& setters() {
  using R = const Reader&;
  using K = std::string_view;
  using N = const toml::node&;
  static const std::map<std::string, Setter, std::less<>> kSetters = {
      {"libraries", [](Config& c, R r, K k, N n) { c.libraries = r.texts(k, n); }},
      {"copies",
       [](Config& c, R r, K k, N n) {
         c.copies = static_cast<std::uint32_t>(r.integer(k, n, 1, kMaxCopies));
       }},
      {"copy_rules", [](Config& c, R r, K, N n) { c.copy_rules = parse_copy_rules(r, n); }},
      {"distinct_locations",
       [](Config& c, R r, K k, N n) { c.distinct_locations = parse_distinct_locations(r, k, n); }},
      {"library_places",
       [](Config& c, R r, K, N n) { c.library_places = parse_library_places(r, n); }},
      {"include", [](Config& c, R r, K k, N n) { c.include = r.texts(k, n); }},
      {"exclude", [](Config& c, R r, K k, N n) { c.exclude = r.texts(k, n); }},
      {"one_file_system", [](Config& c, R r, K k, N n) { c.one_file_system = r.boolean(k, n); }},
      {"record_size", [](Config& c, R r, K k, N n) { c.record_size = parse_record_size(r, k, n); }},
      {"medium_capacity", [](Config& c, R r, K k, N n) { c.medium_capacity = r.size(k, n); }},
      {"archaeology", [](Config& c, R r, K k, N n) { c.archaeology = parse_extent(r, k, n); }},
      {"archaeology_extra", [](Config& c, R r, K k, N n) { c.archaeology_extra = r.text(k, n); }},
      {"verify_days",
       [](Config& c, R r, K k, N n) {
         c.verify_days = static_cast<std::uint32_t>(r.integer(k, n, 0, 36'500));
       }},
      {"bundle_size", [](Config& c, R r, K k, N n) { c.bundle_size = r.size(k, n); }},
      {"cache_limit", [](Config& c, R r, K k, N n) { c.cache_limit = r.size(k, n); }},
      {"cache_days",
       [](Config& c, R r, K k, N n) {
         c.cache_days = static_cast<std::uint32_t>(r.integer(k, n, 0, 36'500));
       }},
      {"recall", [](Config& c, R r, K k, N n) { c.recall = parse_policy(r, k, n); }},
      {"wait_for_medium_seconds",
       [](Config& c, R r, K k, N n) {
         c.wait_for_medium = std::chrono::seconds(r.integer(k, n, 0, 30 * 24 * 3600));
       }},
      {"never_recall_for", [](Config& c, R r, K k, N n) { c.never_recall_for = r.texts(k, n); }},
      {"always_recall_for", [](Config& c, R r, K k, N n) { c.always_recall_for = r.texts(k, n); }},
      {"cold_files_per_second",
       [](Config& c, R r, K k, N n) {
         c.cold_files_per_second = static_cast<std::uint32_t>(r.integer(k, n, 0, 1'000'000));
       }},
      {"preview_head", [](Config& c, R r, K k, N n) { c.preview_head = parse_preview(r, k, n); }},
      {"preview_tail", [](Config& c, R r, K k, N n) { c.preview_tail = parse_preview(r, k, n); }},
      {"preview_limit", [](Config& c, R r, K k, N n) { c.preview_limit = r.size(k, n); }},
  };
  return kSetters;
}

// Where in the text the parser was: it counts lines, and characters in them, from 1.
std::size_t offset_of(std::string_view text, const toml::source_position& position) {
  std::size_t at = 0;
  for (toml::source_index line = 1; line < position.line && at < text.size(); ++line) {
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
  }
  const auto is_middle_of_character = [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
  };
  for (toml::source_index column = 1; column < position.column && at < text.size(); ++column) {
    do {
      ++at;
    } while (at < text.size() && is_middle_of_character(text[at]));
  }
  return at;
}

std::string inserted(std::string_view text, std::size_t at, const std::string& piece) {
  return std::string(text.substr(0, at)) + piece + std::string(text.substr(at));
}

// Ways to write one more library into the text; whether one was right shows when it is read again.
std::vector<std::string> ways_to_add(std::string_view text, const std::string& url) {
  constexpr std::string_view kKey = "libraries";
  constexpr std::string_view kDefault = "\n#libraries = ";
  const toml::table table = toml::parse(text);
  std::vector<std::string> ways;
  if (const toml::node* node = table.get(kKey)) {
    const toml::array& list = *node->as_array();
    const bool none = list.empty();
    const auto position = none ? list.source().begin : list[list.size() - 1].source().end;
    const std::size_t at = offset_of(text, position) + (none ? 1 : 0);
    ways.push_back(inserted(text, at, (none ? "" : ", ") + toml_text(url)));
    return ways;
  }
  std::string line = std::string(kKey) + " = [";
  for (const std::string& library : Config().libraries) {
    line += toml_text(library) + ", ";
  }
  line += toml_text(url) + "]\n";
  if (const std::size_t shown = text.find(kDefault); shown != std::string_view::npos) {
    const std::size_t end = text.find('\n', shown + 1);
    ways.push_back(end == std::string_view::npos ? std::string(text) + "\n" + line
                                                 : inserted(text, end + 1, line));
  }
  // Before every table, to which it would belong otherwise.
  ways.push_back(line + std::string(text));
  return ways;
}

}  // namespace

std::string toml_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      quoted += '\\';
      quoted += letter;
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04X", byte);
      quoted += escaped;
    } else {
      quoted += letter;
    }
  }
  return quoted + '"';
}

std::optional<std::string> with_library(std::string_view toml, const std::string& url) {
  Config wanted = Config::parse(toml, "");
  wanted.libraries.push_back(url);
  for (std::string& way : ways_to_add(toml, url)) {
    try {
      if (Config::parse(way, "") == wanted) {
        return std::move(way);
      }
    } catch (const Error&) {
      // Not a place for it.
    }
  }
  return std::nullopt;
}

Config Config::parse(std::string_view toml_text, std::string_view file_name) {
  const Reader reader(file_name);
  toml::table table;
  try {
    table = toml::parse(toml_text, file_name);
  } catch (const toml::parse_error& error) {
    reader.refuse(error.source(), std::string(error.description()));
  }
  Config config;
  for (const auto& [key, node] : table) {
    const auto setter = setters().find(key.str());
    if (setter == setters().end()) {
      reader.refuse(node.source(), "there is no setting \"" + std::string(key.str()) +
                                       "\"; mixtape.toml(5) lists them");
    }
    setter->second(config, reader, key.str(), node);
  }
  require_libraries_with_places(reader, config, table);
  return config;
}

Config Config::read(const std::filesystem::path& file) {
  const Bytes bytes = tapeio::read_file(file, kMaxConfigFile);
  return parse(as_text(bytes), file.string());
}

std::uint64_t parse_size(std::string_view text) {
  const std::string copy(text);
  char* rest = nullptr;
  const double number = std::strtod(copy.c_str(), &rest);
  std::string_view unit(rest);
  while (!unit.empty() && unit.front() == ' ') {
    unit.remove_prefix(1);
  }
  for (const Unit& known : kUnits) {
    const double bytes = number * known.bytes;
    if (unit == known.name && rest != copy.c_str() && std::isfinite(bytes) && bytes >= 0 &&
        bytes < 9e18) {
      return static_cast<std::uint64_t>(bytes);
    }
  }
  throw Error(ErrorCode::invalid, "\"" + copy +
                                      "\" is no size: write a number and B, KiB, MiB, GiB, "
                                      "TiB, kB, MB, GB or TB");
}

std::string format_size(std::uint64_t bytes) {
  const Unit kSteps[] = {{"TiB", TiB * 1.}, {"GiB", GiB * 1.}, {"MiB", MiB * 1.}, {"KiB", 1024.}};
  char text[32];
  for (const Unit& step : kSteps) {
    const double value = static_cast<double>(bytes) / step.bytes;
    if (value >= 1) {
      std::snprintf(text, sizeof text, value < 10 ? "%.2f %s" : "%.1f %s", value, step.name.data());
      return text;
    }
  }
  return std::to_string(bytes) + " B";
}

std::string absolute_library_url(std::string_view url, const std::filesystem::path& home) {
  const auto directory = tapeio::directory_of_library(url);
  if (!directory) {
    return std::string(url);
  }
  std::string path = (home / *directory).lexically_normal().string();
  if (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  return tapeio::with_directory(url, path);
}

}  // namespace mixtape::home
