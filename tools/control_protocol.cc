// SPDX-License-Identifier: Apache-2.0
#include "tools/control_protocol.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::tools {
namespace {

using nlohmann::json;

// {"run": {"arguments": [..]}} is the deepest message.
constexpr std::size_t kMaxDepth = 3;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::corrupt, "control socket: a message that is none: " + why);
}

// Takes an item's kind (RFC 8949: its major type) and number off the front of `rest`.
std::pair<unsigned, std::uint64_t> take_head(ByteView& rest) {
  const auto take = [&rest](std::size_t size) {
    if (rest.size() < size) {
      refuse("it is cut off");
    }
    std::uint64_t value = 0;
    for (const std::byte byte : rest.first(size)) {
      value = (value << 8) | std::to_integer<std::uint64_t>(byte);
    }
    rest = rest.subspan(size);
    return value;
  };
  const std::uint64_t head = take(1);
  const auto kind = static_cast<unsigned>(head >> 5);
  const std::uint64_t number = head & 31;
  if (number > 27) {
    refuse("it has an item without a length");
  }
  return {kind, number < 24 ? number : take(std::size_t{1} << (number - 24))};
}

// Passes only what encode_message makes: maps, lists, texts, integers, true and false, nested no
// deeper than that. The JSON library calls itself once a level, and what nests is a few bytes a
// level.
void check_shape(ByteView rest) {
  enum : unsigned { kUnsigned = 0, kNegative = 1, kText = 3, kList = 4, kMap = 5, kSimple = 7 };
  constexpr std::uint64_t kFalse = 20, kTrue = 21;
  std::vector<std::uint64_t> missing{1};  // Items that are to come, one number for each level.
  while (!missing.empty()) {
    if (missing.back() == 0) {
      missing.pop_back();
      continue;
    }
    --missing.back();
    const auto [kind, number] = take_head(rest);
    if (kind == kList || kind == kMap) {
      // Each item is at least one byte, so the number of a list or map fits too.
      if (missing.size() > kMaxDepth || number > rest.size()) {
        refuse("it is too deep or too long");
      }
      missing.push_back(kind == kMap ? 2 * number : number);
    } else if (kind == kText) {
      if (number > rest.size()) {
        refuse("it is cut off");
      }
      rest = rest.subspan(number);
    } else if (kind != kUnsigned && kind != kNegative &&
               (kind != kSimple || (number != kFalse && number != kTrue))) {
      refuse("it has an item of a kind that is not used");
    }
  }
}

// The part that is done is sent in millionths, and only where it is known: a message has no
// fractions and nothing that is null.
constexpr std::uint64_t kMillion = 1'000'000;

json encode_progress(const Progress& progress) {
  json map = {{"phase", progress.phase},
              {"done_bytes", progress.done_bytes},
              {"total_bytes", progress.total_bytes},
              {"done_files", progress.done_files},
              {"total_files", progress.total_files}};
  if (progress.part) {
    map["part"] = static_cast<std::uint64_t>(std::clamp(*progress.part, 0.0, 1.0) * kMillion);
  }
  return map;
}

Progress decode_progress(const json& map) {
  Progress progress;
  progress.phase = map.at("phase").get<std::string>();
  progress.done_bytes = map.at("done_bytes").get<std::uint64_t>();
  progress.total_bytes = map.at("total_bytes").get<std::uint64_t>();
  progress.done_files = map.at("done_files").get<std::uint64_t>();
  progress.total_files = map.at("total_files").get<std::uint64_t>();
  if (const auto part = map.find("part"); part != map.end()) {
    progress.part =
        static_cast<double>(std::min(part->get<std::uint64_t>(), kMillion)) / double{kMillion};
  }
  return progress;
}

json encode_map(const Message& message) {
  switch (message.kind) {
    case Message::Kind::run:
      return {{"run",
               {{"arguments", message.invocation.arguments},
                {"directory", message.invocation.directory.string()},
                {"terminal", message.invocation.on_terminal}}}};
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
    message.invocation.on_terminal = value.value("terminal", false);
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
  check_shape(body);
  try {
    const auto* data = reinterpret_cast<const std::uint8_t*>(body.data());
    const json map = json::from_cbor(data, data + body.size());
    if (!map.is_object() || map.size() != 1) {
      refuse("not a map of one");
    }
    return decode_map(map.begin().key(), map.begin().value());
  } catch (const json::exception& error) {
    refuse(error.what());
  }
}

SocketPath::SocketPath(const std::filesystem::path& home)
    : directory_(tapeio::open_file(home, O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

std::string SocketPath::text() const {
  return "/proc/self/fd/" + std::to_string(directory_.get()) + "/control.sock";
}

}  // namespace mixtape::tools
