// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "tapeio/library.h"
#include "tools/command.h"

// What the command files share in describing their options.

namespace mixtape::tools {

// A subcommand that becomes `command` when it is the one that was typed. Routed ones go to a
// running daemon.
enum class Where { here, daemon_if_running };
CLI::App* add_command(CLI::App& parent, Command& command, const std::string& name,
                      const std::string& description, std::function<int(Session&)> run,
                      Where where = Where::here);
void add_json_flag(CLI::App& app, Command& command);
// --wait and --no-wait; without either people are waited for when the command runs on a terminal.
// `for_people` must live as long as the command.
void add_wait_flags(CLI::App& app, const Command& command, tapeio::ForPeople& for_people);

// What options hold that are read later: a text that cannot be read is a wrong command line.
CLI::Option* add_at_option(CLI::App& app, std::string& at);
CLI::Option* add_size_option(CLI::App& app, const std::string& name, std::string& size,
                             const std::string& description);
// An option takes only what `read` takes without an Error.
CLI::Validator readable_by(std::function<void(const std::string&)> read);

// The view of a time or snapshot; latest when `at` is empty. Error{not_found} when nothing is that
// old.
catalog::View view_at(service::Context& context, const std::string& at);

}  // namespace mixtape::tools
