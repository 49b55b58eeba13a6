// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusefs/catalog_fs.h"
#include "fusefs/contents.h"
#include "fusefs/readers.h"

// Extended attributes of catalog nodes: those of the version, and what Mixtape itself knows of a
// file.
//
//   user.mixtape.state     "here" (in the cache), "queued", "away" (on media), "lost" (no good
//   copy) user.mixtape.hash      BLAKE2b-256, hexadecimal user.mixtape.copies    how many good
//   copies there are user.mixtape.media     labels of the media that hold one, comma separated
//   user.mixtape.location  where those media are
//   user.mixtape.verified  when a copy was last read back and found good ("20261121T191403Z")
//   user.mixtape.version   when the job began that first saw this version
//   user.mixtape.eta       seconds until it would be here
// They are read by name and never listed, so that `cp -a` does not carry them off.
//
// Threads: every method from any thread.

namespace mixtape::fusefs {

inline constexpr std::string_view kOwnPrefix = "user.mixtape.";
inline constexpr std::string_view kRecallXattr = "user.mixtape.recall";

// Seconds until a content that is away would be here, as far as somebody can tell; may be empty.
using Eta = std::function<std::optional<std::chrono::seconds>(const recall::Content&)>;

class Xattrs {
 public:
  Xattrs(CatalogFs& catalog, Readers& readers, Contents& contents, Eta eta)
      : catalog_(catalog), readers_(readers), contents_(contents), eta_(std::move(eta)) {}

  // Names that are answered with "not supported here" as long as no file shown has such a value:
  // ls(1) then stops asking the whole file system, where "no data" costs it a round trip for every
  // file.
  [[nodiscard]] bool unsupported(std::string_view name) const;

  [[nodiscard]] std::optional<std::string> get(NodeId node, std::string_view name);
  // Those that get() answers but for Mixtape's own.
  [[nodiscard]] std::vector<std::string> list(NodeId node);

 private:
  std::optional<std::string> own(NodeId node, std::string_view key);
  std::optional<std::string> of_content(const recall::Content& content, std::string_view key);

  CatalogFs& catalog_;
  Readers& readers_;
  Contents& contents_;
  Eta eta_;
};

}  // namespace mixtape::fusefs
