// SPDX-License-Identifier: Apache-2.0
#include "engine/service/stand_ins.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "engine/format/age_stream.h"
#include "engine/service/told_losses.h"
#include "tapeio/bytes.h"
#include "tapeio/dir_description.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using Anchors = std::map<std::uint64_t, std::uint64_t>;  // Tape file to its first block.

constexpr std::uint64_t kMostBytes = 1024 * 1024 * TiB;  // More than any medium has.

std::uint64_t records_in(std::uint64_t bytes, std::uint64_t record_size) {
  return bytes / record_size + (bytes % record_size > 0 ? 1 : 0);
}

Anchors anchors_of(std::span<const catalog::Bundle> bundles, std::uint64_t record_size) {
  Anchors anchors{{0, 0}};
  for (const catalog::Bundle& bundle : bundles) {
    if (bundle.state != catalog::BundleState::written || !bundle.archive_block ||
        bundle.plain_bytes > kMostBytes || *bundle.archive_block > kMostBytes) {
      continue;
    }
    const std::uint64_t archive = bundle.index_file + 1;
    const std::uint64_t sealed =
        format::cipher_size(bundle.archive_header.size(), bundle.plain_bytes);
    anchors.emplace(archive, *bundle.archive_block);
    anchors.emplace(archive + 1, *bundle.archive_block + records_in(sealed, record_size) + 1);
  }
  return anchors;
}

// How many bytes of whole records the files that are missing between two places had.
std::optional<std::uint64_t> bytes_between(const Anchors::value_type& from,
                                           const Anchors::value_type& to,
                                           const std::vector<tapeio::FoundFile>& finished,
                                           std::uint64_t record_size) {
  const std::uint64_t filemarks = to.first - from.first;
  if (to.second < from.second || to.second - from.second < filemarks) {
    return std::nullopt;
  }
  std::uint64_t left = to.second - from.second - filemarks;
  const auto number_of = [](const tapeio::FoundFile& file) { return file.parsed.number; };
  for (auto file = std::ranges::lower_bound(finished, from.first, {}, number_of);
       file != finished.end() && file->parsed.number < to.first; ++file) {
    const std::uint64_t records = records_in(file->identity.size, record_size);
    if (records > left) {
      return std::nullopt;
    }
    left -= records;
  }
  return left > kMostBytes / record_size ? std::nullopt : std::optional(left * record_size);
}

std::optional<std::uint64_t> record_size_of(const std::string& medium_path) {
  try {
    return tapeio::description_for_reading(medium_path).record_size;
  } catch (const Error&) {
    // Its own trouble, which is told by whoever loads it.
    return std::nullopt;
  }
}

std::string commands_for(const std::string& medium_path, std::span<const StandIn> stand_ins) {
  std::string commands;
  std::optional<std::uint64_t> size;
  for (const StandIn& stand_in : stand_ins) {
    if (size != stand_in.size) {
      size = stand_in.size;
      commands += (commands.empty() ? "" : " && ") + ("truncate -s " + std::to_string(*size));
    }
    commands += " " + shell_word(medium_path + "/" + tapeio::stand_in_name(stand_in.number));
  }
  return commands;
}

}  // namespace

std::vector<StandIn> stand_ins_for(const std::vector<tapeio::FoundFile>& finished,
                                   std::uint64_t record_size,
                                   std::span<const catalog::Bundle> bundles) {
  std::vector<StandIn> stand_ins;
  for (const std::uint64_t gap : tapeio::gaps_in(finished)) {
    stand_ins.push_back({.number = gap, .size = std::nullopt});
  }
  if (record_size == 0) {
    return stand_ins;
  }
  const Anchors anchors = anchors_of(bundles, record_size);
  auto next = stand_ins.begin();
  for (auto to = std::next(anchors.begin()); to != anchors.end(); ++to) {
    if (next == stand_ins.end() || next->number >= to->first) {
      continue;
    }
    const auto bytes = bytes_between(*std::prev(to), *to, finished, record_size);
    next->size = bytes;
    for (++next; next != stand_ins.end() && next->number < to->first; ++next) {
      next->size = bytes ? std::optional<std::uint64_t>(0) : std::nullopt;
    }
  }
  return stand_ins;
}

std::string stand_in_advice(const std::string& medium_path,
                            std::span<const catalog::Bundle> bundles) {
  std::vector<tapeio::FoundFile> finished = tapeio::find_tape_files(medium_path);
  std::erase_if(finished, [](const tapeio::FoundFile& file) { return file.parsed.unfinished; });
  std::vector<StandIn> known =
      stand_ins_for(finished, record_size_of(medium_path).value_or(0), bundles);
  if (known.empty()) {
    return "";
  }
  std::vector<std::uint64_t> unknown;
  std::erase_if(known, [&](const StandIn& stand_in) {
    if (!stand_in.size) {
      unknown.push_back(stand_in.number);
    }
    return !stand_in.size;
  });
  // A command line has an end.
  const std::size_t shown = std::min(known.size(), tapeio::kMostGapsNamed);
  std::string text;
  if (!known.empty()) {
    text =
        "put back what is left, or stand-ins of the size that the catalog tells, with which the "
        "others are read: `" +
        commands_for(medium_path, std::span(known).first(shown)) + "`" +
        (shown < known.size() ? ", then ask again for those that are still missing" : "");
  }
  if (!unknown.empty()) {
    text += (text.empty() ? "" : "; ") + tapeio::missing_tape_files_text(unknown) +
            ", and the catalog tells no size: put back what is left from a copy";
  }
  return text;
}

}  // namespace mixtape::service
