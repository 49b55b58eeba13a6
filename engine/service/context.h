// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/sources.h"
#include "engine/catalog/tree.h"
#include "engine/home/home.h"
#include "engine/recall/cache.h"
#include "engine/staging/staging.h"
#include "tapeio/library.h"

// What every operation of the program works on: the workspace of a process and the context of one
// command.

namespace mixtape::service {

// Seconds since 1970; tests pass their own.
using Clock = std::function<std::int64_t()>;
std::int64_t system_now_s();

// An opened home, shared by everything in one process (one command, or the daemon with its mount).
//
// Threads: the members are internally synchronised or immutable.
class Workspace {
 public:
  explicit Workspace(home::Home home);

  [[nodiscard]] const home::Home& home() const { return home_; }
  [[nodiscard]] recall::Cache& cache() { return cache_; }
  [[nodiscard]] staging::Staging& staging() { return staging_; }
  // Who can read what is written.
  [[nodiscard]] const std::vector<format::Recipient>& recipients() const { return recipients_; }
  // What this user can open; may be empty.
  [[nodiscard]] std::span<const format::Identity> identities() const { return identities_; }
  [[nodiscard]] const std::vector<std::unique_ptr<tapeio::Library>>& libraries() const {
    return libraries_;
  }
  // Libraries of the configuration that are not there, with the reason.
  [[nodiscard]] const std::vector<std::string>& absent_libraries() const { return absent_; }

  // The library that has this medium now; nullptr: none. Looks at each library anew (media come and
  // go).
  [[nodiscard]] tapeio::Library* library_with(std::string_view label) const;
  // The library that has this very medium: its own label was read and says so. Labels repeat
  // between libraries, and directories are swapped; a medium that only has the name must never be
  // taken for a damaged one. Cost: the first record of each medium of that label.
  [[nodiscard]] tapeio::Library* library_with(const catalog::Medium& medium) const;

 private:
  home::Home home_;
  recall::Cache cache_;
  staging::Staging staging_;
  std::vector<format::Recipient> recipients_;
  std::vector<format::Identity> identities_;
  std::vector<std::string> absent_;
  std::vector<std::unique_ptr<tapeio::Library>> libraries_;
};

// One command's own connection to the catalog and what it asks it through.
//
// Threads: belongs to the thread that runs the command.
struct Context {
  Context(Workspace& workspace_in, catalog::Access access, Clock clock = system_now_s);

  Workspace& workspace;
  catalog::Database database;
  catalog::Ledger ledger;
  catalog::Tree tree;
  catalog::Sources sources;
  Clock now_s;
};

}  // namespace mixtape::service
