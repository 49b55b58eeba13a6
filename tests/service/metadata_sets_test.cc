// SPDX-License-Identifier: Apache-2.0
#include "engine/service/metadata_sets.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace mixtape::service {
namespace {

catalog::Metadata plain() {
  catalog::Metadata metadata;
  metadata.mode = 0100644;
  metadata.uid = 1;
  metadata.gid = 2;
  metadata.owner = "me";
  metadata.group = "us";
  metadata.mtime_ns = 7;
  metadata.xattrs = {{"user.a", "b"}};
  return metadata;
}

TEST(MetadataSetsTest, FilesThatDifferInTimeAloneShareASet) {
  MetadataSets sets;
  catalog::Metadata later = plain();
  later.mtime_ns = 8;
  EXPECT_EQ(sets.keep(plain()), sets.keep(later));
  EXPECT_EQ(sets.get(sets.keep(later), 8), later);
  EXPECT_EQ(sets.get(sets.keep(later), 7), plain());
}

TEST(MetadataSetsTest, WhateverElseDiffersMakesAnother) {
  const std::vector<std::function<void(catalog::Metadata&)>> changes = {
      [](auto& it) { it.mode = 0100600; },
      [](auto& it) { it.uid = 3; },
      [](auto& it) { it.gid = 3; },
      [](auto& it) { it.owner = "you"; },
      [](auto& it) { it.group = "you"; },
      [](auto& it) { it.xattrs.clear(); },
      [](auto& it) {
        it.xattrs = {{"user.a", ""}, {"b", ""}};
      },
      [](auto& it) {
        it.xattrs = {{"user.ab", ""}};
      },
      [](auto& it) { it.nlink = 2; },
      [](auto& it) { it.device = 3; },
  };
  MetadataSets sets;
  std::set<std::uint32_t> seen{sets.keep(plain())};
  for (int round = 0; round < 2; ++round) {
    for (const auto& change : changes) {
      catalog::Metadata changed = plain();
      change(changed);
      const std::uint32_t set = sets.keep(changed);
      EXPECT_EQ(seen.insert(set).second, round == 0);
      EXPECT_EQ(sets.get(set, 7), changed);
    }
  }
}

TEST(MetadataSetsTest, WhatIsLargeOrHasATargetOfItsOwnIsNotKept) {
  MetadataSets sets;
  catalog::Metadata large = plain();
  large.xattrs = {{"user.a", std::string(64 * 1024, 'x')}};
  EXPECT_EQ(sets.keep(large), MetadataSets::kNotKept);
  catalog::Metadata link = plain();
  link.symlink_target = "there";
  EXPECT_EQ(sets.keep(link), MetadataSets::kNotKept);
}

// A catalog may say anything.
TEST(MetadataSetsTest, WhateverMakesASetLargeItIsNotKept) {
  const std::string large(64 * 1024, 'x');
  const std::vector<std::function<void(catalog::Metadata&)>> changes = {
      [&](auto& it) { it.owner = large; },
      [&](auto& it) { it.group = large; },
      [&](auto& it) {
        it.xattrs = {{large, ""}};
      },
      [](auto& it) { it.xattrs.resize(10'000); },
      [](auto& it) {
        it.owner = it.group = std::string(MetadataSets::kMostSetBytes / 2, 'x');
        it.xattrs = {{"user.a", "b"}};
      },
  };
  MetadataSets sets;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    catalog::Metadata changed = plain();
    changes[i](changed);
    EXPECT_EQ(sets.keep(changed), MetadataSets::kNotKept) << "change " << i;
  }
}

TEST(MetadataSetsTest, NamesAndListsOfAccessAsSystemsHaveThemAreKept) {
  catalog::Metadata usual = plain();
  usual.owner = usual.group = std::string(32, 'x');
  usual.xattrs = {{"security.selinux", std::string(40, 'x')},
                  {"system.posix_acl_access", std::string(84, 'x')},
                  {"system.posix_acl_default", std::string(84, 'x')}};
  MetadataSets sets;
  EXPECT_NE(sets.keep(usual), MetadataSets::kNotKept);
}

TEST(MetadataSetsTest, AMillionSetsAreNotKeptAndTheKnownOnesStayKnown) {
  MetadataSets sets;
  const std::uint32_t first = sets.keep(plain());
  catalog::Metadata other = plain();
  for (other.uid = 10; sets.keep(other) != MetadataSets::kNotKept; ++other.uid) {
    ASSERT_LT(other.uid, 1'000'000u);
  }
  EXPECT_EQ(sets.keep(plain()), first);
}

}  // namespace
}  // namespace mixtape::service
