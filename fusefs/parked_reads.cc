// SPDX-License-Identifier: Apache-2.0
#include "fusefs/parked_reads.h"

#include <cerrno>
#include <vector>

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

recall::Asker asker_of(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {.uid = context->uid, .thread = static_cast<std::uint32_t>(context->pid)};
}

}  // namespace

void ParkedReads::park(fuse_req_t request, const recall::Content& content, std::uint64_t offset,
                       std::size_t size, const std::string& what,
                       fuse_interrupt_func_t on_interrupt) {
  Number number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      throw Refusal{EINTR};
    }
    number = next_++;
    parked_[number] = {.request = request, .ticket = std::nullopt};
  }
  // Before the read begins: afterwards the request may be answered and gone. The token is a number,
  // because an interrupt may arrive while the answer is on its way.
  fuse_req_interrupt_func(request, on_interrupt, reinterpret_cast<void*>(number));
  std::optional<Contents::Ticket> ticket;
  try {
    ticket = contents_.read(content, offset, size, what, asker_of(request),
                            [this, number, what](ByteView bytes, std::exception_ptr error) {
                              finish(number, what, bytes, error);
                            });
  } catch (...) {
    finish(number, what, {}, std::current_exception());
    return;
  }
  bool cancel = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = parked_.find(number); found != parked_.end()) {
      found->second.ticket = ticket;
      cancel = found->second.cancelled;
    }
  }
  if (cancel) {
    contents_.cancel(*ticket);
  }
}

void ParkedReads::interrupted(void* token) {
  std::optional<Contents::Ticket> ticket;
  {
    const std::lock_guard lock(mutex_);
    const auto found = parked_.find(reinterpret_cast<Number>(token));
    if (found == parked_.end()) {
      return;
    }
    found->second.cancelled = true;
    ticket = found->second.ticket;
  }
  if (ticket) {
    contents_.cancel(*ticket);
  }
}

void ParkedReads::finish(Number number, const std::string& what, ByteView bytes,
                         const std::exception_ptr& error) noexcept {
  fuse_req_t request = nullptr;
  bool is_interrupted = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = parked_.find(number);
    if (found == parked_.end()) {
      return;
    }
    request = found->second.request;
    is_interrupted = found->second.cancelled;
    parked_.erase(found);
    ++replying_;
  }
  if (error) {
    const int error_number = error_number_of(error, what);
    fuse_reply_err(request, error_number == EINTR && !is_interrupted ? ECANCELED : error_number);
  } else {
    fuse_reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const std::lock_guard lock(mutex_);
  --replying_;
  answered_.notify_all();
}

void ParkedReads::close() {
  std::vector<Contents::Ticket> tickets;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [number, parked] : parked_) {
      parked.cancelled = true;
      if (parked.ticket) {
        tickets.push_back(*parked.ticket);
      }
    }
  }
  for (const Contents::Ticket ticket : tickets) {
    contents_.cancel(ticket);
  }
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [this] { return parked_.empty() && replying_ == 0; });
}

std::size_t ParkedReads::count() const {
  const std::lock_guard lock(mutex_);
  return parked_.size();
}

}  // namespace mixtape::fusefs
