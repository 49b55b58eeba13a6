// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include "engine/service/restore.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// What is left of a file of which every copy is damaged.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::uint64_t kChunk = 64 * 1024;
constexpr std::size_t kSize = 1'000'000;

// Stops what runs as soon as it is so far.
class StoppingReporter final : public Reporter {
 public:
  StoppingReporter(std::string phase, std::uint64_t bytes)
      : phase_(std::move(phase)), bytes_(bytes) {}
  void progress(const Progress& progress) override {
    if (progress.phase == phase_ && progress.done_bytes >= bytes_) {
      stopping_.request_stop();
    }
  }
  void note(const std::string&) override {}
  void problem(const std::string&) override {}
  [[nodiscard]] std::stop_token stop() const override { return stopping_.get_token(); }

 private:
  const std::string phase_;
  const std::uint64_t bytes_;
  std::stop_source stopping_;
};

class PartialTest : public ServiceTest {
 protected:
  PartialTest() {
    configure("libraries = [\"dir:library\"]\nrecord_size = \"64 KiB\"\ncopies = 2\n");
  }

  // On MX0001, and with another backup on MX0002.
  void back_up_twice() {
    back_up();
    reopen();
    fs::rename(medium("MX0001"), directory_ / "MX0001");
    back_up();
    reopen();
    fs::rename(directory_ / "MX0001", medium("MX0001"));
  }
  [[nodiscard]] fs::path medium(const std::string& label) const {
    return home() / "library" / label;
  }
  // Flips a bit of the ciphertext, so that the plaintext around is lost.
  void damage(const std::string& label, std::size_t at) {
    reopen();
    const fs::path archive = medium(label) / "0002.archive.tar.age";
    std::string bytes = test::read_text(archive);
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    test::write_text(archive, bytes);
  }
  RestoreResult bring_back(bool partial = true, Conflict conflict = Conflict::refuse) {
    return bring_back(reporter_, partial, conflict);
  }
  RestoreResult bring_back(Reporter& reporter, bool partial = true,
                           Conflict conflict = Conflict::refuse) {
    RestoreRequest request;
    request.conflict = conflict;
    request.paths = {source().string()};
    request.to = out_.string();
    request.partial = partial;
    return restore(context(), request, reporter);
  }
  // The catalog takes the copy of `name` on the nth medium to be where that of `other` is: it reads
  // well, and its hash is wrong.
  void mistake(const std::string& name, const std::string& other, int nth) {
    const auto content_of = [this](const std::string& of) {
      return std::to_string(catalog::number(latest(path_of(of))->content.value()));
    };
    const std::string there =
        " FROM copy o WHERE o.content = " + content_of(other) + " AND o.bundle = copy.bundle)";
    change("UPDATE copy SET block = (SELECT o.block" + there + ", headers = (SELECT o.headers" +
           there + " WHERE content = " + content_of(name) +
           " AND bundle = (SELECT id FROM bundle ORDER BY id LIMIT 1 OFFSET " +
           std::to_string(nth - 1) + ")");
  }
  void change(const std::string& sql) { catalog::Statement(context().database, sql).run(); }
  [[nodiscard]] fs::path restored(const std::string& name) const { return out_ / path_of(name); }
  static std::string text_of(std::size_t size, std::uint64_t seed = 1) {
    return std::string(as_text(test::pattern(size, seed)));
  }
  // The same with zeros where the holes are.
  static std::string with_holes(std::string text, const std::vector<FileHole>& holes) {
    for (const FileHole& hole : holes) {
      text.replace(hole.offset, hole.length, hole.length, '\0');
    }
    return text;
  }

  const fs::path out_ = directory_ / "out";
};

