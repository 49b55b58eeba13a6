// SPDX-License-Identifier: Apache-2.0
// recall, pin, queue, cancel: from the media into the cache.

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_set>

#include "engine/catalog/lost_copies.h"
#include "engine/service/kept_queue.h"
#include "engine/service/pins.h"
#include "tapeio/error.h"
#include "tapeio/key_values.h"
#include "tapeio/library.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/queue_text.h"
#include "tools/usage.h"

namespace mixtape::tools {
namespace {

// More than this many lines of failures nobody reads.
constexpr std::size_t kMostShown = 20;

// What comes of the contents that one command waits for. Completions may run after it was
// cancelled.
class Tally {
 public:
  Tally(Console& console, const std::vector<catalog::WantedContent>& wanted)
      : console_(&console), waiting_(wanted.size()) {
    progress_.total_files = wanted.size();
    for (const catalog::WantedContent& each : wanted) {
      progress_.total_bytes += each.size;
    }
  }

  void done(const catalog::WantedContent& wanted, const std::exception_ptr& error) {
    std::string why;
    bool is_away = false;
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const Error& failure) {
        why = failure.what();
        is_away = failure.code() == ErrorCode::no_medium;
      }
    }
    const std::lock_guard lock(mutex_);
    --waiting_;
    if (console_ == nullptr) {
      return;
    }
    if (is_away) {
      ++away_[why];
    } else if (!why.empty() && ++failed_ <= kMostShown) {
      console_->problem("/" + printable(wanted.path) + ": " + why);
    }
    ++progress_.done_files;
    progress_.done_bytes += wanted.size;
    console_->progress(progress_);
    changed_.notify_all();
  }

  // Returns when all are here or have failed; false: the user wants out.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait(lock, console_->stop(), [this] { return waiting_ == 0; });
  }
  // The console goes away.
  void leave() {
    const std::lock_guard lock(mutex_);
    console_ = nullptr;
  }
  [[nodiscard]] std::string outcome() {
    const std::lock_guard lock(mutex_);
    if (failed_ > kMostShown) {
      console_->problem("and " + std::to_string(failed_ - kMostShown) + " more");
    }
    for (const auto& [why, files] : away_) {
      console_->problem(counted(files, "file") + ": " + why +
                        ": load it and recall again, or let the mount bring them when it is "
                        "there: `mixtape recall --queue`");
      failed_ += files;
    }
    const std::string asked = counted(progress_.total_files, "file");
    return failed_ == 0
               ? asked + ", " + home::format_size(progress_.total_bytes) + " in the cache\n"
               : std::to_string(progress_.total_files - failed_) + " of " + asked +
                     " in the cache\n";
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  Console* console_;
  std::size_t waiting_;
  std::size_t failed_ = 0;                   // But not for want of a medium.
  std::map<std::string, std::size_t> away_;  // Files for want of one, by what was said of it.
  Progress progress_{"recall", 0, 0, 0, 0};
};

// The contents of files of latest, in archive order, each file once.
std::vector<catalog::WantedContent> contents_of(Session& session, const std::string& verb,
                                                const std::vector<std::string>& arguments) {
  service::Context& context = session.reading();
  std::vector<catalog::WantedContent> wanted;
  std::unordered_set<std::string> met;  // Somebody may name a directory and a file in it.
  for (const std::string& argument : arguments) {
    const std::string path = session.catalog_path(argument);
    const auto id = context.tree.find_path(path);
    if (!id || !context.tree.at({}, *id)) {
      throw Error(ErrorCode::not_found, verb + " /" + printable(path) +
                                            ": latest has no such path; `mixtape find` looks for "
                                            "names, `mixtape history` tells what there was");
    }
    context.tree.walk({}, *id, [&](const std::string& whole, const catalog::Version& version) {
      if (version.content && met.insert(whole).second) {
        wanted.push_back({.content = *version.content,
                          .size = version.size,
                          .hash = version.hash,
                          .path = whole});
      }
      return wanted.size() <= static_cast<std::size_t>(catalog::Wanted::kMost);
    });
    if (wanted.size() > static_cast<std::size_t>(catalog::Wanted::kMost)) {
      throw Error(ErrorCode::conflict, verb + ": more than " +
                                           std::to_string(catalog::Wanted::kMost) +
                                           " files at once; name fewer");
    }
  }
  return wanted;
}

// Whether all could be pinned; says which could not.
bool pin_all(Session& session, const std::vector<catalog::WantedContent>& wanted) {
  const std::size_t unknown = service::pin_by_hand(session.workspace().cache(), wanted);
  if (unknown > 0) {
    session.console().problem(counted(unknown, "file") +
                              " not pinned: of no known content yet; recall first, then pin");
  }
  return unknown == 0;
}

