// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tapeio/bytes.h"
#include "tapeio/unique_fd.h"
#include "tools/command.h"

// What a command and the daemon say to each other over HOME/control.sock.
//
// Each message is a frame: its length (4 bytes, big-endian) and one CBOR map. CBOR, because file
// names are bytes and JSON texts are not.
//   client: {"run": {"arguments": [..], "directory": "..", "terminal": true}}   once, first
//           {"stop": true}                     Ctrl-C; closing the socket means the same
//   daemon: {"out": ".."} {"error": ".."} {"progress": {..}}  as they come
//           {"exit": status}                                  once, last
//
// Errors: throws Error{corrupt} for anything else, before anything of it is used.

namespace mixtape::tools {

// A command line is bounded by the kernel to 2 MiB (a quarter of the default stack); nothing else
// comes near.
inline constexpr std::size_t kMaxFrame = 4 * MiB;
inline constexpr std::size_t kFrameHeader = 4;

struct Message {
  enum class Kind { run, stop, out, error, progress, exit };
  Kind kind{};
  Invocation invocation;  // run
  std::string text;       // out, error
  Progress progress;
  int status = 0;  // exit

  static Message of(Kind kind) {
    Message message;
    message.kind = kind;
    return message;
  }
  static Message of_text(Kind kind, std::string_view text) {
    Message message = of(kind);
    message.text = text;
    return message;
  }
};

// The whole frame, header included.
Bytes encode_message(const Message& message);
// The length that a frame header announces; Error{corrupt} beyond kMaxFrame.
std::size_t frame_length(ByteView header);
Message decode_message(ByteView body);

// sockaddr_un holds 107 bytes, a home may lie deeper: the socket is named through an open
// directory.
class SocketPath {
 public:
  explicit SocketPath(const std::filesystem::path& home);
  [[nodiscard]] std::string text() const;

 private:
  tapeio::UniqueFd directory_;
};

}  // namespace mixtape::tools
