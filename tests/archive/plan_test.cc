// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/archive/cut.h"
#include "engine/format/age_stream.h"
#include "tests/archive/items.h"

namespace mixtape::archive {
namespace {

using test::empty_file_item;
using test::file_item;
using test::leading_directory;
using test::new_directory;
using test::symlink_item;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kPreamble = 184;  // One recipient.

ArchiveLimits limits(std::uint64_t room_bytes, std::uint64_t target_bytes = 64 * GiB) {
  return {.room_bytes = room_bytes,
          .target_bytes = target_bytes,
          .record_size = MiB,
          .preamble_bytes = kPreamble};
}

// Wants everything, directories with copies == 0 only where they lead.
ArchivePlan plan_all(const std::vector<Item>& items, const ArchiveLimits& within) {
  std::vector<Want> wants;
  for (const Item& item : items) {
    wants.push_back(item.copies == 0 ? Want::lead : Want::yes);
  }
  return plan_archive(items, wants, within);
}

std::vector<std::string> names(const std::vector<Item>& items, const ArchivePlan& plan) {
  std::vector<std::string> found;
  for (const PlannedMember& member : plan.members) {
    found.push_back(items[member.item].path);
  }
  return found;
}

TEST(ArchiveOrder, ADirectorysFilesComeBeforeItsSubdirectories) {
  std::vector<Item> items{
      file_item("b/x", 1, 1),      file_item("a.txt", 1, 2),      leading_directory("b"),
      file_item("b/a/deep", 1, 3), leading_directory("b/a"),      file_item("z", 1, 4),
      file_item("b/a.raw", 1, 5),  leading_directory("a"),        file_item("a/\xff", 1, 6),
      file_item("a/Z", 1, 7),      leading_directory("b/a-more"), file_item("b/a-more/f", 1, 8)};
  std::sort(items.begin(), items.end(), archive_less);
  std::vector<std::string> order;
  for (const Item& item : items) {
    order.push_back(item.path);
  }
  EXPECT_THAT(order, ElementsAre("a.txt", "z", "a", "a/Z", "a/\xff", "b", "b/a.raw", "b/x", "b/a",
                                 "b/a/deep", "b/a-more", "b/a-more/f"));
}

TEST(Plan, MembersStandWithoutGapsAndTheCiphertextIsWholeRecords) {
  const std::vector<Item> items{file_item("a", 1, 1), file_item("b", 511, 2),
                                file_item("c", 512, 3), file_item("d", 513, 4)};
  const ArchivePlan plan = plan_all(items, limits(GiB));
  ASSERT_EQ(plan.members.size(), 4U);
  std::uint64_t end = 0;
  for (const PlannedMember& member : plan.members) {
    EXPECT_EQ(member.offset, end);
    EXPECT_EQ(member.data_offset() % format::kTarBlock, 0U);
    EXPECT_EQ(member.stored_size, items[member.item].size);
    end = member.end();
  }
  EXPECT_EQ(plan.tar_bytes, end + format::kTarEnd);
  EXPECT_EQ(format::cipher_size(kPreamble, plan.plain_bytes) % MiB, 0U);
  EXPECT_GE(plan.plain_bytes, plan.tar_bytes);
}

TEST(Plan, AFileThatDoesNotFitIsPassedOverAndThoseBehindItAreTried) {
  const std::vector<Item> items{file_item("a", 9 * MiB, 1), file_item("b", 5 * MiB, 2),
                                file_item("c", MiB / 2, 3)};
  const ArchivePlan plan = plan_all(items, limits(10 * MiB));
  EXPECT_THAT(names(items, plan), ElementsAre("a", "c"));
  EXPECT_THAT(plan.too_big, ElementsAre(1U));
  EXPECT_FALSE(plan.more);
}

TEST(Plan, TheArchiveNeverExceedsItsRoomAndUsesItToTheRecord) {
  // Around the size that just fits: header blocks, data, the end of the tar, tags, preamble.
  const std::vector<Item> probe{file_item("a", MiB, 1)};
  const std::uint64_t header = plan_all(probe, limits(GiB)).members.front().header_size;
  const std::uint64_t plain = *format::plain_size(kPreamble, 3 * MiB);
  const std::uint64_t fits =
      (plain - header - format::kTarEnd) / format::kTarBlock * format::kTarBlock;
  for (const std::uint64_t size : {fits - 1, fits, fits + 1}) {
    const std::vector<Item> items{file_item("a", size, 1)};
    const ArchivePlan plan = plan_all(items, limits(3 * MiB));
    EXPECT_EQ(plan.members.size(), size <= fits ? 1U : 0U) << size - fits;
    if (!plan.members.empty()) {
      EXPECT_EQ(format::cipher_size(kPreamble, plan.plain_bytes), 3 * MiB);
    }
  }
}

TEST(Plan, AnArchiveThatReachedItsTargetLeavesTheRestForTheNext) {
  const std::vector<Item> items{file_item("a", 3 * MiB, 1), file_item("b", 3 * MiB, 2),
                                file_item("c", 10, 3)};
  const ArchivePlan plan = plan_all(items, limits(GiB, 5 * MiB));
  EXPECT_THAT(names(items, plan), ElementsAre("a"));
  EXPECT_TRUE(plan.more);
  EXPECT_THAT(plan.too_big, IsEmpty());
}

TEST(Plan, AFileAboveTheTargetStillGoesAlone) {
  const std::vector<Item> items{file_item("a", 30 * MiB, 1), file_item("b", 1, 2)};
  const ArchivePlan plan = plan_all(items, limits(GiB, 5 * MiB));
  EXPECT_THAT(names(items, plan), ElementsAre("a"));
  EXPECT_TRUE(plan.more);
}

TEST(Plan, OfOnePathOneVersionStandsInAnArchiveTheFirstFirst) {
  std::vector<Item> items{file_item("a", 1, 1), file_item("p", 2, 2), file_item("p", 3, 3),
                          file_item("p", 4, 4), file_item("q", 5, 5)};
  std::vector<std::uint64_t> of_p;
  for (int archive = 0; archive < 3; ++archive) {
    const ArchivePlan plan = plan_all(items, limits(GiB));
    using Names = std::vector<std::string>;
    EXPECT_EQ(names(items, plan), archive == 0 ? Names({"a", "p", "q"}) : Names({"p"}));
    EXPECT_EQ(plan.more, archive < 2);
    for (auto member = plan.members.rbegin(); member != plan.members.rend(); ++member) {
      if (items[member->item].path == "p") {
        of_p.push_back(items[member->item].size);
      }
      items.erase(items.begin() + member->item);
    }
  }
  EXPECT_THAT(of_p, ElementsAre(2U, 3U, 4U));
}

TEST(Plan, AFileThatBecameADirectoryStandsInAnotherArchiveThanWhatIsInIt) {
  std::vector<Item> items{file_item("p", 1, 1), leading_directory("p"), file_item("p/x", 2, 2),
                          leading_directory("q"), file_item("q/y", 3, 3)};
  EXPECT_THAT(names(items, plan_all(items, limits(GiB))), ElementsAre("p", "q", "q/y"));
  items.erase(items.begin());
  EXPECT_THAT(names(items, plan_all(items, limits(GiB))), ElementsAre("p", "p/x", "q", "q/y"));
}

TEST(Plan, DirectoriesStandBeforeWhatTheyLeadToAndOnlyThen) {
  const std::vector<Item> items{leading_directory("a"),      leading_directory("a/b"),
                                file_item("a/b/file", 5, 1), leading_directory("a/c"),
                                leading_directory("d"),      new_directory("e")};
  EXPECT_THAT(names(items, plan_all(items, limits(GiB))), ElementsAre("a", "a/b", "a/b/file", "e"));
}

TEST(Plan, AnArchiveWithoutContentsIsNotWorthWriting) {
  const std::vector<Item> items{new_directory("a"), symlink_item("a/link", "x"),
                                empty_file_item("a/none")};
  EXPECT_THAT(plan_all(items, limits(GiB)).members, IsEmpty());
}

TEST(Plan, TheSameContentTwiceIsStoredOnceAndPointedTo) {
  const std::vector<Item> items{file_item("a", 5 * MiB, 7), file_item("b", 5 * MiB, 7)};
  const ArchivePlan plan = plan_all(items, limits(GiB));
  ASSERT_EQ(plan.members.size(), 2U);
  EXPECT_EQ(plan.members[1].stored, Stored::same_content);
  EXPECT_EQ(plan.members[1].stored_size, 0U);
  EXPECT_EQ(plan.data_members, 1U);
  const format::TarMember member = tar_member(items[1], Stored::same_content, &items[0]);
  EXPECT_TRUE(member.same_content);
  EXPECT_EQ(member.link_target, "a");
  EXPECT_EQ(member.owner, "ada");
  EXPECT_EQ(copies_of(plan, items).size(), 1U);
}

TEST(Plan, EmptyFilesAreNeverLinkedToEachOther) {
  const std::vector<Item> items{file_item("a", 5, 1), empty_file_item("b"), empty_file_item("c")};
  for (const PlannedMember& member : plan_all(items, limits(GiB)).members) {
    EXPECT_NE(member.stored, Stored::same_content);
    EXPECT_NE(member.stored, Stored::hardlink);
  }
}

TEST(Plan, NamesOfOneInodeBecomeHardlinks) {
  std::vector<Item> items{file_item("a", 5, 1), file_item("b", 5, 1)};
  for (Item& item : items) {
    item.inode = 4096;
    item.metadata.nlink = 2;
  }
  const ArchivePlan plan = plan_all(items, limits(GiB));
  ASSERT_EQ(plan.members.size(), 2U);
  EXPECT_EQ(plan.members[1].stored, Stored::hardlink);
  EXPECT_FALSE(tar_member(items[1], Stored::hardlink, &items[0]).same_content);
}

TEST(Plan, CopiesSayWhereTheDataIs) {
  std::vector<Item> items{file_item("a", 100, 1), file_item("holes", 10 * MiB, 2)};
  items[1].extents = {{.offset = MiB, .size = 4096}};
  const ArchivePlan plan = plan_all(items, limits(GiB));
  const std::vector<catalog::Copy> copies = copies_of(plan, items);
  ASSERT_EQ(copies.size(), 2U);
  EXPECT_EQ(copies[0].member_offset, 0U);
  EXPECT_EQ(copies[0].data_offset, plan.members[0].header_size);
  EXPECT_FALSE(copies[0].sparse);
  EXPECT_TRUE(copies[1].sparse);
  EXPECT_LT(copies[1].stored_size, 16 * KiB);
}

TEST(Room, LeavesPlaceForBothIndexesSlackAndTheWarningZone) {
  const MediumRoom room{.capacity_bytes = 100 * MiB,
                        .used_bytes = 20 * MiB,
                        .record_size = MiB,
                        .index_bytes = 2 * MiB,
                        .warning_zone_bytes = 0};
  const std::uint64_t bytes = archive_room(room);
  EXPECT_EQ(bytes % MiB, 0U);
  EXPECT_LE(bytes + 20 * MiB + 2 * 2 * MiB + kSlack, 100 * MiB);
  EXPECT_GE(bytes, 73 * MiB);
  MediumRoom warned = room;
  warned.warning_zone_bytes = 30 * MiB;
  EXPECT_EQ(archive_room(warned), 48 * MiB);
}

TEST(Room, AFullMediumHasNone) {
  EXPECT_EQ(archive_room({.capacity_bytes = 10 * MiB,
                          .used_bytes = 10 * MiB,
                          .record_size = MiB,
                          .index_bytes = MiB,
                          .warning_zone_bytes = 0}),
            0U);
}

// --- Cutting short what was planned

class CutTest : public ::testing::Test {
 protected:
  CutTest() {
    for (int i = 0; i < 40; ++i) {
      items_.push_back(file_item("f" + std::to_string(100 + i), 200 * KiB + 777, i + 1));
    }
    items_.push_back(file_item("g-huge", 20 * MiB, 100));
    for (int i = 0; i < 4000; ++i) {
      items_.push_back(file_item("h" + std::to_string(10000 + i), 40, 200 + i));
    }
    plan_ = plan_all(items_, limits(GiB));
  }

