// SPDX-License-Identifier: Apache-2.0
// verify: what is on media is read again.

#include <CLI/CLI.hpp>
#include <random>

#include "engine/service/media_state.h"
#include "engine/service/verify.h"
#include "tools/json_text.h"
#include "tools/options.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;

struct VerifyOptions {
  std::vector<std::string> what;
  bool due = false;
  std::uint32_t sample = 0;
  std::optional<std::uint64_t> seed;
  bool dry_run = false;
  tapeio::ForPeople for_people{};
};

constexpr std::size_t kMostShown = 20;

const char* scope_word(catalog::VerifyScope scope) {
  switch (scope) {
    case catalog::VerifyScope::medium:
      return "medium";
    case catalog::VerifyScope::sample:
      return "sample";
    case catalog::VerifyScope::path:
      return "path";
  }
  return "unknown";
}

json result_json(const service::VerifyResult& result, const service::VerifyRequest& request) {
  json media = json::array();
  for (const service::VerifiedMedium& medium : result.media) {
    json troubles = json::array();
    for (const std::string& trouble : medium.troubles) {
      troubles.push_back(printable(trouble));
    }
    media.push_back({{"label", medium.label},
                     {"location", medium.location},
                     {"drive", printable(medium.drive)},
                     {"scope", scope_word(medium.scope)},
                     {"complete", medium.complete},
                     {"copies", medium.copies},
                     {"good", medium.good},
                     {"damaged", medium.damaged},
                     {"hashes_learnt", medium.hashes_learnt},
                     {"bytes", medium.bytes},
                     {"troubles", troubles}});
  }
  json damaged = json::array();
  for (const service::DamagedFile& file : result.damaged) {
    json object = {{"medium", file.medium}, {"why", printable(file.why)}};
    put_name(object, "path", file.path);
    damaged.push_back(std::move(object));
  }
  return {{"dry_run", request.dry_run},
          {"seed", request.seed},
          {"media", media},
          {"damaged", damaged},
          {"damaged_count", result.damaged_count},
          {"unsaved", result.unsaved}};
}

std::string medium_text(const service::VerifiedMedium& medium, bool dry_run) {
  std::string text = "  " + printable(medium.label) +
                     (medium.location.empty() ? "" : " (" + printable(medium.location) + ")") +
                     (medium.drive.empty() ? "" : " in " + printable(medium.drive)) + ": ";
  if (dry_run) {
    return text + "would read " + counted(medium.copies, "copy") + ", " +
           format_size(medium.bytes) + "\n";
  }
  text += std::to_string(medium.good) + " of " + counted(medium.copies, "copy") + " good, " +
          std::to_string(medium.damaged) + " damaged, " + format_size(medium.bytes) + " read";
  if (medium.hashes_learnt > 0) {
    text += "; " + std::to_string(medium.hashes_learnt) + " got the hash that they lacked";
  }
  return text + (medium.complete ? "" : "; not read to its end") + "\n";
}

void report(Console& console, const service::VerifyResult& result) {
  for (std::size_t i = 0; i < result.damaged.size() && i < kMostShown; ++i) {
    const service::DamagedFile& file = result.damaged[i];
    console.problem("/" + printable(file.path) + ": the copy on medium " + file.medium + ": " +
                    printable(file.why));
  }
  if (result.damaged_count > kMostShown) {
    console.problem("and more: " + counted(result.damaged_count, "copy") +
                    " in all; `mixtape where` tells of each file");
  }
  if (result.damaged_count > 0) {
    console.note("damaged copies do not count: `mixtape backup` writes others of what is here");
  }
}

int verify(Session& session, const VerifyOptions& options) {
  service::VerifyRequest request;
  service::Context& context = session.reading();
  for (const std::string& what : options.what) {
    if (what.find('/') == std::string::npos && context.ledger.medium(what)) {
      request.media.push_back(what);
      continue;
    }
    const std::string path = session.catalog_path(what);
    if (what.find('/') == std::string::npos && !context.tree.find_path(path)) {
      if (service::library_with(context, what)) {
        (void)service::known_medium(context, what);  // It says what is the matter with that one.
      }
      throw Error(ErrorCode::not_found, "verify " + printable(what) +
                                            ": there is neither a medium of that label nor the "
                                            "path /" +
                                            printable(path) +
                                            "; `mixtape media list` shows the media");
    }
    request.paths.push_back("/" + path);
  }
  request.due = options.due;
  if (options.sample > 0) {
    request.sample = options.sample;
  }
  request.seed = options.seed.value_or(std::random_device()());
  request.for_people = options.for_people;
  request.dry_run = options.dry_run;
  PrintableReporter reporter(session.console());
  const service::VerifyResult result = service::verify(context, request, reporter);
  if (session.json()) {
    print_json(session.console(), result_json(result, request));
  } else {
    std::string text;
    for (const service::VerifiedMedium& medium : result.media) {
      text += medium_text(medium, options.dry_run);
    }
    session.console().out(text);
  }
  report(session.console(), result);
  return kSuccess;
}

}  // namespace

void add_verify_command(CLI::App& app, Command& command) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* again = add_command(
      app, command, "verify", "read again what is on media, and note whether it is right",
      [=](Session& session) { return verify(session, *options); }, Where::daemon_if_running);
  CLI::Option_group* which = again->add_option_group("which");
  which->add_option("LABEL|PATH", options->what,
                    "a medium, or every copy of what is at a path and below");
  which->add_flag("--due", options->due, "the medium that was not verified for longest");
  which->require_option(1, 0);
  again
      ->add_option("--sample", options->sample,
                   "of media only the first, the last, N at random and N of those that were not "
                   "verified for longest")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return text == "0" ? std::string("0 is no sample; say 1 or more") : std::string();
          },
          "N"));
  again->add_option("--seed", options->seed, "of what is taken at random");
  again->add_flag("--dry-run", options->dry_run, "say what would be read");
  add_wait_flags(*again, command, options->for_people);
  add_json_flag(*again, command);
}

}  // namespace mixtape::tools
