// SPDX-License-Identifier: Apache-2.0
// recall, queue, cancel, recover: from the media. restore has a file of its own.

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <mutex>

#include "engine/service/recover.h"
#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/queue_text.h"

namespace mixtape::tools {
namespace {

using nlohmann::json;

// So many recalls of one command wait at a time: a tree of millions fills no memory.
constexpr std::size_t kMostWaiting = 1000;
// More than this many lines of failures nobody reads.
constexpr std::size_t kMostShown = 20;

// Queues contents and counts what comes of them.
class Fetches {
 public:
  Fetches(service::RecallService& service, Console& console)
      : service_(service), console_(console) {}

  void add(const std::string& path, const catalog::Version& version) {
    std::unique_lock lock(mutex_);
    wait(lock, [this] { return waiting_ < kMostWaiting; });
    ++waiting_;
    ++progress_.total_files;
    progress_.total_bytes += version.size;
    lock.unlock();
    const recall::RequestId id = service_.recall().fetch(
        service::to_content(version), path,
        [this, path, size = version.size](ByteView, const std::exception_ptr& error) {
          done(path, size, error);
        },
        {.uid = ::geteuid()});
    lock.lock();
    ids_.push_back(id);
  }

  // Returns when all are here, or were cancelled because the user wants out.
  void finish() {
    std::unique_lock lock(mutex_);
    wait(lock, [this] { return waiting_ == 0; });
    console_.progress(progress_);
  }

  // What came of it, after finish().
  [[nodiscard]] std::string outcome() {
    const std::lock_guard lock(mutex_);
    if (failed_ > kMostShown) {
      console_.problem("and " + std::to_string(failed_ - kMostShown) + " more");
    }
    const std::string asked = counted(progress_.total_files, "file");
    return failed_ == 0
               ? asked + ", " + home::format_size(progress_.total_bytes) + " in the cache\n"
               : std::to_string(progress_.total_files - failed_) + " of " + asked +
                     " in the cache\n";
  }

 private:
  template <typename Condition>
  void wait(std::unique_lock<std::mutex>& lock, Condition condition) {
    if (changed_.wait(lock, console_.stop(), condition)) {
      return;
    }
    const std::vector<recall::RequestId> ids = ids_;
    lock.unlock();
    for (const recall::RequestId id : ids) {
      service_.recall().cancel(id);
    }
    lock.lock();
    changed_.wait(lock, [this] { return waiting_ == 0; });
    throw Error(ErrorCode::cancelled, "recall: stopped; what had arrived stays in the cache");
  }

  void done(const std::string& path, std::uint64_t size, const std::exception_ptr& error) {
    std::string why;
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const Error& failure) {
        why = failure.what();
      }
    }
    const std::lock_guard lock(mutex_);
    if (!why.empty() && ++failed_ <= kMostShown) {
      console_.problem("/" + printable(path) + ": " + why);
    }
    ++progress_.done_files;
    progress_.done_bytes += size;
    console_.progress(progress_);
    --waiting_;
    // Under the lock: finish() may destroy this object as soon as it is released.
    changed_.notify_all();
  }

  service::RecallService& service_;
  Console& console_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  std::size_t waiting_ = 0;
  std::vector<recall::RequestId> ids_;
  std::size_t failed_ = 0;
  Progress progress_{"recall", 0, 0, 0, 0};
};

int recall_paths(Session& session, const std::vector<std::string>& arguments) {
  service::Context& context = session.reading();
  Fetches fetches(session.recall(), session.console());
  for (const std::string& argument : arguments) {
    const std::string path = session.catalog_path(argument);
    const auto id = context.tree.find_path(path);
    if (!id || !context.tree.at({}, *id)) {
      throw Error(ErrorCode::not_found, "recall /" + printable(path) + ": latest has no such path");
    }
    context.tree.walk({}, *id, [&](const std::string& whole, const catalog::Version& version) {
      if (version.content) {
        fetches.add(whole, version);
      }
      return true;
    });
  }
  fetches.finish();
  session.console().out(fetches.outcome());
  return kSuccess;
}

int show_queue(Session& session) {
  const std::vector<recall::QueueEntry> queue = session.daemon() == nullptr
                                                    ? std::vector<recall::QueueEntry>()
                                                    : session.daemon()->recall().recall().queue();
  if (session.json()) {
    print_json(session.console(), queue_json(queue));
  } else {
    session.console().out(queue_text(queue));
  }
  return kSuccess;
}

int cancel(Session& session, std::uint64_t number) {
  if (session.daemon() == nullptr ||
      !session.daemon()->recall().recall().cancel(recall::RequestId{number})) {
    throw Error(ErrorCode::not_found, "cancel " + std::to_string(number) +
                                          ": nothing of that number is queued; `mixtape queue` "
                                          "shows what is");
  }
  session.console().out("cancelled\n");
  return kSuccess;
}

int recover(Session& session, const std::string& library, const std::string& identity) {
  service::RecoverRequest request;
  request.home = session.home_directory();
  // As it was typed here, and not as the configuration has it, where it would be below the home.
  const auto directory = tapeio::directory_of_library(library);
  request.library =
      directory ? tapeio::with_directory(library, session.absolute(*directory).string()) : library;
  request.identity_file = session.absolute(identity);
  request.command = session.command_line();
  const service::RecoverResult result = service::recover(request, session.console());
  const catalog::Recovered& recovered = result.recovered;
  if (session.json()) {
    print_json(session.console(), {{"media_read", result.read},
                                   {"media_empty", result.skipped},
                                   {"media", recovered.media},
                                   {"jobs", recovered.jobs},
                                   {"versions", recovered.versions},
                                   {"contents", recovered.contents},
                                   {"unhashed", recovered.unhashed}});
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

void add_recall_commands(CLI::App& app, Command& command) {
  const auto paths = std::make_shared<std::vector<std::string>>();
  add_command(
      app, command, "recall", "bring contents into the cache",
      [=](Session& session) { return recall_paths(session, *paths); }, Where::daemon_if_running)
      ->add_option("PATH", *paths)
      ->required();

  CLI::App* queue = add_command(app, command, "queue", "what the daemon is bringing back",
                                show_queue, Where::daemon_if_running);
  add_json_flag(*queue, command);

  const auto number = std::make_shared<std::uint64_t>();
  add_command(
      app, command, "cancel", "take a request out of the queue",
      [=](Session& session) { return cancel(session, *number); }, Where::daemon_if_running)
      ->add_option("NUMBER", *number, "as `mixtape queue` shows it")
      ->required();

  const auto library = std::make_shared<std::string>();
  const auto identity = std::make_shared<std::string>();
  CLI::App* rebuild =
      add_command(app, command, "recover", "build the catalog anew from media",
                  [=](Session& session) { return recover(session, *library, *identity); });
  rebuild->add_option("--library", *library, "URL, like dir:/path")->required();
  rebuild->add_option("--identity", *identity, "file with the identity")->required();
  add_json_flag(*rebuild, command);
}

}  // namespace mixtape::tools
