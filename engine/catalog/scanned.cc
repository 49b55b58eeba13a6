// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/scanned.h"

#include <algorithm>

#include "engine/catalog/catalog.h"
#include "engine/catalog/index_check.h"
#include "engine/catalog/rows.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::catalog {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

// The nonce that ends what stands in front of an archive.
std::optional<Uuid> nonce_of(ByteView header) {
  if (header.size() < sizeof(Uuid)) {
    return std::nullopt;
  }
  return uuid_from(header.last(sizeof(Uuid)));
}

// In memory, what surrounds it included.
std::size_t size_of(const Metadata& metadata) {
  constexpr std::size_t kAround = 128;
  std::size_t size = sizeof(Metadata) + kAround + metadata.owner.size() + metadata.group.size() +
                     metadata.symlink_target.size();
  for (const auto& [name, value] : metadata.xattrs) {
    size += kAround + name.size() + value.size();
  }
  return size;
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return path.substr(0, slash == std::string_view::npos ? 0 : slash);
}

bool is_at_or_below(std::string_view path, std::string_view top) {
  return top.empty() ||
         (path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/'));
}

Database new_draft(const std::filesystem::path& scratch, const Uuid& catalog,
                   const std::string& name) {
  tapeio::make_directories(scratch, 0700);
  create_catalog(scratch / "catalog.db", name);
  Database draft = open_catalog(scratch / "catalog.db", scratch / "state.db", Access::write);
  Statement(draft, "UPDATE main.meta SET value = ? WHERE key = 'uuid'").bind(1, catalog).run();
  return draft;
}

}  // namespace

bool is_scanned(const Bundle& bundle) {
  return nonce_of(bundle.archive_header) == bundle.uuid;
}

Uuid job_of_scan(const Uuid& nonce, std::size_t turn) {
  MIXTAPE_ASSERT(turn < kMostTurnsOfScan);
  Uuid uuid = nonce;
  uuid[uuid.size() - 1] ^= static_cast<std::byte>(turn);
  uuid[uuid.size() - 2] ^= static_cast<std::byte>(turn >> 8);
  return uuid;
}

ScannedMedium::ScannedMedium(const std::filesystem::path& scratch, const Medium& medium,
                             const Uuid& catalog, std::string_view command)
    : scratch_(scratch),
      medium_(medium),
      catalog_uuid_(catalog),
      command_(command),
      database_(new_draft(scratch, catalog, medium.label)),
      ledger_(database_),
      is_written_(database_, "UPDATE main.content SET written = 1 WHERE id = ?") {
  medium_.id = ledger_.add_medium(medium_);
  // The label is plain text: whatever an index says of the medium is newer.
  database_.execute("UPDATE main.medium SET revision = 0");
}

ScannedMedium::~ScannedMedium() = default;

void ScannedMedium::begin(const Archive& archive) {
  drop();
  MIXTAPE_ASSERT(nonce_of(archive.header).has_value());
  archive_ = archive;
  transaction_ = std::make_unique<Transaction>(database_);
  begin_turn();
}

void ScannedMedium::begin_turn() {
  const Uuid uuid = job_of_scan(*nonce_of(archive_.header), jobs_.size());
  jobs_.push_back(ledger_.begin_job(JobKind::backup, command_, 0).id);
  Statement(database_, "UPDATE main.job SET uuid = ?2 WHERE id = ?1")
      .bind(1, number(jobs_.back()))
      .bind(2, uuid)
      .run();
}

void ScannedMedium::drop() {
  transaction_.reset();
  copies_.clear();
  held_.clear();
  jobs_.clear();
  links_.clear();
  waiting_names_.clear();
  waiting_bytes_ = 0;
  parent_.reset();
  newest_ns_ = 0;
}

std::optional<Version> ScannedMedium::member_at(std::string_view path) {
  return ledger_.newest(ledger_.path(path));
}