// What has to be brought back and can be; says what is wrong with the others. Nobody waits for what
// is only queued, and so nobody would be told later.
struct ToQueue {
  std::vector<catalog::WantedContent> wanted;
  std::size_t in_cache = 0, alike = 0, lost = 0;  // Files that bring nothing into the queue.

  [[nodiscard]] std::string text() const {
    std::string text = "queued " + counted(wanted.size(), "file");
    text += alike > 0 ? "; " + std::to_string(alike) + " more with the same bytes as these" : "";
    text += in_cache > 0 ? "; " + std::to_string(in_cache) + " in the cache already" : "";
    return text + "\n";
  }
};

ToQueue to_queue(Session& session, const std::vector<catalog::WantedContent>& files) {
  service::Context& context = session.reading();
  ToQueue sorted;
  std::set<catalog::ContentId> met;
  for (const catalog::WantedContent& each : files) {
    const recall::Content content{
        .number = catalog::number(each.content), .size = each.size, .hash = each.hash};
    if (session.workspace().cache().has(content)) {
      ++sorted.in_cache;
    } else if (!context.ledger.places_to_read(each.content).empty()) {
      const bool is_first = met.insert(each.content).second;
      is_first ? sorted.wanted.push_back(each) : void(++sorted.alike);
    } else if (++sorted.lost <= kMostShown) {
      const std::string lost_media = catalog::told_of_lost(context.database, each.content);
      session.console().problem("/" + printable(each.path) +
                                ": not queued: no medium has a copy of it" +
                                (lost_media.empty() ? "" : "; " + lost_media));
    }
  }
  if (sorted.lost > kMostShown) {
    session.console().problem("and " + std::to_string(sorted.lost - kMostShown) + " more");
  }
  return sorted;
}

struct RecallArguments {
  std::vector<std::string> paths;
  bool pin = false;
  bool queue = false;  // Do not wait for it.
};

int recall_paths(Session& session, const RecallArguments& arguments) {
  if (arguments.queue && session.daemon() == nullptr) {
    throw Error(ErrorCode::conflict,
                "recall --queue: nothing is mounted that would go on with it; mount the archive, "
                "or leave --queue out");
  }
  const auto wanted = contents_of(session, "recall", arguments.paths);
  const bool pinned = !arguments.pin || pin_all(session, wanted);
  const int status = pinned ? kSuccess : kWithProblems;
  service::RecallList& list = session.recall().list();
  if (arguments.queue) {
    const ToQueue queued = to_queue(session, wanted);
    (void)list.add(queued.wanted);
    session.console().out(queued.text());
    return queued.lost == 0 ? status : kWithProblems;
  }
  const auto tally = std::make_shared<Tally>(session.console(), wanted);
  const auto batch =
      list.add(wanted, [tally](const catalog::WantedContent& each,
                               const std::exception_ptr& error) { tally->done(each, error); });
  if (!tally->wait()) {
    tally->leave();
    const bool given_up = list.cancel(batch);
    throw Error(ErrorCode::cancelled,
                given_up ? "recall: stopped; what had arrived stays in the cache"
                         : "recall: the mount ends; the rest comes when it is mounted again");
  }
  session.console().out(tally->outcome());
  return status;
}

int pin_paths(Session& session, const std::vector<std::string>& paths) {
  const auto wanted = contents_of(session, "pin", paths);
  const bool pinned = pin_all(session, wanted);
  session.console().out("pinned " + counted(wanted.size(), "file") +
                        "; `mixtape recall` brings what is not in the cache\n");
  return pinned ? kSuccess : kWithProblems;
}

int unpin_paths(Session& session, const std::vector<std::string>& paths) {
  const auto wanted = contents_of(session, "unpin", paths);
  service::unpin_by_hand(session.workspace().cache(), wanted);
  session.console().out("unpinned " + counted(wanted.size(), "file") + "\n");
  return kSuccess;
}

service::KeptQueue kept_queue(Session& session) {
  return service::KeptQueue(session.workspace().home().state_db());
}

int show_kept(Session& session) {
  service::KeptQueue kept = kept_queue(session);
  const auto rows = kept.first(service::RecallList::kAtOnce);
  if (session.json()) {
    print_json(session.console(), kept_json(rows));
  } else {
    session.console().out(kept_text(rows, kept.count()));
  }
  return kSuccess;
}

