// SPDX-License-Identifier: Apache-2.0
#include <fnmatch.h>

#include <algorithm>

#include "engine/catalog/counted.h"
#include "engine/catalog/leading.h"
#include "engine/catalog/tree.h"
#include "engine/catalog/tree_statements.h"
#include "engine/catalog/walk.h"

// Walks, searches, snapshots and totals.

namespace mixtape::catalog {

void Tree::walk(View view, PathId start,
                const std::function<bool(const std::string& path, const Version&)>& each) {
  const auto top = at(view, start);
  const std::string path = path_of(start);
  if (!top || !each(path, *top) || !is_directory(top->metadata.mode)) {
    return;
  }
  const std::int64_t job = as_of(view);
  VersionReader& reader = statements_->reader;
  DepthFirst(database_, reader, job)
      .below(start, path, [&](const std::string& at, const std::vector<VersionRow>& versions) {
        const VersionRow* const row = shown(versions, job);
        return row == nullptr || each(at, reader.version(*row));
      });
}

void Tree::walk_never_written(
    PathId start, const std::function<void(const std::string& path, const Version&)>& each) {
  VersionReader& reader = statements_->reader;
  DepthFirst(database_, reader, kNow)
      .below(start, path_of(start),
             [&](const std::string& at, const std::vector<VersionRow>& versions) {
               const VersionRow& newest = versions.back();
               if (shown(versions, kNow) == nullptr && !newest.written && newest.open()) {
                 each(at, reader.version(newest));
               }
               return true;
             });
}

namespace {

// What every name that a pattern matches begins with.
std::string_view literal_beginning(std::string_view pattern) {
  return pattern.substr(0, std::min(pattern.find_first_of("*?[\\"), pattern.size()));
}

// The least string that is larger than all that begin with `beginning`; empty: there is none.
std::string behind_all(std::string_view beginning) {
  std::string behind(beginning);
  while (!behind.empty() && behind.back() == '\xff') {
    behind.pop_back();
  }
  if (!behind.empty()) {
    behind.back() = static_cast<char>(static_cast<unsigned char>(behind.back()) + 1);
  }
  return behind;
}

// The directories that lead to a name that matches: so a search reads no others in order.
void find_leading(Database& database, const std::string& glob, LeadingDirectories& leading) {
  std::string name;
  const auto add_matching = [&](Statement& names) {
    while (names.step()) {
      name = as_text(names.blob(0));
      if (::fnmatch(glob.c_str(), name.c_str(), 0) == 0) {
        leading.add(names.integer(1));
      }
    }
  };
  const std::string_view beginning = literal_beginning(glob);
  const std::string behind = behind_all(beginning);
  if (behind.empty()) {
    Statement names(database, "SELECT name, path FROM name");
    return add_matching(names);
  }
  // A step in the index for each directory.
  Statement directories(database, "SELECT DISTINCT parent FROM path_run ORDER BY parent");
  Statement names(database,
                  "SELECT name, path FROM name WHERE parent = ? AND name >= ? AND name < ?");
  while (directories.step()) {
    names.bind(1, directories.integer(0)).bind_name(2, beginning).bind_name(3, behind);
    add_matching(names);
  }
}

// What a search of the names looks at below a directory.
class Search {
 public:
  Search(Database& database, std::string glob, bool whole_path)
      : glob_(std::move(glob)),
        whole_path_(whole_path),
        leading_(database),
        below_(database,
               "SELECT n.name, n.path, EXISTS (SELECT 1 FROM path_run r WHERE r.parent = n.path) "
               "FROM name n WHERE n.parent = ? ORDER BY n.name") {
    if (!whole_path) {
      find_leading(database, glob_, leading_);
    }
  }

  // Calls `each(path, number)` for what matches, in archive order; false ends it.
  template <typename Each>
  void run(PathId start, const std::string& start_path, Each&& each) {
    std::vector<std::pair<std::int64_t, std::string>> pending{{number(start), start_path}};
    while (!pending.empty()) {
      const auto [directory, directory_path] = std::move(pending.back());
      pending.pop_back();
      if (!whole_path_ && !leading_.contains(directory)) {
        continue;
      }
      const std::size_t first_pending = pending.size();
      std::string path = directory_path + (directory_path.empty() ? "" : "/");
      const std::size_t prefix = path.size();
      Running running(below_);
      below_.bind(1, directory);
      while (below_.step()) {
        path.resize(prefix);
        path += as_text(below_.blob(0));
        if (::fnmatch(glob_.c_str(), path.c_str() + (whole_path_ ? 0 : prefix), 0) == 0 &&
            !each(path, PathId{below_.integer(1)})) {
          return;
        }
        // Only below what begins like the pattern there can be a whole path that does.
        if (below_.integer(2) != 0 &&
            (!whole_path_ || path.starts_with(literal_beginning(glob_)))) {
          pending.emplace_back(below_.integer(1), path);
        }
      }
      std::reverse(pending.begin() + static_cast<std::ptrdiff_t>(first_pending), pending.end());
    }
  }

