// SPDX-License-Identifier: Apache-2.0
// hot_paths NAME | --list: one of the paths that every byte or every file takes, on inputs that
// never change, for tests/guard/instructions.py to count the instructions of. One thread, no clock,
// no chance: the same program needs the same number each time.
//
// Only what guarded_path calls is counted; what is prepared before is not.

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/tree.h"
#include "engine/format/age_header.h"
#include "engine/format/age_keys.h"
#include "engine/format/age_stream.h"
#include "engine/format/digest.h"
#include "engine/format/memory_source.h"
#include "engine/format/tar.h"
#include "engine/order/plan.h"
#include "tapeio/error.h"
#include "tests/bench/measure.h"
#include "tests/support/temp_dir.h"

using Work = std::function<void()>;

// callgrind counts from its first instruction to its return, so that it must be a function with a
// name of its own that really returns.
extern "C" [[gnu::noinline]] void guarded_path(const Work& work) {
  work();
  asm volatile("" ::: "memory");
}

namespace mixtape {
namespace {

using bench::noise;

constexpr int kSkipped = 77;

// --- Bytes

constexpr std::size_t kBytes = 4 * MiB;

Work hash() {
  return [bytes = noise(kBytes)] {
    format::Hasher hasher;
    for (std::size_t at = 0; at < kBytes; at += format::kChunk) {
      hasher.update(ByteView(bytes).subspan(at, format::kChunk));
    }
    (void)hasher.finish();
  };
}

// Chunk by chunk, as the write path seals them and the restore path opens them.
struct Chunks {
  format::Secret key = format::Secret::copy_of(noise(32));
  Bytes plain = noise(kBytes);
  Bytes sealed = Bytes(kBytes / format::kChunk * format::kSealedChunk);

  [[nodiscard]] MutableBytes plain_of(std::size_t chunk) {
    return MutableBytes(plain).subspan(chunk * format::kChunk, format::kChunk);
  }
  [[nodiscard]] MutableBytes sealed_of(std::size_t chunk) {
    return MutableBytes(sealed).subspan(chunk * format::kSealedChunk, format::kSealedChunk);
  }
  void seal() {
    for (std::size_t chunk = 0; chunk < kBytes / format::kChunk; ++chunk) {
      format::seal_chunk(key, chunk, false, plain_of(chunk), sealed_of(chunk));
    }
  }
  void open() {
    for (std::size_t chunk = 0; chunk < kBytes / format::kChunk; ++chunk) {
      format::open_chunk(key, chunk, false, sealed_of(chunk), plain_of(chunk));
    }
  }
};

Work seal() {
  const auto chunks = std::make_shared<Chunks>();
  chunks->seal();  // The first time looks the cipher up.
  return [chunks] { chunks->seal(); };
}

Work open() {
  const auto chunks = std::make_shared<Chunks>();
  chunks->seal();
  return [chunks] { chunks->open(); };
}

// --- Archives

constexpr int kMembers = 5000;

// Mostly plain files; some of what needs more than a plain header.
std::vector<format::TarMember> members() {
  std::vector<format::TarMember> all;
  for (int i = 0; i < kMembers; ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "home/me/Photos/%04d/IMG_%06d.raw", i / 100, i);
    format::TarMember member;
    member.name = i % 20 == 0 ? std::string(150, 'n') + name : name;
    member.size = static_cast<std::uint64_t>(i % 4097);
    member.mode = 0644;
    member.uid = member.gid = 1000;
    member.owner = member.group = "me";
    member.mtime_ns = 1'700'000'000'123'456'789 + i;
    if (i % 50 == 0) {
      member.xattrs = {{"user.rating", "5"}};
    }
    all.push_back(std::move(member));
  }
  return all;
}

Work write_tar() {
  return [all = members()] {
    std::uint64_t measured = 0, written = 0;
    for (const format::TarMember& member : all) {
      measured += format::measure_member(member).header;
      written += format::encode_header(member).blocks.size();
    }
    MIXTAPE_ASSERT(measured == written);
  };
}

Work read_tar() {
  Bytes archive;
  for (const format::TarMember& member : members()) {
    const format::TarHeader header = format::encode_header(member);
    archive.insert(archive.end(), header.blocks.begin(), header.blocks.end());
    archive.resize(archive.size() + round_up(header.stored_size, format::kTarBlock));
  }
  archive.resize(archive.size() + format::kTarEnd);
  return [archive = std::move(archive)] {
    format::MemorySource source(archive);
    format::TarReader reader(source);
    int count = 0;
    while (reader.next()) {
      ++count;
    }
    MIXTAPE_ASSERT(count == kMembers);
  };
}

// --- The catalog

constexpr int kFiles = 5000;
constexpr int kFilesPerDirectory = 1000;

catalog::Hash hash_number(int number) {
  Bytes seed(8);
  store_big_endian(seed.data(), static_cast<std::uint64_t>(number));
  return format::digest_of(seed);
}

class Catalog {
 public:
  Catalog() {
    catalog::Medium medium;
    medium.uuid[0] = std::byte{1};
    medium.label = "MX0001";
    medium.kind = "dir";
    medium.record_size = MiB;
    medium_ = ledger_.add_medium(medium);
    hashes_.reserve(kFiles);
    for (int i = 0; i < kFiles; ++i) {
      hashes_.push_back(hash_number(i));
    }
  }

