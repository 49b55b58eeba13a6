// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/iscsi_transport.h"

// libiscsi's headers use each other's names: this order, and <time.h> before them.
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "tapeio/error.h"

namespace mixtape::tapeio::scsi {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostTapeData = 16 * MiB - 1;  // 24 bits in READ(6) and WRITE(6).
constexpr std::chrono::milliseconds kLogoutTimeout{1000};

struct Completion {
  bool done = false;
  int status = 0;
  int socket_error = 0;  // errno of the connection, when it has failed.
};

void complete(iscsi_context*, int status, void*, void* private_data) {
  auto* completion = static_cast<Completion*>(private_data);
  completion->done = true;
  completion->status = status;
}

struct FreeContext {
  void operator()(iscsi_context* context) const { iscsi_destroy_context(context); }
};
struct FreeUrl {
  void operator()(iscsi_url* url) const { iscsi_destroy_url(url); }
};
struct FreeTask {
  void operator()(scsi_task* task) const { scsi_free_scsi_task(task); }
};
using Context = std::unique_ptr<iscsi_context, FreeContext>;
using Url = std::unique_ptr<iscsi_url, FreeUrl>;
using Task = std::unique_ptr<scsi_task, FreeTask>;

// A target may allow or reserve by this name, so it is the same in every session of a machine.
std::string initiator_name() {
  char host[65] = {};
  if (::gethostname(host, sizeof host - 1) != 0) {
    host[0] = '\0';
  }
  std::string name = "iqn.2026-11.mixtape:";
  for (const char* at = host; *at != '\0'; ++at) {
    const char lower = *at >= 'A' && *at <= 'Z' ? static_cast<char>(*at - 'A' + 'a') : *at;
    name += (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ? lower : '-';
  }
  return name;
}

enum class Outcome { done, timed_out, lost };

// Drives the connection until `completion` is done or `deadline` has come.
Outcome run(iscsi_context* context, Completion& completion, Clock::time_point deadline) {
  while (!completion.done) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      return Outcome::timed_out;
    }
    pollfd wait{.fd = iscsi_get_fd(context),
                .events = static_cast<short>(iscsi_which_events(context)),
                .revents = 0};
    if (wait.fd < 0) {
      return Outcome::lost;
    }
    // libiscsi asks to be called now and then also when nothing came.
    const int most = static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), 1000));
    if (::poll(&wait, 1, most) < 0 && errno != EINTR) {
      return Outcome::lost;
    }
    if ((wait.revents & POLLERR) != 0) {
      // libiscsi would write other words over the reason before anybody could read it.
      socklen_t size = sizeof completion.socket_error;
      ::getsockopt(wait.fd, SOL_SOCKET, SO_ERROR, &completion.socket_error, &size);
    }
    if (iscsi_service(context, wait.revents) != 0 && !completion.done) {
      return Outcome::lost;
    }
  }
  return Outcome::done;
}

// What libiscsi says of a refused login ends with the target's answer in brackets (RFC 7143
// 11.13.5); there is no other way to it.
[[noreturn]] void throw_login_error(const std::string& name, std::string reason, int socket_error) {
  if (socket_error != 0) {
    throw Error(ErrorCode::io, "log in to " + name + ": " +
                                   std::generic_category().message(socket_error) +
                                   "; see whether the target runs");
  }
  while (!reason.empty() && (reason.back() == '\n' || reason.back() == '.')) {
    reason.pop_back();
  }
  const auto has = [&](const char* text) { return reason.find(text) != std::string::npos; };
  if (has("(513)") || has("(514)") || has("CHAP") || has("uthentication")) {
    throw Error(ErrorCode::not_permitted,
                "log in to " + name + ": the target refuses this user and password");
  }
  if (has("(515)") || has("arget not found")) {
    throw Error(ErrorCode::not_found, "log in to " + name + ": the target has no such name");
  }
  throw Error(ErrorCode::io,
              "log in to " + name + ": " + (reason.empty() ? "the connection was closed" : reason));
}

}  // namespace

