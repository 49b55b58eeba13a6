// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "engine/format/tar.h"
#include "tapeio/library.h"
#include "tapeio/records.h"
#include "tests/service/scan_fixture.h"

// What anybody can write who knows a recipient, and can reach a medium: a scan takes what is sound
// of it, says what it left out, and nothing that was known before becomes something else.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// All nonces, and file keys, alike; the headers are not.
void fill_alike(MutableBytes bytes) {
  constexpr std::size_t kNonce = 16;
  if (bytes.size() == kNonce) {
    std::fill(bytes.begin(), bytes.end(), std::byte{0x42});
  } else {
    format::fill_random(bytes);
  }
}

class ScanOfHostileTest : public ScanTest {
 protected:
  // A member as it stands in an archive; what `bytes` has is stored, whatever size it tells.
  static Bytes encoded(const format::TarMember& member, std::string_view bytes = "") {
    const format::TarHeader header = format::encode_header(member);
    Bytes blocks = header.blocks;
    blocks.insert(blocks.end(), header.sparse_map.begin(), header.sparse_map.end());
    const ByteView stored = as_bytes(bytes);
    blocks.insert(blocks.end(), stored.begin(), stored.end());
    blocks.resize(round_up(blocks.size(), format::kTarBlock));
    return blocks;
  }
  static Bytes file_member(const std::string& name, std::string_view bytes) {
    format::TarMember member;
    member.name = name;
    member.size = bytes.size();
    member.mode = 0644;
    return encoded(member, bytes);
  }
  static Bytes link_member(const std::string& name, const std::string& of) {
    format::TarMember member;
    member.name = name;
    member.type = format::MemberType::hardlink;
    member.link_target = of;
    return encoded(member);
  }
  // With a name that encode_header refuses; `member` has one header block.
  static Bytes as_root(Bytes member) {
    constexpr std::size_t kChecksum = 148, kChecksumSize = 8;
    member[0] = std::byte{'.'};
    const auto checksum = member.begin() + kChecksum;
    std::fill_n(checksum, kChecksumSize, std::byte{' '});
    unsigned sum = 0;
    for (std::size_t i = 0; i < format::kTarBlock; ++i) {
      sum += std::to_integer<unsigned>(member[i]);
    }
    for (std::size_t digit = 6; digit-- > 0; sum /= 8) {
      checksum[static_cast<std::ptrdiff_t>(digit)] = static_cast<std::byte>('0' + sum % 8);
    }
    checksum[6] = std::byte{0};
    return member;
  }
  // As anybody can who has the disk in hand: that text is not encrypted.
  void edit_label(const std::string& label) {
    for (const auto& file : fs::directory_iterator(shelf_ / "MX0001")) {
      std::string bytes = test::read_text(file.path());
      const std::string_view told = "\"label\": \"MX0001\"";
      if (const auto at = bytes.find(told); at != std::string::npos) {
        test::write_text(file.path(),
                         bytes.replace(at, told.size(), "\"label\": \"" + label + "\""));
        return;
      }
    }
    FAIL() << "no label was found";
  }
  // Behind all that MX0001 has, an archive that anybody can write who knows the recipient.
  void append_archive(const std::vector<Bytes>& members,
                      const format::FillRandom& random = format::fill_random) {
    const format::Recipient recipient = format::read_identity_file(paper_).front().recipient();
    const format::AgePreamble preamble = format::make_preamble({&recipient, 1}, random);
    Bytes plain;
    for (const Bytes& member : members) {
      plain.insert(plain.end(), member.begin(), member.end());
    }
    plain.resize(
        format::padded_plain_size(preamble.bytes.size(), plain.size() + format::kTarEnd, kRecord));
    const auto library = tapeio::open_library("dir:" + shelf_.string());
    const auto drive = library->load("MX0001", tapeio::Library::Access::write);
    drive->seek_end_of_data();
    tapeio::RecordWriter records(*drive, kRecord);
    format::AgeEncryptor sealed(preamble, records);
    sealed.write(plain);
    sealed.finish();
    records.finish();
  }
  void append_tape_file(const std::string& bytes) {
    const auto library = tapeio::open_library("dir:" + shelf_.string());
    const auto drive = library->load("MX0001", tapeio::Library::Access::write);
    drive->seek_end_of_data();
    tapeio::RecordWriter records(*drive, kRecord);
    records.write(as_bytes(bytes));
    records.finish();
  }
};

