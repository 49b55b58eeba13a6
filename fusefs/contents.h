// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/types.h"
#include "engine/catalog/wanted.h"
#include "engine/previews/previews.h"
#include "engine/recall/cache.h"
#include "engine/recall/recall.h"
#include "tapeio/unique_fd.h"

// Where the mount gets the bytes of files from: the cache, or a recall. Tests put their own in its
// place.
//
// Threads: every method from any thread; none waits for a medium.

namespace mixtape::fusefs {

class Contents {
 public:
  using Done = recall::Recall::ReadDone;
  using Ticket = recall::Recall::Ticket;

  virtual ~Contents() = default;
  // The whole content on disk; nullopt when it would have to be recalled.
  [[nodiscard]] virtual std::optional<tapeio::UniqueFd> open(const recall::Content& content) = 0;
  [[nodiscard]] virtual bool is_here(const recall::Content& content) = 0;
  // How many of these bytes are known from earlier and need no recall, and these; 0: none.
  [[nodiscard]] virtual std::size_t preview(const recall::Content&, std::uint64_t /*offset*/,
                                            MutableBytes /*into*/) {
    return 0;
  }
  // As Recall::read: `done` runs exactly once, here or on another thread.
  virtual Ticket read(const recall::Content& content, std::uint64_t offset, std::size_t size,
                      const std::string& what, recall::Asker asker, Done done) = 0;
  virtual void cancel(Ticket ticket) = 0;
  // As Recall::watch_cancel; may be null.
  [[nodiscard]] virtual recall::CancelMark watch_cancel(const recall::Content& content) = 0;
  // Queues the whole content; `done` as Recall::fetch has it.
  virtual void fetch(const recall::Content& content, const std::string& what, recall::Asker asker,
                     Done done) = 0;
  // Queues many; where they are kept over the end of the process, that is so when this returns.
  // Error{conflict} when there are too many.
  virtual void queue(const std::vector<catalog::WantedContent>& contents);
  // Asked for and not here yet.
  [[nodiscard]] virtual bool is_queued(const recall::Content& content) = 0;
};

class RecalledContents : public Contents {
 public:
  // Without `keep`, what is queued is queued for as long as the process lives.
  using Keep = std::function<void(const std::vector<catalog::WantedContent>&)>;
  RecalledContents(recall::Cache& cache, recall::Recall& recall, previews::Previews& previews,
                   Keep keep = {})
      : cache_(cache), recall_(recall), previews_(previews), keep_(std::move(keep)) {}

  std::optional<tapeio::UniqueFd> open(const recall::Content& content) override;
  bool is_here(const recall::Content& content) override;
  std::size_t preview(const recall::Content& content, std::uint64_t offset,
                      MutableBytes into) override;
  Ticket read(const recall::Content& content, std::uint64_t offset, std::size_t size,
              const std::string& what, recall::Asker asker, Done done) override;
  void cancel(Ticket ticket) override;
  recall::CancelMark watch_cancel(const recall::Content& content) override;
  void fetch(const recall::Content& content, const std::string& what, recall::Asker asker,
             Done done) override;
  void queue(const std::vector<catalog::WantedContent>& contents) override;
  bool is_queued(const recall::Content& content) override;

 private:
  recall::Cache& cache_;
  recall::Recall& recall_;
  previews::Previews& previews_;
  const Keep keep_;
};

// The content of a version that has one.
[[nodiscard]] recall::Content content_of(const catalog::Version& version);

}  // namespace mixtape::fusefs
