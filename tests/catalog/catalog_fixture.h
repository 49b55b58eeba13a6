// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/tree.h"
#include "tapeio/error.h"
#include "tests/support/temp_dir.h"

// A catalog in a directory of its own, and words to fill it with.

namespace mixtape::catalog {

// A hash, a uuid that stand for a word.
inline Hash hash_of(std::string_view word) {
  Hash hash{};
  std::uint64_t state = 1469598103934665603u;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    for (const char letter : word) {
      state = (state ^ static_cast<unsigned char>(letter)) * 1099511628211u;
    }
    state = (state ^ i) * 1099511628211u;
    hash[i] = static_cast<std::byte>(state >> 32);
  }
  return hash;
}
inline Uuid uuid_of(std::string_view word) {
  Uuid uuid{};
  const Hash hash = hash_of(word);
  std::copy_n(hash.begin(), uuid.size(), uuid.begin());
  return uuid;
}

inline Metadata file_metadata(std::int64_t mtime_ns = 1'700'000'000'123'456'789) {
  Metadata metadata;
  metadata.mode = S_IFREG | 0644;
  metadata.uid = 1000;
  metadata.gid = 1000;
  metadata.owner = "me";
  metadata.group = "people";
  metadata.mtime_ns = mtime_ns;
  return metadata;
}
inline Metadata directory_metadata() {
  Metadata metadata = file_metadata();
  metadata.mode = S_IFDIR | 0750;
  return metadata;
}
inline Metadata symlink_metadata(std::string_view target) {
  Metadata metadata = file_metadata();
  metadata.mode = S_IFLNK | 0777;
  metadata.symlink_target = target;
  return metadata;
}

template <typename Action>
ErrorCode code_thrown_by(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::io;
}

// The ledger of one catalog file; a machine of its own.
class Machine {
 public:
  explicit Machine(const std::filesystem::path& directory, std::string_view name = "nas")
      : catalog_db(directory / (std::string(name) + ".db")),
        state_db(directory / (std::string(name) + "-state.db")),
        database((make(catalog_db, name), open_catalog(catalog_db, state_db, Access::write))),
        ledger(database),
        tree(database) {}

  Job begin(JobKind kind = JobKind::backup) { return ledger.begin_job(kind, "backup", ++now); }

  MediumId add_medium(std::string_view label, std::string_view location = "") {
    Medium medium;
    medium.uuid = uuid_of(label);
    medium.label = label;
    medium.kind = "dir";
    medium.record_size = 1 << 20;
    medium.location = location;
    return ledger.add_medium(medium);
  }

  // A content known by a word; as long as the word unless told.
  ContentId content(std::string_view word, std::uint64_t size = 0) {
    size = size == 0 ? word.size() : size;
    if (const auto known = ledger.find_content(size, hash_of(word))) {
      return *known;
    }
    return ledger.add_content(size, hash_of(word));
  }

  PathId add_file(const Job& job, std::string_view path, std::string_view word) {
    const PathId id = ledger.path(path);
    ledger.add_version(job.id, id, file_metadata(), content(word), kStagingRoot);
    return id;
  }
  PathId add_file(const Job& job, std::string_view path, ContentId content) {
    const PathId id = ledger.path(path);
    ledger.add_version(job.id, id, file_metadata(), content, kStagingRoot);
    return id;
  }
  void end(const Job& job, std::string_view path) { ledger.end_version(job.id, ledger.path(path)); }

  // Members of a kibibyte each, one behind the other.
  BundleId plan(const Job& job, MediumId medium, const std::vector<ContentId>& contents) {
    Bundle bundle;
    bundle.uuid = uuid_of("bundle " + std::to_string(++bundles) + " of " + catalog_db.string());
    bundle.medium = medium;
    bundle.job = job.id;
    bundle.index_file = 1;
    bundle.archive_header = Bytes(200, std::byte{7});
    bundle.plain_bytes = kMember * (contents.size() + 1);
    std::vector<Copy> copies;
    for (const ContentId content : contents) {
      Copy copy;
      copy.content = content;
      copy.member_offset = kMember * copies.size();
      copy.data_offset = copy.member_offset + 512;
      copies.push_back(copy);
    }
    return ledger.plan_bundle(bundle, copies);
  }
  BundleId write(const Job& job, MediumId medium, const std::vector<ContentId>& contents) {
    const BundleId bundle = plan(job, medium, contents);
    ledger.commit_bundle(bundle, outcome(contents.size()));
    return bundle;
  }
  // Puts all that was never written into one bundle.
  BundleId write_all(const Job& job, MediumId medium) {
    std::vector<ContentId> contents;
    Statement query(database, "SELECT id FROM content WHERE written = 0 ORDER BY id");
    while (query.step()) {
      contents.push_back(ContentId{query.integer(0)});
    }
    return write(job, medium, contents);
  }
  Ledger::Outcome outcome(std::size_t members) {
    Ledger::Outcome outcome;
    outcome.archive_block = 77;
    outcome.plain_bytes_written = kMember * (members + 1);
    outcome.written_s = ++now;
    return outcome;
  }

  // What a view shows: "path size" of files, "path/" of directories, in archive order.
  std::vector<std::string> shown(View view = {}) {
    std::vector<std::string> lines;
    tree.walk(view, kRootPath, [&](const std::string& path, const Version& version) {
      if (!path.empty()) {
        lines.push_back(S_ISDIR(version.metadata.mode) ? path + "/"
                                                       : path + " " + std::to_string(version.size));
      }
      return true;
    });
    return lines;
  }

  static constexpr std::uint64_t kMember = 1024;
  std::filesystem::path catalog_db, state_db;
  Database database;
  Ledger ledger;
  Tree tree;
  std::int64_t now = 1'700'000'000;
  int bundles = 0;

 private:
  static void make(const std::filesystem::path& catalog_db, std::string_view name) {
    if (!std::filesystem::exists(catalog_db)) {
      create_catalog(catalog_db, name);
    }
  }
};

class CatalogTest : public testing::Test {
 protected:
  test::TempDir directory;
  Machine machine{directory.path()};
  Ledger& ledger = machine.ledger;
  Tree& tree = machine.tree;
};

}  // namespace mixtape::catalog
