// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/merge.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "tapeio/error.h"

// What is few: jobs, media, roots, attributes; and the paths.

namespace mixtape::catalog {
namespace {

std::string text_meta(Database& database, std::string_view schema, std::string_view key) {
  Statement query(database, sql({"SELECT value FROM ", schema, ".meta WHERE key = ?"}));
  if (!query.bind_text(1, key).step()) {
    throw Error(ErrorCode::corrupt, "merge an index: it has no " + std::string(key));
  }
  return query.text(0);
}

}  // namespace

Merge::Merge(Database& catalog, const FoundIndex& found)
    : catalog_(catalog),
      found_(found),
      ledger_(catalog),
      // The later verification knows better; of two as late, a bad one is bad.
      write_copy_(catalog,
                  "INSERT INTO main.copy VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                  "ON CONFLICT(content, bundle) DO UPDATE SET state = ?6, verified = ?7 "
                  "WHERE (coalesce(?7, 0), ?6) > (coalesce(verified, 0), state)"),
      add_version_(catalog,
                   "INSERT INTO main.version VALUES (?1, ?2, ?3, nullif(?4, 0), ?5, ?6, ?7)"),
      take_node_(catalog,
                 "UPDATE main.content SET nodes = nodes + 1 WHERE id = ? RETURNING nodes - 1") {}

void Merge::run() {
  find_directory();
  merge_jobs();
  merge_media();
  merge_roots();
  merge_attributes();
  merge_paths();
  merge_bundles();
  learn_hashes();
  merge_contents();
  merge_copies();
  merge_versions();
  forget_superseded();
  merge_symlinks();
  merge_directories();
  merge_meta();
  settle_scanned(catalog_);
}

// Another catalog's tree stands in a directory of its own, the same one whenever it is met again.
void Merge::find_directory() {
  const std::string uuid = text_meta(catalog_, "source", "uuid");
  if (uuid == text_meta(catalog_, "main", "uuid")) {
    return;
  }
  Statement known(catalog_, "SELECT directory FROM main.foreign_catalog WHERE uuid = ?");
  if (known.bind_name(1, uuid).step()) {
    directory_ = known.text(0);
    return;
  }
  std::string name = text_meta(catalog_, "source", "name");
  std::replace(name.begin(), name.end(), '/', '_');
  std::replace(name.begin(), name.end(), '\0', '_');
  directory_ = "@" + name;
  Statement taken(catalog_, "SELECT 1 FROM main.foreign_catalog WHERE directory = ?");
  if (taken.bind_name(1, directory_).step()) {
    directory_ += "-" + to_hex(as_bytes(uuid)).substr(0, 8);
  }
  Statement enter(catalog_, "INSERT INTO main.foreign_catalog VALUES (?, ?)");
  enter.bind_name(1, uuid).bind_name(2, directory_).run();
}

// --- Jobs

namespace {

struct JobRow {
  std::int64_t id;
  std::string uuid;
  std::int64_t started;
};

std::vector<JobRow> jobs_of(Database& database, std::string_view schema) {
  std::vector<JobRow> jobs;
  Statement query(database, sql({"SELECT id, uuid, started FROM ", schema, ".job ORDER BY id"}));
  while (query.step()) {
    jobs.push_back({query.integer(0), query.text(1), query.integer(2)});
  }
  return jobs;
}

// One line of jobs out of two: each keeps its order, and between those that both know they go by
// time.
std::vector<JobRow> one_line(const std::vector<JobRow>& ours, const std::vector<JobRow>& theirs) {
  std::unordered_set<std::string> our_uuids, their_uuids, taken;
  for (const JobRow& job : ours) {
    our_uuids.insert(job.uuid);
  }
  for (const JobRow& job : theirs) {
    their_uuids.insert(job.uuid);
  }
  std::vector<JobRow> line;
  auto our = ours.begin();
  auto their = theirs.begin();
  while (our != ours.end() || their != theirs.end()) {
    const bool our_turn =
        their == theirs.end() ||
        (our != ours.end() &&
         (our->uuid == their->uuid ||
          (!their_uuids.contains(our->uuid) &&
           (our_uuids.contains(their->uuid) ||
            std::tie(our->started, our->uuid) < std::tie(their->started, their->uuid)))));
    const bool stuck = !our_turn && our != ours.end() && our_uuids.contains(their->uuid);
    const JobRow& next = our_turn || stuck ? *our++ : *their++;
    if (taken.insert(next.uuid).second) {
      line.push_back(next);
    }
    while (their != theirs.end() && taken.contains(their->uuid)) {
      ++their;
    }
  }
  return line;
}

}  // namespace

void Merge::merge_jobs() {
  const std::vector<JobRow> ours = jobs_of(catalog_, "main");
  const std::vector<JobRow> line = one_line(ours, jobs_of(catalog_, "source"));
  std::unordered_map<std::string, std::int64_t> our_ids;
  for (const JobRow& job : ours) {
    our_ids.emplace(job.uuid, job.id);
  }
  // Numbers grow along the line; ours move up only where a new job comes in before them.
  std::unordered_map<std::string, std::int64_t> numbers;
  std::vector<std::pair<std::int64_t, std::int64_t>> moved;
  std::int64_t last = 0;
  for (const JobRow& job : line) {
    const auto our = our_ids.find(job.uuid);
    last = our == our_ids.end() ? last + 1 : std::max(last + 1, our->second);
    numbers.emplace(job.uuid, last);
    if (our != our_ids.end() && our->second != last) {
      moved.emplace_back(our->second, last);
    }
  }
  if (!moved.empty()) {
    renumber_jobs(moved);
  }
  Statement theirs(catalog_, "SELECT id, uuid, kind, started, finished, command FROM source.job");
  Statement taken(catalog_, "SELECT 1 FROM main.job WHERE started = ?");
  Statement add(catalog_, "INSERT INTO main.job VALUES (?, ?, ?, ?, ?, ?)");
  Statement finish(catalog_,
                   "UPDATE main.job SET finished = max(coalesce(finished, ?2), ?2) WHERE id = ?1");
  while (theirs.step()) {
    const std::string uuid = theirs.text(1);
    const std::int64_t id = numbers.at(uuid);
    jobs_.emplace(theirs.integer(0), id);
    if (!our_ids.contains(uuid)) {
      std::int64_t started = theirs.integer(3);
      while (taken.bind(1, started).step()) {
        taken.reset();
        ++started;
      }
      add.bind(1, id).bind_name(2, uuid).bind(3, theirs.integer(2)).bind(4, started).bind_null(5);
      add.bind_text(6, theirs.text(5)).run();
    }
    if (!theirs.is_null(4)) {
      finish.bind(1, id).bind(2, theirs.integer(4)).run();
    }
  }
}

// Moves our jobs to higher numbers, with all that names them.
void Merge::renumber_jobs(const std::vector<std::pair<std::int64_t, std::int64_t>>& numbers) {
  catalog_.execute(
      "PRAGMA defer_foreign_keys = ON;"
      "CREATE TEMP TABLE moved(old INTEGER PRIMARY KEY, new INTEGER NOT NULL)");
  Statement enter(catalog_, "INSERT INTO temp.moved VALUES (?, ?)");
  Statement job(catalog_, "UPDATE main.job SET id = ?2 WHERE id = ?1");
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    enter.bind(1, number->first).bind(2, number->second).run();
    job.bind(1, number->first).bind(2, number->second).run();
  }
  // Two steps, through negative numbers, so that no version meets another of its path on the way.
  for (const char* table : {"version", "symlink"}) {
    catalog_.execute(sql({"UPDATE main.", table,
                          " SET first_job = -(SELECT new FROM temp.moved WHERE old = first_job) "
                          "WHERE first_job IN (SELECT old FROM temp.moved);"
                          "UPDATE main.",
                          table, " SET first_job = -first_job WHERE first_job < 0"}));
  }
  catalog_.execute(
      "UPDATE main.version SET last_job = (SELECT new FROM temp.moved WHERE old = last_job) "
      "WHERE last_job IN (SELECT old FROM temp.moved);"
      "UPDATE main.bundle SET job = (SELECT new FROM temp.moved WHERE old = job) "
      "WHERE job IN (SELECT old FROM temp.moved);"
      "DROP TABLE temp.moved");
  // Inode numbers that were written down in full have the job in their low bits.
  std::unordered_map<std::int64_t, std::int64_t> moved(numbers.begin(), numbers.end());
  std::vector<VersionRow> rows;
  Statement full(
      catalog_, "SELECT path, first_job, node FROM main.version WHERE node >= 4611686018427387904");
  while (full.step()) {
    VersionRow row;
    row.path = full.integer(0);
    row.first_job = full.integer(1);
    row.node = full.integer(2);
    rows.push_back(row);
  }
  Statement update(catalog_,
                   "UPDATE main.version SET node = ?3 WHERE path = ?1 AND first_job = ?2");
  for (const VersionRow& row : rows) {
    if (const auto to = translate(moved, row.node & kMaxJobs)) {
      update.bind(1, row.path).bind(2, row.first_job).bind(3, (row.node & ~kMaxJobs) | *to).run();
    }
  }
}

