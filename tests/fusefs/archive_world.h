// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "engine/staging/staging.h"
#include "fusefs/catalog_fs.h"
#include "fusefs/sources.h"
#include "fusefs/xattrs.h"
#include "tests/catalog/catalog_fixture.h"
#include "tests/fusefs/fake_contents.h"

// A catalog with jobs and a medium, contents that are away or here, and a staging directory: what a
// mount shows. A file's content is a word.

namespace mixtape::fusefs {

class ArchiveWorld {
 public:
  ArchiveWorld() : machine(directory.path()), medium(machine.add_medium("MX0001", "shelf B")) {}

  // One job that brings files and ends others, written to the medium and finished.
  class JobUnderWay {
   public:
    explicit JobUnderWay(ArchiveWorld& world) : world_(world), job(world.machine.begin()) {}
    JobUnderWay& file(const std::string& path, const std::string& word, bool here = false) {
      const auto content = world_.machine.content(word);
      world_.contents.put(catalog::number(content), word, here);
      world_.machine.add_file(job, path, content);
      return *this;
    }
    JobUnderWay& add(const std::string& path, const catalog::Metadata& metadata,
                     std::optional<catalog::ContentId> content = std::nullopt) {
      auto& ledger = world_.machine.ledger;
      ledger.add_version(job.id, ledger.path(path), metadata, content, catalog::kStagingRoot);
      return *this;
    }
    JobUnderWay& end(const std::string& path) {
      world_.machine.end(job, path);
      return *this;
    }
    catalog::Job finish() {
      world_.machine.write_all(job, world_.medium);
      world_.machine.ledger.finish_job(job.id, ++world_.machine.now);
      return job;
    }
    // The same, with room in the bundle for contents larger than a member of the fixture.
    catalog::Job finish_large(std::uint64_t size) {
      catalog::Bundle bundle;
      bundle.uuid = catalog::uuid_of("large bundle");
      bundle.medium = world_.medium;
      bundle.job = job.id;
      bundle.index_file = 1;
      bundle.archive_header = Bytes(200, std::byte{7});
      bundle.plain_bytes = size + catalog::Machine::kMember;
      catalog::Copy copy;
      copy.content = world_.machine.content("large", size);
      copy.data_offset = 512;
      copy.stored_size = size;
      auto& ledger = world_.machine.ledger;
      auto outcome = world_.machine.outcome(1);
      outcome.plain_bytes_written = bundle.plain_bytes;
      ledger.commit_bundle(ledger.plan_bundle(bundle, {copy}), outcome);
      ledger.finish_job(job.id, ++world_.machine.now);
      return job;
    }

   private:
    ArchiveWorld& world_;

   public:
    catalog::Job job;
  };
  JobUnderWay job() { return JobUnderWay(*this); }

  [[nodiscard]] catalog::ContentId content(const std::string& word) {
    return machine.content(word);
  }
  void deliver(const std::string& word) { contents.deliver(catalog::number(content(word))); }

  [[nodiscard]] std::function<catalog::Database()> open_catalog() const {
    return [catalog_db = machine.catalog_db, state_db = machine.state_db] {
      return catalog::open_catalog(catalog_db, state_db, catalog::Access::read);
    };
  }
  [[nodiscard]] Sources sources() {
    return {.open_catalog = open_catalog(),
            .contents = contents,
            .staging = &staging,
            .texts = {.status_json = [] { return std::string("{\"status\":1}\n"); },
                      .queue_json = [] { return std::string("[]\n"); },
                      .status_text = [] { return std::string("all is well\n"); }},
            .eta = [](const recall::Content&) { return std::optional(std::chrono::seconds(42)); }};
  }

  test::TempDir directory{test::TempDir::Place::memory};
  test::TempDir disk;
  catalog::Machine machine;
  FakeContents contents;
  // Called before each change of the staging directory that the mount or a flush makes.
  std::function<void()> before_staged_change;
  staging::Staging staging{disk / "staging", [this] {
                             if (before_staged_change) {
                               before_staged_change();
                             }
                           }};
  catalog::MediumId medium;
};

}  // namespace mixtape::fusefs
