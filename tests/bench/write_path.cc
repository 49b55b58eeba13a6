// SPDX-License-Identifier: Apache-2.0
// How fast an archive is written, as ratios taken in one run: against the machine's own limit and
// against the pipe that does the same with tar, age and dd (which hashes nothing).
//
// Usage: write_path DIRECTORY [RUNS]. Makes its sources below DIRECTORY (2 GiB; /dev/shm does well)
// and removes them. Prints medians; the order within a run is the same, so that a busy spell hits
// all alike.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "engine/archive/pipeline.h"
#include "engine/format/age_keys.h"
#include "engine/format/age_stream.h"
#include "engine/format/digest.h"
#include "tapeio/files.h"
#include "tapeio/memory_drive.h"

namespace mixtape {
namespace {

constexpr std::uint64_t kLargeFile = 256 * MiB;
constexpr int kLargeFiles = 8;
constexpr int kSmallFiles = 100'000;
constexpr std::uint64_t kProbe = GiB;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Of all threads of this process, while `work` runs: what the machine's other users do not change
// much.
double processor_seconds_of(const std::function<void()>& work) {
  const auto used = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  };
  const double before = used();
  work();
  return used() - before;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Bytes noise(std::size_t size) {
  Bytes bytes(size);
  std::uint64_t state = 88172645463325252ULL;
  for (std::byte& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<std::byte>(state);
  }
  return bytes;
}

archive::Item make_source(const std::filesystem::path& root, const std::string& name,
                          ByteView bytes, std::int64_t content) {
  const std::filesystem::path file = root / name;
  const tapeio::UniqueFd fd = tapeio::open_file(file, O_WRONLY | O_CREAT | O_TRUNC);
  tapeio::write_full(fd.get(), bytes, file);
  struct stat found {};
  ::fstat(fd.get(), &found);
  archive::Item item;
  item.path = name;
  item.metadata.mode = found.st_mode;
  item.metadata.owner = "root";
  item.metadata.mtime_ns =
      std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
  item.size = bytes.size();
  if (!bytes.empty()) {
    item.content = catalog::ContentId{content};
  }
  item.source = file;
  return item;
}

std::vector<archive::Item> large_files(const std::filesystem::path& root) {
  std::vector<archive::Item> items;
  Bytes bytes = noise(kLargeFile);
  for (int i = 0; i < kLargeFiles; ++i) {
    bytes[0] = static_cast<std::byte>(i);
    items.push_back(make_source(root, "large" + std::to_string(i), bytes, i + 1));
  }
  return items;
}

std::vector<archive::Item> small_files(const std::filesystem::path& root) {
  std::vector<archive::Item> items;
  const Bytes bytes = noise(4096);
  char name[32];
  for (int i = 0; i < kSmallFiles; ++i) {
    if (i % 1000 == 0) {
      std::snprintf(name, sizeof name, "d%03d", i / 1000);
      std::filesystem::create_directory(root / name);
    }
    std::snprintf(name, sizeof name, "d%03d/f%06d", i / 1000, i);
    items.push_back(
        make_source(root, name, ByteView(bytes).first(static_cast<std::size_t>(i) % 4097), i + 1));
  }
  return items;
}

class Bench {
 public:
  explicit Bench(int runs) : runs_(runs) {}

  void large(const std::filesystem::path& root) {
    const std::vector<archive::Item> items = large_files(root);
    std::uint64_t bytes = 0;
    for (const archive::Item& item : items) {
      bytes += item.size;
    }
    const std::string pipe = "tar c -C " + root.string() + " . 2>/dev/null | age -r " +
                             recipient_.text() +
                             " | dd bs=1M of=/dev/null status=none iflag=fullblock";
    std::vector<double> hash, cipher, copy, limit, ours, theirs, of_limit, against, work;
    const double gigabytes = static_cast<double>(bytes) / 1e9;
    for (int run = 0; run < runs_; ++run) {
      hash.push_back(probe_hash());
      cipher.push_back(probe_cipher());
      copy.push_back(probe_copy(items.front().source));
      const double cores = std::min(2U, std::thread::hardware_concurrency());
      limit.push_back(cores / (1 / hash.back() + 1 / cipher.back() + 1 / copy.back()));
      double busy = 0;
      ours.push_back(gigabytes /
                     seconds_of([&] { busy = processor_seconds_of([&] { write(items); }); }));
      work.push_back(busy * limit.back() / cores / gigabytes);
      theirs.push_back(gigabytes / seconds_of([&] {
                         if (std::system(pipe.c_str()) != 0) {
                           std::fputs("the pipe failed\n", stderr);
                         }
                       }));
      of_limit.push_back(ours.back() / limit.back());
      against.push_back(ours.back() / theirs.back());
    }
    std::printf("large files, %.1f GB, median of %d\n", gigabytes, runs_);
    std::printf("  hash alone   %6.3f GB/s\n  cipher alone %6.3f GB/s\n  copy alone   %6.3f GB/s\n",
                median(hash), median(cipher), median(copy));
    std::printf("  limit of 2 cores    %6.3f GB/s\n", median(limit));
    std::printf("  mixtape             %6.3f GB/s  %.2f of the limit\n", median(ours),
                median(of_limit));
    std::printf("  processor time: %.2f times that of hash, cipher and copy alone\n", median(work));
    std::printf("  tar | age | dd      %6.3f GB/s  mixtape is %.2f times that\n", median(theirs),
                median(against));
  }

