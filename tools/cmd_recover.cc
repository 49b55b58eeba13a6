// SPDX-License-Identifier: Apache-2.0
// recover: the catalog anew, from media.

#include "engine/service/recover.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tools/json_text.h"
#include "tools/options.h"

namespace mixtape::tools {
namespace {

struct RecoverOptions {
  std::string library, identity;
  bool scan = false;
};

std::string scan_text(const service::RecoverResult& result) {
  const service::ScanSummary& scan = result.scan;
  std::string text = "scanned " + counted(scan.archives, "archive") + " on " +
                     counted(result.scanned.size(), "medium") + ": " +
                     std::to_string(scan.members) + " files and directories";
  if (scan.damaged > 0) {
    text += ", " + std::to_string(scan.damaged) + " damaged and left out";
  }
  if (scan.gaps > 0) {
    text += ", " + counted(scan.gaps, "gap") + " of which nobody knows what stood there";
  }
  if (scan.unopened > 0) {
    text += "; " + counted(scan.unopened, "tape file") + " could not be opened or taken";
  }
  if (!result.unscanned.empty()) {
    text += "; " + std::to_string(result.unscanned.size()) + " of the media not to the end";
  }
  return text + "\n";
}

// A relative directory means another one in mixtape.toml: where it was looked for is said.
service::RecoverResult recover_from(const service::RecoverRequest& request,
                                    const std::string& as_typed, Reporter& reporter) {
  try {
    return service::recover(request, reporter);
  } catch (const Error& error) {
    const auto typed = tapeio::directory_of_library(as_typed);
    const auto taken = tapeio::directory_of_library(request.library);
    if (error.code() != ErrorCode::not_found || !typed || typed->starts_with('/') ||
        std::filesystem::is_directory(*taken)) {
      throw;
    }
    throw Error(error.code(), std::string(error.what()) + "; " + printable(as_typed) +
                                  " counts from the working directory here, not from " +
                                  request.home.string() + " as in mixtape.toml");
  }
}

int recover(Session& session, const RecoverOptions& options) {
  const std::string& library = options.library;
  service::RecoverRequest request;
  request.home = session.home_directory();
  // As it was typed here, and not as the configuration has it, where it would be below the home.
  const auto directory = tapeio::directory_of_library(library);
  request.library =
      directory ? tapeio::with_directory(library, session.absolute(*directory).string()) : library;
  request.identity_file = session.absolute(options.identity);
  request.command = session.command_line();
  request.scan = options.scan;
  PrintableReporter reporter(session.console());
  const service::RecoverResult result = recover_from(request, library, reporter);
  const catalog::Recovered& recovered = result.recovered;
  if (session.json()) {
    print_json(session.console(), {{"media_read", result.read},
                                   {"media_empty", result.skipped},
                                   {"media", recovered.media},
                                   {"jobs", recovered.jobs},
                                   {"versions", recovered.versions},
                                   {"contents", recovered.contents},
                                   {"unhashed", recovered.unhashed},
                                   {"media_scanned", result.scanned},
                                   {"media_not_scanned_to_their_end", result.unscanned},
                                   {"scan",
                                    {{"archives", result.scan.archives},
                                     {"members", result.scan.members},
                                     {"damaged", result.scan.damaged},
                                     {"gaps", result.scan.gaps},
                                     {"unopened", result.scan.unopened}}}});
    return kSuccess;
  }
  if (options.scan) {
    session.console().out(result.scanned.empty() && result.unscanned.empty()
                              ? "every archive is known: nothing was scanned\n"
                              : scan_text(result));
  }
  if (result.read.empty() && result.scanned.empty()) {
    return kSuccess;
  }
  session.console().out("read the index of " + counted(result.read.size(), "medium") +
                        "; the catalog in " + request.home.string() + " knows " +
                        counted(recovered.media, "medium") + ", " + counted(recovered.jobs, "job") +
                        ", " + counted(recovered.versions, "version") + "\n");
  if (recovered.unhashed > 0) {
    session.console().out("without a hash yet: " + counted(recovered.unhashed, "content") +
                          "; reading gives one\n");
  }
  session.console().out(
      "How many copies each file should have is no part of a catalog: if you had changed it, "
      "change "
      "it again in " +
      (request.home / "mixtape.toml").string() + ".\n");
  return kSuccess;
}

}  // namespace

void add_recover_command(CLI::App& app, Command& command) {
  const auto options = std::make_shared<RecoverOptions>();
  CLI::App* rebuild = add_command(app, command, "recover", "build the catalog anew from media",
                                  [=](Session& session) { return recover(session, *options); });
  rebuild
      ->add_option("--library", options->library,
                   "URL, like dir:/path; a relative directory is one of the working directory")
      ->required();
  rebuild->add_option("--identity", options->identity, "file with the identity")->required();
  rebuild->add_flag("--scan", options->scan, "read the archives of which no index tells");
  add_json_flag(*rebuild, command);
}

}  // namespace mixtape::tools
