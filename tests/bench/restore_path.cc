// SPDX-License-Identifier: Apache-2.0
// How fast files come back, as ratios taken in one run: against the pipe that does the same with
// age and tar (which verifies no content), reading the same archive from the same disk.
//
// Usage: restore_path DIRECTORY. Makes sources, a home and two restored trees below DIRECTORY
// (5 GiB; /dev/shm does well) and removes them.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "engine/service/backup.h"
#include "engine/service/restore.h"
#include "tapeio/files.h"

namespace mixtape {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargeFile = 256 * MiB;
constexpr int kLargeFiles = 4;
constexpr int kSmallFiles = 50'000;

class Silent final : public Reporter {
 public:
  void progress(const Progress&) override {}
  void note(const std::string&) override {}
  void problem(const std::string& line) override { std::fprintf(stderr, "%s\n", line.c_str()); }
  [[nodiscard]] std::stop_token stop() const override { return {}; }
};

struct Spent {
  double seconds, processor_seconds;
};

Spent spent_by(const std::function<void()>& work) {
  const auto processor = [] {
    double seconds = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
      rusage usage{};
      ::getrusage(who, &usage);
      for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
        seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
      }
    }
    return seconds;
  };
  const double before = processor();
  const auto start = std::chrono::steady_clock::now();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          processor() - before};
}

void write_source(const fs::path& path, std::uint64_t size, std::uint64_t seed) {
  fs::create_directories(path.parent_path());
  const tapeio::UniqueFd file = tapeio::open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  std::vector<std::uint64_t> block(std::min<std::uint64_t>(size, MiB) / 8 + 1);
  for (std::uint64_t done = 0; done < size;) {
    for (std::uint64_t& word : block) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      word = seed;
    }
    const std::size_t part = std::min<std::uint64_t>(size - done, MiB);
    tapeio::write_full(file.get(), ByteView(std::as_bytes(std::span(block))).first(part), path);
    done += part;
  }
}

void run(const fs::path& directory, const char* what,
         const std::function<void(const fs::path&)>& make) {
  fs::remove_all(directory);
  make(directory / "source");
  home::Home::create(directory / "home");
  service::Workspace workspace{home::Home(directory / "home")};
  service::Context context(workspace, catalog::Access::write);
  Silent reporter;
  service::BackupRequest backup;
  backup.roots = {(directory / "source").string()};
  backup.command = "bench";
  (void)service::backup(context, backup, reporter);

  service::RestoreRequest request;
  request.paths = backup.roots;
  request.to = (directory / "ours").string();
  service::RestoreResult result;
  request.dry_run = true;
  const Spent plan = spent_by([&] { (void)service::restore(context, request, reporter); });
  request.dry_run = false;
  const Spent ours = spent_by([&] { result = service::restore(context, request, reporter); });
  const double gigabytes = static_cast<double>(result.bytes) / 1e9;
  std::printf(
      "%s: %.0f MB/s, %.0f files/s, %.2f processor seconds, %.2f of them planning (%llu files, "
      "%llu troubles)\n",
      what, gigabytes * 1000 / ours.seconds, static_cast<double>(result.files) / ours.seconds,
      ours.processor_seconds, plan.processor_seconds, static_cast<unsigned long long>(result.files),
      static_cast<unsigned long long>(result.trouble_count));
  fs::remove_all(directory / "ours");

  const std::string pipe = "cd " + directory.string() +
                           " && mkdir theirs && cat $(find home -name '*.archive.tar.age') | "
                           "age -d -i $(ls home/keys/*.identity | head -1) | tar x -C theirs";
  const Spent theirs = spent_by([&] {
    if (std::system(pipe.c_str()) != 0) {
      std::fprintf(stderr, "age or tar failed\n");
    }
  });
  std::printf("%s: age -d | tar x takes %.2f times as long, %.2f times the processor\n", what,
              theirs.seconds / ours.seconds, theirs.processor_seconds / ours.processor_seconds);
  fs::remove_all(directory);
}

}  // namespace
}  // namespace mixtape

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: restore_path DIRECTORY\n");
    return 2;
  }
  const mixtape::fs::path directory = mixtape::fs::path(argv[1]) / "mixtape-restore-bench";
  mixtape::run(directory, "large files", [](const mixtape::fs::path& source) {
    for (int i = 0; i < mixtape::kLargeFiles; ++i) {
      mixtape::write_source(source / std::to_string(i), mixtape::kLargeFile, i);
    }
  });
  mixtape::run(directory, "small files", [](const mixtape::fs::path& source) {
    for (int i = 0; i < mixtape::kSmallFiles; ++i) {
      mixtape::write_source(source / std::to_string(i / 500) / std::to_string(i), i % 4097, i);
    }
  });
  return 0;
}