  void small(const std::filesystem::path& root) {
    const std::vector<archive::Item> items = small_files(root);
    std::vector<double> rates;
    for (int run = 0; run < runs_; ++run) {
      rates.push_back(kSmallFiles / seconds_of([&] { write(items); }));
    }
    std::printf("%d files of 0 to 4 KiB: %.0f files/s planned and written\n", kSmallFiles,
                median(rates));
  }

 private:
  double probe_hash() {
    const Bytes bytes = noise(MiB);
    format::Hasher hasher;
    return static_cast<double>(kProbe) / 1e9 / processor_seconds_of([&] {
             for (std::uint64_t done = 0; done < kProbe; done += bytes.size()) {
               hasher.update(bytes);
             }
             (void)hasher.finish();
           });
  }

  double probe_cipher() {
    const Bytes plain = noise(format::kChunk);
    Bytes sealed(format::kSealedChunk);
    const format::AgePreamble preamble = format::make_preamble(std::span(&recipient_, 1));
    return static_cast<double>(kProbe) / 1e9 / processor_seconds_of([&] {
             for (std::uint64_t chunk = 0; chunk < kProbe / format::kChunk; ++chunk) {
               format::seal_chunk(preamble.payload_key, chunk, false, plain, sealed);
             }
           });
  }

  double probe_copy(const std::string& file) {
    Bytes into(MiB);
    const tapeio::UniqueFd fd = tapeio::open_file(file, O_RDONLY);
    return static_cast<double>(kProbe) / 1e9 / processor_seconds_of([&] {
             for (std::uint64_t done = 0; done < kProbe; done += into.size()) {
               (void)tapeio::read_full_at(fd.get(), into, done % kLargeFile, file);
             }
           });
  }

  void write(const std::vector<archive::Item>& items) {
    const format::AgePreamble preamble = format::make_preamble(std::span(&recipient_, 1));
    const archive::ArchivePlan plan =
        archive::plan_archive(items, std::vector<archive::Want>(items.size(), archive::Want::yes),
                              {.room_bytes = TiB,
                               .target_bytes = TiB,
                               .record_size = MiB,
                               .preamble_bytes = preamble.bytes.size()});
    tapeio::MemoryMediumOptions options;
    options.keep_bytes = false;
    tapeio::MemoryMedium medium(options);
    tapeio::MemoryDrive drive(medium);
    const archive::ArchiveResult result =
        archive::write_archive(items, plan, preamble, drive, archive::PipelineOptions{});
    if (result.plain_bytes != plan.plain_bytes || !result.faults.empty()) {
      std::fputs("the archive is not what was planned\n", stderr);
    }
  }

  int runs_;
  format::Recipient recipient_ = format::Identity::generate().recipient();
};

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: write_path DIRECTORY [RUNS]\n", stderr);
    return 2;
  }
  const std::filesystem::path root =
      std::filesystem::path(argv[1]) / ("write-path-" + std::to_string(::getpid()));
  Bench bench(argc > 2 ? std::max(1, std::atoi(argv[2])) : 5);
  for (const auto part : {&Bench::large, &Bench::small}) {
    std::filesystem::create_directories(root);
    (bench.*part)(root);
    std::filesystem::remove_all(root);
  }
  return 0;
}

}  // namespace
}  // namespace mixtape

int main(int argc, char** argv) {
  return mixtape::run(argc, argv);
}
