// SPDX-License-Identifier: Apache-2.0
// synthetic_home HOME DIRECTORIES FILES_EACH: a home whose catalog has that many files on one
// (absent) medium. What browsing and mounting cost depends on the catalog alone; no media are
// needed for it.

#include <cstdio>
#include <cstdlib>
#include <random>

#include "engine/catalog/ledger.h"
#include "engine/home/home.h"
#include "tapeio/error.h"

namespace {

using namespace mixtape;

struct Shape {
  int directories, files_each;
};

std::vector<catalog::Copy> fill(catalog::Ledger& ledger, catalog::JobId job, const Shape& shape) {
  std::mt19937_64 random(1);
  const catalog::RootId root = ledger.root("");
  catalog::Metadata file;
  file.mode = 0100644;
  file.uid = file.gid = 1000;
  file.owner = file.group = "user";
  std::vector<catalog::Copy> copies;
  std::uint64_t offset = 0;
  for (int d = 0; d < shape.directories; ++d) {
    char name[32];
    std::snprintf(name, sizeof name, "bench/dir%06d", d);
    const catalog::PathId directory = ledger.path(name);
    for (int f = 0; f < shape.files_each; ++f) {
      std::snprintf(name, sizeof name, "file%06d.jpg", f);
      const std::uint64_t size = 1 + random() % 5'000'000;
      catalog::Hash hash;
      for (std::byte& byte : hash) {
        byte = static_cast<std::byte>(random());
      }
      file.mtime_ns =
          1'700'000'000'000'000'000 + static_cast<std::int64_t>(random() % 1'000'000'000'000'000);
      const catalog::ContentId content = ledger.add_content(size, hash);
      ledger.add_version(job, ledger.child(directory, name), file, content, root);
      catalog::Copy copy;
      copy.content = content;
      copy.member_offset = offset;
      copy.data_offset = offset + 1536;
      copy.stored_size = size;
      offset = copy.data_offset + round_up(size, 512);
      copies.push_back(copy);
    }
  }
  return copies;
}

void make(const std::filesystem::path& directory, const Shape& shape) {
  home::Home::create(directory);
  const home::Home home(directory);
  catalog::Database database = home.open_catalog(catalog::Access::write);
  catalog::Ledger ledger(database);
  catalog::Transaction transaction(database);
  const catalog::Job job = ledger.begin_job(catalog::JobKind::backup, "synthetic", 1'700'000'000);
  catalog::Medium medium;
  medium.label = "AWAY01";
  medium.kind = "dir";
  medium.record_size = MiB;
  medium.uuid[0] = std::byte{1};
  catalog::Bundle bundle;
  bundle.uuid[0] = std::byte{2};
  bundle.medium = ledger.add_medium(medium);
  bundle.job = job.id;
  bundle.index_file = 1;
  bundle.archive_header.resize(184);
  const std::vector<catalog::Copy> copies = fill(ledger, job.id, shape);
  bundle.plain_bytes = copies.back().data_offset + round_up(copies.back().stored_size, 512) + 1024;
  const catalog::BundleId id = ledger.plan_bundle(bundle, copies);
  ledger.commit_bundle(id, {.archive_block = 100,
                            .plain_bytes_written = bundle.plain_bytes,
                            .written_s = 1'700'000'100,
                            .hashes = {},
                            .bad = {}});
  ledger.finish_job(job.id, 1'700'000'200);
  transaction.commit();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: synthetic_home HOME DIRECTORIES FILES_EACH\n");
    return 2;
  }
  try {
    make(argv[1], {std::atoi(argv[2]), std::atoi(argv[3])});
  } catch (const mixtape::Error& error) {
    std::fprintf(stderr, "synthetic_home: %s\n", error.what());
    return 1;
  }
  return 0;
}
