// SPDX-License-Identifier: Apache-2.0
#include "tools/control_client.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "tapeio/error.h"
#include "tools/control_protocol.h"

namespace mixtape::tools {
namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

void send(Socket& socket, const Message& message) {
  const Bytes frame = encode_message(message);
  asio::write(socket, asio::buffer(frame.data(), frame.size()));
}

Message receive(Socket& socket) {
  std::array<std::byte, kFrameHeader> header;
  asio::read(socket, asio::buffer(header));
  Bytes body(frame_length(header));
  asio::read(socket, asio::buffer(body.data(), body.size()));
  return decode_message(body);
}

// Passes the daemon's words on until the command has ended.
int follow(Socket& socket, Console& console) {
  for (;;) {
    const Message message = receive(socket);
    switch (message.kind) {
      case Message::Kind::out:
        console.out(message.text);
        break;
      case Message::Kind::error:
        console.error(message.text);
        break;
      case Message::Kind::progress:
        console.progress(message.progress);
        break;
      case Message::Kind::exit:
        return message.status;
      case Message::Kind::run:
      case Message::Kind::stop:
        throw Error(ErrorCode::corrupt, "control socket: the daemon sent a client's message");
    }
  }
}

}  // namespace

std::optional<int> run_in_daemon(const std::filesystem::path& home, const Invocation& invocation,
                                 Console& console) {
  if (!std::filesystem::exists(home / "control.sock")) {
    return std::nullopt;
  }
  asio::io_context context;
  Socket socket(context);
  boost::system::error_code refused;
  const SocketPath path(home);
  socket.connect(asio::local::stream_protocol::endpoint(path.text()), refused);
  if (refused) {
    // A daemon that was killed leaves its socket behind; nobody listens to it.
    return std::nullopt;
  }
  try {
    Message request = Message::of(Message::Kind::run);
    request.invocation = invocation;
    send(socket, request);
    const std::stop_callback pass_on(console.stop(), [&] {
      try {
        send(socket, Message::of(Message::Kind::stop));
      } catch (const boost::system::system_error&) {
        // The daemon is gone already; the reader notices too.
      }
    });
    return follow(socket, console);
  } catch (const boost::system::system_error& error) {
    throw Error(ErrorCode::io,
                "the daemon that has " + home.string() + " mounted went away: " + error.what());
  }
}

}  // namespace mixtape::tools
