// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "engine/catalog/ledger_statements.h"
#include "engine/catalog/merge.h"
#include "engine/catalog/scanned.h"

// What scans of archives told gives way to what indexes tell of the same.

namespace mixtape::catalog {
namespace {

class ScannedSettler {
 public:
  explicit ScannedSettler(Database& catalog)
      : catalog_(catalog),
        at_path_(catalog,
                 "SELECT v.first_job, v.last_job, v.content, v.mtime, a.mode, a.synthetic FROM "
                 "main.version v "
                 "JOIN main.attribute a ON a.id = v.attribute WHERE v.path = ? "
                 "ORDER BY v.first_job"),
        end_(catalog, "UPDATE main.version SET last_job = ?3 WHERE path = ?1 AND first_job = ?2"),
        drop_symlink_(catalog, "DELETE FROM main.symlink WHERE path = ? AND first_job = ?"),
        drop_version_(catalog, "DELETE FROM main.version WHERE path = ? AND first_job = ?") {}

  void settle() {
    find();
    if (scans_.empty()) {
      return;
    }
    for (const auto& [scanned, written] : same_archive_) {
      learn_hashes(scanned, written);
    }
    for (const Row& version : versions_of_scans()) {
      settle_version(version);
    }
    for (const auto& [scanned, written] : same_archive_) {
      give_way(scanned, written);
    }
    drop_jobs();
  }

 private:
  struct Row {
    std::int64_t path, first_job;
    std::optional<std::int64_t> last_job, content;
    std::int64_t mtime, mode;
    bool synthetic;  // Made up by the scan, because something is below it.

    [[nodiscard]] bool is_same(const Row& other) const {
      return content == other.content &&
             (synthetic ? is_directory(static_cast<std::uint32_t>(other.mode))
                        : mtime == other.mtime && mode == other.mode);
    }
  };
  // A scan of one archive, by its job.
  struct Scan {
    std::int64_t bundle = 0;
    std::size_t turn = 0;  // Of job_of_scan.
    bool superseded = false;
    std::int64_t job = 0;  // The last that its bundle may belong to.
  };

  void find() {
    // A clone of a medium has the same archives: each is a copy of its own.
    std::map<std::pair<std::int64_t, Bytes>, std::int64_t> written;  // By medium and header.
    std::vector<Bundle> scanned;
    Statement all(catalog_, sql({"SELECT", kBundleColumns, "FROM main.bundle b"}));
    while (all.step()) {
      Bundle bundle = bundle_from(all, 0);
      if (is_scanned(bundle)) {
        scanned.push_back(std::move(bundle));
      } else if (bundle.state == BundleState::written) {
        written.emplace(std::pair(number(bundle.medium), std::move(bundle.archive_header)),
                        number(bundle.id));
      }
    }
    Statement job_of(catalog_, "SELECT id FROM main.job WHERE uuid = ?");
    for (const Bundle& bundle : scanned) {
      const auto same = written.find({number(bundle.medium), bundle.archive_header});
      const bool superseded = same != written.end();
      if (superseded) {
        same_archive_.emplace_back(number(bundle.id), same->second);
      }
      std::vector<std::int64_t>& jobs = turns_[number(bundle.id)];
      for (std::size_t turn = 0; turn < kMostTurnsOfScan; ++turn) {
        const Running running(job_of);
        if (!job_of.bind(1, job_of_scan(bundle.uuid, turn)).step()) {
          break;
        }
        jobs.push_back(job_of.integer(0));
        scans_.emplace(jobs.back(), Scan{number(bundle.id), turn, superseded, number(bundle.job)});
      }
    }
  }

  // What an index only planned was read by the scan.
  void learn_hashes(std::int64_t scanned, std::int64_t written) {
    std::map<std::int64_t, std::pair<std::int64_t, Hash>> read;  // By block: size and hash.
    each_copy(scanned, [&](const Statement& row) {
      if (!row.is_null(3)) {
        read.emplace(row.integer(1), std::pair(row.integer(2), hash_from(row.blob(3))));
      }
    });
    std::vector<std::pair<ContentId, Hash>> hashes;
    each_copy(written, [&](const Statement& row) {
      const auto found = row.is_null(3) ? read.find(row.integer(1)) : read.end();
      if (found != read.end() && found->second.first == row.integer(2)) {
        hashes.emplace_back(ContentId{row.integer(0)}, found->second.second);
      }
    });
    (void)settle_hashes(catalog_, hashes);
  }

  template <typename Each>
  void each_copy(std::int64_t bundle, Each each) {
    Statement copies(
        catalog_,
        "SELECT k.content, k.block, c.size, c.hash FROM main.bundle b CROSS JOIN main.copy k ON "
        "k.content BETWEEN b.first_content AND b.last_content AND k.bundle = b.id JOIN "
        "main.content c ON c.id = k.content WHERE b.id = ?");
    copies.bind(1, bundle);
    while (copies.step()) {
      each(copies);
    }
  }

  std::vector<Row> versions_of_scans() {
    std::vector<Row> rows;
    Statement all(
        catalog_,
        "SELECT v.path, v.first_job, v.last_job, v.content, v.mtime, a.mode, a.synthetic FROM "
        "main.version v JOIN main.attribute a ON a.id = v.attribute");
    while (all.step()) {
      if (scans_.contains(all.integer(1))) {
        rows.push_back({all.integer(0), all.integer(1), all.maybe_integer(2), all.maybe_integer(3),
                        all.integer(4), all.integer(5), all.integer(6) != 0});
      }
    }
    return rows;
  }