int show_queue(Session& session) {
  if (session.daemon() == nullptr) {
    return show_kept(session);
  }
  const std::vector<recall::QueueEntry> queue = session.daemon()->recall().recall().queue();
  const std::size_t behind = session.daemon()->recall().list().behind();
  if (session.json()) {
    print_json(session.console(), queue_json(queue));
  } else {
    session.console().out(queue_text(queue, behind));
  }
  return kSuccess;
}

int cancel_all(Session& session) {
  std::size_t count = 0;
  if (session.daemon() != nullptr) {
    service::RecallService& service = session.daemon()->recall();
    // As `mixtape queue` counts them: several may wait for one.
    const std::vector<recall::QueueEntry> queue = service.recall().queue();
    count = queue.size() + service.list().behind();
    (void)service.list().cancel_all();
    for (const recall::QueueEntry& entry : queue) {
      service.recall().cancel(entry.id);
    }
  } else {
    count = kept_queue(session).cancel_all();
  }
  session.console().out(count == 0 ? "nothing is queued\n"
                                   : "cancelled " + counted(count, "request") + "\n");
  return kSuccess;
}

bool cancel_one(Session& session, std::uint64_t number) {
  if (session.daemon() != nullptr) {
    return session.daemon()->recall().list().cancel(recall::RequestId{number});
  }
  // What is kept is numbered by the database, whose numbers end there.
  return number <= std::uint64_t{std::numeric_limits<std::int64_t>::max()} &&
         kept_queue(session).cancel(static_cast<std::int64_t>(number));
}

int cancel(Session& session, const std::vector<std::uint64_t>& numbers) {
  std::string unknown;
  std::size_t cancelled = 0;
  for (const std::uint64_t number : numbers) {
    if (cancel_one(session, number)) {
      ++cancelled;
    } else {
      unknown += (unknown.empty() ? "" : ", ") + std::to_string(number);
    }
  }
  if (cancelled > 0) {
    session.console().out(cancelled == 1 ? "cancelled\n"
                                         : "cancelled " + counted(cancelled, "request") + "\n");
  }
  if (!unknown.empty()) {
    throw Error(ErrorCode::not_found, "cancel " + unknown +
                                          ": nothing of that number is queued; `mixtape queue` "
                                          "shows what is");
  }
  return kSuccess;
}

void add_recall_command(CLI::App& app, Command& command) {
  const auto arguments = std::make_shared<RecallArguments>();
  CLI::App* recall = add_command(
      app, command, "recall", "bring contents into the cache",
      [=](Session& session) { return recall_paths(session, *arguments); },
      Where::daemon_if_running);
  recall->add_option("PATH", arguments->paths)->required();
  recall->add_flag("--pin", arguments->pin, "keep them there until they are unpinned");
  recall->add_flag("--queue", arguments->queue, "do not wait for them: the mount goes on with it");
}

void add_pin_commands(CLI::App& app, Command& command) {
  const auto paths = std::make_shared<std::vector<std::string>>();
  add_command(
      app, command, "pin", "keep contents in the cache, whatever its limits",
      [=](Session& session) { return pin_paths(session, *paths); }, Where::daemon_if_running)
      ->add_option("PATH", *paths)
      ->required();
  add_command(
      app, command, "unpin", "let contents leave the cache again",
      [=](Session& session) { return unpin_paths(session, *paths); }, Where::daemon_if_running)
      ->add_option("PATH", *paths)
      ->required();
}

void add_queue_commands(CLI::App& app, Command& command) {
  CLI::App* queue = add_command(app, command, "queue", "what the daemon is bringing back",
                                show_queue, Where::daemon_if_running);
  add_json_flag(*queue, command);

  const auto numbers = std::make_shared<std::vector<std::uint64_t>>();
  const auto all = std::make_shared<bool>(false);
  CLI::App* cancelling = add_command(
      app, command, "cancel", "take requests out of the queue",
      [=](Session& session) { return *all ? cancel_all(session) : cancel(session, *numbers); },
      Where::daemon_if_running);
  CLI::Option_group* which = cancelling->add_option_group("which");
  which->add_option("NUMBER", *numbers, "as `mixtape queue` shows them")
      ->check(must_pass([](const std::string& text) -> std::string {
        return tapeio::parse_number(text) ? "" : text + " is no number of a request";
      }));
  which->add_flag("--all", *all, "everything that is queued");
  which->require_option(1);
}

}  // namespace

void add_recall_commands(CLI::App& app, Command& command) {
  add_recall_command(app, command);
  add_pin_commands(app, command);
  add_queue_commands(app, command);
}

}  // namespace mixtape::tools
