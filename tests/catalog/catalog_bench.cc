// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "engine/catalog/rows.h"
#include "engine/catalog/snapshot.h"
#include "tests/catalog/catalog_fixture.h"

// Figures of a catalog of N files (default 1,000,000): catalog_bench [N]. Prints one line each, in
// seconds of the processor, so that a busy machine tells nearly the same as a quiet one.

namespace mixtape::catalog {
namespace {

class Stopwatch {
 public:
  explicit Stopwatch(const char* what) : what_(what) {}
  void stop(double count, const char* unit) const {
    const double seconds = static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC;
    std::printf("%-34s %9.3f s  %12.0f %s/s\n", what_, seconds, count / seconds, unit);
  }

 private:
  const char* what_;
  std::clock_t start_ = std::clock();
};

constexpr int kFilesPerDirectory = 100;

Hash random_looking(std::uint64_t seed) {
  Hash hash;
  for (std::size_t i = 0; i < hash.size(); i += 8) {
    seed += 0x9e3779b97f4a7c15u;
    std::uint64_t word = seed;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    store_big_endian(&hash[i], word ^ (word >> 31));
  }
  return hash;
}

void measure_recovery(const Machine& machine, const std::filesystem::path& index, int files) {
  FoundIndex found;
  found.index = index;
  found.label = inspect_index(index);
  std::filesystem::path to = machine.catalog_db;
  to += ".recovered";
  const Stopwatch taking("recover from one index");
  (void)recover_catalog({found}, to);
  taking.stop(files, "files");
  const Stopwatch merging("merge an index that knows the same");
  (void)recover_catalog({found}, to);
  merging.stop(files, "files");
}

void fill(Machine& machine, int files) {
  const Job job = machine.begin();
  const Stopwatch watch("add paths, contents, versions");
  Transaction transaction(machine.database);
  PathId directory{};
  for (int i = 0; i < files; ++i) {
    if (i % kFilesPerDirectory == 0) {
      directory = machine.ledger.path("home/me/Photos/" + std::to_string(2000 + i / 100'000) +
                                      "/shoot" + std::to_string(i / kFilesPerDirectory));
      machine.ledger.add_version(job.id, directory, directory_metadata(), std::nullopt,
                                 kStagingRoot);
    }
    char name[16];
    std::snprintf(name, sizeof name, "IMG_%06d.raw", i % 1'000'000);
    const Hash hash = random_looking(static_cast<std::uint64_t>(i));
    const std::uint64_t size = 1 + load_big_endian<std::uint32_t>(hash.data()) % (50 * MiB);
    (void)machine.ledger.find_content(size, hash);
    machine.ledger.add_version(job.id, machine.ledger.child(directory, name),
                               file_metadata(1'700'000'000'123'456'789 + i),
                               machine.ledger.add_content(size, hash), kStagingRoot);
  }
  transaction.commit();
  watch.stop(files, "files");
  for (const char* label : {"MX0001", "MX0002"}) {
    const MediumId medium = machine.add_medium(label);
    const Stopwatch copying("plan and commit bundles");
    for (int first = 0; first < files; first += 100'000) {
      Bundle bundle;
      bundle.uuid = new_uuid();
      bundle.medium = medium;
      bundle.job = job.id;
      bundle.archive_header = Bytes(300, std::byte{1});
      std::vector<Copy> copies;
      for (int i = first; i < std::min(first + 100'000, files); ++i) {
        Copy copy;
        copy.content = ContentId{i + 1};
        copy.member_offset = bundle.plain_bytes;
        copy.data_offset = copy.member_offset + 512;
        bundle.plain_bytes += 25 * MiB;
        copy.stored_size = 1;
        copies.push_back(copy);
      }
      Ledger::Outcome outcome;
      outcome.plain_bytes_written = bundle.plain_bytes + 50 * MiB;
      machine.ledger.commit_bundle(machine.ledger.plan_bundle(bundle, copies), outcome);
    }
    copying.stop(files, "copies");
    if (std::string(label) == "MX0001") {
      std::filesystem::path one = machine.catalog_db;
      one += ".one-copy";
      const Stopwatch exporting("export an index");
      IndexLabel label_of_index;
      label_of_index.role = IndexRole::closing;
      export_index(machine.database, label_of_index, one);
      exporting.stop(files, "files");
      std::printf("%-34s %9.1f bytes\n", "index, one copy of each, per file",
                  static_cast<double>(std::filesystem::file_size(one)) / files);
      const Stopwatch inspecting("inspect an index");
      (void)inspect_index(one);
      inspecting.stop(files, "files");
      measure_recovery(machine, one, files);
    }
  }
}

void read(Machine& machine, int files) {
  const Stopwatch opening("open and look up one file");
  Database database = open_catalog(machine.catalog_db, machine.state_db, Access::read);
  Tree tree(database);
  if (!tree.find_path("home/me/Photos/2000")) {
    std::printf("home/me/Photos/2000 is not found\n");
  }
  opening.stop(1, "opens");

  std::size_t listed = 0;
  const Stopwatch listing("list every directory");
  std::vector<PathId> shoots;
  for (int year = 2000; const auto path = tree.find_path("home/me/Photos/" + std::to_string(year));
       ++year) {
    tree.list({}, *path, [&](const Entry& entry) {
      shoots.push_back(entry.version.key.path);
      return true;
    });
  }
  for (const PathId shoot : shoots) {
    tree.list({}, shoot, [&](const Entry&) { return ++listed != 0; });
  }
  listing.stop(static_cast<double>(listed), "entries");

  const Stopwatch looking("look up names");
  for (int i = 0; i < files; i += 7) {
    char name[16];
    std::snprintf(name, sizeof name, "IMG_%06d.raw", i % 1'000'000);
    if (!tree.lookup({}, shoots[static_cast<std::size_t>(i / kFilesPerDirectory)], name)) {
      std::printf("lost %s\n", name);
    }
  }
  looking.stop(files / 7.0, "lookups");

  std::size_t walked = 0;
  const Stopwatch walking("walk the tree");
  tree.walk({}, kRootPath, [&](const std::string&, const Version&) { return ++walked != 0; });
  walking.stop(static_cast<double>(walked), "entries");

  std::size_t found = 0;
  const Stopwatch finding("find *99.raw");
  tree.find("*99.raw", [&](const std::string&, const Version&) { return ++found != 0; });
  finding.stop(files, "names");

  const Stopwatch needing("needs, all copied");
  Ledger ledger(machine.database);
  ledger.needs([](const std::string&) { return 2u; }, [](const Medium&) { return ""; },
               [](const Ledger::Need&) {
                 std::printf("something is needed\n");
                 return false;
               });
  needing.stop(files, "files");

  const Stopwatch totalling("totals");
  (void)tree.totals();
  totalling.stop(files, "files");
  const Stopwatch checking("check the catalog");
  std::printf("%s", check_catalog(machine.database).c_str());
  checking.stop(files, "files");
}

void run(int files) {
  test::TempDir directory;
  Machine machine(directory.path());
  fill(machine, files);
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  std::printf("%-34s %9ld KiB\n", "resident after filling", before.ru_maxrss);
  read(machine, files);
}

}  // namespace
}  // namespace mixtape::catalog

int main(int argc, char** argv) {
  mixtape::catalog::run(argc > 1 ? std::atoi(argv[1]) : 1'000'000);
}