struct IscsiTransport::Session {
  // Before the context: destroying it still calls back into what is under way.
  Completion completion;
  Context context{iscsi_create_context(initiator_name().c_str())};
  int lun = 0;
};

IscsiTransport::IscsiTransport(const std::string& url, std::chrono::milliseconds timeout)
    : session_(std::make_unique<Session>()) {
  iscsi_context* context = session_->context.get();
  if (context == nullptr) {
    throw Error(ErrorCode::exhausted, "open an iSCSI session: no memory");
  }
  const Url parsed(iscsi_parse_full_url(context, url.c_str()));
  if (parsed == nullptr) {
    // Its own message would repeat the URL, password and all.
    throw Error(ErrorCode::invalid,
                "read an iSCSI URL: it must be iscsi://[user%password@]host[:port]/iqn/lun");
  }
  name_ = std::string("iscsi://") + parsed->portal + "/" + parsed->target + "/" +
          std::to_string(parsed->lun);
  session_->lun = parsed->lun;
  iscsi_set_targetname(context, parsed->target);
  iscsi_set_session_type(context, ISCSI_SESSION_NORMAL);
  iscsi_set_header_digest(context, ISCSI_HEADER_DIGEST_NONE_CRC32C);
  iscsi_set_noautoreconnect(context, 1);
  // A cable that was pulled sends no farewell: the kernel finds out within about a minute, however
  // long the command may take.
  iscsi_set_tcp_keepalive(context, 20, 3, 10);
  if (parsed->user[0] != '\0') {
    iscsi_set_initiator_username_pwd(context, parsed->user, parsed->passwd);
  }
  const auto deadline = Clock::now() + timeout;
  const auto step = [&](int started) {
    Completion& completion = session_->completion;
    const Outcome outcome = started == 0 ? run(context, completion, deadline) : Outcome::lost;
    if (outcome == Outcome::timed_out) {
      throw Error(ErrorCode::io, "log in to " + name_ + ": no answer within " +
                                     std::to_string(timeout.count()) + " ms");
    }
    if (outcome == Outcome::lost || completion.status != SCSI_STATUS_GOOD) {
      throw_login_error(name_, iscsi_get_error(context), completion.socket_error);
    }
    completion = {};
  };
  step(iscsi_connect_async(context, parsed->portal, complete, &session_->completion));
  step(iscsi_login_async(context, complete, &session_->completion));
}

IscsiTransport::~IscsiTransport() {
  if (session_ == nullptr) {
    return;
  }
  session_->completion = {};
  if (iscsi_logout_async(session_->context.get(), complete, &session_->completion) == 0) {
    static_cast<void>(
        run(session_->context.get(), session_->completion, Clock::now() + kLogoutTimeout));
  }
}

std::size_t IscsiTransport::most_data() const {
  return kMostTapeData;
}

void IscsiTransport::die(const std::string& reason) {
  // The caller's buffers must not be written to any more, whatever still comes.
  session_.reset();
  dead_because_ = reason;
  throw Error(ErrorCode::io, "ask " + name_ + ": " + reason);
}

