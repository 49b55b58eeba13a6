// SPDX-License-Identifier: Apache-2.0
#include "tools/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mixtape::tools {
namespace {

using tapeio::ForPeople;

// What a command line with these words makes of people.
ForPeople policy(bool on_terminal, const std::vector<std::string>& words) {
  Command command;
  command.on_terminal = on_terminal;
  CLI::App app;
  ForPeople for_people{};
  add_wait_flags(app, command, for_people);
  app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  return for_people;
}

TEST(WaitFlags, PeopleAreWaitedForOnATerminalAndNowhereElse) {
  EXPECT_EQ(policy(true, {}), ForPeople::wait);
  EXPECT_EQ(policy(false, {}), ForPeople::fail) << "from cron nobody reads what is asked for";
}

TEST(WaitFlags, EitherFlagDecidesWhateverTheTerminal) {
  for (const bool on_terminal : {false, true}) {
    EXPECT_EQ(policy(on_terminal, {"--wait"}), ForPeople::wait);
    EXPECT_EQ(policy(on_terminal, {"--no-wait"}), ForPeople::fail);
  }
}

TEST(WaitFlags, BothAreAMistake) {
  EXPECT_THROW(policy(true, {"--wait", "--no-wait"}), CLI::ParseError);
}

// Keeps what is said.
class Words final : public Console {
 public:
  void out(std::string_view text) override { said += text; }
  void error(std::string_view line) override { said += line; }
  void progress(const Progress&) override {}
  [[nodiscard]] std::stop_token stop() const override { return {}; }

  std::string said;
};

std::string said_to(const std::vector<std::string>& arguments) {
  Words words;
  int status = kSuccess;
  EXPECT_FALSE(parse_command({.arguments = arguments, .directory = "/"}, words, status));
  EXPECT_EQ(status, kUsage);
  return words.said;
}

TEST(WrongCommand, IsNamed) {
  EXPECT_EQ(said_to({"frobnicate"}),
            "mixtape: there is no command frobnicate; `mixtape --help` shows them");
}

TEST(WrongCommand, OfACommandIsToldWhatThereIs) {
  EXPECT_EQ(said_to({"--home", "/x", "media", "frobnicate"}),
            "mixtape: there is no command media frobnicate: media has add, list, label, load, "
            "unload, export, clean, move, retire, lost, found; `mixtape media --help` says more");
  EXPECT_THAT(said_to({"-v", "key"}), testing::HasSubstr("key wants a command: key has show, "));
}

TEST(WrongCommand, IsNotBlamedForWhatFollowsARightOne) {
  EXPECT_THAT(said_to({"media", "load"}), testing::HasSubstr("LABEL"));
}

}  // namespace
}  // namespace mixtape::tools
