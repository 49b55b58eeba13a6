// SPDX-License-Identifier: Apache-2.0
#include "tools/control_server.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <mutex>
#include <thread>

#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tools/control_protocol.h"

namespace mixtape::tools {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

constexpr auto kLookForRoom = std::chrono::milliseconds(100);
// A text is cut into frames of this size, so that no result is too long for one.
constexpr std::size_t kTextPiece = MiB;

bool is_ours(Protocol::socket& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

// One connected command: its words go out on the socket, a stop comes in.
class Client final : public Console {
 public:
  Client(Protocol::socket socket, const ControlServer::Run& run, std::chrono::milliseconds patience)
      : socket_(std::move(socket)), run_(run), thread_([this, patience] { serve(patience); }) {}

  ~Client() override {
    stop_.request_stop();
    // Wakes both threads out of the socket.
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
  }

  [[nodiscard]] bool finished() const { return finished_; }

  void out(std::string_view text) override { send_text(Message::Kind::out, text); }
  void error(std::string_view line) override { send_text(Message::Kind::error, line); }
  void progress(const Progress& progress) override {
    const auto now = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock(progress_mutex_);
      if (now - last_progress_ < kLookForRoom && progress.phase == last_phase_) {
        return;
      }
      last_progress_ = now;
      last_phase_ = progress.phase;
    }
    Message message = Message::of(Message::Kind::progress);
    message.progress = progress;
    send_if_there_is_room(message);
  }
  [[nodiscard]] std::stop_token stop() const override { return stop_.get_token(); }

 private:
  void read_by(std::chrono::steady_clock::time_point deadline, MutableBytes into) {
    while (!into.empty()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd waiting{.fd = socket_.native_handle(), .events = POLLIN, .revents = 0};
      const int ready = left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
      if (ready == 0) {
        throw Error(ErrorCode::cancelled, "control socket: a client sent no whole command");
      }
      if (ready > 0) {
        into = into.subspan(socket_.read_some(asio::buffer(into.data(), into.size())));
      }
    }
  }

  Message receive(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::array<std::byte, kFrameHeader> header;
    read_by(deadline, header);
    Bytes body(frame_length(header));
    read_by(deadline, body);
    return decode_message(body);
  }

  void send(const Message& message) {
    const std::lock_guard lock(send_mutex_);
    send_locked(message);
  }

  void send_locked(const Message& message) {
    const Bytes frame = encode_message(message);
    boost::system::error_code gone;
    asio::write(socket_, asio::buffer(frame.data(), frame.size()), gone);
    if (gone) {
      stop_.request_stop();
    }
  }

  // Progress is worth no waiting: a client that was stopped with Ctrl-Z must not halt the tape. The
  // kernel calls a socket writable while a good part of its buffer is free, so a frame this small
  // does not block then.
  void send_if_there_is_room(const Message& message) {
    const std::unique_lock lock(send_mutex_, std::try_to_lock);
    pollfd room{.fd = socket_.native_handle(), .events = POLLOUT, .revents = 0};
    if (lock && ::poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0) {
      send_locked(message);
    }
  }

  void send_text(Message::Kind kind, std::string_view text) {
    do {
      send(Message::of_text(kind, text.substr(0, kTextPiece)));
      text.remove_prefix(std::min(text.size(), kTextPiece));
    } while (!text.empty());
  }

  // Anything that arrives while the command runs, the end included, asks it to stop.
  void listen_for_stop() {
    std::byte any;
    boost::system::error_code gone;
    asio::read(socket_, asio::buffer(&any, 1), gone);
    stop_.request_stop();
  }

  int answer(const Invocation& invocation) {
    try {
      return run_(invocation, *this);
    } catch (const std::exception& failure) {
      return report_failure(failure, *this);
    }
  }

  void serve(std::chrono::milliseconds patience) {
    try {
      const Message request = receive(patience);
      if (request.kind != Message::Kind::run) {
        throw Error(ErrorCode::corrupt, "control socket: the first message is no command");
      }
      std::jthread listener([this] { listen_for_stop(); });
      Message last = Message::of(Message::Kind::exit);
      last.status = answer(request.invocation);
      send(last);
      // Wakes the listener.
      ::shutdown(socket_.native_handle(), SHUT_RDWR);
    } catch (const Error& error) {
      spdlog::warn("{}", error.what());
    } catch (const std::exception& error) {
      spdlog::warn("control socket: {}", error.what());
    }
    // Also after an error: the other side must not wait for an answer that never comes.
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    finished_ = true;
  }

  Protocol::socket socket_;
  const ControlServer::Run& run_;
  std::stop_source stop_;
  std::mutex send_mutex_;  // One frame at a time on the socket.
  std::mutex progress_mutex_;
  std::chrono::steady_clock::time_point last_progress_{};  // Guarded by progress_mutex_.
  std::string last_phase_;                                 // Guarded by progress_mutex_.
  std::atomic<bool> finished_ = false;
  std::jthread thread_;  // Last: it uses the members above.
};

}  // namespace

struct ControlServer::Impl {
  Impl(asio::io_context& context, const std::filesystem::path& home, Run run_in,
       std::chrono::milliseconds patience_in)
      : run(std::move(run_in)),
        patience(patience_in),
        file(home / "control.sock"),
        acceptor(context),
        room(context) {
    // Whoever holds the daemon's lock owns the name; what lies there is of a daemon that was
    // killed.
    tapeio::remove_file(file);
    const SocketPath path(home);
    const mode_t mask = ::umask(0177);
    boost::system::error_code failed;
    acceptor.open(Protocol());
    acceptor.bind(Protocol::endpoint(path.text()), failed);
    ::umask(mask);
    if (failed) {
      throw Error(ErrorCode::io, "bind " + file.string() + ": " + failed.message());
    }
    acceptor.listen();
    accept();
  }

  ~Impl() { tapeio::remove_file(file); }

  // False when there is no thread for another client; its connection is closed.
  bool serve(Protocol::socket& socket) {
    try {
      if (is_ours(socket)) {
        clients.emplace_back(std::move(socket), run, patience);
      }
      return true;
    } catch (const std::system_error& error) {
      spdlog::warn("serve a command: {}", error.what());
      return false;
    }
  }

  void accept_later() {
    room.expires_after(kLookForRoom);
    room.async_wait([this](boost::system::error_code stopped) {
      if (!stopped) {
        accept();
      }
    });
  }

  void accept() {
    clients.remove_if([](const Client& client) { return client.finished(); });
    if (clients.size() >= kMaxClients) {
      return accept_later();
    }
    acceptor.async_accept([this](boost::system::error_code failed, Protocol::socket socket) {
      if (failed == asio::error::operation_aborted) {
        return;
      }
      if (failed || !serve(socket)) {
        return accept_later();  // Out of descriptors or threads: others give theirs back.
      }
      accept();
    });
  }

  const Run run;
  const std::chrono::milliseconds patience;
  const std::filesystem::path file;
  Protocol::acceptor acceptor;
  asio::steady_timer room;
  std::list<Client> clients;
};

ControlServer::ControlServer(asio::io_context& context, const std::filesystem::path& home, Run run,
                             std::chrono::milliseconds patience)
    : impl_(std::make_unique<Impl>(context, home, std::move(run), patience)) {}

ControlServer::~ControlServer() = default;

}  // namespace mixtape::tools