  std::optional<Cut> cut(std::uint64_t handed_records, std::uint64_t room_records) const {
    return choose_cut(plan_, {.handed_bytes = handed_records * MiB,
                              .room_bytes = room_records * MiB,
                              .preamble_bytes = kPreamble,
                              .record_size = MiB});
  }
  std::uint64_t records() const { return format::cipher_size(kPreamble, plan_.plain_bytes) / MiB; }

  std::vector<Item> items_;
  ArchivePlan plan_;
};

TEST_F(CutTest, WhateverTheDriveHasStaysAndNoMemberSeemsWholeThatIsNot) {
  for (std::uint64_t handed = 1; handed <= records(); ++handed) {
    for (const std::uint64_t room : {0, 1, 2, 5, 30}) {
      const std::optional<Cut> found = cut(handed, room);
      if (!found) {
        continue;
      }
      const std::uint64_t cipher = format::cipher_size(kPreamble, found->plain_bytes);
      EXPECT_EQ(cipher % MiB, 0U);
      // Every chunk of which the drive has a byte keeps its place, not the last.
      const std::uint64_t free_chunk =
          (handed * MiB - kPreamble + format::kSealedChunk - 1) / format::kSealedChunk;
      EXPECT_GT(found->plain_bytes, free_chunk * format::kChunk);
      EXPECT_GE(found->zeros_from, std::min(free_chunk * format::kChunk, found->plain_bytes));
      for (const PlannedMember& member : plan_.members) {
        if (member.data_end() <= found->plain_bytes) {
          EXPECT_LE(member.data_end(), found->zeros_from) << handed << " " << room;
        }
      }
    }
  }
}

TEST_F(CutTest, TheMemberUnderWayIsFinishedWhenTheRoomHoldsIt) {
  const auto huge = std::find_if(plan_.members.begin(), plan_.members.end(),
                                 [](const PlannedMember& m) { return m.stored_size == 20 * MiB; });
  const std::uint64_t handed = (huge->offset + 3 * MiB) / MiB;
  const std::optional<Cut> with_room = cut(handed, 19);
  ASSERT_TRUE(with_room);
  EXPECT_GE(with_room->plain_bytes, huge->end() + format::kTarEnd);
  EXPECT_LT(with_room->zeros_from, with_room->plain_bytes - format::kTarEnd + 1);
  const std::optional<Cut> without = cut(handed, 1);
  ASSERT_TRUE(without);
  EXPECT_LT(without->plain_bytes, huge->data_end());
}

TEST_F(CutTest, WhatFitsAsItIsStaysAsItIs) {
  EXPECT_FALSE(cut(records() - 2, 2));
  EXPECT_FALSE(cut(1, records() - 1));
  EXPECT_FALSE(cut(records(), 0));
}

}  // namespace
}  // namespace mixtape::archive
