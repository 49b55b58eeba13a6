// SPDX-License-Identifier: Apache-2.0
#include "engine/service/backup.h"

#include <chrono>

#include "engine/archive/hash_files.h"
#include "engine/service/pins.h"
#include "engine/service/settle.h"
#include "engine/service/write_needed.h"
#include "engine/service/writing.h"
#include "tapeio/library.h"

namespace mixtape::service {
namespace {

class Stopwatch {
 public:
  // Seconds since the last lap.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::vector<std::string> joined(std::vector<std::string> first,
                                const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<archive::OwnDirectory> own_directories(Workspace& workspace) {
  std::vector<archive::OwnDirectory> own{{workspace.home().directory(), "Mixtape's home"}};
  for (const std::string& url : workspace.libraries().urls()) {
    if (const auto directory = tapeio::directory_of_library(url)) {
      own.push_back({*directory, "a library of Mixtape's"});
    }
  }
  return own;
}

archive::ScanRequest scan_request(Context& context, const BackupRequest& request) {
  const home::Config& config = context.config();
  archive::ScanRequest scan;
  scan.roots = request.roots;
  scan.rules = archive::Rules(joined(config.include, request.include),
                              joined(config.exclude, request.exclude));
  scan.own = own_directories(context.workspace);
  scan.one_file_system = config.one_file_system || request.one_file_system;
  scan.scratch = context.workspace.home().scratch();
  scan.now_ns = context.now_s() * 1'000'000'000;
  return scan;
}

void add_troubles(BackupResult& result, const archive::Troubles& troubles) {
  result.trouble_count += troubles.count();
  result.troubles.insert(result.troubles.end(), troubles.listed().begin(), troubles.listed().end());
}

void add_scan(BackupResult& result, const archive::Scan& scan) {
  result.files = scan.files;
  result.directories = scan.directories;
  result.others = scan.others;
  result.bytes = scan.bytes;
  result.skipped = scan.skipped;
  add_troubles(result, scan.unreadable);
}

BackupResult run_backup(Context& context, const BackupRequest& request, Reporter& reporter) {
  BackupResult result;
  Stopwatch watch;
  if (!request.dry_run) {
    settle_last_run(context, reporter);
  }
  const archive::ScanCatalog known{context.database, context.tree, context.ledger, context.sources};
  const archive::Scan scan = archive::scan(scan_request(context, request), &known, reporter);
  add_scan(result, scan);
  result.seconds.scan = watch.lap();

  const archive::HashedFiles hashed =
      archive::hash_files(scan, known, {context.workspace.home().scratch(), 0, {}}, reporter);
  result.hashed_bytes = hashed.bytes;
  add_troubles(result, hashed.troubles);
  result.seconds.hash = watch.lap();

  // A dry run leaves by rolling back: the same statements, the same numbers.
  catalog::Transaction transaction(context.database);
  const catalog::Job job =
      context.ledger.propose_job(catalog::JobKind::backup, request.command, context.now_s());
  result.recorded = archive::record(scan, hashed, job.id, archive::RecordAs::source, known);
  NeededItems needed = needed_items(context, scan, reporter);
  add_troubles(result, needed.troubles);
  result.out_of_reach = needed.out_of_reach;
  result.out_of_reach_paths = std::move(needed.out_of_reach_paths);
  result.changed = std::move(needed.changed);
  result.seconds.record = watch.lap();
  const std::vector<tapeio::Library*> libraries =
      context.workspace.libraries().here(reporter.stop());
  archive::WriteJob write(write_context(context, request.for_people));
  if (request.dry_run) {
    result.written = write.preview(std::move(needed.items), libraries);
    return result;
  }
  const bool anything = worth_a_job(result.recorded, needed, write, libraries, result.written);
  if (anything) {
    context.ledger.enter_job(job.id);
  } else {
    context.ledger.drop_job(job.id);
  }
  transaction.commit();
  context.sources.forget_early_hashes();
  if (anything) {
    result.written = write.write(job.id, std::move(needed.items), libraries, reporter);
    result.job = job;
  } else {
    result.written.media = write.catch_up(libraries, reporter);
  }
  release_pins(context);
  result.seconds.write = watch.lap();
  return result;
}

}  // namespace

BackupResult backup(Context& context, const BackupRequest& request, Reporter& reporter) {
  return with_health_recorded(context, [&] { return run_backup(context, request, reporter); });
}

std::string explain_backup(Context& context, const BackupRequest& request,
                           const std::string& path) {
  return archive::explain(scan_request(context, request), path);
}

}  // namespace mixtape::service
