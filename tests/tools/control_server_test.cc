// SPDX-License-Identifier: Apache-2.0
#include "tools/control_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <future>
#include <thread>

#include "engine/home/home.h"
#include "tapeio/files.h"
#include "tests/support/temp_dir.h"
#include "tools/control_client.h"
#include "tools/control_protocol.h"

namespace mixtape::tools {
namespace {

using namespace std::chrono_literals;

// Long enough for a busy machine, and never waited for when all is well.
constexpr auto kLong = 60s;

class RecordingConsole final : public Console {
 public:
  void out(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    words_ += text;
  }
  void error(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    errors_ += std::string(line) + "\n";
  }
  void progress(const Progress&) override {}
  [[nodiscard]] std::stop_token stop() const override { return stopping.get_token(); }

  [[nodiscard]] std::string words() { return locked(words_); }
  [[nodiscard]] std::string errors() { return locked(errors_); }
  std::stop_source stopping;

 private:
  std::string locked(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return text;
  }

  std::mutex mutex_;
  std::string words_, errors_;  // Guarded by mutex_.
};

// A server on a thread, as in the daemon.
class Serving {
 public:
  Serving(const std::filesystem::path& home, ControlServer::Run run,
          std::chrono::milliseconds patience = kLong)
      : server_(std::make_unique<ControlServer>(context_, home, std::move(run), patience)),
        thread_([this] {
          context_.run();
          server_.reset();
        }) {}
  ~Serving() { context_.stop(); }

 private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  std::unique_ptr<ControlServer> server_;
  std::jthread thread_;
};

class ControlServerTest : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path home() const { return directory_.path(); }

  std::optional<int> run(const std::vector<std::string>& arguments, Console& console) {
    return run_in_daemon(home(), {arguments, "/"}, console);
  }

  // A client that knows how to connect and nothing else.
  tapeio::UniqueFd connect() {
    tapeio::UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketPath path(home());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.text().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    return client;
  }

  static Bytes command_frame() {
    Message message = Message::of(Message::Kind::run);
    message.invocation = {{"anything"}, "/"};
    return encode_message(message);
  }

  // Whether the server hangs up, having said nothing.
  static bool hangs_up(const tapeio::UniqueFd& client) {
    std::byte any[1];
    return tapeio::read_full(client.get(), any, "the control socket") == 0;
  }

