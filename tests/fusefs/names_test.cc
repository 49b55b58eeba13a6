// SPDX-License-Identifier: Apache-2.0
#include "fusefs/names.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fusefs/node_id.h"
#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

const auto kNothingTaken = [](const std::string&) { return false; };

catalog::Version version_of(std::byte first) {
  catalog::Version version;
  version.metadata.mode = S_IFREG | 0644;
  version.content = catalog::ContentId{1};
  version.hash.emplace();
  version.hash->fill(first);
  return version;
}

TEST(TimeNames, AreUtcAndReadBack) {
  EXPECT_EQ(time_name(1'795'288'443), "20261121T191403Z");
  EXPECT_EQ(parse_time_name("20261121T191403Z"), 1'795'288'443);
  EXPECT_EQ(time_name(0), "19700101T000000Z");
}

TEST(TimeNames, NothingElseIsOne) {
  for (const char* name : {"", "20261121", "20261121T191403", "20261121t191403Z",
                           "20261321T191403Z", "20260230T191403Z", "20261121T251403Z",
                           "20261121T191460Z", "20261121T191403Zx", "2026112 T191403Z"}) {
    EXPECT_FALSE(parse_time_name(name).has_value()) << name;
  }
}

TEST(VersionNames, KeepTheExtension) {
  const auto version = version_of(std::byte{0x3f});
  EXPECT_EQ(version_name("a.raw", version, 0, kNothingTaken), "19700101T000000Z-3f3f3f3f.raw");
  EXPECT_EQ(version_name("a.tar.gz", version, 0, kNothingTaken), "19700101T000000Z-3f3f3f3f.gz");
  EXPECT_EQ(version_name("plain", version, 0, kNothingTaken), "19700101T000000Z-3f3f3f3f");
  EXPECT_EQ(version_name(".profile", version, 0, kNothingTaken), "19700101T000000Z-3f3f3f3f");
}

TEST(VersionNames, SayWhatHasNoHash) {
  auto version = version_of(std::byte{1});
  version.hash.reset();
  EXPECT_EQ(version_name("a", version, 0, kNothingTaken), "19700101T000000Z-unhashed");
  version.content.reset();
  EXPECT_EQ(version_name("a", version, 0, kNothingTaken), "19700101T000000Z-empty");
  version.metadata.mode = S_IFLNK | 0777;
  EXPECT_EQ(version_name("a", version, 0, kNothingTaken), "19700101T000000Z-link");
}

TEST(VersionNames, NeverExceedTheLongestName) {
  const auto version = version_of(std::byte{1});
  for (std::size_t extension = 200; extension < kMaxName; ++extension) {
    const std::string file = "a." + std::string(extension - 1, 'x');
    int refused = 0;
    const std::string name =
        version_name(file, version, 0, [&](const std::string&) { return ++refused < 100; });
    EXPECT_LE(name.size(), kMaxName);
    EXPECT_TRUE(may_name_version(name));
  }
}

TEST(VersionNames, DodgeNamesThatAreTaken) {
  const auto version = version_of(std::byte{1});
  const auto taken = [](const std::string& name) {
    return name == "19700101T000000Z-01010101.raw" || name == "19700101T000000Z-01010101~2.raw";
  };
  EXPECT_EQ(version_name("a.raw", version, 0, taken), "19700101T000000Z-01010101~3.raw");
}

TEST(ShowableNames, AreThoseThatLinuxCanHave) {
  EXPECT_TRUE(is_showable("a"));
  EXPECT_TRUE(is_showable(std::string(255, 'x')));
  EXPECT_FALSE(is_showable(std::string(256, 'x')));
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a/b"), std::string("a\0b", 3)}) {
    EXPECT_FALSE(is_showable(name)) << name;
  }
}

TEST(NodeIds, HoldWhatTheyWereMadeOf) {
  const catalog::PathId path{(1LL << 38) - 1};
  const catalog::JobId job{(1LL << 23) - 1};
  for (const Node& node : {Node::fixed(FixedNode::root), Node::latest(path), Node::history(path),
                           Node::snapshot(job, path), Node::version({path, job}),
                           Node::bundle(catalog::BundleId{7}, path),
                           Node::medium(catalog::MediumId{3}), Node::staging(99)}) {
    EXPECT_EQ(Node::of(node.id()), node);
  }
  EXPECT_EQ(static_cast<std::uint64_t>(Node::fixed(FixedNode::root).id()), 1U);
}

TEST(NodeIds, RefuseNumbersThatDoNotFit) {
  EXPECT_THROW((void)Node::latest(catalog::PathId{1LL << 38}).id(), Error);
  EXPECT_THROW((void)Node::snapshot(catalog::JobId{1 << 23}, catalog::kRootPath).id(), Error);
  EXPECT_THROW((void)Node::latest(catalog::PathId{-1}).id(), Error);
}

TEST(NodeIds, MadeUpInodesNeverMeetThoseOfVersions) {
  constexpr std::uint64_t kTop = 1ULL << 63;
  EXPECT_NE(own_inode(Node::history(catalog::PathId{1}).id()) & kTop, 0U);
  EXPECT_NE(own_inode(Node::bundle(catalog::BundleId{1}, catalog::PathId{1}).id()) & kTop, 0U);
  EXPECT_NE(staging_inode(12) & kTop, 0U);
  EXPECT_NE(staging_inode(12), own_inode(Node::history(catalog::PathId{12}).id()));
}

}  // namespace
}  // namespace mixtape::fusefs
