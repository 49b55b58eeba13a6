// SPDX-License-Identifier: Apache-2.0
#include "engine/service/forget.h"

#include "engine/service/settle.h"
#include "engine/service/writing.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

std::vector<catalog::PathId> everything_below(Context& context,
                                              const std::vector<std::string>& paths,
                                              ChangedPaths& changed) {
  std::vector<catalog::PathId> found;
  for (const std::string& path : paths) {
    const auto id = context.tree.find_path(path);
    if (!id || !context.tree.at({}, *id)) {
      throw Error(ErrorCode::not_found, "forget /" + path + ": latest has no such path");
    }
    context.tree.walk({}, *id, [&](const std::string& whole, const catalog::Version& version) {
      changed.add(whole);
      found.push_back(version.key.path);
      return true;
    });
  }
  return found;
}

}  // namespace

ForgetResult forget(Context& context, const std::vector<std::string>& paths,
                    const std::string& command, Reporter& reporter, bool dry_run) {
  ForgetResult result;
  if (!dry_run) {
    settle_last_run(context, reporter);
  }
  const std::vector<catalog::PathId> gone = everything_below(context, paths, result.changed);
  result.paths = gone.size();
  if (dry_run) {
    return result;
  }
  catalog::Transaction transaction(context.database);
  const catalog::Job job =
      context.ledger.begin_job(catalog::JobKind::forget, command, context.now_s());
  for (const catalog::PathId path : gone) {
    context.ledger.end_version(job.id, path);
    // The next backup must see the file as new if it is still there.
    context.sources.remove(path);
  }
  transaction.commit();
  const std::vector<tapeio::Library*> libraries =
      context.workspace.libraries().here(reporter.stop());
  for (const archive::MediumUse& medium :
       archive::WriteJob(write_context(context)).write(job.id, {}, libraries, reporter).media) {
    result.media.push_back(medium.label);
  }
  return result;
}

}  // namespace mixtape::service