// --- Media

namespace {

constexpr std::size_t kMarkBytes = 9;  // "~" and eight digits.

// Two media of one label are told apart by a mark on the one with the higher uuid, or on the one of
// which only another catalog or a scan tells.
std::string marked(const std::string& label, const Uuid& uuid) {
  return label + "~" + to_hex(uuid).substr(0, kMarkBytes - 1);
}

struct MediumRow {
  std::int64_t id, revision, state, record_size, capacity;
  Uuid uuid;
  std::string label, location, kind;

  [[nodiscard]] auto rank() const { return std::tie(revision, state, label, location, capacity); }
};

MediumRow medium_row(const Statement& row) {
  constexpr std::int64_t kUnknown = -1;
  MediumRow medium{row.integer(0),
                   row.integer(1),
                   row.integer(2),
                   row.integer(3),
                   row.maybe_integer(4).value_or(kUnknown),
                   uuid_from(row.blob(5)),
                   row.text(6),
                   row.text(7),
                   row.text(8)};
  medium.label = unmarked(medium.label, medium.uuid);
  return medium;
}

constexpr std::string_view kMediumRowColumns =
    "SELECT id, revision, state, record_size, capacity, uuid, label, location, kind FROM ";

}  // namespace

std::string unmarked(const std::string& label, const Uuid& uuid) {
  const bool has_mark = label.size() > kMarkBytes && label.ends_with(marked("", uuid));
  return has_mark ? label.substr(0, label.size() - kMarkBytes) : label;
}