  // The same version of the path as another job has it: an index's, or the first scan's.
  std::optional<Row> twin_of(const Row& version) {
    std::optional<Row> twin;
    const Running running(at_path_);
    at_path_.bind(1, version.path);
    while (at_path_.step()) {
      const Row other{version.path,
                      at_path_.integer(0),
                      at_path_.maybe_integer(1),
                      at_path_.maybe_integer(2),
                      at_path_.integer(3),
                      at_path_.integer(4),
                      at_path_.integer(5) != 0};
      const bool is_scan = scans_.contains(other.first_job);
      if (other.first_job == version.first_job || !other.is_same(version) ||
          (is_scan && other.first_job > version.first_job)) {
        continue;
      }
      if (!is_scan) {
        return other;
      }
      twin = twin ? twin : other;
    }
    return twin;
  }

  void settle_version(const Row& version) {
    Scan& scan = scans_.at(version.first_job);
    const auto twin = twin_of(version);
    if (!twin && !scan.superseded) {
      return;
    }
    if (twin) {
      // Gone since; of the two the scan's job may be the earlier one.
      if (version.last_job && !twin->last_job) {
        end_.bind(1, twin->path).bind(2, twin->first_job);
        end_.bind(3, std::max(*version.last_job, twin->first_job)).run();
      }
      // A bundle shows what was there when it was written.
      scan.job = std::max(scan.job, twin->first_job);
    }
    drop(version.path, version.first_job);
    // What this archive had of it before is older than the twin, and may not stand behind it.
    for (std::size_t turn = twin ? scan.turn : 0; turn-- > 0;) {
      const std::int64_t job = turns_.at(scan.bundle)[turn];
      if (job > twin->first_job) {
        drop(version.path, job);
      }
    }
  }

  void drop(std::int64_t path, std::int64_t job) {
    drop_symlink_.bind(1, path).bind(2, job).run();
    drop_version_.bind(1, path).bind(2, job).run();
  }

  // The bundle of a scan leaves; what was found out about its copies stays.
  void give_way(std::int64_t scanned, std::int64_t written) {
    Statement keep(catalog_,
                   "UPDATE main.copy SET (state, verified) = (SELECT s.state, s.verified FROM "
                   "main.copy s WHERE s.content = copy.content AND s.bundle = ?1) WHERE bundle = "
                   "?2 AND EXISTS (SELECT 1 FROM main.copy s WHERE s.content = copy.content AND "
                   "s.bundle = ?1 AND coalesce(s.verified, 0) > coalesce(copy.verified, 0))");
    keep.bind(1, scanned).bind(2, written).run();
    catalog_.execute("CREATE TEMP TABLE left_over(id INTEGER PRIMARY KEY)");
    Statement(catalog_, "INSERT INTO temp.left_over SELECT content FROM main.copy WHERE bundle = ?")
        .bind(1, scanned)
        .run();
    for (const char* from :
         {"copy WHERE bundle", "bundle_directory WHERE bundle", "bundle WHERE id"}) {
      Statement(catalog_, sql({"DELETE FROM main.", from, " = ?"})).bind(1, scanned).run();
    }
    catalog_.execute(
        "DELETE FROM temp.left_over WHERE id IN (SELECT content FROM main.copy) OR id IN "
        "(SELECT content FROM main.version WHERE content IS NOT NULL);"
        "DELETE FROM main.content WHERE id IN (SELECT id FROM temp.left_over);"
        "DROP TABLE temp.left_over");
  }

  void drop_jobs() {
    Statement move(catalog_, "UPDATE main.bundle SET job = ?2 WHERE id = ?1 AND job < ?2");
    for (const auto& [job, scan] : scans_) {
      move.bind(1, scan.bundle).bind(2, scan.job).run();
    }
    Statement is_used(catalog_,
                      "SELECT EXISTS (SELECT 1 FROM main.bundle WHERE job = ?1) OR EXISTS "
                      "(SELECT 1 FROM main.version WHERE first_job = ?1)");
    Statement before(catalog_,
                     "UPDATE main.version SET last_job = (SELECT max(id) FROM main.job WHERE id < "
                     "?1) WHERE last_job = ?1");
    Statement drop(catalog_, "DELETE FROM main.job WHERE id = ?");
    // From the last turn on: what is left of an archive's jobs is found by counting.
    std::set<std::int64_t> used;
    for (auto last = scans_.rbegin(); last != scans_.rend(); ++last) {
      const auto& [job, scan] = *last;
      {
        const Running running(is_used);
        if (used.contains(scan.bundle) ||
            (is_used.bind(1, job).step() && is_used.integer(0) != 0)) {
          used.insert(scan.bundle);
          continue;
        }
      }
      before.bind(1, job).run();
      drop.bind(1, job).run();
    }
  }

  Database& catalog_;
  Statement at_path_, end_, drop_symlink_, drop_version_;
  std::map<std::int64_t, Scan> scans_;                               // By job.
  std::map<std::int64_t, std::vector<std::int64_t>> turns_;          // Jobs by bundle.
  std::vector<std::pair<std::int64_t, std::int64_t>> same_archive_;  // Scanned, and by an index.
};

}  // namespace

void settle_scanned(Database& catalog) {
  ScannedSettler(catalog).settle();
}

}  // namespace mixtape::catalog