// The turn of a version that this archive told.
std::optional<std::size_t> ScannedMedium::turn_of(const std::optional<Version>& version) const {
  if (!version || version->key.first_job < jobs_.front()) {
    return std::nullopt;
  }
  const auto at = std::ranges::lower_bound(jobs_, version->key.first_job);
  return static_cast<std::size_t>(at - jobs_.begin());
}

// The first turn in which a name may stand below `parent`: where that was a file, behind the file.
std::size_t ScannedMedium::turn_below(std::string_view parent) {
  if (parent_ == parent) {
    return parent_turn_;
  }
  std::size_t turn = 0;
  for (std::string_view path = parent;;) {
    const auto version = member_at(path);
    if (const auto there = turn_of(version)) {
      turn = std::max(turn, is_directory(version->metadata.mode) ? *there : *there + 1);
    }
    if (path.empty()) {
      break;
    }
    path = parent_of(path);
  }
  parent_ = parent;
  parent_turn_ = turn;
  return turn;
}

// The job from which the next version of a path counts.
JobId ScannedMedium::job_for(std::string_view path) {
  std::size_t turn = path.empty() ? 0 : turn_below(parent_of(path));
  if (const auto there = turn_of(member_at(path))) {
    turn = std::max(turn, *there + 1);
  }
  turn = std::min(turn, kMostTurnsOfScan - 1);
  while (jobs_.size() <= turn) {
    begin_turn();
  }
  return jobs_[turn];
}

void ScannedMedium::add_version(std::string_view path, const Metadata& metadata,
                                std::optional<ContentId> content) {
  const PathId id = ledger_.path(path);
  if (waiting_names_.contains(number(id))) {
    enter_links();
  }
  newest_ns_ = std::max(newest_ns_, metadata.mtime_ns);
  const auto newest = ledger_.newest(id);
  if (newest && newest->content == content && newest->metadata == metadata) {
    return;
  }
  enter(path, metadata, content, std::nullopt);
}

void ScannedMedium::enter(std::string_view path, const Metadata& metadata,
                          std::optional<ContentId> content, std::optional<VersionKey> link_of) {
  ledger_.add_version(job_for(path), ledger_.path(path), metadata, content, kStagingRoot, link_of);
  if (parent_ && is_at_or_below(*parent_, path)) {
    parent_.reset();
  }
}

void ScannedMedium::add(std::string_view path, const Metadata& metadata,
                        const std::optional<Content>& content) {
  if (!content) {
    add_version(path, metadata, std::nullopt);
    return;
  }
  auto id = ledger_.find_content(content->size, content->hash);
  if (!id) {
    id = ledger_.add_content(content->size, content->hash);
    // It is on the medium, so a later version of the name does not take the place of this one.
    is_written_.bind(1, number(*id)).run();
  }
  if (held_.insert(number(*id)).second) {
    copies_.push_back({.content = *id,
                       .member_offset = content->member_offset,
                       .data_offset = content->data_offset,
                       .stored_size = content->stored_size,
                       .sparse = content->sparse,
                       .verified_s = std::nullopt});
  }
  add_version(path, metadata, id);
}

bool ScannedMedium::add_same_content(std::string_view path, const Metadata& metadata,
                                     std::string_view as) {
  const auto member = member_at(as);
  if (!member || !member->content || !held_.contains(number(*member->content))) {
    return false;
  }
  add_version(path, metadata, member->content);
  return true;
}

bool ScannedMedium::add_link(std::string_view path, const Metadata& metadata, std::string_view of) {
  const auto member = member_at(of);
  if (!member || (member->content && !held_.contains(number(*member->content)))) {
    return false;
  }
  const PathId name = ledger_.path(path);
  if (name == member->key.path) {
    return false;
  }
  const std::size_t bytes = size_of(metadata) + path.size();
  if (waiting_bytes_ + bytes > kMostWaiting || waiting_names_.contains(number(name))) {
    enter_links();
  }
  links_[number(member->key.path)].push_back({std::string(path), metadata, member->content});
  waiting_names_.insert(number(name));
  waiting_bytes_ += bytes;
  return true;
}

