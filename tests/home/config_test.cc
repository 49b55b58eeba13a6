// SPDX-License-Identifier: Apache-2.0
#include "engine/home/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tapeio/error.h"

namespace mixtape::home {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(std::string_view toml) {
  try {
    (void)Config::parse(toml, "mixtape.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid);
    return error.what();
  }
  return "accepted";
}

TEST(Config, AnEmptyFileMeansTheDefaults) {
  const Config config = Config::parse("", "mixtape.toml");
  EXPECT_THAT(config.libraries, ElementsAre("dir:library"));
  EXPECT_EQ(config.copies, 1u);
  EXPECT_EQ(config.record_size, MiB);
  EXPECT_EQ(config.recall, RecallPolicy::block);
}

TEST(Config, TheTemplateOfInitIsTheDefaultsToo) {
  const Config config = Config::parse(config_template(), "mixtape.toml");
  EXPECT_EQ(config.medium_capacity, Config().medium_capacity);
  EXPECT_EQ(config.bundle_size, Config().bundle_size);
  EXPECT_TRUE(config.copy_rules.empty());
}

TEST(Config, EverySettingOfTheTemplateIsOneThatIsUnderstood) {
  std::string text = config_template();
  // "#name = value" are the settings; "# words" are words.
  for (std::size_t at = 0; (at = text.find("\n#", at)) != std::string::npos; at += 2) {
    if (text[at + 2] != ' ') {
      text.erase(at + 1, 1);
    }
  }
  const Config config = Config::parse(text, "mixtape.toml");
  ASSERT_EQ(config.copy_rules.size(), 1u);
  EXPECT_EQ(config.copy_rules[0].copies, 2u);
  EXPECT_THAT(config.exclude, ElementsAre("**/.cache", "**/*.tmp"));
  EXPECT_EQ(config.cache_limit, Config().cache_limit);
  EXPECT_EQ(config.cache_days, 0u);
  EXPECT_EQ(config.verify_days, 365u);
}

TEST(Config, CopiesOfSomeFilesOrOfAllHaveToLieApart) {
  const auto parsed = [](std::string_view toml) {
    return Config::parse(toml, "mixtape.toml").distinct_locations;
  };
  EXPECT_THAT(parsed(""), testing::IsEmpty());
  EXPECT_THAT(parsed("distinct_locations = ['home/**', 'etc']"), ElementsAre("home/**", "etc"));
  EXPECT_THAT(parsed("distinct_locations = true"), ElementsAre("**"));
  EXPECT_THAT(parsed("distinct_locations = false"), testing::IsEmpty());
  EXPECT_THAT(refusal("distinct_locations = 2"), HasSubstr("a list of patterns, true or false"));
}

TEST(Config, ALibraryHasAPlaceByTheNameThatItHasInTheList) {
  const Config config = Config::parse(
      "library_places = { 'dir:library' = 'study' }\nlibraries = ['dir:library']", "mixtape.toml");
  EXPECT_EQ(config.library_places.at("dir:library"), "study");
  EXPECT_THAT(refusal("\nlibrary_places = { 'dir:libary' = 'study' }"), HasSubstr("line 2"));
  EXPECT_THAT(refusal("library_places = 'study'"), HasSubstr("must be a table"));
}

TEST(Config, TheCacheIsBoundedByAgeToo) {
  EXPECT_EQ(Config::parse("cache_days = 30", "mixtape.toml").cache_days, 30u);
  EXPECT_EQ(Config::parse("verify_days = 0", "mixtape.toml").verify_days, 0u);
  EXPECT_THAT(refusal("verify_days = -1"), HasSubstr("verify_days"));
  EXPECT_THAT(refusal("cache_days = -1"), HasSubstr("cache_days"));
  EXPECT_THAT(refusal("cache_days = \"a month\""), HasSubstr("whole number"));
}

TEST(Config, AnUnknownSettingIsRefusedByNameAndLine) {
  EXPECT_THAT(refusal("copies = 1\nkopies = 2\n"), HasSubstr("mixtape.toml line 2"));
  EXPECT_THAT(refusal("copies = 1\nkopies = 2\n"), HasSubstr("\"kopies\""));
}

TEST(Config, AWrongValueIsRefusedWithWhatItShouldBe) {
  EXPECT_THAT(refusal("copies = 0"), HasSubstr("from 1 to 16"));
  EXPECT_THAT(refusal("copies = 17"), HasSubstr("from 1 to 16"));
  EXPECT_THAT(refusal("copies = \"two\""), HasSubstr("whole number"));
  EXPECT_THAT(refusal("libraries = \"dir:x\""), HasSubstr("list"));
  EXPECT_THAT(refusal("libraries = [1]"), HasSubstr("text"));
  EXPECT_THAT(refusal("record_size = \"100 KiB\""), HasSubstr("power of two"));
  EXPECT_THAT(refusal("record_size = \"8 MiB\""), HasSubstr("power of two"));
  EXPECT_THAT(refusal("bundle_size = \"many\""), HasSubstr("size"));
  EXPECT_THAT(refusal("bundle_size = -1"), HasSubstr("size"));
  EXPECT_THAT(refusal("recall = \"maybe\""), HasSubstr("block"));
  EXPECT_THAT(refusal("copy_rules = { \"a\" = 0 }"), HasSubstr("copies"));
  EXPECT_THAT(refusal("copies = "), HasSubstr("line 1"));
}

TEST(Config, ALibraryIsAddedWhereTheListIsAndNothingElseChanges) {
  constexpr std::string_view kUrl = "dir:/old";
  for (const auto& [before, after] : std::initializer_list<std::pair<const char*, const char*>>{
           {"libraries = []", "libraries = [\"dir:/old\"]"},
           {"libraries = [ ] # none", "libraries = [\"dir:/old\" ] # none"},
           {"libraries = [\"dir:a\"]\ncopies = 2\n",
            "libraries = [\"dir:a\", \"dir:/old\"]\ncopies = 2\n"},
           {"libraries = ['dir:a',]", "libraries = ['dir:a', \"dir:/old\",]"},
           {"# \xc3\xa4\nlibraries = [\n  \"dir:\xc3\xa4\", # the \"first\"]\n]\n",
            "# \xc3\xa4\nlibraries = [\n  \"dir:\xc3\xa4\", \"dir:/old\", # the \"first\"]\n]\n"},
           {"\"libraries\" = [\"\"\"dir:a\"\"\"]\r\n",
            "\"libraries\" = [\"\"\"dir:a\"\"\", \"dir:/old\"]\r\n"},
           {"[copy_rules]\n\"a\" = 2\n",
            "libraries = [\"dir:library\", \"dir:/old\"]\n[copy_rules]\n\"a\" = 2\n"},
           {"", "libraries = [\"dir:library\", \"dir:/old\"]\n"},
       }) {
    EXPECT_EQ(with_library(before, std::string(kUrl)), after) << before;
  }
  const auto from_template = with_library(config_template(), std::string(kUrl));
  ASSERT_TRUE(from_template);
  EXPECT_THAT(*from_template,
              HasSubstr("\n#libraries = [\"dir:library\"]\nlibraries = [\"dir:library\", "
                        "\"dir:/old\"]\n\n# How many"));
}

TEST(Config, ALibraryOfAnyNameIsReadBackAsItWasWritten) {
  const std::string odd = "dir:/a \"quoted\" \\ back\nline \x01 \x7f \xc3\xa4";
  const auto text = with_library("libraries = [\"dir:a\"]", odd);
  ASSERT_TRUE(text);
  EXPECT_THAT(Config::parse(*text, "").libraries, ElementsAre("dir:a", odd));
  EXPECT_FALSE(with_library("", "dir:/no \xff utf-8")) << "a TOML file cannot hold it";
}

TEST(Config, SizesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("64 GiB"), 64 * GiB);
  EXPECT_EQ(parse_size("64GiB"), 64 * GiB);
  EXPECT_EQ(parse_size("1.5 TB"), 1'500'000'000'000u);
  for (const char* wrong : {"", "GiB", "1 XiB", "-1", "1e30", "nan", "inf", "1 GiB more"}) {
    EXPECT_THROW((void)parse_size(wrong), Error) << wrong;
  }
}

TEST(Config, SizesAreShownWithThreeDigits) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.50 KiB");
  EXPECT_EQ(format_size(64 * GiB), "64.0 GiB");
}

}  // namespace
}  // namespace mixtape::home
