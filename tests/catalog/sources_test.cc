// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/sources.h"

#include "tests/catalog/catalog_fixture.h"

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;

class SourcesTest : public CatalogTest {
 protected:
  Sources sources{machine.database};
};

TEST_F(SourcesTest, StampsAreKeptReplacedAndRemoved) {
  const SourceStamp stamp{
      .device = 1, .inode = 0xffff'ffff'ffff'ffff, .ctime_ns = -5, .readable = false};
  EXPECT_FALSE(sources.stamp(PathId{7}));
  sources.set_stamp(PathId{7}, {});
  sources.set_stamp(PathId{7}, stamp);
  EXPECT_EQ(sources.stamp(PathId{7}), stamp);
  sources.remove(PathId{7});
  EXPECT_FALSE(sources.stamp(PathId{7}));
}

TEST_F(SourcesTest, ChildrenAreTheNewestVersionsShownOrNotInByteOrder) {
  const MediumId medium = machine.add_medium("MX1");
  const Job one = machine.begin();
  const PathId b = machine.add_file(one, "b", "old");
  machine.add_file(one, "gone", "gone");
  machine.write_all(one, medium);
  const Job two = machine.begin();
  machine.add_file(two, "b", "newer");
  machine.add_file(two, "B", "unwritten");
  machine.end(two, "gone");
  sources.set_stamp(b, {.inode = 12});
  std::vector<std::string> seen;
  machine.add_file(two, "d/c", "below");
  sources.children(kRootPath, [&](const Sources::Child& child) {
    EXPECT_EQ(child.path, tree.find_path(child.name));
    seen.push_back(child.name + (child.is_directory ? "/ " : " ") +
                   (child.stamp ? std::to_string(child.stamp->inode) : "-"));
  });
  EXPECT_THAT(seen, ElementsAre("B -", "b 12", "d/ -"));
}

TEST_F(SourcesTest, EarlyHashesAreFoundByIdentityOnly) {
  const FileIdentity file{1, 2, 3, 4, 5};
  sources.keep_early_hash(file, hash_of("x"));
  sources.keep_early_hash(file, hash_of("y"));
  EXPECT_EQ(sources.early_hash(file), hash_of("y"));
  for (const FileIdentity& other :
       {FileIdentity{9, 2, 3, 4, 5}, FileIdentity{1, 9, 3, 4, 5}, FileIdentity{1, 2, 9, 4, 5},
        FileIdentity{1, 2, 3, 9, 5}, FileIdentity{1, 2, 3, 4, 9}}) {
    EXPECT_FALSE(sources.early_hash(other));
  }
  sources.forget_early_hashes();
  EXPECT_FALSE(sources.early_hash(file));
}

TEST_F(SourcesTest, NothingOfThisMachineIsInTheCatalogFile) {
  sources.set_stamp(PathId{7}, {});
  Database catalog(machine.catalog_db, Database::Mode::read_only);
  Statement tables(catalog, "SELECT 1 FROM sqlite_schema WHERE name IN ('source', 'early_hash')");
  EXPECT_FALSE(tables.step());
}

}  // namespace
}  // namespace mixtape::catalog
