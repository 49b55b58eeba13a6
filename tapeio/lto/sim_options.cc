// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_options.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/lto/generation.h"

namespace mixtape::tapeio::lto {
namespace {

// What a person may have meant, and no more: a drive is a thread somewhere.
constexpr std::size_t kMostDrives = 64;
constexpr std::size_t kMostSlots = 10000;
constexpr double kMostScale = 1e12;
constexpr double kMostMinutes = 100'000;
constexpr double kMostHours = 1'000'000;
constexpr std::size_t kMostLoads = 1'000'000;

[[noreturn]] void refuse(std::string_view key, std::string_view value, const char* wanted) {
  throw Error(ErrorCode::invalid, "open library sim: " + std::string(key) + "=" +
                                      std::string(value) + ": it must be " + wanted);
}

double parse_number(std::string_view key, std::string_view value, double least, double most,
                    const char* wanted) {
  double number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure != std::errc() || end != value.data() + value.size() || !(number >= least) ||
      !(number <= most)) {
    refuse(key, value, wanted);
  }
  return number;
}

std::size_t parse_count(std::string_view key, std::string_view value, std::size_t most,
                        const char* wanted) {
  std::size_t number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure != std::errc() || end != value.data() + value.size() || number < 1 || number > most) {
    refuse(key, value, wanted);
  }
  return number;
}

std::uint64_t parse_size(std::string_view key, std::string_view value) {
  constexpr const char* kWanted = "a size such as 1GiB, 18TB or 1000000";
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"KiB", double(KiB)}, {"MiB", double(MiB)}, {"GiB", double(GiB)},
      {"TiB", double(TiB)}, {"kB", 1e3},          {"MB", 1e6},
      {"GB", 1e9},          {"TB", 1e12},         {"", 1}};
  for (const auto& [unit, factor] : kUnits) {
    if (value.ends_with(unit)) {
      const std::string_view digits = value.substr(0, value.size() - unit.size());
      const double most = 1e18 / factor;
      const double number = parse_number(key, digits, 0, most, kWanted) * factor;
      if (number < 1) {
        refuse(key, value, kWanted);
      }
      return static_cast<std::uint64_t>(std::llround(number));
    }
  }
  refuse(key, value, kWanted);
}

double parse_clock(std::string_view key, std::string_view value) {
  if (value == "virtual") {
    return 0;
  }
  return value == "real"
             ? 1
             : parse_number(key, value, 1e-3, 1e9, "virtual, real or a speed such as 60");
}

bool parse_choice(std::string_view key, std::string_view value, std::string_view yes,
                  std::string_view no, const char* wanted) {
  if (value != yes && value != no) {
    refuse(key, value, wanted);
  }
  return value == yes;
}

void set_option(SimLibraryOptions& options, std::string_view key, std::string_view value) {
  if (key == "generation") {
    options.generation = static_cast<unsigned>(parse_count(key, value, 1000, "5 to 10"));
    static_cast<void>(figures_of(options.generation));
  } else if (key == "drives") {
    options.drives = parse_count(key, value, kMostDrives, "1 to 64");
  } else if (key == "slots") {
    options.slots = parse_count(key, value, kMostSlots, "1 to 10000");
  } else if (key == "clock") {
    options.clock_speed = parse_clock(key, value);
  } else if (key == "scale") {
    options.scale = parse_number(key, value, 1, kMostScale, "a number from 1 on");
  } else if (key == "capacity") {
    options.capacity_bytes = parse_size(key, value);
  } else if (key == "host") {
    options.counts_host_time = parse_choice(key, value, "real", "none", "real or none");
  } else if (key == "first_load") {
    options.first_load_minutes =
        parse_number(key, value, 0, kMostMinutes, "minutes from 0 to 100000");
  } else if (key == "clean_hours") {
    options.clean_hours = parse_number(key, value, 0, kMostHours, "hours from 0 to 1000000");
  } else if (key == "clean_loads") {
    options.clean_loads = parse_count(key, value, kMostLoads, "1 to 1000000");
  } else if (key == "vary") {
    options.capacity_varies = parse_choice(key, value, "yes", "no", "yes or no");
  } else {
    throw Error(ErrorCode::invalid,
                "open library sim: unknown option " + std::string(key) +
                    ": known are generation, drives, slots, clock, host, scale, capacity, vary, "
                    "first_load, clean_hours, clean_loads");
  }
}

}  // namespace

std::uint64_t SimLibraryOptions::nominal_bytes() const {
  if (capacity_bytes.has_value()) {
    return *capacity_bytes;
  }
  const auto native = static_cast<double>(figures_of(generation).native_bytes);
  return static_cast<std::uint64_t>(std::llround(native / scale.value_or(1)));
}

double SimLibraryOptions::modelled_scale() const {
  const auto native = static_cast<double>(figures_of(generation).native_bytes);
  return scale.value_or(native / static_cast<double>(nominal_bytes()));
}

SimLibraryOptions parse_sim_options(std::string_view text) {
  SimLibraryOptions options;
  options.text = text;
  std::size_t comma = text.find(',');
  options.path = text.substr(0, comma);
  if (!options.path.starts_with('/')) {
    throw Error(ErrorCode::invalid,
                "open library sim:" + options.path + ": the path must be absolute");
  }
  while (comma != std::string_view::npos) {
    text.remove_prefix(comma + 1);
    comma = text.find(',');
    const std::string_view option = text.substr(0, comma);
    const std::size_t equals = option.find('=');
    set_option(options, option.substr(0, equals),
               equals == std::string_view::npos ? "" : option.substr(equals + 1));
  }
  return options;
}

}  // namespace mixtape::tapeio::lto
