// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/ledger.h"

#include "engine/catalog/ledger_statements.h"
#include "tapeio/error.h"

// Jobs, roots, paths, and the statements of all parts of the ledger.

namespace mixtape::catalog {

Ledger::Statements::Statements(Database& db)
    : database(db),
      reader(db),
      meta(db, "SELECT value FROM meta WHERE key = ?"),
      set_meta(db, "UPDATE meta SET value = ?2 WHERE key = ?1"),
      insert_job(db, "INSERT INTO job(id, uuid, kind, started, command) VALUES (?, ?, ?, ?, ?)"),
      finish_job(db, "UPDATE job SET finished = ?2 WHERE id = ?1"),
      delete_job(db, "DELETE FROM job WHERE id = ?"),
      previous_job(db, "SELECT max(id) FROM job WHERE id < ?"),
      job_times(db, "SELECT started, finished FROM job WHERE id = ?"),
      job_starts_at(db, "SELECT 1 FROM job WHERE started = ?"),
      find_root(db, "SELECT id FROM root WHERE path = ?"),
      insert_root(db, "INSERT INTO root(path) VALUES (?)"),
      find_name(db, "SELECT path FROM name WHERE parent = ? AND name = ?"),
      insert_name(db, "INSERT INTO name VALUES (?, ?, ?)"),
      last_run(db, "SELECT first, parent, count FROM path_run ORDER BY first DESC LIMIT 1"),
      extend_run(db, "UPDATE path_run SET count = ?2 WHERE first = ?1"),
      new_run(db, "INSERT INTO path_run VALUES (?, ?, 1)"),
      parent_of(db, "SELECT parent FROM path_run WHERE first <= ? ORDER BY first DESC LIMIT 1"),
      size_known(db,
                 "SELECT 1 FROM content WHERE size = ? AND substr(hash, 1, 2) IS NOT NULL LIMIT 1"),
      find_content(
          db,
          "SELECT id FROM content WHERE size = ?1 AND substr(hash, 1, 2) = substr(?2, 1, 2) "
          "AND hash = ?2 ORDER BY id LIMIT 1"),
      insert_content(db, "INSERT INTO content(hash, size, written, nodes) VALUES (?, ?, 0, 1)"),
      take_node(db, "UPDATE content SET nodes = nodes + 1 WHERE id = ? RETURNING nodes - 1"),
      version_at(db, sql({"SELECT", kVersionColumns, "FROM", kVersionTables,
                          "WHERE v.path = ? AND v.first_job = ?"})),
      newest(db, sql({"SELECT", kVersionColumns, "FROM", kVersionTables,
                      "WHERE v.path = ? ORDER BY v.first_job DESC LIMIT 1"})),
      newest_written(db, sql({"SELECT", kVersionColumns, "FROM", kVersionTables,
                              "WHERE v.path = ? AND (v.content IS NULL OR c.written = 1) "
                              "ORDER BY v.first_job DESC LIMIT 1"})),
      copied(db, "SELECT 1 FROM copy WHERE content = ? LIMIT 1"),
      insert_version(db, "INSERT INTO version VALUES (?, ?, NULL, ?, ?, ?, ?)"),
      delete_version(db, "DELETE FROM version WHERE path = ? AND first_job = ?"),
      end_version(db, "UPDATE version SET last_job = ?3 WHERE path = ?1 AND first_job = ?2"),
      insert_symlink(db, "INSERT INTO symlink VALUES (?, ?, ?)"),
      delete_symlink(db, "DELETE FROM symlink WHERE path = ? AND first_job = ?"),
      find_attribute(db,
                     "SELECT id FROM attribute WHERE mode = ? AND uid = ? AND gid = ? AND root = ? "
                     "AND nlink = ? AND device = ? AND synthetic = ? AND owner = ? AND grp = ? "
                     "AND xattrs = ?"),
      insert_attribute(
          db,
          "INSERT INTO attribute(mode, uid, gid, root, nlink, device, synthetic, owner, "
          "grp, xattrs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      child_present(db,
                    "SELECT 1 FROM name n JOIN version v ON v.path = n.path WHERE n.parent = ? "
                    "AND v.last_job IS NULL AND NOT EXISTS (SELECT 1 FROM version w "
                    "WHERE w.path = v.path AND w.first_job > v.first_job) LIMIT 1"),
      insert_copy(db, "INSERT INTO copy VALUES (?, ?, ?, ?, ?, ?, ?)"),
      copies_in(db, sql({"SELECT", kCopyColumns,
                         "FROM bundle b CROSS JOIN copy k ON k.content BETWEEN b.first_content AND "
                         "b.last_content AND k.bundle = b.id JOIN content c ON c.id = k.content "
                         "WHERE b.id = ?"})),
      delete_copy(db, "DELETE FROM copy WHERE content = ? AND bundle = ?"),
      delete_copies(
          db,
          "DELETE FROM copy WHERE bundle = ?1 AND content BETWEEN (SELECT first_content "
          "FROM bundle WHERE id = ?1) AND (SELECT last_content FROM bundle WHERE id = ?1)"),
      mark_copy(db, "UPDATE copy SET state = ?3 WHERE content = ?1 AND bundle = ?2"),
      mark_verified(db,
                    "UPDATE copy SET verified = ?3, state = 0 WHERE content = ?1 AND bundle = ?2"),
      places(db,
             sql({"SELECT", kCopyColumns, ",", kBundleColumns, ",", kMediumColumns,
                  "FROM copy k JOIN content c ON c.id = k.content JOIN bundle b ON b.id = k.bundle "
                  "JOIN medium m ON m.id = b.medium WHERE k.content = ? AND k.state = 0 "
                  "AND b.state = 1 AND m.state <> 3 ORDER BY m.state = 2, b.id"})) {}

Ledger::Ledger(Database& database)
    : database_(database), statements_(std::make_unique<Statements>(database)) {}

Ledger::~Ledger() = default;

Uuid Ledger::catalog_uuid() {
  Statement& query = statements_->meta;
  Running running(query);
  query.bind_text(1, "uuid");
  if (!query.step()) {
    throw Error(ErrorCode::corrupt, "read the catalog: it has no uuid");
  }
  return uuid_from(query.blob(0));
}

std::uint64_t Ledger::next_sequence() {
  Transaction transaction(database_);
  const std::uint64_t next = last_sequence() + 1;
  statements_->set_meta.bind_text(1, "sequence").bind(2, static_cast<std::int64_t>(next)).run();
  transaction.commit();
  return next;
}

std::uint64_t Ledger::last_sequence() {
  Statement& query = statements_->meta;
  Running running(query);
  query.bind_text(1, "sequence");
  if (!query.step()) {
    throw Error(ErrorCode::corrupt, "read the catalog: it has no sequence");
  }
  return static_cast<std::uint64_t>(query.integer(0));
}

// --- Jobs

Job Ledger::Statements::next_job(JobKind kind, std::string_view command, std::int64_t now_s) {
  while (job_starts_at.bind(1, now_s).step()) {
    job_starts_at.reset();
    ++now_s;
  }
  Job job;
  Statement newest_id(database, "SELECT coalesce(max(id), 0) FROM job");
  newest_id.step();
  if (newest_id.integer(0) >= kMaxJobs) {
    throw Error(ErrorCode::corrupt, "begin a job: the catalog has one of number " +
                                        std::to_string(newest_id.integer(0)) +
                                        ", and none can follow " + std::to_string(kMaxJobs) +
                                        "; move it aside and run `mixtape recover --library URL "
                                        "--identity FILE`, every medium has a copy");
  }
  job.id = JobId{newest_id.integer(0) + 1};
  job.uuid = new_uuid();
  job.kind = kind;
  job.started_s = now_s;
  job.command = command;
  return job;
}

void Ledger::Statements::enter_proposed(JobId job) {
  if (!proposed || proposed->id != job || proposed_rollbacks != database.rollbacks()) {
    return;
  }
  insert_job.bind(1, number(job))
      .bind(2, proposed->uuid)
      .bind(3, static_cast<std::int64_t>(proposed->kind))
      .bind(4, proposed->started_s)
      .bind_text(5, proposed->command)
      .run();
  proposed.reset();
}

Job Ledger::propose_job(JobKind kind, std::string_view command, std::int64_t now_s) {
  MIXTAPE_ASSERT(in_transaction(database_));  // Or another job could get the number.
  statements_->proposed = statements_->next_job(kind, command, now_s);
  statements_->proposed_rollbacks = database_.rollbacks();
  return *statements_->proposed;
}

void Ledger::enter_job(JobId job) {
  statements_->enter_proposed(job);
}

Job Ledger::begin_job(JobKind kind, std::string_view command, std::int64_t now_s) {
  Transaction transaction(database_);
  Job job = propose_job(kind, command, now_s);
  enter_job(job.id);
  transaction.commit();
  return job;
}

// The newest job before `job`; 0 when there is none.
std::int64_t Ledger::Statements::job_before(JobId job) {
  Running running(previous_job);
  previous_job.bind(1, number(job)).step();
  return previous_job.maybe_integer(0).value_or(0);
}

void Ledger::finish_job(JobId job, std::int64_t now_s) {
  Transaction transaction(database_);
  for (const std::int64_t directory : statements_->bereft) {
    statements_->end_empty_directories(job, directory);
  }
  statements_->bereft.clear();
  statements_->finish_job.bind(1, number(job)).bind(2, now_s).run();
  if (database_.changes() != 1) {
    throw Error(ErrorCode::not_found,
                "finish job " + std::to_string(number(job)) + ": no such job");
  }
  add_news();
  transaction.commit();
}

// Whether a version, a bundle or an end of a version names the job. Cost: one pass over the
// versions.
bool Ledger::Statements::left_something(JobId job) {
  Statement query(database,
                  "SELECT EXISTS (SELECT 1 FROM bundle WHERE job = ?1) OR EXISTS "
                  "(SELECT 1 FROM version WHERE first_job = ?1 OR last_job IN (?1, ?2))");
  query.bind(1, number(job)).bind(2, job_before(job)).step();
  return query.integer(0) != 0;
}

void Ledger::drop_job(JobId job) {
  if (statements_->proposed && statements_->proposed->id == job) {
    statements_->proposed.reset();
    return;
  }
  Transaction transaction(database_);
  if (statements_->left_something(job)) {
    throw Error(ErrorCode::conflict,
                "drop job " + std::to_string(number(job)) + ": the catalog has something of it");
  }
  statements_->delete_job.bind(1, number(job)).run();
  transaction.commit();
}

std::size_t Ledger::settle_unfinished() {
  Transaction transaction(database_);
  std::vector<BundleId> planned;
  {
    Statement query(database_, "SELECT id FROM bundle WHERE state = 0");
    while (query.step()) {
      planned.push_back(BundleId{query.integer(0)});
    }
  }
  for (const BundleId bundle : planned) {
    abandon_bundle(bundle);
  }
  std::vector<std::pair<JobId, std::int64_t>> unfinished;
  {
    Statement query(database_,
                    "SELECT id, started FROM job WHERE finished IS NULL ORDER BY id DESC");
    while (query.step()) {
      unfinished.emplace_back(JobId{query.integer(0)}, query.integer(1));
    }
  }
  for (const auto& [job, started] : unfinished) {
    if (statements_->left_something(job)) {
      statements_->find_bereft_directories();
      finish_job(job, started);
    } else {
      drop_job(job);
    }
  }
  transaction.commit();
  return planned.size();
}

// --- Roots and paths

RootId Ledger::root(std::string_view path) {
  Transaction transaction(database_);
  std::optional<RootId> id;
  {
    Running running(statements_->find_root);
    // The empty path is the root directory, which is not staging's entry of the same (empty) name.
    statements_->find_root.bind_name(1, path.empty() ? "/" : path);
    if (statements_->find_root.step()) {
      id = RootId{statements_->find_root.integer(0)};
    }
  }
  if (!id) {
    statements_->insert_root.bind_name(1, path.empty() ? "/" : path).run();
    id = RootId{database_.last_insert_id()};
  }
  transaction.commit();
  return *id;
}

// The next number, given out below `parent`: numbers given out one after the other below one
// directory are one row.
std::int64_t Ledger::Statements::take_path(std::int64_t parent) {
  std::int64_t first = 0, last_parent = 0, count = 0;
  {
    Running running(last_run);
    MIXTAPE_ASSERT(last_run.step());
    first = last_run.integer(0);
    last_parent = last_run.integer(1);
    count = last_run.integer(2);
  }
  const std::int64_t id = first + count;
  if (id >= kMaxPaths) {
    throw Error(ErrorCode::unsupported, "add a path: the catalog is full of paths");
  }
  if (last_parent == parent) {
    extend_run.bind(1, first).bind(2, count + 1).run();
  } else {
    new_run.bind(1, id).bind(2, parent).run();
  }
  return id;
}

Ledger::Statements::Fresh& Ledger::Statements::fresh() {
  if (fresh_rows.rollbacks != database.rollbacks()) {
    fresh_rows = {};
    fresh_rows.rollbacks = database.rollbacks();
  }
  return fresh_rows;
}

PathId Ledger::child(PathId parent, std::string_view name) {
  using namespace std::string_view_literals;
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of("/\0"sv) != std::string_view::npos) {
    throw Error(ErrorCode::invalid, "name a path \"" + std::string(name) + "\": not one component");
  }
  {
    Statement& find = statements_->find_name;
    Running running(find);
    if (find.bind(1, number(parent)).bind_name(2, name).step()) {
      return PathId{find.integer(0)};
    }
  }
  Transaction transaction(database_);
  const std::int64_t id = statements_->take_path(number(parent));
  statements_->insert_name.bind(1, number(parent)).bind_name(2, name).bind(3, id).run();
  transaction.commit();
  statements_->fresh().path = id;
  statements_->fresh().parent = number(parent);
  return PathId{id};
}

PathId Ledger::path(std::string_view path) {
  PathId at = kRootPath;
  Transaction transaction(database_);
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    at = child(at, path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  transaction.commit();
  return at;
}

}  // namespace mixtape::catalog
