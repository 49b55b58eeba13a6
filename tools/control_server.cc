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

// A client sends its command at once; who is silent must not keep others out.
constexpr int kFirstFrame = 5000;  // Milliseconds.
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
  Client(Protocol::socket socket, Daemon& daemon)
      : socket_(std::move(socket)), daemon_(daemon), thread_([this] { serve(); }) {}

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
    send(message);
  }
  [[nodiscard]] std::stop_token stop() const override { return stop_.get_token(); }

 private:
  void await_first_frame() {
    pollfd waiting{.fd = socket_.native_handle(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kFirstFrame) != 1) {
      throw Error(ErrorCode::cancelled, "control socket: a client sent no command");
    }
  }

  Message receive() {
    std::array<std::byte, kFrameHeader> header;
    asio::read(socket_, asio::buffer(header));
    Bytes body(frame_length(header));
    asio::read(socket_, asio::buffer(body.data(), body.size()));
    return decode_message(body);
  }

  void send(const Message& message) {
    const Bytes frame = encode_message(message);
    const std::lock_guard lock(send_mutex_);
    boost::system::error_code gone;
    asio::write(socket_, asio::buffer(frame.data(), frame.size()), gone);
    if (gone) {
      stop_.request_stop();
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

  void serve() {
    try {
      await_first_frame();
      const Message request = receive();
      if (request.kind != Message::Kind::run) {
        throw Error(ErrorCode::corrupt, "control socket: the first message is no command");
      }
      std::jthread listener([this] { listen_for_stop(); });
      Message last = Message::of(Message::Kind::exit);
      const auto command = parse_command(request.invocation, *this, last.status);
      if (command) {
        last.status = run_command(*command, request.invocation, *this, &daemon_);
      }
      send(last);
      // Wakes the listener.
      ::shutdown(socket_.native_handle(), SHUT_RDWR);
    } catch (const boost::system::system_error& error) {
      spdlog::warn("control socket: {}", error.what());
    } catch (const Error& error) {
      spdlog::warn("{}", error.what());
    }
    // Also after an error: the other side must not wait for an answer that never comes.
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    finished_ = true;
  }

  Protocol::socket socket_;
  Daemon& daemon_;
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
  Impl(asio::io_context& context, const std::filesystem::path& home, Daemon& daemon_in)
      : daemon(daemon_in), file(home / "control.sock"), acceptor(context), room(context) {
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

  void accept() {
    clients.remove_if([](const Client& client) { return client.finished(); });
    if (clients.size() >= kMaxClients) {
      room.expires_after(kLookForRoom);
      room.async_wait([this](boost::system::error_code stopped) {
        if (!stopped) {
          accept();
        }
      });
      return;
    }
    acceptor.async_accept([this](boost::system::error_code failed, Protocol::socket socket) {
      if (failed == asio::error::operation_aborted) {
        return;
      }
      if (!failed && is_ours(socket)) {
        clients.emplace_back(std::move(socket), daemon);
      }
      accept();
    });
  }

  Daemon& daemon;
  const std::filesystem::path file;
  Protocol::acceptor acceptor;
  asio::steady_timer room;
  std::list<Client> clients;
};

ControlServer::ControlServer(asio::io_context& context, const std::filesystem::path& home,
                             Daemon& daemon)
    : impl_(std::make_unique<Impl>(context, home, daemon)) {}

ControlServer::~ControlServer() = default;

}  // namespace mixtape::tools
