// SPDX-License-Identifier: Apache-2.0
#include "tools/console.h"

#include <gtest/gtest.h>

#include <optional>

namespace mixtape::tools {
namespace {

using std::chrono::seconds;

TEST(Printable, LeavesReadableNamesAlone) {
  EXPECT_EQ(printable("plain name.txt"), "plain name.txt");
  EXPECT_EQ(printable("Größe 日本 🎞"), "Größe 日本 🎞");
}

TEST(Printable, ShowsWhatATerminalWouldObeyOrMangle) {
  EXPECT_EQ(printable("a\nb"), "a\\nb");
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable("back\\slash"), "back\\\\slash");
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "C1 control";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "right-to-left override";
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("cut \xe6\x97"), "cut \\xe6\\x97");
}

TEST(Duration, IsShownInHoursOnlyWhenItTakesSome) {
  EXPECT_EQ(format_duration(seconds(7)), "0:07");
  EXPECT_EQ(format_duration(seconds(754)), "12:34");
  EXPECT_EQ(format_duration(seconds(3600 + 61)), "1:01:01");
}

TEST(ProgressLine, TellsShareRateAndTimeLeft) {
  ProgressLine line;
  const std::chrono::steady_clock::time_point start{};
  EXPECT_EQ(line.render({"write", 0, 400, 0, 4}, start), "write: 0%  0 B of 400 B  0 of 4 files");
  EXPECT_EQ(line.render({"write", 100, 400, 1, 4}, start + seconds(10)),
            "write: 25%  100 B of 400 B  1 of 4 files  10 B/s  0:30 left");
}

TEST(ProgressLine, CountsFilesWhereBytesAreUnknown) {
  ProgressLine line;
  const std::chrono::steady_clock::time_point start{};
  (void)line.render({"scan", 0, 0, 0, 0}, start);
  EXPECT_EQ(line.render({"scan", 0, 0, 500, 0}, start + seconds(5)),
            "scan: 500 files  100 files/s");
}

TEST(ProgressLine, StartsANewRateWithEachPhase) {
  ProgressLine line;
  const std::chrono::steady_clock::time_point start{};
  (void)line.render({"scan", 0, 0, 0, 0}, start);
  (void)line.render({"hash", 1000, 2000, 0, 0}, start + seconds(100));
  EXPECT_EQ(line.render({"hash", 1500, 2000, 0, 0}, start + seconds(101)),
            "hash: 75%  1.46 KiB of 1.95 KiB  0 files  500 B/s  0:01 left");
}

// What reaches standard error, which is no terminal here.
class StandardConsoleTest : public testing::Test {
 protected:
  StandardConsoleTest() {
    testing::internal::CaptureStderr();
    console_.emplace(std::stop_token{}, [this] { return now_; });
  }

  StandardConsole& console() { return *console_; }
  std::string said() {
    console_.reset();
    return testing::internal::GetCapturedStderr();
  }
  std::chrono::steady_clock::time_point now_{};

 private:
  std::optional<StandardConsole> console_;
};

TEST_F(StandardConsoleTest, SaysNothingOfPhasesThatAreOverSoon) {
  console().progress({"scan", 0, 0, 0, 0});
  now_ += seconds(9);
  console().progress({"scan", 0, 0, 500, 0});
  console().progress({"write", 10, 10, 1, 1});
  EXPECT_EQ(said(), "");
}

TEST_F(StandardConsoleTest, SaysALineEveryTenSecondsAndTheLastOneOfThePhase) {
  console().progress({"scan", 0, 0, 0, 0});
  now_ += seconds(10);
  console().progress({"scan", 0, 0, 500, 0});
  now_ += seconds(5);
  console().progress({"scan", 0, 0, 900, 0});
  console().progress({"write", 0, 40, 0, 1});
  now_ += seconds(10);
  console().progress({"write", 40, 40, 1, 1});
  EXPECT_EQ(said(),
            "scan: 500 files  50 files/s\n"
            "scan: 900 files  60 files/s\n"
            "write: 100%  40 B of 40 B  1 of 1 file  4 B/s\n");
}

TEST_F(StandardConsoleTest, OfWorkThatCountsNothingItSaysHowFarItIsAndHowLongItTakes) {
  console().progress({.phase = "load medium MX0001L9: becoming ready", .part = 0.25});
  now_ += seconds(60);
  console().progress({.phase = "load medium MX0001L9: becoming ready", .part = 0.375});
  now_ += seconds(60);
  console().progress({.phase = "load medium MX0001L9: becoming ready", .part = 7});
  EXPECT_EQ(said(),
            "load medium MX0001L9: becoming ready: 37%  5:00 left\n"
            "load medium MX0001L9: becoming ready: 0%\n");
}

TEST_F(StandardConsoleTest, TellsProgramsTheFirstAndTheLastOfEachPhaseAndOneASecond) {
  console().progress_as_json();
  console().progress({"scan", 0, 0, 0, 0});
  console().progress({"scan", 0, 0, 1, 0});
  now_ += seconds(1);
  console().progress({"scan", 0, 0, 2, 0});
  console().progress({"scan", 0, 0, 3, 0});
  console().progress({"write\n", 7, 9, 1, 2});
  std::string wanted;
  for (const char* files : {"0", "2", "3"}) {
    wanted += std::string(R"({"done_bytes":0,"done_files":)") + files +
              R"(,"phase":"scan","total_bytes":0,"total_files":0})" + "\n";
  }
  wanted += R"({"done_bytes":7,"done_files":1,"phase":"write\\n","total_bytes":9,"total_files":2})";
  EXPECT_EQ(said(), wanted + "\n");
}

TEST(Counted, IsOneOrManyInPlainEnglish) {
  EXPECT_EQ(counted(1, "medium"), "1 medium");
  EXPECT_EQ(counted(2, "medium"), "2 media");
  EXPECT_EQ(counted(0, "copy"), "0 copies");
  EXPECT_EQ(counted(1, "file"), "1 file");
}

}  // namespace
}  // namespace mixtape::tools
