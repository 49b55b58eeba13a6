// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/archive/hash_files.h"
#include "engine/archive/record.h"
#include "engine/archive/scan.h"
#include "engine/catalog/catalog.h"
#include "tapeio/error.h"
#include "tests/support/temp_dir.h"

// A directory of sources, a catalog, and backups of the one into the other that stop before
// anything is written.

namespace mixtape::archive {

class ListeningReporter final : public Reporter {
 public:
  void progress(const Progress& progress) override {
    if (on_progress) {
      on_progress(progress);
    }
  }
  void note(const std::string& line) override {
    const std::lock_guard lock(mutex_);
    notes.push_back(line);
  }
  void problem(const std::string& line) override {
    const std::lock_guard lock(mutex_);
    problems.push_back(line);
  }
  [[nodiscard]] std::stop_token stop() const override { return stopping.get_token(); }

  std::vector<std::string> notes, problems;
  std::stop_source stopping;
  std::function<void(const Progress&)> on_progress;

 private:
  std::mutex mutex_;
};

class ScanTest : public testing::Test {
 protected:
  using Changes = std::map<std::string, ChangeKind>;

  ScanTest() : database_(make(directory / "catalog.db", directory / "state.db")) {
    std::filesystem::create_directories(tree);
    std::filesystem::create_directories(scratch);
    request.roots = {tree.string()};
    request.scratch = scratch;
    // Every ctime is long past: nothing needs to be looked at again.
    request.now_ns = std::numeric_limits<std::int64_t>::max();
  }

  // --- The sources
  void write(std::string_view name, std::string_view text) { test::write_text(tree / name, text); }
  void make_directory(std::string_view name) { std::filesystem::create_directories(tree / name); }
  void remove(std::string_view name) { std::filesystem::remove_all(tree / name); }
  void rename(std::string_view from, std::string_view to) {
    std::filesystem::rename(tree / from, tree / to);
  }
  void set_mtime(std::string_view name, std::int64_t seconds, long nanoseconds = 0) {
    const timespec times[2] = {{0, UTIME_OMIT}, {seconds, nanoseconds}};
    ASSERT_EQ(utimensat(AT_FDCWD, (tree / name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  [[nodiscard]] std::int64_t mtime_s(std::string_view name) {
    struct stat st {};
    EXPECT_EQ(lstat((tree / name).c_str(), &st), 0);
    return st.st_mtim.tv_sec;
  }

  // --- The catalog
  [[nodiscard]] ScanCatalog known() { return {database_, tree_, ledger_, sources_}; }
  [[nodiscard]] std::string path_of(std::string_view name) const {
    const std::string base = tree.string().substr(1);
    return name.empty() ? base : base + "/" + std::string(name);
  }
  [[nodiscard]] std::optional<catalog::Version> newest(std::string_view name) {
    const auto id = tree_.find_path(path_of(name));
    return id ? ledger_.newest(*id) : std::nullopt;
  }
  [[nodiscard]] bool present(std::string_view name) {
    const auto version = newest(name);
    return version && !version->last_job;
  }
  [[nodiscard]] std::optional<catalog::SourceStamp> stamp(std::string_view name) {
    const auto id = tree_.find_path(path_of(name));
    return id ? sources_.stamp(*id) : std::nullopt;
  }
  [[nodiscard]] std::int64_t count(const std::string& table) {
    catalog::Statement statement(database_, "SELECT count(*) FROM " + table);
    return statement.step() ? statement.integer(0) : -1;
  }

  // --- Scanning
  Scan scan_now() {
    const ScanCatalog catalog = known();
    return scan(request, &catalog, reporter);
  }
  // What a scan finds changed, by name below the tree ("" is the tree itself).
  Changes changes_in(const Scan& scan) {
    Changes found;
    ChangeReader reader(scan.changes);
    Change change;
    const std::string base = tree.string().substr(1);
    while (reader.next(change)) {
      std::string name = change.path;
      if (name.starts_with(base)) {
        name = name.size() > base.size() ? name.substr(base.size() + 1) : "";
      }
      EXPECT_FALSE(found.contains(name)) << name << " is in more than one list";
      found[name] = change.kind;
    }
    return found;
  }
  Changes changes() { return changes_in(scan_now()); }

  HashedFiles hash(const Scan& scan) { return hash_files(scan, known(), hashing(), reporter); }
  HashOptions hashing() {
    return {.scratch = scratch, .threads = 2, .while_reading = while_reading};
  }
  Recorded record_now(const Scan& scan, const HashedFiles& hashed) {
    catalog::Transaction transaction(database_);
    const catalog::Job job = ledger_.begin_job(catalog::JobKind::backup, "backup", ++now_s_);
    const Recorded recorded = record(scan, hashed, job.id, RecordAs::source, known());
    if (recorded.anything()) {
      ledger_.finish_job(job.id, ++now_s_);
    } else {
      ledger_.drop_job(job.id);
    }
    sources_.forget_early_hashes();
    transaction.commit();
    return recorded;
  }
  Recorded backup() {
    const Scan scanned = scan_now();
    const HashedFiles hashed = hash(scanned);
    return record_now(scanned, hashed);
  }

  test::TempDir directory;
  // Without symlinks, as paths in the catalog are.
  const std::filesystem::path tree = std::filesystem::canonical(directory.path()) / "tree";
  const std::filesystem::path scratch = directory / "scratch";
  ScanRequest request;
  ListeningReporter reporter;
  std::function<void(const std::string&)> while_reading;

 private:
  // Made once for all tests of this program.
  static std::filesystem::path empty_catalog() {
    static const test::TempDir made;
    const std::filesystem::path file = made / "catalog.db";
    if (!std::filesystem::exists(file)) {
      catalog::create_catalog(file, "test");
    }
    return file;
  }
  static catalog::Database make(const std::filesystem::path& catalog_db,
                                const std::filesystem::path& state_db) {
    std::filesystem::copy_file(empty_catalog(), catalog_db);
    catalog::Database database =
        catalog::open_catalog(catalog_db, state_db, catalog::Access::write);
    // Nobody cuts the power in these tests, and waiting for the disk would be most of their time.
    database.execute("PRAGMA synchronous = OFF; PRAGMA state.synchronous = OFF");
    return database;
  }

 protected:
  catalog::Database database_;
  catalog::Tree tree_{database_};
  catalog::Ledger ledger_{database_};
  catalog::Sources sources_{database_};
  std::int64_t now_s_ = 1'700'000'000;
};

// Runs `action` without root's power to read everything, as the user nobody.
class WithoutPrivileges {
 public:
  WithoutPrivileges() {
    if (geteuid() == 0) {
      EXPECT_EQ(setegid(kNobody), 0);
      EXPECT_EQ(seteuid(kNobody), 0);
      dropped_ = true;
    }
  }
  ~WithoutPrivileges() {
    if (dropped_) {
      EXPECT_EQ(seteuid(0), 0);
      EXPECT_EQ(setegid(0), 0);
    }
  }

 private:
  static constexpr uid_t kNobody = 65534;
  bool dropped_ = false;
};

}  // namespace mixtape::archive
