// SPDX-License-Identifier: Apache-2.0
#include "fusefs/catalog_fs.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "fusefs/attributes.h"
#include "fusefs/names.h"

namespace mixtape::fusefs {
namespace {

using catalog::kRootPath;
using catalog::View;

constexpr std::int64_t kNanoseconds = 1'000'000'000;

struct Fixed {
  FixedNode node;
  FixedNode parent;
  std::string_view name;
  std::uint32_t mode;
};
constexpr std::array kFixed{
    Fixed{FixedNode::control, FixedNode::root, ".mixtape", S_IFDIR | 0755},
    Fixed{FixedNode::snapshots, FixedNode::root, "snapshots", S_IFDIR | 0755},
    Fixed{FixedNode::tapes, FixedNode::root, "tapes", S_IFDIR | 0755},
    Fixed{FixedNode::status_json, FixedNode::control, "status.json", S_IFREG | 0444},
    Fixed{FixedNode::queue_json, FixedNode::control, "queue.json", S_IFREG | 0444},
    Fixed{FixedNode::status_text, FixedNode::control, "status.txt", S_IFREG | 0444},
};

// The views that begin at the root with a directory of the catalog.
struct Top {
  std::string_view name;
  Node node;
};
std::array<Top, 2> tops() {
  return {Top{"latest", Node::latest(kRootPath)}, Top{"history", Node::history(kRootPath)}};
}

View view_of(Reader& reader, const Node& node) {
  if (node.kind == NodeKind::snapshot) {
    return {node.job()};
  }
  if (node.kind == NodeKind::bundle) {
    const auto bundle = reader.ledger.bundle(node.bundle_id());
    return {bundle ? std::optional(bundle->job) : std::nullopt};
  }
  return {};
}

// The same directory view, elsewhere.
Node moved(const Node& node, catalog::PathId path) {
  Node other = node;
  other.number = static_cast<std::uint64_t>(catalog::number(path));
  return other;
}

Found found_directory(const Node& node, std::int64_t mtime_ns, Freshness freshness) {
  return {.node = node.id(),
          .attributes = made_up_directory(node.id(), mtime_ns),
          .freshness = freshness};
}

}  // namespace

Found CatalogFs::show(const catalog::Version& version, const Node& as_directory) {
  for (const auto& [name, value] : version.metadata.xattrs) {
    if (is_access_xattr(name)) {
      has_access_xattrs_ = true;
    }
  }
  return found_version(version, as_directory);
}

std::optional<Found> CatalogFs::lookup(NodeId parent, std::string_view name) {
  const auto reader = readers_.borrow();
  const Node node = Node::of(parent);
  switch (node.kind) {
    case NodeKind::fixed:
      return lookup_fixed(*reader, static_cast<FixedNode>(node.number), name);
    case NodeKind::latest:
    case NodeKind::snapshot: {
      const auto entry = reader->tree.lookup(view_of(*reader, node), node.path(), name);
      return entry ? std::optional(show(entry->version, moved(node, entry->version.key.path)))
                   : std::nullopt;
    }
    case NodeKind::bundle: {
      const auto entry = reader->tree.lookup_bundle(node.bundle_id(), node.path(), name);
      return entry ? std::optional(show(entry->version, moved(node, entry->version.key.path)))
                   : std::nullopt;
    }
    case NodeKind::history:
      return lookup_history(*reader, node.path(), name);
    case NodeKind::medium:
      return lookup_bundle(*reader, node.medium_id(), name);
    case NodeKind::version:
    case NodeKind::staging:
      break;
  }
  throw Refusal{ENOTDIR};
}

std::optional<Found> CatalogFs::lookup_fixed(Reader& reader, FixedNode parent,
                                             std::string_view name) {
  if (parent == FixedNode::snapshots) {
    const auto started_s = parse_time_name(name);
    const auto job = started_s ? reader.tree.snapshot_at(*started_s) : std::nullopt;
    return job ? std::optional(get_directory(reader, Node::snapshot(job->id, kRootPath)))
               : std::nullopt;
  }
  if (parent == FixedNode::tapes) {
    const auto medium = reader.ledger.medium(name);
    return medium ? std::optional(get_directory(reader, Node::medium(medium->id))) : std::nullopt;
  }
  for (const Fixed& fixed : kFixed) {
    if (fixed.parent == parent && fixed.name == name) {
      return get_fixed(fixed.node);
    }
  }
  for (const Top& top : tops()) {
    if (parent == FixedNode::root && top.name == name) {
      return get_directory(reader, top.node);
    }
  }
  return std::nullopt;
}

std::optional<Found> CatalogFs::lookup_bundle(Reader& reader, catalog::MediumId medium,
                                              std::string_view name) {
  for (const catalog::Bundle& bundle : reader.ledger.bundles(medium)) {
    if (bundle_name(bundle) == name) {
      return get_directory(reader, Node::bundle(bundle.id, kRootPath));
    }
  }
  return std::nullopt;
}

Found CatalogFs::get(NodeId id) {
  const Node node = Node::of(id);
  if (node.kind == NodeKind::fixed) {
    return get_fixed(static_cast<FixedNode>(node.number));
  }
  const auto reader = readers_.borrow();
  if (node.kind != NodeKind::version) {
    return get_directory(*reader, node);
  }
  const auto version = version_of(*reader, node);
  if (!version) {
    throw Refusal{ESTALE};
  }
  return show(*version, node);
}

Found CatalogFs::get_fixed(FixedNode which) {
  const Node node = Node::fixed(which);
  Found found = found_directory(node, 0, Freshness::forever);
  found.attributes.inode = node.number;
  for (const Fixed& fixed : kFixed) {
    if (fixed.node == which) {
      found.attributes.mode = fixed.mode;
    }
  }
  if (which == FixedNode::snapshots || which == FixedNode::tapes) {
    found.freshness = Freshness::brief;
  }
  return found;
}

Found CatalogFs::get_directory(Reader& reader, const Node& node) {
  if (node.kind == NodeKind::medium) {
    if (!reader.ledger.medium(node.medium_id())) {
      throw Refusal{ESTALE};
    }
    const auto bundles = reader.ledger.bundles(node.medium_id());
    const std::int64_t written_s = bundles.empty() ? 0 : bundles.back().written_s.value_or(0);
    return found_directory(node, written_s * kNanoseconds, Freshness::brief);
  }
  if (node.kind == NodeKind::history) {
    if (const auto found = history_directory(reader, node.path())) {
      return *found;
    }
    throw Refusal{ESTALE};
  }
  const auto version = version_of(reader, node);
  if (version && is_directory(*version)) {
    return show(*version, node);
  }
  if (node.path() != kRootPath && node.kind != NodeKind::bundle) {
    throw Refusal{ESTALE};
  }
  // Nobody scanned "/", and what a bundle leads through may be gone from every view.
  return found_directory(node, 0, freshness_in(node));
}

std::optional<catalog::Version> CatalogFs::version_of(Reader& reader, const Node& node) {
  switch (node.kind) {
    case NodeKind::version:
      return reader.tree.version(node.version_key());
    case NodeKind::latest:
    case NodeKind::snapshot:
    case NodeKind::bundle:
      return reader.tree.at(view_of(reader, node), node.path());
    default:
      return std::nullopt;
  }
}

std::optional<catalog::Version> CatalogFs::version(NodeId id) {
  const auto reader = readers_.borrow();
  return version_of(*reader, Node::of(id));
}

std::string CatalogFs::read_link(NodeId id) {
  const auto found = version(id);
  if (!found || !S_ISLNK(found->metadata.mode)) {
    throw Refusal{EINVAL};
  }
  return found->metadata.symlink_target;
}

Rows CatalogFs::list(NodeId directory) {
  const auto reader = readers_.borrow();
  const Node node = Node::of(directory);
  Rows rows;
  const auto add = [&](const catalog::Entry& entry) {
    if (is_showable(entry.name)) {
      const Found found = show(entry.version, moved(node, entry.version.key.path));
      rows.add(entry.name, found.node, found.attributes);
    }
    return true;
  };
  switch (node.kind) {
    case NodeKind::fixed:
      list_fixed(*reader, static_cast<FixedNode>(node.number), rows);
      return rows;
    case NodeKind::latest:
    case NodeKind::snapshot:
      reader->tree.list(view_of(*reader, node), node.path(), add);
      rows.sort_by_inode();
      return rows;
    case NodeKind::bundle:
      reader->tree.list_bundle(node.bundle_id(), node.path(), add);
      rows.sort_by_inode();
      return rows;
    case NodeKind::history:
      list_history(*reader, node.path(), rows);
      return rows;
    case NodeKind::medium:
      for (const catalog::Bundle& bundle : reader->ledger.bundles(node.medium_id())) {
        const NodeId id = Node::bundle(bundle.id, kRootPath).id();
        rows.add(bundle_name(bundle), id, own_inode(id), S_IFDIR);
      }
      return rows;
    case NodeKind::version:
    case NodeKind::staging:
      break;
  }
  throw Refusal{ENOTDIR};
}

void CatalogFs::list_fixed(Reader& reader, FixedNode which, Rows& rows) {
  const auto add = [&](std::string_view name, const Found& found) {
    rows.add(name, found.node, found.attributes.inode, found.attributes.mode);
  };
  if (which == FixedNode::root) {
    for (const Top& top : tops()) {
      add(top.name, get_directory(reader, top.node));
    }
  }
  for (const Fixed& fixed : kFixed) {
    if (fixed.parent == which) {
      add(fixed.name, get_fixed(fixed.node));
    }
  }
  if (which == FixedNode::snapshots) {
    for (const catalog::Job& job : reader.tree.snapshots()) {
      add(time_name(job.started_s), get_directory(reader, Node::snapshot(job.id, kRootPath)));
    }
  }
  if (which == FixedNode::tapes) {
    for (const catalog::Medium& medium : reader.ledger.media()) {
      add(medium.label, get_directory(reader, Node::medium(medium.id)));
    }
  }
}

std::string CatalogFs::path_of(catalog::PathId path) {
  return readers_.borrow()->tree.path_of(path);
}

std::optional<std::string> CatalogFs::text(NodeId id) {
  const Node node = Node::of(id);
  if (node.is(FixedNode::status_json)) {
    return texts_.status_json();
  }
  if (node.is(FixedNode::queue_json)) {
    return texts_.queue_json();
  }
  if (node.is(FixedNode::status_text)) {
    return texts_.status_text();
  }
  return std::nullopt;
}

catalog::Tree::Totals CatalogFs::totals() {
  {
    const std::lock_guard lock(totals_mutex_);
    if (totals_) {
      return *totals_;
    }
  }
  const catalog::Tree::Totals counted = readers_.borrow()->tree.totals();
  const std::lock_guard lock(totals_mutex_);
  totals_ = counted;
  return counted;
}

void CatalogFs::forget_totals() {
  const std::lock_guard lock(totals_mutex_);
  totals_.reset();
}

}  // namespace mixtape::fusefs
