// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "engine/format/tar.h"
#include "engine/service/recover.h"
#include "engine/service/restore.h"
#include "engine/service/verify.h"
#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tapeio/records.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// The home is lost, and so are indexes on the media: what the archives themselves tell.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kRecord = 64 * 1024;

std::string pattern_text(std::size_t size, std::uint64_t seed) {
  return std::string(as_text(test::pattern(size, seed)));
}

template <typename Operation>
std::string message_of(Operation operation) {
  try {
    operation();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// All nonces, and file keys, alike; the headers are not.
void fill_alike(MutableBytes bytes) {
  constexpr std::size_t kNonce = 16;
  if (bytes.size() == kNonce) {
    std::fill(bytes.begin(), bytes.end(), std::byte{0x42});
  } else {
    format::fill_random(bytes);
  }
}

class ScanTest : public ServiceTest {
 protected:
  ScanTest() { configure("libraries = [\"dir:library\"]\nrecord_size = \"64 KiB\"\n"); }

  void TearDown() override {
    if (HasFailure()) {
      for (const std::string& line : reporter_.problems) {
        std::cerr << "problem: " << line << "\n";
      }
    }
  }
  void lose_home() {
    reopen();
    fs::rename(home() / "library", shelf_);
    if (!fs::exists(paper_)) {
      fs::copy_file(home() / "keys/recovery.identity", paper_);
    }
    fs::remove_all(home());
  }
  RecoverResult recover_from(const fs::path& shelf, bool scan) {
    reopen();
    RecoverRequest request{home(), "dir:" + shelf.string(), paper_, "mixtape recover", scan};
    return recover(request, reporter_);
  }
  RecoverResult scan() { return recover_from(shelf_, true); }

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

  [[nodiscard]] std::vector<fs::path> files_of(const std::string& kind,
                                               const fs::path& shelf) const {
    std::vector<fs::path> files;
    for (const auto& file : fs::recursive_directory_iterator(shelf)) {
      if (file.path().filename().string().find("." + kind + ".") != std::string::npos) {
        files.push_back(file.path());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  static void flip(const fs::path& file, std::size_t at) {
    std::string bytes = test::read_text(file);
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    test::write_text(file, bytes);
  }
  // Every index of every medium, in the middle of its first chunk.
  void spoil_indexes(const fs::path& shelf) {
    for (const fs::path& index : files_of("index", shelf)) {
      flip(index, 5000);
    }
  }
  // What a user sees: names with all that the archive keeps, in all views.
  std::vector<std::string> seen() {
    std::vector<std::string> lines;
    Context& all = context();
    all.tree.walk({}, catalog::kRootPath,
                  [&](const std::string& path, const catalog::Version& version) {
                    if (path.starts_with(root_.relative_path().string() + "/")) {
                      lines.push_back(line_of(path, version));
                    }
                    return true;
                  });
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::string line_of(const std::string& path, const catalog::Version& version) {
    const catalog::Metadata& data = version.metadata;
    std::string line = path + " " + std::to_string(data.mode) + " " + std::to_string(data.uid) +
                       " " + data.owner + " " + std::to_string(data.mtime_ns) + " " +
                       std::to_string(data.nlink) + " " + data.symlink_target + " " +
                       std::to_string(version.size);
    for (const auto& [name, value] : data.xattrs) {
      line += " " + name + "=" + value;
    }
    if (version.content) {
      line += version.hash ? " " + to_hex(*version.hash) : " unhashed";
      for (const catalog::CopyPlace& place : context().ledger.places(*version.content)) {
        line += " " + place.medium.label + ":" + std::to_string(*place.bundle.archive_block) + "+" +
                std::to_string(place.copy.data_offset);
      }
    }
    return line;
  }
  std::size_t versions_of(std::string_view name) {
    const auto path = context().tree.find_path(path_of(name));
    return path ? context().tree.history(*path).size() : 0;
  }
  // Every kind of member that an archive can have.
  void write_all_kinds() {
    write("a", pattern_text(200'000, 1));
    write("b/duplicate", pattern_text(200'000, 1));
    write("b/empty", "");
    write("b/small", "some words");
    fs::create_hard_link(source("b/small"), source("b/linked"));
    fs::create_symlink("../a", source("b/symlink"));
    fs::create_directory(source("b/empty directory"));
    ::chmod(source("b/small").c_str(), 0640);
    ::setxattr(source("a").c_str(), "user.colour", "blue", 4, 0);
    write("c/sparse", "");
    const tapeio::UniqueFd fd = tapeio::open_file(source("c/sparse"), O_WRONLY);
    ASSERT_EQ(::pwrite(fd.get(), "data", 4, 300'000), 4);
    ASSERT_EQ(::ftruncate(fd.get(), 1'000'000), 0);
  }
  std::string restored(const std::string& name) {
    RestoreRequest request;
    request.paths = {source(name).string()};
    const fs::path to = directory_ / ("restored-" + std::to_string(++restores_));
    request.to = to.string();
    (void)restore(context(), request, reporter_);
    return test::read_text(to / path_of(name));
  }

  const fs::path shelf_ = directory_ / "shelf";
  const fs::path paper_ = directory_ / "paper";
  int restores_ = 0;
};

TEST_F(ScanTest, WithoutAnyIndexTheArchivesTellEverythingAgain) {
  write_all_kinds();
  back_up();
  write("b/later", "of another job");
  back_up();
  const std::vector<std::string> truth = seen();
  lose_home();
  spoil_indexes(shelf_);
  const RecoverResult result = scan();
  EXPECT_THAT(result.scanned, ElementsAre("MX0001"));
  EXPECT_EQ(result.scan.archives, 2U);
  EXPECT_EQ(result.scan.damaged, 0U);
  EXPECT_EQ(result.scan.gaps, 0U);
  EXPECT_EQ(seen(), truth);
  EXPECT_EQ(restored("b/small"), "some words");
  EXPECT_EQ(restored("a"), pattern_text(200'000, 1));
}

TEST_F(ScanTest, WhatWasScannedVerifies) {
  write_all_kinds();
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  (void)scan();
  VerifyRequest request;
  request.media = {"MX0001"};
  const VerifyResult verified = verify(context(), request, reporter_);
  ASSERT_EQ(verified.media.size(), 1U);
  EXPECT_EQ(verified.media[0].damaged, 0U);
  EXPECT_EQ(verified.media[0].good, 3U);
}

TEST_F(ScanTest, WithoutScanningTheMessageSaysWhatWouldHelp) {
  write("a", "words");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  EXPECT_THAT(message_of([&] { (void)recover_from(shelf_, false); }),
              AllOf(HasSubstr("recover --scan"), HasSubstr("MX0001")));
  EXPECT_FALSE(fs::exists(home()));
}

TEST_F(ScanTest, AFlippedBitInEveryHeaderOfAnIndexIsNoReasonToGiveUp) {
  write("a", "words");
  back_up();
  lose_home();
  for (const fs::path& index : files_of("index", shelf_)) {
    flip(index, 60);
  }
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_EQ(restored("a"), "words");
}

TEST_F(ScanTest, ScanningAgainAddsNothingAndReadsNothing) {
  write_all_kinds();
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  (void)scan();
  const std::vector<std::string> once = seen();
  const std::int64_t versions = count("version"), jobs = count("job"), bundles = count("bundle");
  const RecoverResult again = scan();
  EXPECT_THAT(again.scanned, IsEmpty());
  EXPECT_EQ(seen(), once);
  EXPECT_EQ(count("version"), versions);
  EXPECT_EQ(count("job"), jobs);
  EXPECT_EQ(count("bundle"), bundles);
}

TEST_F(ScanTest, OnlyArchivesOfWhichNoIndexTellsAreRead) {
  write("a", "first");
  back_up();
  write("b", "second");
  back_up();
  lose_home();
  const std::vector<fs::path> indexes = files_of("index", shelf_);
  ASSERT_EQ(indexes.size(), 3U);
  flip(indexes[1], 5000);
  flip(indexes[2], 5000);
  EXPECT_TRUE(recover_from(shelf_, false).read.size() == 1);
  EXPECT_THAT(reporter_.problems, Contains(AllOf(HasSubstr("MX0001"), HasSubstr("--scan"))));
  EXPECT_FALSE(latest(path_of("b")));
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_EQ(restored("a"), "first");
  EXPECT_EQ(restored("b"), "second");
}

TEST_F(ScanTest, AnIndexThatTurnsUpLaterTakesThePlaceOfWhatWasScanned) {
  write_all_kinds();
  back_up();
  write("b/later", "of another job");
  back_up();
  const std::vector<std::string> truth = seen();
  const std::int64_t versions = count("version"), jobs = count("job"), bundles = count("bundle");
  lose_home();
  fs::copy(shelf_, directory_ / "whole", fs::copy_options::recursive);
  spoil_indexes(shelf_);
  (void)scan();
  (void)recover_from(directory_ / "whole", false);
  EXPECT_EQ(seen(), truth);
  EXPECT_EQ(count("version"), versions);
  EXPECT_EQ(count("job"), jobs);
  EXPECT_EQ(count("bundle"), bundles);
  EXPECT_EQ(versions_of("a"), 1U);
}

TEST_F(ScanTest, TheSecondCopyOfAVersionIsNoSecondVersion) {
  configure("libraries = [\"dir:library\"]\nrecord_size = \"64 KiB\"\ncopies = 2\n");
  write_all_kinds();
  back_up();
  const std::vector<std::string> one_copy = seen();
  reopen();
  fs::rename(home() / "library/MX0001", directory_ / "MX0001");  // Another place: another disk.
  back_up();
  reopen();
  fs::rename(directory_ / "MX0001", home() / "library/MX0001");
  const std::int64_t versions = count("version");
  const std::vector<std::string> truth = seen();
  ASSERT_NE(one_copy, truth);
  lose_home();
  // Only what was written before the second copy tells anything.
  spoil_indexes(shelf_ / "MX0002");
  EXPECT_EQ(scan().scan.archives, 1U);
  EXPECT_EQ(seen(), truth);
  EXPECT_EQ(count("version"), versions);
}

TEST_F(ScanTest, ADamagedFileIsNamedAndTheOthersAreTaken) {
  write("a", pattern_text(100'000, 1));
  write("b", pattern_text(500'000, 2));
  write("c", pattern_text(100'000, 3));
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  flip(files_of("archive", shelf_).front(), 350'000);
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.damaged, 1U);
  EXPECT_EQ(result.scan.gaps, 0U);
  EXPECT_THAT(reporter_.problems,
              Contains(AllOf(HasSubstr("tape file 2"), HasSubstr(path_of("b")))));
  EXPECT_EQ(restored("a"), pattern_text(100'000, 1));
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_EQ(restored("c"), pattern_text(100'000, 3));
}

TEST_F(ScanTest, BehindADamagedHeaderTheArchiveIsTakenUpAgain) {
  for (int i = 0; i < 400; ++i) {
    write("f" + std::to_string(1000 + i), pattern_text(900, i));
  }
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  flip(files_of("archive", shelf_).front(), 200'000);
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.gaps, 1U);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("nobody can tell which names")));
  std::size_t there = 0;
  for (int i = 0; i < 400; ++i) {
    there += latest(path_of("f" + std::to_string(1000 + i))) ? 1 : 0;
  }
  // A chunk of 64 KiB holds some thirty of them.
  EXPECT_GE(there, 360U);
  EXPECT_LT(there, 400U);
  EXPECT_EQ(restored("f1399"), pattern_text(900, 399));
  EXPECT_EQ(restored("f1000"), pattern_text(900, 0));
}

// Files out of packages and archives have such times: all that is said of them fits into a plain
// header.
TEST_F(ScanTest, BehindADamagedHeaderFilesOfWholeSecondsAreTakenUpToo) {
  for (int i = 0; i < 400; ++i) {
    const std::string name = "f" + std::to_string(1000 + i);
    write(name, pattern_text(900, i));
    fs::last_write_time(source(name), fs::file_time_type(std::chrono::floor<std::chrono::seconds>(
                                          fs::last_write_time(source(name)).time_since_epoch())));
  }
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  flip(files_of("archive", shelf_).front(), 200'000);
  (void)scan();
  std::size_t there = 0;
  for (int i = 0; i < 400; ++i) {
    there += latest(path_of("f" + std::to_string(1000 + i))) ? 1 : 0;
  }
  EXPECT_GE(there, 350U) << "a chunk of 64 KiB holds some forty of them";
  EXPECT_LT(there, 400U);
  EXPECT_EQ(restored("f1399"), pattern_text(900, 399));
}

TEST_F(ScanTest, AnArchiveWithoutItsEndDoesNotCount) {
  write("a", "first");
  back_up();
  write("b", pattern_text(500'000, 1));
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  const fs::path last = files_of("archive", shelf_).back();
  fs::resize_file(last, fs::file_size(last) - kRecord);
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr("was not finished")));
}

TEST_F(ScanTest, AnIdentityThatOpensNothingLeavesNoHome) {
  write("a", "first");
  back_up();
  lose_home();
  fs::remove(paper_);
  format::write_identity_file(paper_, format::Identity::generate(), "another drawer's");
  EXPECT_EQ(test::error_of([&] { return scan(); }), ErrorCode::not_permitted);
  EXPECT_FALSE(fs::exists(home()));
}

TEST_F(ScanTest, TheNextBackupFindsWhatWasScannedUnchanged) {
  write_all_kinds();
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  (void)scan();
  const BackupResult result = back_up();
  EXPECT_EQ(result.recorded.changed, 0U);
  EXPECT_EQ(result.recorded.contents, 0U);
  EXPECT_EQ(versions_of("a"), 1U);
}

TEST_F(ScanTest, AScanThatIsStoppedLeavesNothingHalf) {
  write("a", pattern_text(500'000, 1));
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  reporter_.on_progress = [&] { reporter_.stopping.request_stop(); };
  EXPECT_EQ(test::error_of([&] { return scan(); }), ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(home() / "catalog.db"));
}

// What follows is what anybody can write who knows a recipient, and can reach a medium.

TEST_F(ScanTest, ANameThatIsAHardLinkToItselfIsLeftOut) {
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

TEST_F(ScanTest, ALinkWhoseFileWasReplacedKeepsItsBytes) {
  write("a", "words");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  append_archive({file_member("x", "words of x"), link_member("y", "x"), file_member("x/z", "z")});
  EXPECT_EQ(scan().scan.archives, 2U);
  ASSERT_TRUE(latest("y"));
  EXPECT_EQ(latest("y")->size, 10U);
}

TEST_F(ScanTest, TheSameArchiveTwiceOnAMediumIsTakenOnce) {
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
TEST_F(ScanTest, AnArchiveThatTheCatalogRefusesIsToldAndTheOthersAreTaken) {
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

TEST_F(ScanTest, HolesOfOneArchiveAreHashedUpToABound) {
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

TEST_F(ScanTest, ARootThatIsNoDirectoryIsLeftOut) {
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

TEST_F(ScanTest, AnArchiveWithoutAnyMemberIsToldAndNotKnown) {
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

TEST_F(ScanTest, ALabelThatSomebodyEditedRenamesNoKnownMedium) {
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
