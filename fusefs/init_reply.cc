// SPDX-License-Identifier: Apache-2.0
#include "fusefs/init_reply.h"

#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fusefs/served.h"
#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

// From linux/fuse.h of 6.6; Debian 12 has that of 6.1.
constexpr std::uint64_t kDirectIoAllowMmap = 1ULL << 36;

ssize_t send(int fd, iovec* parts, int count, void* user_data) {
  Served& served = *static_cast<Served*>(user_data);
  // Nothing is replied to before INIT is.
  if (!served.init_replied.load(std::memory_order_relaxed) && !served.init_replied.exchange(true) &&
      count == 2 && parts[1].iov_len == sizeof(fuse_init_out)) {
    auto* reply = static_cast<fuse_init_out*>(parts[1].iov_base);
    reply->flags |= FUSE_INIT_EXT;
    reply->flags2 |= static_cast<std::uint32_t>(kDirectIoAllowMmap >> 32);
  }
  return ::writev(fd, parts, count);
}

ssize_t receive(int fd, void* into, std::size_t room, void*) {
  return ::read(fd, into, room);
}

}  // namespace

void allow_mappings_of_direct_files(fuse_session* session) {
  const fuse_custom_io io{
      .writev = send, .read = receive, .splice_receive = nullptr, .splice_send = nullptr};
  const int result = fuse_session_custom_io(session, &io, fuse_session_fd(session));
  if (result != 0) {
    throw_errno("prepare the FUSE session", -result);
  }
}

}  // namespace mixtape::fusefs
