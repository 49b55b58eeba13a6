// SPDX-License-Identifier: Apache-2.0
#include "tools/control_protocol.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::tools {
namespace {

using nlohmann::json;

json encode_progress(const Progress& progress) {
  return {{"phase", progress.phase},
          {"done_bytes", progress.done_bytes},
          {"total_bytes", progress.total_bytes},
          {"done_files", progress.done_files},
          {"total_files", progress.total_files}};
}

Progress decode_progress(const json& map) {
  Progress progress;
  progress.phase = map.at("phase").get<std::string>();
  progress.done_bytes = map.at("done_bytes").get<std::uint64_t>();
  progress.total_bytes = map.at("total_bytes").get<std::uint64_t>();
  progress.done_files = map.at("done_files").get<std::uint64_t>();
  progress.total_files = map.at("total_files").get<std::uint64_t>();
  return progress;
}

json encode_map(const Message& message) {
  switch (message.kind) {
    case Message::Kind::run:
      return {{"run",
               {{"arguments", message.invocation.arguments},
                {"directory", message.invocation.directory.string()}}}};
    case Message::Kind::stop:
      return {{"stop", true}};
    case Message::Kind::out:
      return {{"out", message.text}};
    case Message::Kind::error:
      return {{"error", message.text}};
    case Message::Kind::progress:
      return {{"progress", encode_progress(message.progress)}};
    case Message::Kind::exit:
      return {{"exit", message.status}};
  }
  MIXTAPE_ASSERT(!"every kind of message is encoded above");
}

Message decode_map(const std::string& kind, const json& value) {
  Message message;
  if (kind == "run") {
    message.kind = Message::Kind::run;
    message.invocation.arguments = value.at("arguments").get<std::vector<std::string>>();
    message.invocation.directory = value.at("directory").get<std::string>();
  } else if (kind == "stop") {
    message.kind = Message::Kind::stop;
  } else if (kind == "out" || kind == "error") {
    message.kind = kind == "out" ? Message::Kind::out : Message::Kind::error;
    message.text = value.get<std::string>();
  } else if (kind == "progress") {
    message.kind = Message::Kind::progress;
    message.progress = decode_progress(value);
  } else if (kind == "exit") {
    message.kind = Message::Kind::exit;
    message.status = value.get<int>();
  } else {
    throw Error(ErrorCode::corrupt, "control socket: a message of an unknown kind");
  }
  return message;
}

// The deepest message is {"run": {"arguments": ["..."]}}.
constexpr std::size_t kMostNested = 3;

// One CBOR item's head: what it is, and its length or value.
struct Head {
  unsigned major = 0;
  std::uint64_t value = 0;
};

std::optional<Head> take_head(ByteView& rest) {
  if (rest.empty()) {
    return std::nullopt;
  }
  const auto first = std::to_integer<unsigned>(rest[0]);
  Head head{first >> 5, first & 31};
  rest = rest.subspan(1);
  if (head.value < 24) {
    return head;
  }
  // 28 and more: reserved, or an item of unknown length; our encoder writes neither.
  const std::size_t width = head.value < 28 ? std::size_t{1} << (head.value - 24) : rest.size() + 1;
  if (width > rest.size()) {
    return std::nullopt;
  }
  head.value = 0;
  for (const std::byte byte : rest.first(width)) {
    head.value = head.value << 8 | std::to_integer<unsigned>(byte);
  }
  rest = rest.subspan(width);
  return head;
}

// Whether from_cbor may be trusted with it: that one calls itself for each level of nesting, tags
// and pieces of strings included, and four million levels do not fit on a stack.
bool is_shallow(ByteView body) {
  std::vector<std::uint64_t> open{1};  // Items still to come, one number a level.
  while (!open.empty()) {
    if (open.back() == 0) {
      open.pop_back();
      continue;
    }
    --open.back();
    const auto head = take_head(body);
    constexpr unsigned kBytes = 2, kText = 3, kArray = 4, kMap = 5, kTag = 6;
    if (!head || head->major == kTag) {
      return false;
    }
    if (head->major == kArray || head->major == kMap) {
      // An item has at least one byte: beyond that the number is a lie, and could not be doubled.
      if (open.size() > kMostNested || head->value > body.size()) {
        return false;
      }
      open.push_back(head->value * (head->major == kMap ? 2 : 1));
    } else if (head->major == kBytes || head->major == kText) {
      if (head->value > body.size()) {
        return false;
      }
      body = body.subspan(head->value);
    }
  }
  return true;
}

}  // namespace

Bytes encode_message(const Message& message) {
  const std::vector<std::uint8_t> body = json::to_cbor(encode_map(message));
  MIXTAPE_ASSERT(body.size() <= kMaxFrame);
  Bytes frame(kFrameHeader + body.size());
  store_big_endian(frame.data(), static_cast<std::uint32_t>(body.size()));
  std::memcpy(frame.data() + kFrameHeader, body.data(), body.size());
  return frame;
}

std::size_t frame_length(ByteView header) {
  MIXTAPE_ASSERT(header.size() == kFrameHeader);
  const std::size_t length = load_big_endian<std::uint32_t>(header.data());
  if (length == 0 || length > kMaxFrame) {
    throw Error(ErrorCode::corrupt, "control socket: a message of an impossible length");
  }
  return length;
}

Message decode_message(ByteView body) {
  if (!is_shallow(body)) {
    throw Error(ErrorCode::corrupt, "control socket: a message that is none");
  }
  try {
    const auto* data = reinterpret_cast<const std::uint8_t*>(body.data());
    const json map = json::from_cbor(data, data + body.size());
    if (!map.is_object() || map.size() != 1) {
      throw Error(ErrorCode::corrupt, "control socket: a message that is none");
    }
    return decode_map(map.begin().key(), map.begin().value());
  } catch (const json::exception& error) {
    throw Error(ErrorCode::corrupt,
                "control socket: a message that is none: " + std::string(error.what()));
  }
}

SocketPath::SocketPath(const std::filesystem::path& home)
    : directory_(tapeio::open_file(home, O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

std::string SocketPath::text() const {
  return "/proc/self/fd/" + std::to_string(directory_.get()) + "/control.sock";
}

}  // namespace mixtape::tools
