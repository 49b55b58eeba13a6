// SPDX-License-Identifier: Apache-2.0
#include "fusefs/xattrs.h"

#include <algorithm>
#include <set>

#include "fusefs/attributes.h"
#include "fusefs/names.h"

namespace mixtape::fusefs {
namespace {

using catalog::CopyPlace;

// Each medium once, in the order of preference, as `text` has it.
std::string joined(const std::vector<CopyPlace>& places,
                   const std::function<std::string(const catalog::Medium&)>& text) {
  std::set<catalog::MediumId> seen;
  std::string all;
  for (const CopyPlace& place : places) {
    if (seen.insert(place.medium.id).second) {
      all += (all.empty() ? "" : ",") + text(place.medium);
    }
  }
  return all;
}

std::optional<std::string> last_verified(const std::vector<CopyPlace>& places) {
  std::optional<std::int64_t> last;
  for (const CopyPlace& place : places) {
    last = std::max(last, place.copy.verified_s);
  }
  return last ? std::optional(time_name(*last)) : std::nullopt;
}

}  // namespace

bool Xattrs::unsupported(std::string_view name) const {
  return is_access_xattr(name) && !catalog_.has_access_xattrs();
}

std::optional<std::string> Xattrs::get(NodeId node, std::string_view name) {
  if (name.starts_with(kOwnPrefix)) {
    return own(node, name.substr(kOwnPrefix.size()));
  }
  const auto version = catalog_.version(node);
  if (version) {
    for (const auto& [known, value] : version->metadata.xattrs) {
      if (known == name) {
        return value;
      }
    }
  }
  return std::nullopt;
}

std::vector<std::string> Xattrs::list(NodeId node) {
  std::vector<std::string> names;
  if (const auto version = catalog_.version(node)) {
    for (const auto& [name, value] : version->metadata.xattrs) {
      if (!name.starts_with(kOwnPrefix)) {
        names.push_back(name);
      }
    }
  }
  return names;
}

std::optional<std::string> Xattrs::own(NodeId node, std::string_view key) {
  const auto version = catalog_.version(node);
  if (!version) {
    return std::nullopt;
  }
  if (key == "version") {
    const auto reader = readers_.borrow();
    const auto started_s = readers_.started_s(*reader, version->key.first_job);
    return started_s ? std::optional(time_name(*started_s)) : std::nullopt;
  }
  if (!version->content) {
    return std::nullopt;
  }
  if (key == "hash") {
    return version->hash ? std::optional(to_hex(*version->hash)) : std::nullopt;
  }
  return of_content(content_of(*version), key);
}

std::optional<std::string> Xattrs::of_content(const recall::Content& content,
                                              std::string_view key) {
  const bool here = contents_.is_here(content);
  if (key == "eta") {
    auto seconds = std::optional(std::chrono::seconds(0));
    if (!here) {
      seconds = eta_ ? eta_(content) : std::nullopt;
    }
    return seconds ? std::optional(std::to_string(seconds->count())) : std::nullopt;
  }
  const auto reader = readers_.borrow();
  const auto places = reader->ledger.places(catalog::ContentId(content.number));
  if (key == "state") {
    if (here) {
      return "here";
    }
    if (places.empty()) {
      return "lost";
    }
    return contents_.is_queued(content) ? "queued" : "away";
  }
  if (key == "copies") {
    return std::to_string(places.size());
  }
  if (key == "media") {
    return joined(places, [](const catalog::Medium& medium) { return medium.label; });
  }
  if (key == "location") {
    return joined(places, [](const catalog::Medium& medium) {
      return medium.location.empty() ? medium.label : medium.label + " (" + medium.location + ")";
    });
  }
  return key == "verified" ? last_verified(places) : std::nullopt;
}

}  // namespace mixtape::fusefs
