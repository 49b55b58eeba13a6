// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "fusefs/contents.h"
#include "fusefs/reply.h"

// Reads of contents that are not here: the request waits in this table, not in a thread, until a
// recall brings its bytes, or its reader is interrupted, or the mount goes away.
//
// Errors:   as reply_error; EINTR for who was interrupted, ECANCELED for whose recall somebody took
//           out of the queue: programs read on after EINTR, and would ask for it again at once
//           (who has no read here at that moment: CatalogFile::is_cancelled).
// Threads:  internally synchronised; no lock is held while Contents or libfuse is called.
// Limits:   as many as the kernel lets through: one for each thread of each reading process.
// Lifetime: the session must outlive every parked request: call close() before it is destroyed.

namespace mixtape::fusefs {

class ParkedReads {
 public:
  explicit ParkedReads(Contents& contents) : contents_(contents) {}

  // Answers now or later. The session's user data must lead interrupts back here (`interrupted`).
  void park(fuse_req_t request, const recall::Content& content, std::uint64_t offset,
            std::size_t size, const std::string& what, fuse_interrupt_func_t on_interrupt);
  // The reader of a request got a signal. `token` is what on_interrupt was given.
  void interrupted(void* token);

  // Answers everything with EINTR, refuses what comes later, and returns when the last reply is
  // out.
  void close();

  [[nodiscard]] std::size_t count() const;

 private:
  using Number = std::uint64_t;
  struct Parked {
    fuse_req_t request;
    std::optional<Contents::Ticket> ticket;  // Known once Contents::read has returned.
    bool cancelled = false;                  // By a signal or the end; also before its ticket
                                             // was known.
  };
  void finish(Number number, const std::string& what, ByteView bytes,
              const std::exception_ptr& error) noexcept;

  Contents& contents_;
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  // Guarded by mutex_.
  std::unordered_map<Number, Parked> parked_;
  std::size_t replying_ = 0;
  Number next_ = 1;
  bool closed_ = false;
};

}  // namespace mixtape::fusefs
