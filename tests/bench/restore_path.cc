// SPDX-License-Identifier: Apache-2.0
// How fast files come back, as ratios taken in one run: against the machine's own limit, against
// the pipe that does the same with age and tar (which verifies no content), the same pipe with a
// hash beside it, and the witness of the format, all reading the same archive from the same disk.
//
// Usage: restore_path DIRECTORY [BUILD_DIR [RUNS]]. Makes sources, a home and restored trees below
// DIRECTORY (4 GiB; /dev/shm does well) and removes them. With BUILD_DIR also `unmixtape`, and
// `cp -a` from the mount with an empty cache. Prints medians of RUNS (5), which do all in turn.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/service/backup.h"
#include "engine/service/restore.h"
#include "tapeio/files.h"
#include "tests/bench/measure.h"

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

class Bench {
 public:
  Bench(fs::path directory, fs::path build, int runs)
      : directory_(std::move(directory)), build_(std::move(build)), runs_(runs) {}

  void run(const char* what, const std::function<void(const fs::path&)>& make) {
    fs::remove_all(directory_);
    make(directory_ / "source");
    home::Home::create(directory_ / "home");
    service::Workspace workspace{home::Home(directory_ / "home")};
    service::Context context(workspace, catalog::Access::write);
    service::BackupRequest backup;
    backup.roots = {(directory_ / "source").string()};
    backup.command = "bench";
    const service::BackupResult source = service::backup(context, backup, reporter_);
    fs::remove_all(directory_ / "source");
    std::map<std::string, std::vector<double>> figures;
    for (int i = 0; i < runs_; ++i) {
      measure(context, backup.roots, figures);
    }
    print(what, source, figures);
    fs::remove_all(directory_);
  }

 private:
  using Figures = std::map<std::string, std::vector<double>>;

  void measure(service::Context& context, const std::vector<std::string>& paths, Figures& figures) {
    service::RestoreRequest request;
    request.paths = paths;
    request.to = (directory_ / "out").string();
    request.dry_run = true;
    const bench::Spent plan =
        bench::spent_by([&] { (void)service::restore(context, request, reporter_); });
    figures["planning"].push_back(plan.seconds);
    request.dry_run = false;
    note("mixtape restore", figures, [&] {
      const service::RestoreResult result = service::restore(context, request, reporter_);
      if (result.trouble_count != 0) {
        std::fprintf(stderr, "%s: %s\n", result.troubles[0].path.c_str(),
                     result.troubles[0].why.c_str());
      }
    });
    const std::string key = "-i $(ls home/keys/*.identity | head -n 1) ";
    const std::string archives = "cat $(find home -name '*.archive.tar.age') | age -d " + key;
    shell("age -d | tar x", figures, archives + "| tar x -C out");
    shell("age -d | tee >(b2sum) | tar x", figures,
          archives + "| tee >(b2sum -l 256 >/dev/null) | tar x -C out");
    if (!build_.empty()) {
      shell("unmixtape extract-all", figures,
            (build_ / "tests/support/unmixtape_witness").string() + " extract-all " + key +
                "-o out $(dirname $(find home -name '*.archive.tar.age' | head -n 1)) >/dev/null");
      copy_from_mount(figures);
    }
    const bench::Alone alone{
        .hash = bench::hash_alone(), .cipher = bench::open_alone(), .copy = copy_alone()};
    figures["hash alone"].push_back(alone.hash);
    figures["cipher alone"].push_back(alone.cipher);
    figures["copy alone"].push_back(alone.copy);
    figures["limit"].push_back(alone.limit());
  }

  // Both ways of every byte: from the archive, and to a new file.
  double copy_alone() {
    for (const auto& entry : fs::recursive_directory_iterator(directory_ / "home")) {
      if (entry.path().string().ends_with(".archive.tar.age")) {
        return 1 / (1 / bench::read_alone(entry.path()) + 1 / bench::write_alone(directory_));
      }
    }
    return 0;
  }

  void note(const std::string& what, Figures& figures, const std::function<void()>& work) {
    fs::remove_all(directory_ / "out");
    fs::create_directory(directory_ / "out");
    const bench::Spent spent = bench::spent_by(work);
    figures[what].push_back(spent.seconds);
    figures[what + " (processor)"].push_back(spent.processor_seconds);
    fs::remove_all(directory_ / "out");
  }

  void shell(const std::string& what, Figures& figures, const std::string& command) {
    note(what, figures, [&] { run_shell(command); });
  }

  void run_shell(const std::string& command) {
    const std::string line = "cd " + directory_.string() + " && exec bash -c '" + command + "'";
    if (std::system(line.c_str()) != 0) {
      std::fprintf(stderr, "failed: %s\n", command.c_str());
    }
  }

  void copy_from_mount(Figures& figures) {
    const fs::path mount = directory_ / "mount";
    fs::create_directory(mount);
    ::setenv("MIXTAPE_HOME", (directory_ / "home").c_str(), 1);
    run_shell("rm -rf home/cache/*");
    run_shell((build_ / "tools/mount.mixtape").string() + " mount 2>/dev/null");
    shell("cp -a from the mount", figures, "cp -a mount/latest/. out/");
    run_shell("umount mount");
  }

  void print(const char* what, const service::BackupResult& source, const Figures& figures) {
    const auto of = [&](const std::string& name) { return bench::median(figures.at(name)); };
    const double gigabytes = static_cast<double>(source.bytes) / 1e9;
    const double ours = of("mixtape restore");
    std::printf("%s: %llu files, %.2f GB, median of %d; %.0f files/s, %.2f s of it planning\n",
                what, static_cast<unsigned long long>(source.files), gigabytes, runs_,
                static_cast<double>(source.files) / ours, of("planning"));
    std::printf("  one processor: hash %.2f, cipher %.2f, copy %.2f GB/s\n", of("hash alone"),
                of("cipher alone"), of("copy alone"));
    std::printf("  limit of %.0f: %.3f GB/s; mixtape restore %.3f GB/s, %.2f of the limit\n",
                bench::Alone::processors(), of("limit"), gigabytes / ours,
                gigabytes / ours / of("limit"));
    for (const auto& [name, values] : figures) {
      const auto processor = figures.find(name + " (processor)");
      if (processor != figures.end()) {
        std::printf("  %-32s %6.2f s, %.2f x of ours; %.2f processor seconds\n", name.c_str(),
                    bench::median(values), bench::median(values) / ours,
                    bench::median(processor->second));
      }
    }
  }

  const fs::path directory_, build_;
  const int runs_;
  Silent reporter_;
};

}  // namespace
}  // namespace mixtape

int main(int argc, char** argv) {
  using namespace mixtape;
  if (argc < 2 || argc > 4) {
    std::fprintf(stderr, "usage: restore_path DIRECTORY [BUILD_DIR [RUNS]]\n");
    return 2;
  }
  Bench bench(fs::path(argv[1]) / "mixtape-restore-bench",
              argc > 2 && argv[2][0] != '\0' ? fs::absolute(argv[2]) : fs::path(),
              argc > 3 ? std::max(1, std::atoi(argv[3])) : 5);
  bench.run("large files", [](const fs::path& source) {
    for (int i = 0; i < kLargeFiles; ++i) {
      write_source(source / std::to_string(i), kLargeFile, static_cast<std::uint64_t>(i));
    }
  });
  bench.run("small files", [](const fs::path& source) {
    for (int i = 0; i < kSmallFiles; ++i) {
      write_source(source / std::to_string(i / 500) / std::to_string(i),
                   static_cast<std::uint64_t>(i % 4097), static_cast<std::uint64_t>(i));
    }
  });
  return 0;
}