TEST_F(ScanOfHostileTest, ANameThatIsAHardLinkToItselfIsLeftOut) {
  write("a", "words");
  back_up();
  lose_home();
  append_archive({file_member("x", "good"), file_member("y", "good too"), link_member("x", "x")});
  append_archive({file_member("z", "behind it")});
  const RecoverResult result = scan();
  EXPECT_THAT(reporter_.problems, Contains(AllOf(HasSubstr("x is left out"), HasSubstr("itself"))));
  EXPECT_EQ(result.scan.archives, 2U);
  EXPECT_EQ(result.scan.damaged, 1U);
  EXPECT_TRUE(latest("x"));
  EXPECT_TRUE(latest("y"));
  EXPECT_TRUE(latest("z"));
}

TEST_F(ScanOfHostileTest, ALinkWhoseFileWasReplacedKeepsItsBytes) {
  write("a", "words");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  append_archive({file_member("x", "words of x"), link_member("y", "x"), file_member("x/z", "z")});
  EXPECT_EQ(scan().scan.archives, 2U);
  ASSERT_TRUE(latest("y"));
  EXPECT_EQ(latest("y")->size, 10U);
}

TEST_F(ScanOfHostileTest, TheSameArchiveTwiceOnAMediumIsTakenOnce) {
  write("a", "words");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  append_tape_file(test::read_text(files_of("archive", shelf_).front()));
  append_archive({file_member("z", "behind it")});
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 2U);
  EXPECT_THAT(result.unscanned, IsEmpty());
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_TRUE(latest("z"));
}

// The nonce stands in plain text: another archive may have it too.
TEST_F(ScanOfHostileTest, AnArchiveThatTheCatalogRefusesIsToldAndTheOthersAreTaken) {
  write("a", "words");
  back_up();
  lose_home();
  append_archive({file_member("x", "one")}, fill_alike);
  append_archive({file_member("y", "of the same nonce")}, fill_alike);
  append_archive({file_member("z", "behind it")});
  const RecoverResult result = scan();
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("is left out whole")));
  EXPECT_EQ(result.scan.archives, 2U);
  EXPECT_EQ(result.scan.unopened, 1U);
  EXPECT_TRUE(latest("x"));
  EXPECT_FALSE(latest("y"));
  EXPECT_TRUE(latest("z"));
}

TEST_F(ScanOfHostileTest, HolesOfOneArchiveAreHashedUpToABound) {
  write("a", "words");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  format::TarMember holes;
  holes.size = 64 * 1024 * GiB;
  holes.sparse.emplace();
  std::vector<Bytes> members;
  for (const char* name : {"h1", "h2", "h3"}) {
    holes.name = name;
    members.push_back(encoded(holes));
  }
  members.push_back(file_member("z", "behind them"));
  append_archive(members);
  EXPECT_EQ(scan().scan.damaged, 3U);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("holes")));
  EXPECT_TRUE(latest("z"));
}

TEST_F(ScanOfHostileTest, ARootThatIsNoDirectoryIsLeftOut) {
  write("a", "words");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  format::TarMember symlink;
  symlink.name = "s";
  symlink.type = format::MemberType::symlink;
  symlink.link_target = "elsewhere";
  append_archive({file_member("y", "good"), as_root(encoded(symlink)),
                  as_root(file_member("f", "words")), as_root(link_member("l", "y"))});
  EXPECT_EQ(scan().scan.damaged, 3U);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("the root is a directory")));
  EXPECT_TRUE(latest("y"));
  const auto top = latest("");
  ASSERT_TRUE(top);
  EXPECT_TRUE(S_ISDIR(top->metadata.mode));
}

TEST_F(ScanOfHostileTest, AnArchiveWithoutAnyMemberIsToldAndNotKnown) {
  write("a", "words");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  append_archive({Bytes(kRecord, std::byte{'x'})});
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_EQ(result.scan.unopened, 2U);  // It, and the last index, which was spoilt.
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("not one member")));
  EXPECT_EQ(count("bundle"), 1);
}

TEST_F(ScanOfHostileTest, ALabelThatSomebodyEditedRenamesNoKnownMedium) {
  write("a", "words");
  back_up();
  lose_home();
  append_archive({file_member("y", "first")});
  append_archive({file_member("z", "second")});
  edit_label("ZZ9999");
  (void)scan();
  ASSERT_TRUE(latest("z"));
  const auto media = context().ledger.media();
  ASSERT_EQ(media.size(), 1U);
  EXPECT_EQ(media[0].label, "MX0001");
}

}  // namespace
}  // namespace mixtape::service