void ScannedMedium::enter_links() {
  for (auto& [path, names] : links_) {
    enter_names(PathId{path}, names);
  }
  links_.clear();
  waiting_names_.clear();
  waiting_bytes_ = 0;
  parent_.reset();
}

// All names of a file at once: each of them says how many there are.
void ScannedMedium::enter_names(PathId of, std::vector<Link>& names) {
  auto member = ledger_.newest(of);
  // A later member may have taken its place: what was linked to it keeps its bytes.
  const auto is_gone = [&](const Link& name) {
    return !member || is_directory(member->metadata.mode) || member->content != name.content;
  };
  for (const Link& name : names) {
    newest_ns_ = std::max(newest_ns_, name.metadata.mtime_ns);
    if (is_gone(name)) {
      enter(name.path, name.metadata, name.content, std::nullopt);
    }
  }
  const std::size_t gone = static_cast<std::size_t>(std::ranges::count_if(names, is_gone));
  if (gone == names.size()) {
    return;
  }
  const auto more = static_cast<std::uint32_t>(names.size() - gone);
  const auto turn = turn_of(member);
  const JobId job = jobs_[turn.value_or(0)];
  const bool has_links = turn && member->metadata.nlink > 1;
  if (has_links) {  // They did not wait for these.
    member->metadata.nlink += more;
  } else {
    member->metadata.nlink = std::max(member->metadata.nlink, more + 1);
    ledger_.add_version(job, of, member->metadata, member->content, kStagingRoot);
  }
  for (Link& name : names) {
    if (!is_gone(name)) {
      name.metadata.nlink = member->metadata.nlink;
      enter(name.path, name.metadata, member->content, VersionKey{of, job});
    }
  }
}

std::int64_t ScannedMedium::end(std::int64_t after_s, std::int64_t now_s) {
  enter_links();
  Bundle bundle;
  bundle.uuid = *nonce_of(archive_.header);
  bundle.medium = medium_.id;
  bundle.job = jobs_.back();
  bundle.index_file = archive_.tape_file - 1;
  bundle.archive_header = archive_.header;
  bundle.plain_bytes = archive_.plain_bytes;
  const BundleId id = ledger_.plan_bundle(bundle, copies_);
  const auto turns = static_cast<std::int64_t>(jobs_.size() - 1);
  const std::int64_t first_s = std::clamp<std::int64_t>(
      std::max(after_s + 1, std::min(newest_ns_ / kNanoseconds, now_s)), 0, kLastSecond - turns);
  const std::int64_t written_s = first_s + turns;
  Ledger::Outcome outcome;
  outcome.archive_block = archive_.first_block;
  outcome.plain_bytes_written = archive_.plain_bytes;
  outcome.written_s = written_s;
  ledger_.commit_bundle(id, outcome);
  Statement(database_, "UPDATE main.bundle SET number = ?2 WHERE id = ?1")
      .bind(1, number(id))
      .bind(2, static_cast<std::int64_t>(archive_.number))
      .run();
  Statement times(database_, "UPDATE main.job SET started = ?2, finished = ?2 WHERE id = ?1");
  for (std::int64_t turn = turns; turn >= 0; --turn) {
    times.bind(1, number(jobs_[static_cast<std::size_t>(turn)])).bind(2, first_s + turn).run();
  }
  transaction_->commit();
  transaction_.reset();
  ++archives_;
  return written_s;
}

FoundIndex ScannedMedium::finish(std::int64_t now_s) {
  transaction_.reset();
  FoundIndex found;
  found.index = scratch_ / "scanned.sqlite";
  found.scanned = true;
  found.label.role = IndexRole::closing;
  found.label.catalog = catalog_uuid_;
  found.label.medium = medium_.uuid;
  found.label.medium_label = medium_.label;
  found.label.record_size = medium_.record_size;
  found.label.tape_file = archive_.tape_file + 1;
  found.label.last_bundle = archive_.number;
  found.label.written_s = now_s;
  export_index(database_, found.label, found.index);
  return found;
}

}  // namespace mixtape::catalog
