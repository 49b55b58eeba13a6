// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"
#include "tapeio/error.h"

// Contents and versions.

namespace mixtape::catalog {
namespace {

// A directory that nobody scanned: a parent of a root or of a staged file.
constexpr std::uint32_t kSyntheticMode = 040755;
constexpr std::int64_t kNanoseconds = 1'000'000'000;

std::optional<VersionRow> one_row(Statement& query) {
  Running running(query);
  if (!query.step()) {
    return std::nullopt;
  }
  return read_row(query, 0);
}

}  // namespace

bool Ledger::size_known(std::uint64_t size) {
  Running running(statements_->size_known);
  return statements_->size_known.bind(1, static_cast<std::int64_t>(size)).step();
}

std::optional<ContentId> Ledger::find_content(std::uint64_t size, const Hash& hash) {
  Statement& query = statements_->find_content;
  Running running(query);
  if (!query.bind(1, static_cast<std::int64_t>(size)).bind(2, hash).step()) {
    return std::nullopt;
  }
  return ContentId{query.integer(0)};
}

std::optional<std::uint64_t> Ledger::size_of(ContentId content) {
  Statement query(database_, "SELECT size FROM main.content WHERE id = ?");
  query.bind(1, number(content));
  return query.step() ? std::optional(static_cast<std::uint64_t>(query.integer(0))) : std::nullopt;
}

std::optional<Hash> Ledger::hash_of(ContentId content) {
  Statement query(database_, "SELECT hash FROM main.content WHERE id = ?");
  return query.bind(1, number(content)).step() && !query.is_null(0)
             ? std::optional(hash_from(query.blob(0)))
             : std::nullopt;
}

ContentId Ledger::add_content(std::uint64_t size, const std::optional<Hash>& hash) {
  MIXTAPE_ASSERT(size > 0);
  Statement& insert = statements_->insert_content;
  if (hash) {
    insert.bind(1, *hash);
  } else {
    insert.bind_null(1);
  }
  insert.bind(2, static_cast<std::int64_t>(size)).run();
  statements_->fresh().content = database_.last_insert_id();
  return ContentId{statements_->fresh().content};
}

ContentId Ledger::set_hash(ContentId content, const Hash& hash) {
  Transaction transaction(database_);
  const auto moved = settle_hashes(database_, {{content, hash}});
  transaction.commit();
  const auto found = moved.find(number(content));
  return found == moved.end() ? content : ContentId{found->second};
}

std::optional<Version> Ledger::newest(PathId path) {
  Statement& query = statements_->newest;
  Running running(query);
  if (!query.bind(1, number(path)).step()) {
    return std::nullopt;
  }
  return statements_->reader.version(read_row(query, 0));
}

std::int64_t Ledger::Statements::attribute_of(const Metadata& metadata, RootId origin,
                                              bool synthetic) {
  const std::string xattrs = encode_xattrs(metadata.xattrs);
  const std::string key =
      sql({std::to_string(metadata.mode), " ", std::to_string(metadata.uid), " ",
           std::to_string(metadata.gid), " ", std::to_string(number(origin)), " ",
           std::to_string(metadata.nlink), " ", std::to_string(metadata.device),
           synthetic ? " s " : " ", std::to_string(metadata.owner.size()), " ", metadata.owner,
           std::to_string(metadata.group.size()), " ", metadata.group, xattrs});
  auto& known = attributes;
  if (attributes_rollbacks != database.rollbacks() || known.size() >= 8192) {
    known.clear();
    attributes_rollbacks = database.rollbacks();
  }
  const auto remembered = known.find(key);
  if (remembered != known.end()) {
    return remembered->second;
  }
  const auto bind = [&](Statement& statement) -> Statement& {
    return statement.bind(1, metadata.mode)
        .bind(2, metadata.uid)
        .bind(3, metadata.gid)
        .bind(4, number(origin))
        .bind(5, metadata.nlink)
        .bind(6, static_cast<std::int64_t>(metadata.device))
        .bind(7, synthetic ? 1 : 0)
        .bind_text(8, metadata.owner)
        .bind_text(9, metadata.group)
        .bind_name(10, xattrs);
  };
  std::int64_t id = 0;
  {
    Running running(find_attribute);
    if (bind(find_attribute).step()) {
      id = find_attribute.integer(0);
    }
  }
  if (id == 0) {
    bind(insert_attribute).run();
    id = database.last_insert_id();
  }
  known.emplace(key, id);
  return id;
}

void Ledger::Statements::enter_version(JobId job, std::int64_t path, const Metadata& metadata,
                                       std::optional<ContentId> content, std::int64_t node,
                                       std::int64_t attribute) {
  if (fresh().directory == path) {
    fresh().directory = -1;
  }
  Statement& insert = insert_version;
  insert.bind(1, path).bind(2, number(job));
  if (content) {
    insert.bind(3, number(*content));
  } else {
    insert.bind_null(3);
  }
  insert.bind(4, node).bind(5, attribute).bind(6, metadata.mtime_ns).run();
  if (is_symlink(metadata.mode)) {
    insert_symlink.bind(1, path).bind(2, number(job)).bind_name(3, metadata.symlink_target).run();
  }
}

// Gives a directory a version when it has none that is there, and so for its parents.
void Ledger::Statements::ensure_directory(JobId job, std::int64_t path, RootId origin) {
  if (fresh().directory == path && fresh().directory_job == job) {
    return;
  }
  const auto there = one_row(newest.bind(1, path));
  if (there && there->open() && reader.is_directory(*there)) {
    fresh().directory = path;
    fresh().directory_job = job;
    return;
  }
  if (path != number(kRootPath)) {
    ensure_directory(job, parent(path), origin);
  }
  if (there && there->first_job == number(job)) {
    erase_version(*there);
  }
  Metadata metadata;
  metadata.mode = kSyntheticMode;
  {
    Running running(job_times);
    if (!job_times.bind(1, number(job)).step()) {
      throw Error(ErrorCode::not_found,
                  "add a version: there is no job " + std::to_string(number(job)));
    }
    metadata.mtime_ns = job_times.integer(0) * kNanoseconds;
  }
  enter_version(job, path, metadata, std::nullopt, 0, attribute_of(metadata, origin, true));
}

std::int64_t Ledger::Statements::parent(std::int64_t path) {
  if (fresh().path == path) {
    return fresh().parent;
  }
  Statement& query = parent_of;
  Running running(query);
  if (!query.bind(1, path).step()) {
    throw Error(ErrorCode::not_found,
                "find the parent of path " + std::to_string(path) + ": no such path");
  }
  return query.integer(0);
}

void Ledger::Statements::erase_version(const VersionRow& row) {
  fresh().directory = -1;
  delete_symlink.bind(1, row.path).bind(2, row.first_job).run();
  delete_version.bind(1, row.path).bind(2, row.first_job).run();
}

// Never on a medium, and no bundle was ever planned to hold it: nothing is lost when it is
// forgotten.
bool Ledger::Statements::never_mattered(const VersionRow& row) {
  if (row.written) {
    return false;
  }
  Running running(copied);
  return !copied.bind(1, row.content).step();
}

// The ordinal among the versions of its content, or the whole inode number (rows.h).
std::int64_t Ledger::Statements::node_for(const VersionKey& key, std::optional<ContentId> content,
                                          const std::optional<VersionKey>& link_of) {
  if (link_of) {
    const auto first =
        one_row(version_at.bind(1, number(link_of->path)).bind(2, number(link_of->first_job)));
    if (!first || first->content != (content ? number(*content) : 0)) {
      throw Error(ErrorCode::invalid, "add a hardlink to path " +
                                          std::to_string(number(link_of->path)) +
                                          ": not recorded with this content");
    }
    const bool ordinal = first->content != 0 && first->node < std::int64_t{kNodesPerContent};
    return ordinal ? first->node : static_cast<std::int64_t>(first->inode());
  }
  if (!content) {
    return 0;
  }
  if (fresh().content == number(*content)) {
    fresh().content = 0;
    return 0;
  }
  Statement& take = take_node;
  if (!take.bind(1, number(*content)).step()) {
    throw Error(ErrorCode::not_found,
                "add a version: there is no content " + std::to_string(number(*content)));
  }
  const std::int64_t node = take.integer(0);
  take.run();
  return node < std::int64_t{kNodesPerContent} ? node
                                               : static_cast<std::int64_t>(inode_without_content(
                                                     number(key.path), number(key.first_job)));
}

void Ledger::add_version(JobId job, PathId path, const Metadata& metadata,
                         std::optional<ContentId> content, RootId origin,
                         std::optional<VersionKey> link_of) {
  Transaction transaction(database_);
  statements_->enter_proposed(job);
  const bool new_path = statements_->fresh().path == number(path);
  const auto newest = new_path ? std::nullopt : one_row(statements_->newest.bind(1, number(path)));
  if (newest) {
    if (newest->first_job > number(job)) {
      throw Error(ErrorCode::conflict, "add a version of path " + std::to_string(number(path)) +
                                           ": a later job knows a newer one");
    }
    if (newest->first_job == number(job) || statements_->never_mattered(*newest)) {
      statements_->erase_version(*newest);
    }
  }
  if (path != kRootPath) {
    statements_->ensure_directory(job, statements_->parent(number(path)), origin);
  }
  const std::int64_t node = statements_->node_for({path, job}, content, link_of);
  statements_->enter_version(job, number(path), metadata, content, node,
                             statements_->attribute_of(metadata, origin, false));
  statements_->fresh().path = -1;
  transaction.commit();
}

void Ledger::Statements::note_bereft(std::int64_t path) {
  if (path == number(kRootPath)) {
    return;
  }
  const std::int64_t directory = parent(path);
  const auto row = one_row(newest.bind(1, directory));
  if (row && reader.is_synthetic(*row)) {
    bereft.insert(directory);
  }
}

void Ledger::drop_unwritten(PathId path) {
  Transaction transaction(database_);
  const auto newest = one_row(statements_->newest.bind(1, number(path)));
  if (newest && statements_->never_mattered(*newest)) {
    statements_->erase_version(*newest);
    statements_->note_bereft(number(path));
  }
  transaction.commit();
}

void Ledger::end_version(JobId job, PathId path) {
  Transaction transaction(database_);
  statements_->enter_proposed(job);
  statements_->fresh().directory = -1;
  const std::int64_t last = statements_->job_before(job);
  const auto end = [&](const VersionRow& row) {
    statements_->end_version.bind(1, row.path).bind(2, row.first_job).bind(3, last).run();
  };
  auto newest = one_row(statements_->newest.bind(1, number(path)));
  if (newest && (newest->first_job == number(job) || statements_->never_mattered(*newest))) {
    statements_->erase_version(*newest);
    newest = one_row(statements_->newest.bind(1, number(path)));
  }
  if (newest && newest->open()) {
    end(*newest);
  }
  // The older version behind one that was never written is what a view shows: it ends as well.
  if (newest && !newest->written) {
    const auto shown = one_row(statements_->newest_written.bind(1, number(path)));
    if (shown && shown->open()) {
      end(*shown);
    }
  }
  statements_->note_bereft(number(path));
  transaction.commit();
}

// Ends a directory that the catalog made itself once nothing is left below it, and so its parents.
void Ledger::Statements::end_empty_directories(JobId job, std::int64_t directory) {
  const std::int64_t last = job_before(job);
  for (;; directory = parent(directory)) {
    const auto there = one_row(newest.bind(1, directory));
    if (!there || !there->open() || !reader.is_synthetic(*there)) {
      return;
    }
    Running running(child_present);
    if (child_present.bind(1, directory).step()) {
      return;
    }
    if (there->first_job == number(job)) {
      erase_version(*there);
    } else {
      end_version.bind(1, directory).bind(2, there->first_job).bind(3, last).run();
    }
    if (directory == number(kRootPath)) {
      return;
    }
  }
}

// After a crash nobody remembers which directories lost their last child. Cost: one pass over the
// versions.
void Ledger::Statements::find_bereft_directories() {
  Statement query(database,
                  "SELECT path FROM version WHERE last_job IS NULL AND attribute IN "
                  "(SELECT id FROM attribute WHERE synthetic = 1)");
  while (query.step()) {
    bereft.insert(query.integer(0));
  }
}

}  // namespace mixtape::catalog
