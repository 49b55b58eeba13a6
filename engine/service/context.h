// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/sources.h"
#include "engine/catalog/tree.h"
#include "engine/home/home.h"
#include "engine/previews/previews.h"
#include "engine/recall/cache.h"
#include "engine/service/health.h"
#include "engine/service/libraries.h"
#include "engine/staging/staging.h"

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
  explicit Workspace(home::Home home, LibrariesOptions libraries = {});

  [[nodiscard]] const home::Home& home() const { return home_; }
  [[nodiscard]] recall::Cache& cache() { return cache_; }
  [[nodiscard]] previews::Previews& previews() { return previews_; }
  [[nodiscard]] staging::Staging& staging() { return staging_; }
  // What this user can open; may be empty.
  [[nodiscard]] std::span<const format::Identity> identities() const { return identities_; }
  [[nodiscard]] Libraries& libraries() { return libraries_; }
  [[nodiscard]] HealthNotes& health() { return health_; }

 private:
  home::Home home_;
  recall::Cache cache_;
  previews::Previews previews_;
  staging::Staging staging_;
  std::vector<format::Identity> identities_;
  Libraries libraries_;
  HealthNotes health_;
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

  // As mixtape.toml and keys/recipients say since the command first asked: a daemon outlives many
  // edits of them.
  [[nodiscard]] const home::Config& config();
  // Who can read what is written.
  [[nodiscard]] const std::vector<format::Recipient>& recipients();

 private:
  std::optional<home::Config> config_;
  std::vector<format::Recipient> recipients_;
};

}  // namespace mixtape::service
