// SPDX-License-Identifier: Apache-2.0
#include "tests/catalog/catalog_fixture.h"

// What views show of versions.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using VersionsTest = CatalogTest;

TEST_F(VersionsTest, UnwrittenVersionIsNeverShown) {
  const MediumId medium = machine.add_medium("MX1");
  const Job job = machine.begin();
  machine.add_file(job, "home/a", "aaa");
  EXPECT_THAT(machine.shown(), ElementsAre("home/"));
  machine.write_all(job, medium);
  EXPECT_THAT(machine.shown(), ElementsAre("home/", "home/a 3"));
}

TEST_F(VersionsTest, JobThatDiesInTheMiddleLeavesTheOlderVersionVisible) {
  const MediumId medium = machine.add_medium("MX1");
  const Job first = machine.begin();
  machine.add_file(first, "a", "old");
  machine.write_all(first, medium);
  ledger.finish_job(first.id, machine.now);

  const Job second = machine.begin();
  machine.add_file(second, "a", "newer");
  machine.plan(second, medium, {machine.content("newer")});
  EXPECT_EQ(ledger.settle_unfinished(), 1u);
  EXPECT_THAT(machine.shown(), ElementsAre("a 3"));
  EXPECT_THAT(machine.shown({second.id}), ElementsAre("a 3"));
}

TEST_F(VersionsTest, ContentThatReturnsIsThreeVersionsOfTwoContents) {
  const MediumId medium = machine.add_medium("MX1");
  std::vector<JobId> jobs;
  for (const char* word : {"A", "BB", "A"}) {
    const Job job = machine.begin();
    machine.add_file(job, "p", word);
    machine.write_all(job, medium);
    ledger.finish_job(job.id, machine.now);
    jobs.push_back(job.id);
  }
  const auto history = tree.history(*tree.find_path("p"));
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].content, history[2].content);
  EXPECT_NE(history[0].inode, history[2].inode);
  EXPECT_THAT(machine.shown({jobs[0]}), ElementsAre("p 1"));
  EXPECT_THAT(machine.shown({jobs[1]}), ElementsAre("p 2"));
  EXPECT_THAT(machine.shown(), ElementsAre("p 1"));
}

}  // namespace
}  // namespace mixtape::catalog
