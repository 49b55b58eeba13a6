// SPDX-License-Identifier: Apache-2.0
// synthetic_home HOME DIRECTORIES FILES_EACH [JOBS [SOURCE]]: a home whose catalog has that many
// files on one (absent) medium, brought by so many jobs. What browsing and mounting cost depends on
// the catalog alone; no media are needed for it.
//
// With SOURCE the files are there as well, below that directory, each a hole of its size, and the
// catalog knows them as a backup of SOURCE would have left them: the next one finds no change.

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

#include "engine/archive/metadata.h"
#include "engine/archive/scan_compare.h"
#include "engine/archive/scan_skips.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/sources.h"
#include "engine/home/home.h"
#include "tapeio/error.h"
#include "tapeio/unique_fd.h"

namespace {

using namespace mixtape;

struct Shape {
  int directories = 0, files_each = 0, jobs = 1;
  std::string source;  // Empty: no files.
};

// A bundle has its cost in a catalog, whatever is in it; no job of a large tree writes more.
constexpr int kMostBundles = 50;
constexpr std::int64_t kFirstJob_s = 1'700'000'000;

// The files themselves, and what a scan would have noted of them.
class SourceTree {
 public:
  explicit SourceTree(std::string top) : top_(std::move(top)) {
    std::uint64_t device = 0;
    for (const std::string& way : archive::ways_to(top_)) {
      const archive::FileStat stat = look_at(way);
      mounts_crossed_ += way != "/" && stat.device != device ? 1 : 0;
      device = stat.device;
    }
  }

