// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

// What is wrong with a command line, in the words of these programs instead of those of CLI11.
//
// Threads: none. Errors: none of its own.

namespace CLI {
class App;
class ParseError;
class Validator;
}  // namespace CLI

namespace mixtape::tools {

// The command that was typed and what is wrong with it: "restore: --to is required". It holds the
// user's words as they are; without a command it begins with what is wrong.
std::string wrong_line(const CLI::App& all, const CLI::ParseError& wrong);
// The commands that were typed, "media add"; may be empty.
std::string typed_command(const CLI::App& all);

// What an option takes. `refusal` says why a text is none that it takes, or is empty.
CLI::Validator must_pass(std::function<std::string(const std::string&)> refusal);
CLI::Validator one_of(std::vector<std::string> words);
// A number between these, in `unit`: "seconds".
CLI::Validator number_between(double least, double most, std::string unit);

}  // namespace mixtape::tools
