// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/bytes.h"

// mixtape.toml as values. Every key has a default; an unknown key is refused by name and line.
//
// Errors: throws Error{invalid}: "mixtape.toml line 7: copies must be 1 to 16, not 0".

namespace mixtape::home {

// A configuration is typed by hand; more is a mistake or an attack.
inline constexpr std::uint64_t kMaxConfigFile = MiB;

struct CopyRule {
  std::string pattern;  // As for include and exclude: the whole relative path.
  std::uint32_t copies = 1;
  bool operator==(const CopyRule&) const = default;
};

// How much stands in the first tape file of a medium.
enum class ArchaeologyExtent { texts, by_capacity, full };
enum class RecallPolicy { block, queue, never };
// The names that programs have which only look at files to see what they are.
inline constexpr std::array<const char*, 11> kSniffers = {"file",
                                                          "tumblerd",
                                                          "tracker-extract",
                                                          "tracker-miner-fs-3",
                                                          "localsearch-3",
                                                          "baloo_file",
                                                          "baloo_file_extractor",
                                                          "updatedb",
                                                          "thumbnail.so",
                                                          "gdk-pixbuf-thumbnailer",
                                                          "ffmpegthumbnailer"};

struct Config {
  std::vector<std::string> libraries{"dir:library"};  // Relative directories are below the home.
  std::uint32_t copies = 1;
  std::vector<CopyRule>
      copy_rules;  // Of those that match, the one that asks for most; else `copies`.
  // Patterns of files whose copies count only as far as they lie in different places.
  std::vector<std::string> distinct_locations;
  std::map<std::string, std::string> library_places;  // Where a library is, by its URL.
  std::vector<std::string> include, exclude;
  bool one_file_system = false;
  std::uint64_t record_size = MiB;      // Of media labelled from now on.
  std::uint64_t medium_capacity = TiB;  // Of disk media made from now on.
  // What stands on them behind the texts: programs and sources, where there is room.
  ArchaeologyExtent archaeology = ArchaeologyExtent::by_capacity;
  std::string archaeology_extra;         // A directory that is added to them; empty: none.
  std::uint32_t verify_days = 365;       // After so many a medium is to be read again; 0: never.
  std::uint64_t bundle_size = 64 * GiB;  // Target for the archive of a bundle.
  std::uint64_t cache_limit = 20 * GiB;
  std::uint32_t cache_days = 0;  // What was not used for so long leaves the cache; 0: it may stay.
  RecallPolicy recall = RecallPolicy::block;
  std::chrono::seconds wait_for_medium{0};  // 0: ENOMEDIUM at once.
  // Programs, by the names of their processes, for which `recall` is "never" or "block" whatever it
  // says.
  std::vector<std::string> never_recall_for{kSniffers.begin(), kSniffers.end()};
  std::vector<std::string> always_recall_for;
  std::uint32_t cold_files_per_second = 0;  // For each process; 0: as many as it likes.
  std::uint64_t preview_head = 64 * KiB, preview_tail = 16 * KiB;  // Kept of each content.
  std::uint64_t preview_limit = 4 * GiB;

  bool operator==(const Config&) const = default;

  static Config parse(std::string_view toml, std::string_view file_name);
  static Config read(const std::filesystem::path& file);
};

// The text with one more library in it and nothing else changed, comments included; nullopt when it
// has a shape in which no place for it is found, or `url` cannot stand in such a file (no UTF-8).
std::optional<std::string> with_library(std::string_view toml, const std::string& url);
// A text as TOML has it, in quotes.
std::string toml_text(std::string_view text);

// What init writes: every key with its default and one line of explanation.
std::string config_template();

// Relative directories of a library are below the home; a slash at the end means nothing.
std::string absolute_library_url(std::string_view url, const std::filesystem::path& home);

// "64 GiB", "1.5TB", "4096" to bytes; Error{invalid}.
std::uint64_t parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

}  // namespace mixtape::home
