// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/recall/recall.h"
#include "engine/service/context.h"
#include "engine/service/recall_list.h"

// Recall, wired to the catalog: where copies are, which turned out damaged, which hash a content
// got.
//
// Threads:  recall() from any thread. What recall learns is written to the catalog by a thread of
// its own, so
//           that the thread that owns the drives never waits for the database.
// Lifetime: the workspace must outlive it.

namespace mixtape::service {

recall::Content to_content(const catalog::Version& version);
recall::Extent to_extent(const catalog::CopyPlace& place);

// A copy that was read whole and had the hash of its content.
struct VerifiedCopy {
  catalog::ContentId content;
  catalog::Uuid bundle;
};
// So many are noted at once: a transaction costs more than a thousand rows.
inline constexpr std::size_t kMostVerifiedAtOnce = 10'000;
// Notes the time in the catalog, and that they are good, in one transaction. What the catalog knows
// no more is passed over.
void note_verified(Context& context, const std::vector<VerifiedCopy>& copies);

class RecallService {
 public:
  using Say = std::function<void(const std::string& line)>;
  // `kept`: what is asked for by itself is kept over the end of the process, and what an earlier
  // one left is gone on with.
  enum class Queue { of_process, kept };
  RecallService(Workspace& workspace, Say say, Queue queue = Queue::of_process);
  ~RecallService();

  recall::Recall& recall() { return *recall_; }
  RecallList& list() { return *list_; }

 private:
  using Chore = std::function<void(Context&)>;

  recall::Outside outside();
  void tell_of_copies(recall::Outside& outside);
  void tell_what_follows(recall::Outside& outside);
  // For people; empty where nobody noted it. On the thread that owns the drives.
  [[nodiscard]] std::string location_of(const std::string& medium_label);
  [[nodiscard]] bool within_reach(const recall::Content& content);
  Context& reader();  // Opened by the thread that owns the drives, and only for it.
  // On the list's thread, and only for it.
  [[nodiscard]] std::optional<catalog::ContentId> resolve(const catalog::WantedContent& wanted);
  void post(Chore chore);
  void post_verified(const VerifiedCopy& copy);
  void post_preview(const recall::Content& content);
  void work_off(const std::stop_token& stop);
  // The next thing to write down; none: it is time to end.
  [[nodiscard]] Chore next_chore(const std::stop_token& stop);

  Workspace& workspace_;
  const Say say_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Chore> chores_;                 // Guarded by mutex_.
  std::vector<VerifiedCopy> verified_;       // Guarded by mutex_.
  std::vector<recall::Content> to_preview_;  // Guarded by mutex_; they go with verified_.
  std::unique_ptr<Context> reader_;          // Of the thread that owns the drives.
  std::mutex asking_mutex_;
  std::unique_ptr<Context> asking_;     // Of whoever holds asking_mutex_.
  std::unique_ptr<Context> resolving_;  // Of the list's thread.
  std::jthread chore_thread_;
  std::unique_ptr<recall::Recall> recall_;  // It calls back into the members above.
  std::unique_ptr<RecallList> list_;        // Last: it uses recall_.
};

}  // namespace mixtape::service
