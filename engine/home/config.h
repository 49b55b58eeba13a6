// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// mixtape.toml as values. Every key has a default; an unknown key is refused by name and line.
//
// Errors: throws Error{invalid}: "mixtape.toml line 7: copies must be 1 to 16, not 0".

namespace mixtape::home {

struct CopyRule {
  std::string pattern;  // As for include and exclude: the whole relative path.
  std::uint32_t copies = 1;
};

enum class RecallPolicy { block, queue, never };

struct Config {
  std::vector<std::string> libraries{"dir:library"};  // Relative directories are below the home.
  std::uint32_t copies = 1;
  std::vector<CopyRule> copy_rules;  // The last matching one wins.
  std::vector<std::string> include, exclude;
  std::uint64_t record_size = 1 << 20;
  std::uint64_t medium_capacity = 0;          // For new disk media, bytes.
  std::uint64_t bundle_size = 64ULL << 30;    // Target, bytes.
  std::uint64_t cache_limit = 0;              // Bytes.
  RecallPolicy recall = RecallPolicy::block;
  std::chrono::seconds wait_for_medium{0};
  bool recovery_key_is_safe = false;          // The user said that the recovery key lies elsewhere.

  static Config defaults();
  static Config parse(std::string_view toml, std::string_view file_name);
  static Config read(const std::filesystem::path& file);
};

// What init writes: every key with its default and one line of explanation.
std::string config_template();

// "64 GiB", "1.5TB", "4096" to bytes; Error{invalid}.
std::uint64_t parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

}  // namespace mixtape::home
