// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/measure.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/format/age_stream.h"
#include "engine/format/digest.h"
#include "tapeio/files.h"

namespace mixtape::bench {
namespace {

constexpr std::uint64_t kProbe = GiB;

double processor_seconds() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    }
  }
  return seconds;
}

double rate_of(const std::function<void()>& work) {
  return static_cast<double>(kProbe) / 1e9 / spent_by(work).processor_seconds;
}

}  // namespace

Spent spent_by(const std::function<void()>& work) {
  const double before = processor_seconds();
  const auto start = std::chrono::steady_clock::now();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          processor_seconds() - before};
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

double Alone::processors() {
  return std::clamp(std::thread::hardware_concurrency(), 1U, 2U);
}

double Alone::limit() const {
  return processors() / (1 / hash + 1 / cipher + 1 / copy);
}

double hash_alone() {
  const Bytes bytes = noise(MiB);
  format::Hasher hasher;
  return rate_of([&] {
    for (std::uint64_t done = 0; done < kProbe; done += bytes.size()) {
      hasher.update(bytes);
    }
    (void)hasher.finish();
  });
}

double seal_alone() {
  const Bytes plain = noise(format::kChunk);
  Bytes sealed(format::kSealedChunk);
  const format::Secret key = format::Secret::copy_of(noise(32));
  return rate_of([&] {
    for (std::uint64_t chunk = 0; chunk < kProbe / format::kChunk; ++chunk) {
      format::seal_chunk(key, chunk, false, plain, sealed);
    }
  });
}

double open_alone() {
  Bytes plain = noise(format::kChunk);
  Bytes sealed(format::kSealedChunk);
  const format::Secret key = format::Secret::copy_of(noise(32));
  format::seal_chunk(key, 0, false, plain, sealed);
  return rate_of([&] {
    for (std::uint64_t chunk = 0; chunk < kProbe / format::kChunk; ++chunk) {
      format::open_chunk(key, 0, false, sealed, plain);
    }
  });
}

double read_alone(const std::string& file) {
  Bytes into(MiB);
  const tapeio::UniqueFd fd = tapeio::open_file(file, O_RDONLY);
  return rate_of([&] {
    std::uint64_t at = 0;
    for (std::uint64_t done = 0; done < kProbe; done += into.size()) {
      const std::size_t size = tapeio::read_full_at(fd.get(), into, at, file);
      at = size < into.size() ? 0 : at + size;
    }
  });
}

double write_alone(const std::string& directory) {
  const Bytes bytes = noise(MiB);
  const std::string file = directory + "/probe";
  const double rate = rate_of([&] {
    const tapeio::UniqueFd fd = tapeio::open_file(file, O_WRONLY | O_CREAT | O_EXCL);
    for (std::uint64_t done = 0; done < kProbe; done += bytes.size()) {
      tapeio::write_full_at(fd.get(), bytes, done, file);
    }
  });
  (void)tapeio::remove_file(file);
  return rate;
}

}  // namespace mixtape::bench
