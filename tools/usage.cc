// SPDX-License-Identifier: Apache-2.0
#include "tools/usage.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace mixtape::tools {
namespace {

std::string behind(const std::string& text, std::string_view words) {
  const std::size_t at = text.find(words);
  return at == std::string::npos ? "" : text.substr(at + words.size());
}

std::string before(const std::string& text, std::string_view words) {
  return text.substr(0, text.find(words));
}

// "a, b or c".
std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  }
  return text;
}

std::string what_is_missing(const std::string& text) {
  if (text.starts_with("A subcommand")) {
    return "a command is missing";
  }
  const std::string names = before(behind(text, "option from ["), "]");
  if (names.empty()) {
    return text;  // "--to is required".
  }
  const bool too_many = text.find("were given") != std::string::npos;
  return "name " + listed(CLI::detail::split(names, ',')) + (too_many ? ", not both" : "");
}

std::string wrong_count(const std::string& text) {
  const std::string name = before(text, ":");
  const std::string most = before(behind(text, ": At Most "), " ");
  if (most == "1") {
    return name + " may be given only once";
  }
  return most.empty() ? name + " wants a value"
                      : "at most " + most + " of " + name + " may be given, not " +
                            behind(text, "received ");
}

const CLI::App& innermost(const CLI::App& all) {
  const CLI::App* app = &all;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
  }
  return *app;
}

const CLI::Option* find_option(const CLI::App& all, const std::string& name) {
  for (const CLI::App* app = &innermost(all); app != nullptr; app = app->get_parent()) {
    if (const CLI::Option* option = app->get_option_no_throw(name)) {
      return option;
    }
  }
  return nullptr;
}

std::string no_value(const CLI::App& all, const std::string& text) {
  const std::string pair = behind(text, "Could not convert: ");
  const std::string name = before(pair, " = ");
  const CLI::Option* option = find_option(all, name);
  if (option != nullptr && option->get_items_expected_max() == 0) {
    return name + " takes no value";
  }
  const bool whole = option == nullptr || option->get_type_name().find("FLOAT") != 0;
  return name + ": " + behind(pair, " = ") + (whole ? " is no whole number" : " is no number");
}

std::string too_much(const std::string& text) {
  const std::string one = behind(text, "argument was not expected: ");
  return "it takes no " + (one.empty() ? behind(text, "arguments were not expected: ") : one);
}

std::string why(const CLI::App& all, const CLI::ParseError& wrong) {
  const std::string text = wrong.what();
  if (dynamic_cast<const CLI::RequiredError*>(&wrong) != nullptr) {
    return what_is_missing(text);
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&wrong) != nullptr) {
    return wrong_count(text);
  }
  if (dynamic_cast<const CLI::ExcludesError*>(&wrong) != nullptr) {
    return before(text, " excludes ") + " and " + behind(text, " excludes ") +
           " exclude each other";
  }
  if (dynamic_cast<const CLI::ConversionError*>(&wrong) != nullptr) {
    return no_value(all, text);
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&wrong) != nullptr) {
    return too_much(text);
  }
  return text;  // "--budget: " and what its check says.
}

}  // namespace

std::string typed_command(const CLI::App& all) {
  std::string command;
  for (const CLI::App* app = &all; !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    command += (command.empty() ? "" : " ") + app->get_name();
  }
  return command;
}

std::string wrong_line(const CLI::App& all, const CLI::ParseError& wrong) {
  const std::string command = typed_command(all);
  return (command.empty() ? "" : command + ": ") + why(all, wrong);
}

CLI::Validator must_pass(std::function<std::string(const std::string&)> refusal) {
  return {[refusal = std::move(refusal)](const std::string& text) { return refusal(text); }, ""};
}

CLI::Validator one_of(std::vector<std::string> words) {
  return must_pass([words = std::move(words)](const std::string& text) {
    const bool known = std::find(words.begin(), words.end(), text) != words.end();
    return known ? "" : "there is no " + text + "; say " + listed(words);
  });
}

CLI::Validator number_between(double least, double most, std::string unit) {
  return must_pass([=, unit = std::move(unit)](const std::string& text) -> std::string {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (end != text.c_str() && *end == '\0' && number >= least && number <= most) {
      return "";
    }
    char limits[80];
    std::snprintf(limits, sizeof limits, "%.15g to %.15g ", least, most);
    return text + " is not within " + limits + unit;
  });
}

}  // namespace mixtape::tools