TEST_F(PartialTest, AFileWithABadChunkComesBackWithAHoleThere) {
  write("a", text_of(kSize));
  write("b", "whole");
  back_up();
  damage("MX0001", 400'000);
  const RestoreResult result = bring_back();
  EXPECT_EQ(result.trouble_count, 1U);
  ASSERT_THAT(result.troubles, SizeIs(1));
  EXPECT_EQ(result.troubles[0].path, path_of("a"));
  EXPECT_THAT(result.troubles[0].why, HasSubstr(".partial"));
  ASSERT_THAT(result.partials, SizeIs(1));
  EXPECT_EQ(result.partials[0].path, path_of("a") + ".partial");
  EXPECT_EQ(result.partials[0].size, kSize);
  ASSERT_THAT(result.partials[0].holes, SizeIs(1));
  EXPECT_EQ(result.partials[0].holes[0].length, kChunk);
  EXPECT_THAT(result.partials[0].holes[0].why, AllOf(HasSubstr("MX0001"), HasSubstr("block")));
  EXPECT_FALSE(fs::exists(restored("a")));
  EXPECT_EQ(test::read_text(restored("a.partial")),
            with_holes(text_of(kSize), result.partials[0].holes));
  EXPECT_NE(test::read_text(restored("a.partial")), text_of(kSize));
  EXPECT_EQ(test::read_text(restored("b")), "whole");
}

TEST_F(PartialTest, NobodyIsGivenAPartWhoDidNotAskForIt) {
  write("a", text_of(kSize));
  back_up();
  damage("MX0001", 400'000);
  const RestoreResult result = bring_back(false);
  EXPECT_EQ(result.trouble_count, 1U);
  EXPECT_THAT(result.partials, IsEmpty());
  EXPECT_FALSE(fs::exists(restored("a.partial")));
}

TEST_F(PartialTest, CopiesWithOtherHolesMakeAWholeFile) {
  write("a", text_of(kSize));
  back_up_twice();
  damage("MX0001", 400'000);
  damage("MX0002", 700'000);
  const RestoreResult result = bring_back();
  EXPECT_EQ(result.trouble_count, 0U);
  EXPECT_THAT(result.partials, IsEmpty());
  EXPECT_EQ(result.files, 1U);
  EXPECT_EQ(test::read_text(restored("a")), text_of(kSize));
  EXPECT_FALSE(fs::exists(restored("a.partial")));
}

TEST_F(PartialTest, WhatIsLostOnEveryMediumNamesEachOfThem) {
  write("a", text_of(kSize));
  back_up_twice();
  damage("MX0001", 400'000);
  damage("MX0001", 800'000);
  damage("MX0002", 400'000);
  damage("MX0002", 100'000);
  const RestoreResult result = bring_back();
  ASSERT_THAT(result.partials, SizeIs(1));
  ASSERT_THAT(result.partials[0].holes, SizeIs(1));
  const FileHole& hole = result.partials[0].holes[0];
  EXPECT_LE(hole.length, kChunk);
  EXPECT_THAT(hole.why, AllOf(HasSubstr("MX0001"), HasSubstr("MX0002")));
  EXPECT_EQ(test::read_text(restored("a.partial")),
            with_holes(text_of(kSize), result.partials[0].holes));
}

TEST_F(PartialTest, HolesOfTheFileItselfAreNoneOfTheDamage) {
  write("sparse", "");
  {
    const tapeio::UniqueFd fd = tapeio::open_file(source("sparse"), O_WRONLY);
    const std::string data = text_of(300'000);
    ASSERT_EQ(::pwrite(fd.get(), data.data(), data.size(), 4096 * 100), 300'000);
    ASSERT_EQ(::ftruncate(fd.get(), 5'000'000), 0);
  }
  const std::string truth = test::read_text(source("sparse"));
  back_up();
  damage("MX0001", 200'000);
  const RestoreResult result = bring_back();
  ASSERT_THAT(result.partials, SizeIs(1));
  ASSERT_THAT(result.partials[0].holes, SizeIs(1));
  EXPECT_GE(result.partials[0].holes[0].offset, 4096U * 100);
  const std::string partial = test::read_text(restored("sparse.partial"));
  EXPECT_EQ(partial, with_holes(truth, result.partials[0].holes));
}

// A hostile index may speak of any number of zeros.
TEST_F(PartialTest, TheHashOfASparseFileCanBeCancelledAmongItsZeros) {
  write("sparse", text_of(kSize));
  fs::resize_file(source("sparse"), 12'000'000);
  back_up_twice();
  damage("MX0001", 400'000);
  damage("MX0002", 700'000);
  StoppingReporter reporter("check what was salvaged", 3'000'000);
  EXPECT_EQ(test::error_of([&] { return bring_back(reporter); }), ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(restored("sparse")));
  EXPECT_EQ(bring_back().trouble_count, 0U);
  EXPECT_EQ(test::read_text(restored("sparse")), test::read_text(source("sparse")));
}

TEST_F(PartialTest, CopyingAPartForAnotherNameCanBeCancelled) {
  write("a", text_of(4 * kSize));
  write("b", text_of(4 * kSize));
  back_up();
  damage("MX0001", 3'900'000);
  StoppingReporter reporter("copy what was salvaged", 1'000'000);
  EXPECT_EQ(test::error_of([&] { return bring_back(reporter); }), ErrorCode::cancelled);
  EXPECT_TRUE(fs::exists(restored("a.partial")));
  EXPECT_FALSE(fs::exists(restored("b.partial")));
}

TEST_F(PartialTest, EveryNameOfTheContentGetsItsPart) {
  write("a", text_of(kSize));
  write("d/b", text_of(kSize));
  back_up();
  damage("MX0001", 400'000);
  const RestoreResult result = bring_back();
  EXPECT_EQ(result.trouble_count, 2U);
  ASSERT_THAT(result.partials, SizeIs(2));
  EXPECT_EQ(test::read_text(restored("a.partial")), test::read_text(restored("d/b.partial")));
}

TEST_F(PartialTest, WhileAGoodCopyIsOnlyAwayNoPartIsMade) {
  write("a", text_of(kSize));
  back_up_twice();
  damage("MX0001", 400'000);
  fs::rename(medium("MX0002"), directory_ / "MX0002");
  const RestoreResult result = bring_back();
  EXPECT_EQ(result.trouble_count, 1U);
  EXPECT_THAT(result.troubles[0].why, HasSubstr("MX0002"));
  EXPECT_THAT(result.partials, IsEmpty());
}

TEST_F(PartialTest, ACopyOfAnotherContentFillsNoHole) {
  write("a", text_of(kSize, 1));
  write("b", text_of(kSize, 2));
  back_up_twice();
  mistake("a", "b", 1);
  damage("MX0002", 400'000);
  const RestoreResult result = bring_back();
  ASSERT_THAT(result.partials, SizeIs(1));
  ASSERT_THAT(result.partials[0].holes, SizeIs(1));
  EXPECT_EQ(result.partials[0].holes[0].length, kChunk);
  EXPECT_THAT(result.partials[0].holes[0].why,
              AllOf(HasSubstr("MX0001: the hash of its copy is wrong"), HasSubstr("MX0002")));
  EXPECT_EQ(test::read_text(restored("a.partial")),
            with_holes(text_of(kSize, 1), result.partials[0].holes));
}

TEST_F(PartialTest, ACopyOfAnotherContentIsFoundOutWhenNothingTellsOfIt) {
  write("a", text_of(kSize, 1));
  write("b", text_of(kSize, 2));
  back_up_twice();
  mistake("a", "b", 1);
  // As another machine leaves it that has seen MX0001 only.
  change("UPDATE copy SET state = 1, verified = 5 WHERE bundle = (SELECT min(id) FROM bundle)");
  damage("MX0002", 400'000);
  const RestoreResult result = bring_back();
  ASSERT_THAT(result.partials, SizeIs(1));
  EXPECT_THAT(result.partials[0].holes, SizeIs(1));
  EXPECT_EQ(test::read_text(restored("a.partial")),
            with_holes(text_of(kSize, 1), result.partials[0].holes));
}

TEST_F(PartialTest, WhatACopyWithAWrongHashHasInAHoleCountsWhenTheHashThenIsRight) {
  write("a", text_of(kSize));
  std::string other = text_of(kSize);
  other[0] = static_cast<char>(other[0] ^ 1);
  write("b", other);
  back_up_twice();
  mistake("a", "b", 1);
  damage("MX0002", 400'000);
  const RestoreResult result = bring_back();
  EXPECT_EQ(result.trouble_count, 0U);
  EXPECT_EQ(test::read_text(restored("a")), text_of(kSize));
}

TEST_F(PartialTest, CopiesThatDoNotGoTogetherAreNotMixed) {
  write("a", text_of(kSize, 1));
  write("b", text_of(kSize, 2));
  back_up_twice();
  mistake("a", "b", 1);
  damage("MX0001", 1'800'000);
  damage("MX0002", 400'000);
  const RestoreResult result = bring_back();
  const auto of_a = std::ranges::find(result.partials, path_of("a.partial"), &RestorePartial::path);
  ASSERT_NE(of_a, result.partials.end());
  ASSERT_THAT(of_a->holes, SizeIs(1));
  EXPECT_THAT(of_a->holes[0].why, AllOf(HasSubstr("MX0001"), HasSubstr("MX0002")));
  // Which of them is right nobody knows.
  EXPECT_THAT(test::read_text(restored("a.partial")),
              testing::AnyOf(with_holes(text_of(kSize, 1), of_a->holes),
                             with_holes(text_of(kSize, 2), of_a->holes)));
}

TEST_F(PartialTest, OfNothingButAnotherContentItIsSaidThatTheHashIsWrong) {
  write("a", text_of(kSize, 1));
  write("b", text_of(kSize, 2));
  back_up_twice();
  mistake("a", "b", 1);
  mistake("a", "b", 2);
  const RestoreResult result = bring_back();
  ASSERT_THAT(result.partials, SizeIs(1));
  EXPECT_THAT(result.partials[0].holes, IsEmpty());
  EXPECT_THAT(result.troubles[0].why, HasSubstr("not its hash"));
  EXPECT_FALSE(fs::exists(restored("a")));
}

TEST_F(PartialTest, WithoutAHashNoMixtureIsCalledWhole) {
  write("a", text_of(kSize));
  back_up_twice();
  change("UPDATE content SET hash = NULL");
  damage("MX0001", 400'000);
  damage("MX0002", 700'000);
  const RestoreResult result = bring_back();
  ASSERT_THAT(result.partials, SizeIs(1));
  EXPECT_THAT(result.partials[0].holes, IsEmpty());
  EXPECT_THAT(result.troubles[0].why, HasSubstr("no hash to compare"));
  EXPECT_EQ(test::read_text(restored("a.partial")), text_of(kSize));
}

TEST_F(PartialTest, DoneAgainItLeavesTheFormerPartAlone) {
  write("a", text_of(kSize));
  back_up();
  damage("MX0001", 400'000);
  (void)bring_back();
  const RestoreResult again = bring_back();
  EXPECT_EQ(again.trouble_count, 1U);
  ASSERT_THAT(again.partials, SizeIs(1));
  EXPECT_EQ(again.partials[0].path, path_of("a") + ".partial~2");
  EXPECT_EQ(test::read_text(restored("a.partial~2")), test::read_text(restored("a.partial")));
}

TEST_F(PartialTest, AFileThatHasTheNameOfAPartComesBackAsItIs) {
  write("a", text_of(kSize));
  write("a.partial", "whole");
  back_up();
  damage("MX0001", 400'000);
  const RestoreResult result = bring_back();
  EXPECT_EQ(result.files, 1U);
  EXPECT_EQ(test::read_text(restored("a.partial")), "whole");
  ASSERT_THAT(result.partials, SizeIs(1));
  EXPECT_EQ(result.partials[0].path, path_of("a") + ".partial~2");
  EXPECT_THAT(result.troubles[0].why, HasSubstr("a.partial~2"));
  EXPECT_TRUE(fs::exists(restored("a.partial~2")));
}

// Not even one that is damaged itself and got no file.
TEST_F(PartialTest, APartTakesNoNameThatAnotherFileOfThePlanWants) {
  write("a", text_of(kSize, 1));
  write("a.partial", text_of(kSize, 2));
  back_up();
  damage("MX0001", 400'000);
  damage("MX0001", 1'400'000);
  const RestoreResult result = bring_back();
  ASSERT_THAT(result.partials, SizeIs(2));
  EXPECT_FALSE(fs::exists(restored("a.partial")));
  EXPECT_TRUE(fs::exists(restored("a.partial~2")));
  EXPECT_TRUE(fs::exists(restored("a.partial.partial")));
}

TEST_F(PartialTest, NoRuleForConflictsLetsAPartReplaceAFile) {
  write("a", text_of(kSize));
  back_up();
  damage("MX0001", 400'000);
  fs::create_directories(restored("a").parent_path());
  test::write_text(restored("a.partial"), "mine");
  for (const Conflict rule : {Conflict::skip, Conflict::overwrite}) {
    (void)bring_back(true, rule);
    EXPECT_EQ(test::read_text(restored("a.partial")), "mine");
  }
  EXPECT_TRUE(fs::exists(restored("a.partial~2")));
  EXPECT_TRUE(fs::exists(restored("a.partial~3")));
}

TEST_F(PartialTest, AFileOfTheLongestNameIsSalvagedToo) {
  const std::string name = std::string(254, 'n') + "1";
  write(name, text_of(kSize));
  back_up_twice();
  damage("MX0001", 400'000);
  damage("MX0002", 700'000);
  const RestoreResult result = bring_back();
  EXPECT_EQ(result.trouble_count, 0U);
  EXPECT_EQ(test::read_text(restored(name)), text_of(kSize));
}

TEST_F(PartialTest, OfALongNameThePartHasAsManyCharactersAsFit) {
  std::string even, odd = "n";
  for (int i = 0; i < 127; ++i) {
    even += "\u00e9";
    odd += "\u00e9";
  }
  write(even, text_of(kSize, 1));
  write(odd, text_of(kSize, 2));
  back_up();
  damage("MX0001", 400'000);
  damage("MX0001", 1'400'000);
  (void)bring_back();
  // 247 bytes are left in front of ".partial".
  EXPECT_TRUE(fs::exists(restored(even.substr(0, 246) + ".partial")));
  EXPECT_TRUE(fs::exists(restored(odd.substr(0, 247) + ".partial")));
}

}  // namespace
}  // namespace mixtape::service
