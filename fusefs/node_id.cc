// SPDX-License-Identifier: Apache-2.0
#include "fusefs/node_id.h"

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

constexpr int kNumberBits = 38;
constexpr int kGroupBits = 23;
constexpr std::uint64_t kMaxNumber = (1ULL << kNumberBits) - 1;
constexpr std::uint64_t kMaxGroup = (1ULL << kGroupBits) - 1;

// Row numbers are never negative; a negative one would become a huge one and be refused by id().
template <typename Id>
std::uint64_t row(Id id) {
  return static_cast<std::uint64_t>(catalog::number(id));
}

}  // namespace

NodeId Node::id() const {
  if (number > kMaxNumber || group > kMaxGroup) {
    throw Error(ErrorCode::unsupported,
                "show a catalog entry: its row numbers are too large for a mount");
  }
  return NodeId((static_cast<std::uint64_t>(kind) << (kNumberBits + kGroupBits)) |
                (group << kNumberBits) | number);
}

Node Node::of(NodeId id) {
  const auto bits = static_cast<std::uint64_t>(id);
  return {.kind = static_cast<NodeKind>(bits >> (kNumberBits + kGroupBits)),
          .group = (bits >> kNumberBits) & kMaxGroup,
          .number = bits & kMaxNumber};
}

Node Node::fixed(FixedNode which) {
  return {.kind = NodeKind::fixed, .group = 0, .number = static_cast<std::uint64_t>(which)};
}
Node Node::latest(catalog::PathId path) {
  return {.kind = NodeKind::latest, .group = 0, .number = row(path)};
}
Node Node::history(catalog::PathId path) {
  return {.kind = NodeKind::history, .group = 0, .number = row(path)};
}
Node Node::snapshot(catalog::JobId job, catalog::PathId path) {
  return {.kind = NodeKind::snapshot, .group = row(job), .number = row(path)};
}
Node Node::medium(catalog::MediumId medium) {
  return {.kind = NodeKind::medium, .group = 0, .number = row(medium)};
}
Node Node::bundle(catalog::BundleId bundle, catalog::PathId path) {
  return {.kind = NodeKind::bundle, .group = row(bundle), .number = row(path)};
}
Node Node::version(catalog::VersionKey key) {
  return {.kind = NodeKind::version, .group = row(key.first_job), .number = row(key.path)};
}
Node Node::staging(std::uint64_t number) {
  return {.kind = NodeKind::staging, .group = 0, .number = number};
}

std::uint64_t staging_inode(std::uint64_t on_disk) {
  return (static_cast<std::uint64_t>(NodeKind::staging) << (kNumberBits + kGroupBits)) |
         (on_disk & ((1ULL << (kNumberBits + kGroupBits)) - 1));
}

}  // namespace mixtape::fusefs
