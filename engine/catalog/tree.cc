// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/tree.h"

#include <algorithm>

#include "engine/catalog/tree_statements.h"
#include "tapeio/error.h"

// Single paths, and the children of one directory.

namespace mixtape::catalog {
namespace {

// 100 bytes each, for each connection.
constexpr std::size_t kMostNames = 8192;

}  // namespace

Tree::Statements::Statements(Database& db)
    : reader(db),
      children(db),
      find_name(db, "SELECT path FROM name WHERE parent = ? AND name = ?"),
      parent_of(db, "SELECT parent FROM path_run WHERE first <= ? ORDER BY first DESC LIMIT 1"),
      name_of(db, "SELECT name FROM name WHERE parent = ? AND path = ?"),
      names_from(
          db,
          "SELECT path, name FROM name WHERE parent = ? AND name >= ? ORDER BY name LIMIT 2048"),
      never_written(
          db,
          "SELECT n.name, n.path FROM name n WHERE n.parent = ? AND NOT EXISTS (SELECT 1 FROM "
          "version v LEFT JOIN content c ON c.id = v.content WHERE v.path = n.path AND "
          "(v.content IS NULL OR c.written = 1)) AND EXISTS (SELECT 1 FROM path_run r WHERE "
          "r.parent = n.path) ORDER BY n.name"),
      newest(db,
             sql({"SELECT", kVersionColumns, "FROM", kVersionTables,
                  "WHERE v.path = ? AND v.first_job <= ? AND (v.content IS NULL OR c.written = 1) "
                  "ORDER BY v.first_job DESC LIMIT 1"})),
      version_at(db, sql({"SELECT", kVersionColumns, "FROM", kVersionTables,
                          "WHERE v.path = ? AND v.first_job = ?"})),
      history(db, sql({"SELECT", kVersionColumns, "FROM", kVersionTables,
                       "WHERE v.path = ? AND (v.content IS NULL OR c.written = 1) "
                       "ORDER BY v.first_job"})),
      names(db,
            "SELECT n.name, n.path, EXISTS (SELECT 1 FROM path_run r WHERE r.parent = n.path), "
            "EXISTS (SELECT 1 FROM version v JOIN attribute a ON a.id = v.attribute LEFT JOIN "
            "content c ON c.id = v.content WHERE v.path = n.path AND (a.mode & 61440) <> 16384 AND "
            "(v.content IS NULL OR c.written = 1)) FROM name n WHERE n.parent = ? ORDER BY n.name"),
      versions_of(db, sql({"SELECT", kVersionColumns, "FROM", kVersionTables,
                           "WHERE v.path = ? AND v.first_job <= ? ORDER BY v.first_job"})),
      in_bundle(db, "SELECT 1 FROM copy WHERE content = ? AND bundle = ? AND state = 0"),
      leads_to_bundle(db, "SELECT 1 FROM bundle_directory WHERE bundle = ? AND path = ?"),
      bundle_job(db, "SELECT job FROM bundle WHERE id = ? AND state = 1"),
      find_root(db, "SELECT id FROM root WHERE path = ?"),
      root_path(db, "SELECT path FROM root WHERE id = ?"),
      any_name(db, "SELECT 1 FROM name WHERE parent = ? LIMIT 1"),
      begin(db, "BEGIN"),
      commit(db, "COMMIT"),
      data_version(db, "PRAGMA main.data_version"),
      total_changes(db, "SELECT total_changes()") {}

Tree::Tree(Database& database)
    : database_(database), statements_(std::make_unique<Statements>(database)) {}

Tree::~Tree() = default;

Tree::Look::Look(Tree& tree) : tree_(tree), outermost_(!in_transaction(tree.database_)) {
  if (outermost_) {
    tree_.statements_->begin.run();
  }
}

Tree::Look::~Look() {
  // An error may have ended it.
  if (outermost_ && in_transaction(tree_.database_)) {
    try {
      tree_.statements_->commit.run();
    } catch (const Error&) {
      // Nothing was written that could be lost.
    }
  }
}

// --- One path

std::optional<PathId> Tree::find_child(PathId parent, std::string_view name) {
  Statement& query = statements_->find_name;
  Running running(query);
  if (!query.bind(1, number(parent)).bind_name(2, name).step()) {
    return std::nullopt;
  }
  return PathId{query.integer(0)};
}

std::optional<PathId> Tree::find_path(std::string_view path) {
  std::optional<PathId> at = kRootPath;
  while (at && !path.empty()) {
    const std::size_t slash = path.find('/');
    at = find_child(*at, path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return at;
}

std::optional<RootId> Tree::find_root(std::string_view path) {
  Statement& query = statements_->find_root;
  Running running(query);
  return query.bind_name(1, path).step() ? std::optional(RootId{query.integer(0)}) : std::nullopt;
}

std::string Tree::root_path(RootId root) {
  Statement& query = statements_->root_path;
  Running running(query);
  if (!query.bind(1, number(root)).step()) {
    throw Error(ErrorCode::not_found,
                "root " + std::to_string(number(root)) + " is not in the catalog");
  }
  return query.text(0);
}

std::optional<std::string> Tree::Statements::name_in(std::int64_t parent, std::int64_t path) {
  if (const auto known = names_ahead.find(path); known != names_ahead.end()) {
    Running running(find_name);
    if (find_name.bind(1, parent).bind_name(2, known->second).step() &&
        find_name.integer(0) == path) {
      return known->second;
    }
  }
  std::string name;
  {
    Running running(name_of);
    if (!name_of.bind(1, parent).bind(2, path).step()) {
      return std::nullopt;
    }
    name = name_of.text(0);
  }
  read_names_ahead(parent, name);
  return name;
}

void Tree::Statements::read_names_ahead(std::int64_t parent, std::string_view from) {
  // Those of the directories above stay, as they are asked for each time.
  if (names_ahead.size() > kMostNames) {
    names_ahead.clear();
  }
  Running running(names_from);
  names_from.bind(1, parent).bind_name(2, from);
  while (names_from.step()) {
    names_ahead.insert_or_assign(names_from.integer(0), names_from.text(1));
  }
}

std::int64_t Tree::Statements::parent(std::int64_t path) {
  Running running(parent_of);
  // Parents are always made before their children, so that the way up ends.
  if (!parent_of.bind(1, path).step() || parent_of.integer(0) >= path) {
    throw Error(ErrorCode::not_found, "find path " + std::to_string(path) + ": no such path");
  }
  return parent_of.integer(0);
}

std::string Tree::Statements::name(std::int64_t parent, std::int64_t path) {
  auto found = name_in(parent, path);
  if (!found) {
    throw Error(ErrorCode::not_found, "find path " + std::to_string(path) + ": it has no name");
  }
  return std::move(*found);
}

std::string Tree::path_of(PathId path) {
  std::string whole;
  for (std::int64_t at = number(path); at != number(kRootPath);) {
    const std::int64_t parent = statements_->parent(at);
    whole = statements_->name(parent, at) + (whole.empty() ? "" : "/") + whole;
    at = parent;
  }
  return whole;
}

std::string Tree::name_of(PathId path) {
  return statements_->name(statements_->parent(number(path)), number(path));
}

std::optional<VersionRow> Tree::Statements::newest_written(PathId path, std::int64_t as_of) {
  Running running(newest);
  if (!newest.bind(1, number(path)).bind(2, as_of).step()) {
    return std::nullopt;
  }
  return read_row(newest, 0);
}

std::optional<Version> Tree::at(View view, PathId path) {
  const auto row = statements_->newest_written(path, as_of(view));
  if (!row || row->last_job < as_of(view)) {
    return std::nullopt;
  }
  return statements_->reader.version(*row);
}

std::optional<Entry> Tree::lookup(View view, PathId parent, std::string_view name) {
  const auto path = find_child(parent, name);
  auto version = path ? at(view, *path) : std::nullopt;
  if (!version) {
    return std::nullopt;
  }
  return Entry{std::string(name), std::move(*version)};
}

std::optional<Version> Tree::version(VersionKey key) {
  Statement& query = statements_->version_at;
  Running running(query);
  if (!query.bind(1, number(key.path)).bind(2, number(key.first_job)).step()) {
    return std::nullopt;
  }
  return statements_->reader.version(read_row(query, 0));
}

std::vector<Version> Tree::history(PathId path) {
  std::vector<Version> versions;
  Running running(statements_->history);
  statements_->history.bind(1, number(path));
  while (statements_->history.step()) {
    versions.push_back(statements_->reader.version(read_row(statements_->history, 0)));
  }
  return versions;
}

std::optional<Version> Tree::newest(PathId path) {
  const auto row = statements_->newest_written(path, kNow);
  return row ? std::optional(statements_->reader.version(*row)) : std::nullopt;
}

// --- Children

void Tree::list(View view, PathId parent, const std::function<bool(const Entry&)>& each) {
  const std::int64_t job = as_of(view);
  statements_->list(
      parent, job, [&](const std::vector<VersionRow>& versions) { return shown(versions, job); },
      each);
}

void Tree::ever(PathId parent, const std::function<bool(const Entry&)>& each) {
  statements_->children.read(
      number(parent), kNow, [&](const std::string& name, const std::vector<VersionRow>& versions) {
        const auto newest = std::find_if(versions.rbegin(), versions.rend(),
                                         [](const VersionRow& row) { return row.written; });
        return newest == versions.rend() || each({name, statements_->reader.version(*newest)});
      });
}

bool Tree::has_names(PathId parent) {
  Running running(statements_->any_name);
  return statements_->any_name.bind(1, number(parent)).step();
}

std::vector<std::pair<std::string, PathId>> Tree::never_written(PathId parent) {
  std::vector<std::pair<std::string, PathId>> names;
  Statement& query = statements_->never_written;
  Running running(query);
  query.bind(1, number(parent));
  while (query.step()) {
    names.emplace_back(query.text(0), PathId{query.integer(1)});
  }
  return names;
}

void Tree::names(PathId parent, const std::function<bool(const Name&)>& each) {
  Statement& query = statements_->names;
  Running running(query);
  query.bind(1, number(parent));
  while (query.step()) {
    if (!each({query.text(0), PathId{query.integer(1)}, query.integer(2) != 0,
               query.integer(3) != 0})) {
      return;
    }
  }
}

// --- Bundles

const VersionRow* Tree::Statements::held_by(BundleId bundle,
                                            const std::vector<VersionRow>& versions) {
  for (auto row = versions.rbegin(); row != versions.rend(); ++row) {
    if (row->content != 0 && row->written) {
      Running running(in_bundle);
      if (in_bundle.bind(1, row->content).bind(2, number(bundle)).step()) {
        return &*row;
      }
    } else if (row->content == 0 && reader.is_directory(*row)) {
      Running running(leads_to_bundle);
      if (leads_to_bundle.bind(1, number(bundle)).bind(2, row->path).step()) {
        return &*row;
      }
    }
  }
  return nullptr;
}

std::int64_t Tree::Statements::job_of(BundleId bundle) {
  Running running(bundle_job);
  return bundle_job.bind(1, number(bundle)).step() ? bundle_job.integer(0) : 0;
}

void Tree::list_bundle(BundleId bundle, PathId parent,
                       const std::function<bool(const Entry&)>& each) {
  statements_->list(
      parent, statements_->job_of(bundle),
      [&](const std::vector<VersionRow>& versions) {
        return statements_->held_by(bundle, versions);
      },
      each);
}

std::optional<Entry> Tree::lookup_bundle(BundleId bundle, PathId parent, std::string_view name) {
  const auto path = find_child(parent, name);
  if (!path) {
    return std::nullopt;
  }
  std::vector<VersionRow> versions;
  {
    Statement& query = statements_->versions_of;
    Running running(query);
    query.bind(1, number(*path)).bind(2, statements_->job_of(bundle));
    while (query.step()) {
      versions.push_back(read_row(query, 0));
    }
  }
  const VersionRow* const row = statements_->held_by(bundle, versions);
  if (row == nullptr) {
    return std::nullopt;
  }
  return Entry{std::string(name), statements_->reader.version(*row)};
}

}  // namespace mixtape::catalog