  // What a job does to the catalog: versions of new files, and the bundle that holds them.
  void fill() {
    const catalog::Job job = ledger_.begin_job(catalog::JobKind::backup, "guard", 1'700'000'000);
    std::vector<catalog::Copy> copies;
    {
      catalog::Transaction transaction(database_);
      for (int i = 0; i < kFiles; ++i) {
        copies.push_back(add_file(job.id, i));
      }
      transaction.commit();
    }
    catalog::Bundle bundle;
    bundle.uuid[0] = std::byte{2};
    bundle.medium = medium_;
    bundle.job = job.id;
    bundle.archive_header = Bytes(300, std::byte{1});
    bundle.plain_bytes = copies.back().data_offset + MiB;
    const catalog::BundleId id = ledger_.plan_bundle(bundle, copies);
    ledger_.commit_bundle(id, {.archive_block = 100,
                               .plain_bytes_written = bundle.plain_bytes,
                               .written_s = 1'700'000'100,
                               .hashes = {},
                               .bad = {}});
    ledger_.finish_job(job.id, 1'700'000'200);
  }

  void list() {
    std::size_t listed = 0;
    for (int directory = 0; directory < kFiles / kFilesPerDirectory; ++directory) {
      tree_.list({}, *tree_.find_path(directory_name(directory)),
                 [&](const catalog::Entry&) { return ++listed != 0; });
    }
    MIXTAPE_ASSERT(listed == kFiles);
  }

  void look_up() {
    for (int i = 0; i < kFiles; ++i) {
      const auto directory = tree_.find_path(directory_name(i / kFilesPerDirectory));
      MIXTAPE_ASSERT(tree_.lookup({}, *directory, file_name(i)).has_value());
    }
  }

 private:
  static std::string directory_name(int number) { return "home/me/" + std::to_string(number); }
  static std::string file_name(int number) {
    char name[32];
    std::snprintf(name, sizeof name, "IMG_%06d.raw", number);
    return name;
  }

  catalog::Copy add_file(catalog::JobId job, int number) {
    if (number % kFilesPerDirectory == 0) {
      directory_ = ledger_.path(directory_name(number / kFilesPerDirectory));
    }
    catalog::Metadata metadata;
    metadata.mode = S_IFREG | 0644;
    metadata.uid = metadata.gid = 1000;
    metadata.owner = metadata.group = "me";
    metadata.mtime_ns = 1'700'000'000'123'456'789 + number;
    const auto size = static_cast<std::uint64_t>(1 + number % 4096);
    const catalog::Hash& hash = hashes_[static_cast<std::size_t>(number)];
    MIXTAPE_ASSERT(!ledger_.find_content(size, hash));
    const catalog::ContentId content = ledger_.add_content(size, hash);
    ledger_.add_version(job, ledger_.child(directory_, file_name(number)), metadata, content,
                        catalog::kStagingRoot);
    catalog::Copy copy;
    copy.content = content;
    copy.member_offset = std::uint64_t(number) * 8192;
    copy.data_offset = copy.member_offset + 512;
    copy.stored_size = size;
    return copy;
  }

  static catalog::Database made_in(const std::filesystem::path& directory) {
    catalog::create_catalog(directory / "catalog.db", "guard");
    return catalog::open_catalog(directory / "catalog.db", directory / "state.db",
                                 catalog::Access::write);
  }

  test::TempDir directory_of_files_{test::TempDir::Place::memory};
  catalog::Database database_ = made_in(directory_of_files_.path());
  catalog::Ledger ledger_{database_};
  catalog::Tree tree_{database_};
  catalog::MediumId medium_{};
  catalog::PathId directory_{};
  std::vector<catalog::Hash> hashes_;
};

Work fill_catalog() {
  return [catalog = std::make_shared<Catalog>()] { catalog->fill(); };
}

Work list_directories() {
  const auto catalog = std::make_shared<Catalog>();
  catalog->fill();
  return [catalog] { catalog->list(); };
}

Work look_up_names() {
  const auto catalog = std::make_shared<Catalog>();
  catalog->fill();
  return [catalog] { catalog->look_up(); };
}

// --- The order of recall

constexpr std::size_t kReads = 256;
constexpr std::uint64_t kKicks = 500;

Work order_reads() {
  // An LTO-8 tape as CERN's regression has it.
  constexpr std::uint64_t kLow = 2'696, kHigh = 171'097, kWraps = 168, kLongest = 2'000;
  order::Batch batch;
  batch.head = {{0, static_cast<double>(kLow)}, false};
  std::uint64_t state = 1;
  const auto below = [&](std::uint64_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % limit;
  };
  for (std::uint64_t id = 0; id < kReads; ++id) {
    const auto wrap = static_cast<std::uint32_t>(below(kWraps));
    const std::uint64_t size = 1 + below(kLongest);
    const auto low = static_cast<double>(kLow + below(kHigh - kLow - size));
    const order::Place at_low{wrap, low}, at_high{wrap, low + static_cast<double>(size)};
    batch.requests.push_back(wrap % 2 == 0 ? order::Request{id, at_low, at_high, 1}
                                           : order::Request{id, at_high, at_low, 1});
  }
  return [batch] {
    const order::Plan plan =
        order::plan(order::model_named("cta"), batch, order::Objective::makespan,
                    {.seconds = 1e6, .seed = 1, .kicks = kKicks});
    MIXTAPE_ASSERT(plan.order.size() == kReads);
  };
}

// tests/tidy.py holds this list against instructions.txt.
struct Path {
  const char* name;
  Work (*prepare)();
};
constexpr Path kPaths[] = {
    {"hash", hash},
    {"seal", seal},
    {"open", open},
    {"tar_write", write_tar},
    {"tar_read", read_tar},
    {"catalog_fill", fill_catalog},
    {"catalog_list", list_directories},
    {"catalog_lookup", look_up_names},
    {"recall_order", order_reads},
};

// Libraries choose their code by the processor. That of valgrind is the same on all machines whose
// own has AVX2; without it the counts would be others.
bool is_the_processor_counted_on() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

int run(std::string_view name) {
  if (name == "--list") {
    for (const Path& path : kPaths) {
      std::puts(path.name);
    }
    return 0;
  }
  if (!is_the_processor_counted_on()) {
    return kSkipped;
  }
  for (const Path& path : kPaths) {
    if (name == path.name) {
      guarded_path(path.prepare());
      return 0;
    }
  }
  std::fputs("usage: hot_paths NAME | --list\n", stderr);
  return 2;
}

}  // namespace
}  // namespace mixtape

int main(int argc, char** argv) {
  try {
    return mixtape::run(argc == 2 ? argv[1] : "");
  } catch (const mixtape::Error& error) {
    std::fprintf(stderr, "hot_paths: %s\n", error.what());
    return 1;
  }
}