Reply IscsiTransport::execute(const Command& command) {
  MIXTAPE_ASSERT(command.cdb.size() <= kMostCdbBytes);
  MIXTAPE_ASSERT(command.in.empty() || command.out.empty());
  if (session_ == nullptr) {
    throw Error(ErrorCode::io, "ask " + name_ + ": " + dead_because_);
  }
  const std::size_t offered = std::max(command.in.size(), command.out.size());
  if (offered > kMostTapeData) {
    throw Error(ErrorCode::invalid, "move " + std::to_string(offered) + " bytes with " + name_ +
                                        ": one command takes at most " +
                                        std::to_string(kMostTapeData));
  }
  std::array<unsigned char, kMostCdbBytes> cdb{};
  std::copy(command.cdb.begin(), command.cdb.end(), cdb.begin());
  const int direction = !command.in.empty()    ? SCSI_XFER_READ
                        : !command.out.empty() ? SCSI_XFER_WRITE
                                               : SCSI_XFER_NONE;
  Task task(scsi_create_task(static_cast<int>(command.cdb.size()), cdb.data(), direction,
                             static_cast<int>(offered)));
  if (task == nullptr) {
    throw Error(ErrorCode::exhausted, "ask " + name_ + ": no memory for a command");
  }
  if (!command.in.empty()) {
    scsi_task_add_data_in_buffer(task.get(), static_cast<int>(offered),
                                 reinterpret_cast<unsigned char*>(command.in.data()));
  } else if (!command.out.empty()) {
    // libiscsi knows no const; it only reads what goes out.
    scsi_task_add_data_out_buffer(
        task.get(), static_cast<int>(offered),
        reinterpret_cast<unsigned char*>(const_cast<std::byte*>(command.out.data())));
  }
  iscsi_context* context = session_->context.get();
  Completion& completion = session_->completion;
  completion = {};
  if (iscsi_scsi_command_async(context, session_->lun, task.get(), complete, nullptr,
                               &completion) != 0) {
    die("the connection is lost; see whether the target runs and open the drive again");
  }
  const Outcome outcome = run(context, completion, Clock::now() + command.timeout);
  if (outcome == Outcome::timed_out) {
    die("no answer within " + std::to_string(command.timeout.count()) +
        " ms; see whether the target and the drive are well and open the drive again");
  }
  // libiscsi's own codes for what has no status stand above those of SCSI.
  if (outcome == Outcome::lost || completion.status > 0xff) {
    die("the connection was cut; see whether the target runs and open the drive again");
  }
  Reply reply;
  reply.status = static_cast<Status>(completion.status);
  const std::size_t left =
      task->residual_status == SCSI_RESIDUAL_UNDERFLOW ? task->residual : std::size_t{0};
  reply.transferred = offered - std::min(left, offered);
  // A response with sense starts with its length, two bytes (RFC 7143 11.4.7).
  if (reply.status == Status::check_condition && task->datain.size > 2) {
    reply.sense_size =
        std::min<std::size_t>(static_cast<std::size_t>(task->datain.size) - 2, reply.sense.size());
    std::copy_n(task->datain.data + 2, reply.sense_size, reply.sense.begin());
  }
  return reply;
}

std::vector<unsigned> logical_units(Transport& transport) {
  constexpr std::size_t kHeader = 8;
  constexpr std::size_t kEntry = 8;
  constexpr std::size_t kMostEntries = 256;
  Bytes list(kHeader + kMostEntries * kEntry);
  std::array<std::uint8_t, 12> cdb{0xa0};
  cdb[8] = static_cast<std::uint8_t>(list.size() >> 8);
  cdb[9] = static_cast<std::uint8_t>(list.size());
  Reply reply;
  // The first answer after a login is often a unit attention, which says nothing about this.
  for (int attempt = 0; attempt < 3; ++attempt) {
    reply = transport.execute({.cdb = cdb, .in = list});
    if (reply.status == Status::good) {
      break;
    }
  }
  if (reply.status != Status::good) {
    throw Error(ErrorCode::io, "ask " + transport.name() + " for its logical units: refused");
  }
  const auto at = [&](std::size_t offset) { return std::to_integer<unsigned>(list[offset]); };
  const std::size_t listed = at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3);
  std::vector<unsigned> units;
  for (std::size_t entry = kHeader; entry + kEntry <= std::min(reply.transferred, kHeader + listed);
       entry += kEntry) {
    const unsigned method = at(entry) >> 6;  // SAM-5 4.7.7: 0 peripheral, 1 flat.
    if (method <= 1) {
      units.push_back((at(entry) & 0x3f) << 8 | at(entry + 1));
    }
  }
  std::sort(units.begin(), units.end());
  return units;
}

}  // namespace mixtape::tapeio::scsi