std::string Merge::free_label(const Uuid& uuid, const std::string& label) {
  Statement others(catalog_, "SELECT id, uuid FROM main.medium WHERE label = ? AND uuid <> ?");
  if (!others.bind_text(1, label).bind(2, uuid).step()) {
    return label;
  }
  const Uuid other = uuid_from(others.blob(1));
  const std::int64_t id = others.integer(0);
  others.reset();
  if (other < uuid || !directory_.empty() || found_.scanned) {
    return marked(label, uuid);
  }
  Statement mark(catalog_, "UPDATE main.medium SET label = ?2 WHERE id = ?1");
  mark.bind(1, id).bind_text(2, marked(label, other)).run();
  return label;
}

void Merge::merge_media() {
  Statement theirs(catalog_, sql({kMediumRowColumns, "source.medium ORDER BY id"}));
  Statement ours(catalog_, sql({kMediumRowColumns, "main.medium WHERE uuid = ?"}));
  Statement write(catalog_,
                  "INSERT INTO main.medium(id, uuid, label, kind, record_size, capacity, state, "
                  "location, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
                  "ON CONFLICT(id) DO UPDATE SET label = ?3, capacity = ?6, state = ?7, "
                  "location = ?8, revision = ?9");
  while (theirs.step()) {
    const MediumRow medium = medium_row(theirs);
    std::optional<std::int64_t> id;
    {
      Running running(ours);
      if (ours.bind(1, medium.uuid).step()) {
        const MediumRow known = medium_row(ours);
        id = known.id;
        if (!directory_.empty() || found_.scanned || medium.rank() <= known.rank()) {
          media_.emplace(medium.id, *id);
          continue;
        }
      }
    }
    if (id) {
      write.bind(1, *id);
    } else {
      write.bind_null(1);
    }
    write.bind(2, medium.uuid)
        .bind_text(3, free_label(medium.uuid, medium.label))
        .bind_text(4, medium.kind)
        .bind(5, medium.record_size);
    if (medium.capacity < 0) {
      write.bind_null(6);
    } else {
      write.bind(6, medium.capacity);
    }
    write.bind(7, medium.state).bind_text(8, medium.location).bind(9, medium.revision).run();
    media_.emplace(medium.id, id ? *id : catalog_.last_insert_id());
  }
}