  test::TempDir directory_;
};

TEST_F(ControlServerTest, WordsErrorsAndStatusArriveInOrder) {
  const Serving serving(home(), [](const Invocation& line, Console& console) {
    console.out("one " + line.arguments.at(0) + "\n");
    console.error("a problem");
    console.out(std::string(3'000'000, 'x'));
    return 3;
  });
  RecordingConsole console;
  EXPECT_EQ(run({"word"}, console), 3);
  EXPECT_EQ(console.words(), "one word\n" + std::string(3'000'000, 'x'));
  EXPECT_EQ(console.errors(), "a problem\n");
}

TEST_F(ControlServerTest, CtrlCOfTheClientEndsTheCommandInTheDaemon) {
  std::promise<void> started;
  const Serving serving(home(), [&](const Invocation&, Console& console) -> int {
    started.set_value();
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    (void)never.wait_for(lock, console.stop(), kLong, [] { return false; });
    throw Error(console.stop().stop_requested() ? ErrorCode::cancelled : ErrorCode::io,
                "stopped between two files");
  });
  RecordingConsole console;
  std::jthread user([&] {
    started.get_future().wait();
    console.stopping.request_stop();
  });
  EXPECT_EQ(run({"backup"}, console), kCancelled);
  EXPECT_EQ(console.errors(), "mixtape: stopped between two files\n");
}

TEST_F(ControlServerTest, AClientThatGoesAwayEndsItsCommand) {
  std::promise<void> stopped;
  const Serving serving(home(), [&](const Invocation&, Console& console) {
    std::promise<void> asked;
    const std::stop_callback callback(console.stop(), [&] { asked.set_value(); });
    if (asked.get_future().wait_for(kLong) == std::future_status::ready) {
      stopped.set_value();
    }
    return 0;
  });
  {
    const tapeio::UniqueFd client = connect();
    tapeio::write_full(client.get(), command_frame(), "the control socket");
  }
  EXPECT_EQ(stopped.get_future().wait_for(kLong), std::future_status::ready);
}

TEST_F(ControlServerTest, ASilentClientIsSentAway) {
  const Serving serving(
      home(), [](const Invocation&, Console&) { return 0; }, 50ms);
  EXPECT_TRUE(hangs_up(connect()));
}

TEST_F(ControlServerTest, HalfSentCommandsKeepNobodyOut) {
  const Serving serving(
      home(), [](const Invocation&, Console&) { return 0; }, 100ms);
  const Bytes frame = command_frame();
  std::vector<tapeio::UniqueFd> clients;
  for (std::size_t i = 0; i < kMaxClients; ++i) {
    clients.push_back(connect());
    // One stops in the length, the next in the message.
    tapeio::write_full(clients.back().get(), ByteView(frame).first(i % 2 == 0 ? 1 : 9),
                       "the control socket");
  }
  RecordingConsole console;
  EXPECT_EQ(run({"status"}, console), 0);
  for (const tapeio::UniqueFd& client : clients) {
    EXPECT_TRUE(hangs_up(client));
  }
}

TEST_F(ControlServerTest, WhatIsNoCommandIsSentAway) {
  const Serving serving(home(), [](const Invocation&, Console&) { return 0; });
  Bytes nested(kFrameHeader + kMaxFrame, std::byte{0x81});
  store_big_endian(nested.data(), static_cast<std::uint32_t>(kMaxFrame));
  for (const Bytes& frame : {nested, encode_message(Message::of(Message::Kind::stop))}) {
    const tapeio::UniqueFd client = connect();
    tapeio::write_full(client.get(), frame, "the control socket");
    EXPECT_TRUE(hangs_up(client));
  }
}

TEST_F(ControlServerTest, WhateverACommandThrowsIsToldAndTheDaemonGoesOn) {
  const Serving serving(home(), [](const Invocation& line, Console&) -> int {
    if (line.arguments.at(0) == "odd") {
      throw std::length_error("longer than anything");
    }
    throw Error(ErrorCode::not_found, "nothing is there");
  });
  RecordingConsole odd, usual;
  EXPECT_EQ(run({"odd"}, odd), kFailure);
  EXPECT_EQ(odd.errors(), "mixtape: longer than anything\n");
  EXPECT_EQ(run({"usual"}, usual), kNotFound);
  EXPECT_EQ(usual.errors(), "mixtape: nothing is there\n");
}

TEST_F(ControlServerTest, AClientThatStoppedReadingDoesNotHaltTheCommand) {
  std::promise<void> worked;
  const Serving serving(home(), [&](const Invocation&, Console& console) {
    for (int step = 0; step < 20'000; ++step) {
      // A phase of its own each: none is left out for coming too soon.
      console.progress({"step " + std::to_string(step), 0, 0, 0, 0});
    }
    worked.set_value();
    return 0;
  });
  const tapeio::UniqueFd client = connect();
  tapeio::write_full(client.get(), command_frame(), "the control socket");
  EXPECT_EQ(worked.get_future().wait_for(kLong), std::future_status::ready);
}

class LentWorkspace final : public Daemon {
 public:
  explicit LentWorkspace(const std::filesystem::path& home)
      : workspace_(home::Home(home)), recall_(workspace_, [](const std::string&) {}) {}
  service::Workspace& workspace() override { return workspace_; }
  service::RecallService& recall() override { return recall_; }
  void committed(const service::ChangedPaths&) override {}

 private:
  service::Workspace workspace_;
  service::RecallService recall_;
};

TEST_F(ControlServerTest, ACommandSaysTheSameWithAndWithoutADaemon) {
  home::Home::create(home());
  const std::string place = "--home=" + home().string();
  LentWorkspace daemon(home());
  const Serving serving(home(), [&](const Invocation& line, Console& console) {
    return run_command_line(line, console, &daemon);
  });
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {place, "backup", "/proc/no such root"},
           {place, "backup"},
           {place, "forget", "/nowhere"},
           {place, "flush"},
           {place, "flush", "--json"},
           {place, "queue"},
           {place, "queue", "--json"},
           {place, "cancel", "7"},
           {place, "recall", "/nowhere"},
           {place, "restore", "/nowhere", "--to", "/nowhere either"},
           {place, "media", "move", "MX0001", "shelf B"},
           {place, "media", "retire", "no-such-medium"},
           {place, "no-such-command"}}) {
    RecordingConsole here, there;
    const int status = run_command_line({arguments, "/"}, here, nullptr);
    EXPECT_EQ(run(arguments, there), status) << arguments.at(1);
    EXPECT_EQ(there.words(), here.words());
    EXPECT_EQ(there.errors(), here.errors());
  }
}

}  // namespace
}  // namespace mixtape::tools
