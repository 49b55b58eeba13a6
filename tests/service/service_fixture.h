// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/service/backup.h"
#include "engine/service/context.h"
#include "engine/service/flush.h"
#include "engine/service/recall_service.h"
#include "tapeio/files.h"
#include "tests/support/temp_dir.h"

// A home with disk media, a directory of sources, and a clock that never stands still.

namespace mixtape::service {

class ServiceReporter final : public Reporter {
 public:
  void progress(const Progress& progress) override {
    if (on_progress) {
      on_progress();
    }
    if (on_phase) {
      on_phase(progress.phase);
    }
  }
  void note(const std::string& line) override {
    notes.push_back(line);
    if (on_note) {
      on_note(line);
    }
  }
  void problem(const std::string& line) override { problems.push_back(line); }
  [[nodiscard]] std::stop_token stop() const override { return stopping.get_token(); }
  std::function<void()> on_progress;
  std::function<void(const std::string& phase)> on_phase;
  std::function<void(const std::string& line)> on_note;
  std::vector<std::string> notes, problems;
  std::stop_source stopping;
};

class ServiceTest : public testing::Test {
 protected:
  explicit ServiceTest(test::TempDir::Place place = test::TempDir::Place::disk)
      : directory_(place) {
    home::Home::create(home());
    std::filesystem::create_directories(source());
  }

  [[nodiscard]] std::filesystem::path home() const { return directory_ / "home"; }
  [[nodiscard]] std::filesystem::path source(std::string_view name = "") const {
    return name.empty() ? root_ : root_ / name;
  }
  void write(std::string_view name, std::string_view text) { test::write_text(source(name), text); }
  void remove(std::string_view name) { std::filesystem::remove_all(source(name)); }
  // Replaces mixtape.toml; call before the first context().
  void configure(std::string_view toml) { test::write_text(home() / "mixtape.toml", toml); }

  Context& context() {
    if (!context_) {
      workspace_ = std::make_unique<Workspace>(home::Home(home()), libraries_options_);
      context_ = std::make_unique<Context>(*workspace_, catalog::Access::write,
                                           [this] { return now_s_++; });
    }
    return *context_;
  }
  // Forgets everything in memory, as the next command does.
  void reopen() {
    context_.reset();
    workspace_.reset();
  }
  staging::Staging& staging() {
    context();
    return workspace_->staging();
  }
  // As through the mount: `path` is that of the catalog.
  void stage(std::string_view path, std::string_view text) {
    test::write_text(staging().tree() / path, text);
  }

  // Without root's power to read everything.
  template <typename Action>
  void as_nobody(Action action) {
    constexpr uid_t kNobody = 65534;
    const bool root = ::geteuid() == 0;
    if (root) {
      EXPECT_EQ(::lchown(directory_.path().c_str(), kNobody, kNobody), 0);
      for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
        EXPECT_EQ(::lchown(entry.path().c_str(), kNobody, kNobody), 0);
      }
      EXPECT_EQ(::seteuid(kNobody), 0);
    }
    action();
    if (root) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }

  BackupResult back_up() { return backup(context(), request(), reporter_); }
  BackupRequest request() {
    BackupRequest request;
    request.roots = {source().string()};
    request.command = "mixtape backup";
    return request;
  }
  FlushResult flush_now() { return flush(context(), "mixtape flush", reporter_); }

  [[nodiscard]] std::string path_of(std::string_view name) const {
    return source(name).relative_path().string();
  }
  // What `latest` shows at a path of the catalog.
  std::optional<catalog::Version> latest(std::string_view path) {
    const auto id = context().tree.find_path(path);
    return id ? context().tree.at({}, *id) : std::nullopt;
  }
  // What the cache has of a version's content.
  std::optional<std::string> cached(const catalog::Version& version) {
    const auto fd = context().workspace.cache().open(to_content(version));
    if (!fd) {
      return std::nullopt;
    }
    Bytes bytes(version.size);
    bytes.resize(tapeio::read_full(fd->get(), bytes, "entry"));
    return std::string(as_text(bytes));
  }
  std::int64_t count(const std::string& table) {
    catalog::Statement statement(context().database, "SELECT count(*) FROM " + table);
    return statement.step() ? statement.integer(0) : -1;
  }

  test::TempDir directory_;
  // Without symlinks, as paths in the catalog are.
  const std::filesystem::path root_ = std::filesystem::canonical(directory_.path()) / "source";
  ServiceReporter reporter_;
  LibrariesOptions libraries_options_;  // Of the next context().
  // Far ahead of every file made here: nothing changed "just now".
  std::int64_t now_s_ = 4'000'000'000;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<Context> context_;
};

}  // namespace mixtape::service