 private:
  const std::string glob_;
  const bool whole_path_;
  LeadingDirectories leading_;
  Statement below_;
};

}  // namespace

void Tree::find(std::string_view pattern,
                const std::function<bool(const std::string& path, const Version&)>& each) {
  const bool whole_path = pattern.find('/') != std::string_view::npos;
  // Paths of the catalog have no leading slash.
  const std::string glob(pattern.starts_with('/') ? pattern.substr(1) : pattern);
  const std::string_view beginning = literal_beginning(glob);
  std::string top;
  if (const std::size_t slash = beginning.rfind('/'); slash != std::string_view::npos) {
    top = beginning.substr(0, slash);
  }
  const auto start = find_path(top);
  if (!start) {
    return;
  }
  Search(database_, glob, whole_path).run(*start, top, [&](const std::string& path, PathId id) {
    const auto row = statements_->newest_written(id, kNow);
    return !row || each(path, statements_->reader.version(*row));
  });
}

namespace {

std::vector<Job> finished_jobs(Database& database, std::string_view condition,
                               std::int64_t argument) {
  Statement query(database, sql({"SELECT id, uuid, kind, started, finished, command FROM job "
                                 "WHERE finished IS NOT NULL AND ",
                                 condition}));
  query.bind(1, argument);
  std::vector<Job> jobs;
  while (query.step()) {
    Job job;
    job.id = JobId{query.integer(0)};
    job.uuid = uuid_from(query.blob(1));
    job.kind = static_cast<JobKind>(query.integer(2));
    job.started_s = query.integer(3);
    job.finished_s = query.maybe_integer(4);
    job.command = query.text(5);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::optional<Job> only(std::vector<Job> jobs) {
  return jobs.empty() ? std::nullopt : std::optional(std::move(jobs.front()));
}

}  // namespace

std::vector<Job> Tree::snapshots() {
  return finished_jobs(database_, "id > ? ORDER BY started", 0);
}

std::optional<Job> Tree::snapshot_at(std::int64_t started_s) {
  return only(finished_jobs(database_, "started = ?", started_s));
}

std::optional<Job> Tree::job_at(std::int64_t time_s) {
  return only(finished_jobs(database_, "started <= ? ORDER BY started DESC LIMIT 1", time_s));
}

Tree::Totals Tree::totals() {
  {
    Running running_others(statements_->data_version);
    Running running_own(statements_->total_changes);
    statements_->data_version.step();
    statements_->total_changes.step();
    const std::pair changes(statements_->data_version.integer(0),
                            statements_->total_changes.integer(0));
    if (statements_->totals && statements_->totals_changes == changes) {
      return *statements_->totals;
    }
    statements_->totals_changes = changes;
  }
  Counted counted(database_, "totals");
  const auto known = counted.known();
  if (known && known->size() == 4) {
    const auto at = [&](std::size_t i) { return static_cast<std::uint64_t>((*known)[i]); };
    statements_->totals = {.files = at(0), .bytes = at(1), .versions = at(2), .contents = at(3)};
    return *statements_->totals;
  }
  const Totals totals = statements_->count_totals(database_);
  counted.keep({static_cast<std::int64_t>(totals.files), static_cast<std::int64_t>(totals.bytes),
                static_cast<std::int64_t>(totals.versions),
                static_cast<std::int64_t>(totals.contents)});
  statements_->totals = totals;
  return totals;
}

Tree::Totals Tree::Statements::count_totals(Database& database) {
  Totals counts;
  Statement all(database, sql({"SELECT", kVersionColumns, "FROM", kVersionTables,
                               "ORDER BY v.path, v.first_job"}));
  std::vector<VersionRow> versions;
  const auto count_path = [&] {
    const VersionRow* const row = shown(versions, kNow);
    if (row != nullptr && !reader.is_directory(*row)) {
      ++counts.files;
      counts.bytes += static_cast<std::uint64_t>(row->size);
    }
    versions.clear();
  };
  while (all.step()) {
    const VersionRow row = read_row(all, 0);
    if (!versions.empty() && versions.back().path != row.path) {
      count_path();
    }
    versions.push_back(row);
    counts.versions += row.written ? 1 : 0;
  }
  count_path();
  Statement contents(database, "SELECT count(*) FROM content WHERE written = 1");
  contents.step();
  counts.contents = static_cast<std::uint64_t>(contents.integer(0));
  return counts;
}

}  // namespace mixtape::catalog