// --- Roots, attributes, paths

void Merge::merge_roots() {
  Statement theirs(catalog_, "SELECT id, path FROM source.root ORDER BY id");
  while (theirs.step()) {
    const std::string path = theirs.text(1);
    const bool staging = theirs.integer(0) == number(kStagingRoot);
    const RootId root = staging              ? kStagingRoot
                        : directory_.empty() ? ledger_.root(path)
                                             : ledger_.root(directory_ + "/" + path);
    roots_.emplace(theirs.integer(0), number(root));
  }
}

void Merge::merge_attributes() {
  constexpr std::string_view kShared =
      "mode, uid, gid, nlink, device, synthetic, owner, grp, xattrs";
  Statement theirs(catalog_,
                   sql({"SELECT id, root, ", kShared, " FROM source.attribute ORDER BY id"}));
  const std::string theirs_again =
      "(SELECT mode, uid, gid, nlink, device, synthetic, owner, grp, "
      "xattrs FROM source.attribute WHERE id = ?1)";
  Statement find(catalog_, sql({"SELECT id FROM main.attribute WHERE root = ?2 AND (", kShared,
                                ") = ", theirs_again}));
  Statement add(catalog_, sql({"INSERT INTO main.attribute(root, ", kShared, ") SELECT ?2, ",
                               kShared, " FROM source.attribute WHERE id = ?1"}));
  while (theirs.step()) {
    const std::int64_t id = theirs.integer(0);
    const std::int64_t root = roots_.at(theirs.integer(1));
    Running running(find);
    if (find.bind(1, id).bind(2, root).step()) {
      attributes_.emplace(id, find.integer(0));
    } else {
      add.bind(1, id).bind(2, root).run();
      attributes_.emplace(id, catalog_.last_insert_id());
    }
  }
}

void Merge::merge_paths() {
  paths_.emplace(number(kRootPath), number(ledger_.path(directory_)));
  // Parents have lower numbers than what is below them: in this order they come first.
  Statement theirs(catalog_, "SELECT parent, name, path FROM source.name ORDER BY parent, name");
  while (theirs.step()) {
    if (const auto parent = translate(paths_, theirs.integer(0))) {
      paths_.emplace(theirs.integer(2),
                     number(ledger_.child(PathId{*parent}, as_text(theirs.blob(1)))));
    }
  }
}

void Merge::merge_meta() {
  // A foreign catalog's count says nothing about ours.
  if (directory_.empty()) {
    catalog_.execute(
        "UPDATE main.meta SET value = max(value, (SELECT value FROM source.meta WHERE key = "
        "'sequence')) WHERE key = 'sequence';"
        "INSERT OR IGNORE INTO main.foreign_catalog SELECT uuid, directory FROM "
        "source.foreign_catalog");
  }
}

}  // namespace mixtape::catalog
