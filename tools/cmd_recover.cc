// SPDX-License-Identifier: Apache-2.0
// recover: the catalog anew, from media.

#include "engine/service/recover.h"

#include <CLI/CLI.hpp>

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
                     std::to_string(result.scanned.size()) +
                     (result.scanned.size() == 1 ? " medium: " : " media: ") +
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
  const service::RecoverResult result = service::recover(request, reporter);
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
  session.console().out(
      "read the index of " + std::to_string(result.read.size()) + " media; the catalog in " +
      request.home.string() + " knows " + std::to_string(recovered.media) + " media, " +
      counted(recovered.jobs, "job") + ", " + counted(recovered.versions, "version") + "\n");
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
  rebuild->add_option("--library", options->library, "URL, like dir:/path")->required();
  rebuild->add_option("--identity", options->identity, "file with the identity")->required();
  rebuild->add_flag("--scan", options->scan, "read the archives of which no index tells");
  add_json_flag(*rebuild, command);
}

}  // namespace mixtape::tools