  // A file or directory as a scan would have noted it.
  struct Noted {
    catalog::Metadata metadata;
    catalog::SourceStamp stamp;
  };
  void make_directory(const std::string& name) { std::filesystem::create_directory(top_ + name); }
  // Of "" or "/NAME", when nothing is added to it any more: that changes its times.
  Noted directory(const std::string& name) { return note(look_at(top_ + name)); }
  void open_directory(const std::string& name) {
    directory_.reset(::open((top_ + name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  // In the directory opened last.
  Noted make_file(const char* name, std::uint64_t size) {
    const tapeio::UniqueFd file(
        ::openat(directory_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    archive::FileStat stat;
    if (!file.valid() || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0 ||
        archive::stat_of(file.get(), stat) != 0) {
      throw_errno(std::string("make ") + name);
    }
    return note(stat);
  }

 private:
  static archive::FileStat look_at(const std::string& path) {
    archive::FileStat stat;
    if (const int error = archive::stat_at(AT_FDCWD, path.c_str(), stat); error != 0) {
      throw_errno("look at " + path, error);
    }
    return stat;
  }
  Noted note(const archive::FileStat& stat) {
    return {.metadata = archive::to_metadata(stat, names_),
            .stamp = archive::to_stamp(stat, mounts_crossed_, INT64_MAX)};
  }

  const std::string top_;
  archive::OwnerNames names_;
  std::uint64_t mounts_crossed_ = 0;
  tapeio::UniqueFd directory_;
};

class Maker {
 public:
  Maker(catalog::Database& database, const Shape& shape)
      : shape_(shape), database_(database), ledger_(database), sources_(database) {
    catalog::Medium medium;
    medium.label = "AWAY01";
    medium.kind = "dir";
    medium.record_size = MiB;
    medium.uuid[0] = std::byte{1};
    medium_ = ledger_.add_medium(medium);
    if (!shape.source.empty()) {
      std::filesystem::create_directories(shape.source);
      const std::string top = std::filesystem::canonical(shape.source).string();
      tree_.emplace(top);
      top_ = top.substr(1);
      for (int directory = 0; directory < shape.directories; ++directory) {
        tree_->make_directory("/" + name_of(directory));
      }
    }
    root_ = ledger_.root(top_);
  }

  void run() {
    for (int job = 0; job < shape_.jobs; ++job) {
      bring(job, share(job), share(job + 1));
    }
  }

 private:
  [[nodiscard]] int share(int job) const {
    return static_cast<int>(std::int64_t{shape_.directories} * job / shape_.jobs);
  }

  // Directories [first, last), by one job, which writes a bundle of all that waits for one.
  void bring(int number, int first, int last) {
    catalog::Transaction transaction(database_);
    const std::int64_t at_s = kFirstJob_s + std::int64_t{number} * 86'400;
    const catalog::Job job = ledger_.begin_job(catalog::JobKind::backup, "synthetic", at_s);
    if (number == 0 && tree_) {
      add(job.id, ledger_.path(top_), tree_->directory(""), std::nullopt);
    }
    for (int directory = first; directory < last; ++directory) {
      fill_directory(job.id, directory);
    }
    const int every = std::max(1, shape_.jobs / kMostBundles);
    if (!copies_.empty() && ((number + 1) % every == 0 || number + 1 == shape_.jobs)) {
      write_bundle(job.id, at_s);
    }
    ledger_.finish_job(job.id, at_s + 200);
    transaction.commit();
  }

  static std::string name_of(int directory) {
    char name[16];
    std::snprintf(name, sizeof name, "dir%06d", directory);
    return name;
  }
  static std::string name_of_file(int file) {
    char name[24];
    std::snprintf(name, sizeof name, "file%06d.jpg", file);
    return name;
  }

  void fill_directory(catalog::JobId job, int number) {
    const std::string name = name_of(number);
    const catalog::PathId directory = ledger_.path((top_.empty() ? "bench" : top_) + "/" + name);
    std::vector<std::pair<SourceTree::Noted, std::uint64_t>> files;
    if (tree_) {
      tree_->open_directory("/" + name);
    }
    for (int file = 0; file < shape_.files_each; ++file) {
      const std::uint64_t size = 1 + random_() % 5'000'000;
      files.emplace_back(tree_ ? tree_->make_file(name_of_file(file).c_str(), size) : invented(),
                         size);
    }
    if (tree_) {
      add(job, directory, tree_->directory("/" + name), std::nullopt);
    }
    for (int file = 0; file < shape_.files_each; ++file) {
      const auto& [noted, size] = files[static_cast<std::size_t>(file)];
      catalog::Hash hash;
      for (std::byte& byte : hash) {
        byte = static_cast<std::byte>(random_());
      }
      const catalog::ContentId content = ledger_.add_content(size, hash);
      add(job, ledger_.child(directory, name_of_file(file)), noted, content);
      place(content, size);
    }
  }

  void add(catalog::JobId job, catalog::PathId path, const SourceTree::Noted& noted,
           std::optional<catalog::ContentId> content) {
    ledger_.add_version(job, path, noted.metadata, content, root_);
    if (tree_) {
      sources_.set_stamp(path, noted.stamp);
    }
  }

  SourceTree::Noted invented() {
    catalog::Metadata file;
    file.mode = 0100644;
    file.uid = file.gid = 1000;
    file.owner = file.group = "user";
    file.mtime_ns =
        1'700'000'000'000'000'000 + static_cast<std::int64_t>(random_() % 1'000'000'000'000'000);
    return {.metadata = file, .stamp = {}};
  }

  void place(catalog::ContentId content, std::uint64_t size) {
    catalog::Copy copy;
    copy.content = content;
    copy.member_offset = end_;
    copy.data_offset = end_ + 1536;
    copy.stored_size = size;
    end_ = copy.data_offset + round_up(size, 512);
    copies_.push_back(copy);
  }

  void write_bundle(catalog::JobId job, std::int64_t at_s) {
    catalog::Bundle bundle;
    bundle.uuid[0] = std::byte{2};
    bundle.uuid[1] = static_cast<std::byte>(bundles_);
    bundle.medium = medium_;
    bundle.job = job;
    bundle.index_file = 1 + 2 * bundles_;
    bundle.archive_header.resize(184);
    bundle.plain_bytes = end_ + 1024;
    const catalog::BundleId id = ledger_.plan_bundle(bundle, copies_);
    ledger_.commit_bundle(id, {.archive_block = 100 + bundles_ * 100'000,
                               .plain_bytes_written = bundle.plain_bytes,
                               .written_s = at_s + 100,
                               .hashes = {},
                               .bad = {}});
    ++bundles_;
    copies_.clear();
    end_ = 0;
  }

  const Shape& shape_;
  catalog::Database& database_;
  catalog::Ledger ledger_;
  catalog::Sources sources_;
  std::mt19937_64 random_{1};
  std::optional<SourceTree> tree_;
  std::string top_;  // The path of SOURCE in the catalog.
  catalog::MediumId medium_{};
  catalog::RootId root_{};
  std::vector<catalog::Copy> copies_;  // Of contents that no bundle holds yet.
  std::uint64_t end_ = 0;
  std::uint64_t bundles_ = 0;
};

void make(const std::filesystem::path& directory, const Shape& shape) {
  home::Home::create(directory);
  const home::Home home(directory);
  catalog::Database database = home.open_catalog(catalog::Access::write);
  Maker(database, shape).run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 6) {
    std::fprintf(stderr, "usage: synthetic_home HOME DIRECTORIES FILES_EACH [JOBS [SOURCE]]\n");
    return 2;
  }
  try {
    make(argv[1], {.directories = std::atoi(argv[2]),
                   .files_each = std::atoi(argv[3]),
                   .jobs = argc > 4 ? std::max(1, std::atoi(argv[4])) : 1,
                   .source = argc > 5 ? argv[5] : ""});
  } catch (const mixtape::Error& error) {
    std::fprintf(stderr, "synthetic_home: %s\n", error.what());
    return 1;
  }
  return 0;
}
