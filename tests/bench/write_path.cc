// SPDX-License-Identifier: Apache-2.0
// How fast an archive is written, as ratios taken in one run: against the machine's own limit,
// against the pipe that does the same with tar, age and dd (which hashes nothing), and against that
// pipe with b2sum in it.
//
// Usage: write_path DIRECTORY [RUNS]. Makes its sources below DIRECTORY (2 GiB; /dev/shm does well)
// and removes them. Prints medians; the order within a run is the same, so that a busy spell hits
// all alike.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/archive/pipeline.h"
#include "engine/format/age_keys.h"
#include "tapeio/files.h"
#include "tapeio/memory_drive.h"
#include "tests/bench/measure.h"

namespace mixtape {
namespace {

constexpr std::uint64_t kLargeFile = 256 * MiB;
constexpr int kLargeFiles = 8;
constexpr int kSmallFiles = 100'000;

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
  Bytes bytes = bench::noise(kLargeFile);
  for (int i = 0; i < kLargeFiles; ++i) {
    bytes[0] = static_cast<std::byte>(i);
    items.push_back(make_source(root, "large" + std::to_string(i), bytes, i + 1));
  }
  return items;
}

std::vector<archive::Item> small_files(const std::filesystem::path& root) {
  std::vector<archive::Item> items;
  const Bytes bytes = bench::noise(4096);
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
    std::vector<double> hash, cipher, copy, limit, ours, theirs, of_limit, against, work;
    std::vector<double> hashed, against_hashed;
    const double gigabytes = static_cast<double>(bytes) / 1e9;
    for (int run = 0; run < runs_; ++run) {
      const bench::Alone alone{.hash = bench::hash_alone(),
                               .cipher = bench::seal_alone(),
                               .copy = bench::read_alone(items.front().source)};
      hash.push_back(alone.hash);
      cipher.push_back(alone.cipher);
      copy.push_back(alone.copy);
      limit.push_back(alone.limit());
      const bench::Spent spent = bench::spent_by([&] { write(items); });
      ours.push_back(gigabytes / spent.seconds);
      work.push_back(spent.processor_seconds * limit.back() / bench::Alone::processors() /
                     gigabytes);
      theirs.push_back(gigabytes / bench::spent_by([&] { pipe(root, ""); }).seconds);
      const auto with_hash = [&] { pipe(root, "| tee >(b2sum -l 256 >/dev/null) "); };
      hashed.push_back(gigabytes / bench::spent_by(with_hash).seconds);
      of_limit.push_back(ours.back() / limit.back());
      against.push_back(ours.back() / theirs.back());
      against_hashed.push_back(ours.back() / hashed.back());
    }
    std::printf("large files, %.1f GB, median of %d\n", gigabytes, runs_);
    std::printf("  hash alone   %6.3f GB/s\n  cipher alone %6.3f GB/s\n  copy alone   %6.3f GB/s\n",
                bench::median(hash), bench::median(cipher), bench::median(copy));
    std::printf("  limit of 2 cores    %6.3f GB/s\n", bench::median(limit));
    std::printf("  mixtape             %6.3f GB/s  %.2f of the limit\n", bench::median(ours),
                bench::median(of_limit));
    std::printf("  processor time: %.2f times that of hash, cipher and copy alone\n",
                bench::median(work));
    std::printf("  tar | age | dd      %6.3f GB/s  mixtape is %.2f times that\n",
                bench::median(theirs), bench::median(against));
    std::printf("  tar | tee b2sum | age | dd %6.3f GB/s  mixtape is %.2f times that\n",
                bench::median(hashed), bench::median(against_hashed));
  }

  void small(const std::filesystem::path& root) {
    const std::vector<archive::Item> items = small_files(root);
    std::vector<double> rates;
    for (int run = 0; run < runs_; ++run) {
      rates.push_back(kSmallFiles / bench::spent_by([&] { write(items); }).seconds);
    }
    std::printf("%d files of 0 to 4 KiB: %.0f files/s planned and written\n", kSmallFiles,
                bench::median(rates));
  }

 private:
  // `beside`: what else reads the archive before it is encrypted.
  void pipe(const std::filesystem::path& root, const std::string& beside) {
    const std::string command = "bash -c 'tar c -C " + root.string() + " . 2>/dev/null " + beside +
                                "| age -r " + recipient_.text() +
                                " | dd bs=1M of=/dev/null status=none iflag=fullblock'";
    if (std::system(command.c_str()) != 0) {
      std::fputs("the pipe failed\n", stderr);
    }
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
