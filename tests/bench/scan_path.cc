// SPDX-License-Identifier: Apache-2.0
// What it costs to find out what changed: a first scan of a tree with its hashing and recording,
// and a
// second one that finds nothing, in files per second and in memory.
//
// Usage: scan_path ROOT SCRATCH. ROOT is only read; the catalog is made below SCRATCH and left
// there.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "engine/archive/hash_files.h"
#include "engine/archive/record.h"
#include "engine/archive/scan.h"
#include "engine/catalog/catalog.h"

namespace {

using namespace mixtape;

class SilentReporter final : public Reporter {
 public:
  void progress(const Progress&) override {}
  void note(const std::string&) override {}
  void problem(const std::string& line) override { std::fprintf(stderr, "%s\n", line.c_str()); }
  [[nodiscard]] std::stop_token stop() const override { return {}; }
};

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Processor time of all threads: what other users of the machine do not change much.
double processor_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

long most_memory_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

class Phase {
 public:
  explicit Phase(const char* name) : name_(name) {}
  void end(std::uint64_t files) const {
    const double wall = now_s() - wall_, processor = processor_s() - processor_;
    std::printf("  %-22s %9.0f files/s  %7.3f s  %7.3f processor seconds  peak %ld MiB\n", name_,
                static_cast<double>(files) / wall, wall, processor, most_memory_mib());
  }

 private:
  const char* name_;
  double wall_ = now_s(), processor_ = processor_s();
};

void run(const std::filesystem::path& root, const std::filesystem::path& scratch) {
  catalog::create_catalog(scratch / "catalog.db", "bench");
  catalog::Database database =
      catalog::open_catalog(scratch / "catalog.db", scratch / "state.db", catalog::Access::write);
  catalog::Tree tree(database);
  catalog::Ledger ledger(database);
  catalog::Sources sources(database);
  const archive::ScanCatalog known{database, tree, ledger, sources};
  SilentReporter reporter;
  archive::ScanRequest request;
  request.roots = {root.string()};
  request.scratch = scratch;
  request.now_ns =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  for (const char* round : {"first", "second"}) {
    std::printf("%s\n", round);
    const Phase whole("all");
    const Phase scanning("scan");
    const archive::Scan scan = archive::scan(request, &known, reporter);
    scanning.end(scan.files);
    const Phase hashing("hash");
    const archive::HashedFiles hashed =
        archive::hash_files(scan, known, {scratch, 0, {}}, reporter);
    hashing.end(hashed.files);
    const Phase recording("record");
    catalog::Transaction transaction(database);
    const catalog::Job job = ledger.begin_job(catalog::JobKind::backup, "bench", 1);
    const archive::Recorded recorded =
        archive::record(scan, hashed, job.id, archive::RecordAs::source, known);
    if (recorded.anything()) {
      ledger.finish_job(job.id, 2);
    } else {
      ledger.drop_job(job.id);
    }
    transaction.commit();
    sources.forget_early_hashes();
    recording.end(recorded.fresh);
    whole.end(scan.files);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: scan_path ROOT SCRATCH\n", stderr);
    return 2;
  }
  run(argv[1], argv[2]);
  return 0;
}
