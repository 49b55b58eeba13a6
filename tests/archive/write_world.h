// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/archive/write_job.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/age_keys.h"
#include "engine/progress/reporter.h"
#include "tapeio/library.h"
#include "tests/support/temp_dir.h"

// A small world that outlives crashes: sources, a catalog, keys and a library of media. Each run is
// what the program does from its start to its end; everything a run holds in memory is lost with
// it.

namespace mixtape::test {

class RecordingReporter final : public Reporter {
 public:
  void progress(const Progress& now) override { told.push_back(now); }
  void note(const std::string& line) override { notes.push_back(line); }
  void problem(const std::string& line) override { problems.push_back(line); }
  [[nodiscard]] std::stop_token stop() const override { return stopper.get_token(); }

  std::vector<Progress> told;
  std::vector<std::string> notes, problems;
  std::stop_source stopper;
};

class WriteWorld {
 public:
  static constexpr std::uint64_t kRecord = 64 * KiB;

  explicit WriteWorld(tapeio::Library& library);

  // A file at `path`, which stands below the sources on disk and below the top in the catalog.
  void add_source(const std::string& path, std::size_t size);
  // Another file with the bytes of `like`.
  void add_same_source(const std::string& path, const std::string& like);
  [[nodiscard]] std::string on_disk(const std::string& path) const { return sources_ / path; }
  [[nodiscard]] std::string content(const std::string& path) const { return contents_.at(path); }

  // The program from start to end: settles, records what is new, writes what is needed. Nothing is
  // written when nothing is needed.
  archive::WriteOutcome run();
  // The same without doing it.
  archive::WriteOutcome preview();

  [[nodiscard]] catalog::Database open_catalog() const;

  // Reads every written bundle of the catalog from its medium; fails the test when one is not whole
  // or a good copy is not its file. Returns the paths with at least one good copy.
  [[nodiscard]] std::vector<std::string> readable_paths() const;

  // What the last index on a medium says of itself.
  [[nodiscard]] catalog::IndexLabel last_index(const std::string& label) const;

  // Throws what catalog and media say when only the media are left, and returns its paths with a
  // good copy.
  [[nodiscard]] std::vector<std::string> readable_after_recovery() const;

  // Knobs, between runs.
  std::uint32_t copies = 1;
  std::uint64_t bundle_bytes = GiB;
  std::uint64_t indexes_per_bundle = 1000;
  bool hash_first = false;
  std::optional<std::uint64_t> warning_zone_bytes = 0;
  std::function<void(std::string_view step)> before_commit;
  std::vector<format::Identity> identities;
  RecordingReporter reporter;

  [[nodiscard]] const TempDir& directory() const { return directory_; }

 private:
  [[nodiscard]] archive::WriteContext context(catalog::Database& database);
  std::vector<archive::Item> needed(catalog::Ledger& ledger);
  bool record_new(catalog::Ledger& ledger, catalog::JobId job);

  tapeio::Library& library_;
  TempDir directory_{TempDir::Place::memory};
  TempDir sources_{TempDir::Place::memory};
  std::map<std::string, std::string> contents_;
  std::vector<format::Recipient> recipients_;
  std::int64_t now_s_ = 1'800'000'000;
};

// What reading the media gives, wherever the catalog comes from.
std::vector<std::string> readable_paths(catalog::Database& database, tapeio::Library& library,
                                        const format::Identity& identity,
                                        const std::map<std::string, std::string>& contents);

}  // namespace mixtape::test
