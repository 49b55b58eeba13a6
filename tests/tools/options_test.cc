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

// What is said to a line between "mixtape: " and the hint at --help.
std::string wrong(const std::vector<std::string>& arguments) {
  const std::string said = said_to(arguments);
  EXPECT_THAT(said, testing::StartsWith("mixtape: "));
  const std::size_t hint = said.find("; `mixtape ");
  EXPECT_NE(hint, std::string::npos) << said;
  return said.substr(9, hint - 9);
}

TEST(WrongOptions, WhatIsMissingIsNamed) {
  EXPECT_EQ(wrong({}), "a command is missing");
  EXPECT_EQ(wrong({"restore", "a"}), "restore: --to is required");
  EXPECT_EQ(wrong({"map"}), "map: LABEL is required");
  EXPECT_EQ(wrong({"ls", "--at"}), "ls: --at wants a value");
  EXPECT_EQ(wrong({"verify"}), "verify: name LABEL|PATH or --due");
  EXPECT_EQ(wrong({"cancel"}), "cancel: name NUMBER or --all");
}

TEST(WrongOptions, WhatIsTooMuchIsNamed) {
  EXPECT_EQ(wrong({"cancel", "--all", "3"}), "cancel: name NUMBER or --all, not both");
  EXPECT_EQ(wrong({"backup", "x", "--wait", "--no-wait"}),
            "backup: --wait and --no-wait exclude each other");
  EXPECT_EQ(wrong({"restore", "x", "--to", "a", "--to", "b"}),
            "restore: --to may be given only once");
  EXPECT_EQ(wrong({"ls", "a", "b"}), "ls: it takes no b");
  EXPECT_EQ(wrong({"status", "--json=maybe"}), "status: --json takes no value");
}

TEST(WrongOptions, AValueThatMakesNoSenseIsAWrongLine) {
  using testing::StartsWith;
  EXPECT_EQ(wrong({"verify", "--due", "--sample", "x"}), "verify: --sample: x is no whole number");
  EXPECT_EQ(wrong({"restore", "x", "--to", "a", "--conflict", "wrong"}),
            "restore: --conflict: there is no wrong; say skip, newer, rename or overwrite");
  EXPECT_THAT(wrong({"ls", "--at", "yesterday"}), StartsWith("ls: --at: \"yesterday\" is no time"));
  EXPECT_THAT(wrong({"repack", "M", "--budget", "5X"}),
              StartsWith("repack: --budget: \"5X\" is no"));
  EXPECT_THAT(wrong({"repack", "M", "--budget", "0"}),
              StartsWith("repack: --budget: with a budget of 0"));
  EXPECT_THAT(wrong({"media", "add", "a/b"}), StartsWith("media add: LABEL: use label 'a/b'"));
  EXPECT_THAT(wrong({"media", "add", "--capacity", "1"}),
              StartsWith("media add: --capacity: a medium of 1 B holds no archive"));
  EXPECT_THAT(wrong({"backup", "x", "--exclude", "["}),
              StartsWith("backup: --exclude: pattern '['"));
  EXPECT_THAT(wrong({"key", "add", "foo"}), StartsWith("key add: RECIPIENT: read recipient"));
  EXPECT_THAT(wrong({"age", "encrypt", "-r", "foo"}),
              StartsWith("age encrypt: --recipient: read recipient"));
}

}  // namespace
}  // namespace mixtape::tools
