// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/format/age_keys.h"
#include "engine/home/config.h"

// Mixtape's home: the directory with the catalog, keys, cache, staging, a library of disk media and
// the configuration. --home DIR, else $MIXTAPE_HOME, else ~/.local/share/mixtape (/var/lib/mixtape
// for root).
//
// Errors: throws Error{not_found} with "run mixtape init", Error{conflict}, Error{not_permitted}.

namespace mixtape::home {

std::filesystem::path default_home();

// A directory that is somebody else's does not become a home: Error{conflict} that begins with
// `command` when something stands in it that no home has.
void require_no_strangers(const std::filesystem::path& home, const std::string& command);

class Home {
 public:
  // An existing home.
  explicit Home(std::filesystem::path directory);

  // Makes everything: directories (0700), configuration, daily and recovery key, catalog, library
  // directory. Error{conflict} when a catalog is there already, or what belongs to no home; nothing
  // is half-made after a failure.
  static void create(const std::filesystem::path& directory);

  // A home for a catalog that will be recovered: directories and configuration, `identity_file`
  // among the keys, `recipients` among those who read what is written, `library` among the
  // libraries. What is there already stays, and what it lacks is added: each addition, and what the
  // user must add, as a sentence. Relative directories in `library` are below the home.
  [[nodiscard]] static std::vector<std::string> prepare(
      const std::filesystem::path& directory, const std::filesystem::path& identity_file,
      const std::vector<format::Recipient>& recipients, const std::string& library);

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] std::filesystem::path catalog_db() const { return directory_ / "catalog.db"; }
  [[nodiscard]] std::filesystem::path state_db() const { return directory_ / "state.db"; }
  [[nodiscard]] std::filesystem::path keys() const { return directory_ / "keys"; }
  [[nodiscard]] std::filesystem::path cache() const { return directory_ / "cache"; }
  [[nodiscard]] std::filesystem::path staging() const { return directory_ / "staging"; }
  [[nodiscard]] std::filesystem::path socket() const { return directory_ / "control.sock"; }
  [[nodiscard]] std::filesystem::path previews() const { return directory_ / "previews"; }
  [[nodiscard]] std::filesystem::path scratch() const { return directory_ / "scratch"; }

  [[nodiscard]] catalog::Database open_catalog(catalog::Access access) const;
  // Every identity in keys/*.identity that this user can open; empty when all of them are
  // elsewhere.
  [[nodiscard]] std::vector<format::Identity> identities() const;
  // One of these files; empty when there is none.
  [[nodiscard]] std::filesystem::path identity_file() const;
  // Who can read what is written: keys/recipients, one a line.
  [[nodiscard]] std::vector<format::Recipient> recipients() const;
  void add_recipient(const format::Recipient& recipient, std::string_view comment) const;
  // The user said that the recovery identity lies in a drawer; until then doctor asks for it.
  [[nodiscard]] bool recovery_kept_elsewhere() const;
  void set_recovery_kept_elsewhere() const;
  // The libraries of the configuration, as tapeio::open_library takes them.
  [[nodiscard]] std::vector<std::string> library_urls() const;

 private:
  std::filesystem::path directory_;
  Config config_;
};

}  // namespace mixtape::home
