// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/catalog/ledger.h"
#include "engine/catalog/snapshot.h"

// Archives of which no index tells: what their members say, as an index like any other.
//
// An archive does not name its bundle or its job. Both get the 16 bytes of the nonce in front of
// it, which no other archive has: scanned again, it is the same bundle, and rows that came from a
// scan are known for what they are. Where an index tells of the archive after all, those of the
// scan give way to it (Merge). A member that the catalog knows already, by path, content and time,
// is no version of its own.
//
// What a scan says of the medium itself is older than what any index says of it, and changes
// nothing of a medium that is known: the label stands in plain text, for everybody to edit.
//
// A name may stand in an archive more than once, as repack writes what has several versions: each
// time counts from a job of its own, up to a thousand, and the later member is the newer. Their
// uuids follow from the nonce and the number of the time.
//
// A job of a scan stands where its newest file allows: archives do not say when they were written.
//
// Threads: none.
// Errors:  throws what the ledger throws.
// Memory:  the copies of one archive, and up to 64 MiB of its hard links.

namespace mixtape::catalog {

// Whether a bundle is known from a scan alone.
[[nodiscard]] bool is_scanned(const Bundle& bundle);

// Behind so many, the last version of a name replaces the one before it.
inline constexpr std::size_t kMostTurnsOfScan = 1000;
// The job of the `turn`-th time that an archive has some name, from 0. `nonce`: its bundle's uuid.
[[nodiscard]] Uuid job_of_scan(const Uuid& nonce, std::size_t turn);

class ScannedMedium {
 public:
  struct Archive {
    Bytes header;              // age header and nonce.
    std::uint64_t number = 0;  // Of the bundle on its medium.
    std::uint64_t tape_file = 0;
    std::uint64_t first_block = 0;
    std::uint64_t plain_bytes = 0;
  };
  // Bytes of a file and where they stand.
  struct Content {
    std::uint64_t size = 0;  // At least 1.
    Hash hash{};
    std::uint64_t member_offset = 0, data_offset = 0, stored_size = 0;
    bool sparse = false;
  };

  // A draft in the new directory `scratch`. `catalog`: whose medium it is.
  ScannedMedium(const std::filesystem::path& scratch, const Medium& medium, const Uuid& catalog,
                std::string_view command);
  ~ScannedMedium();

  // What follows belongs to this archive, until it ends. Without an end nothing of it stays.
  void begin(const Archive& archive);
  // Nothing of the archive under way stays.
  void drop();
  void add(std::string_view path, const Metadata& metadata, const std::optional<Content>& content);
  // A file with the bytes of an earlier member; false: that one is not here.
  [[nodiscard]] bool add_same_content(std::string_view path, const Metadata& metadata,
                                      std::string_view as);
  // Another name of an earlier member; false: that one is not here, or is this very name.
  [[nodiscard]] bool add_link(std::string_view path, const Metadata& metadata, std::string_view of);
  // `after_s`: when the archive in front of it was written, as far as that is known. Returns when
  // this one was, as far as that can be told.
  std::int64_t end(std::int64_t after_s, std::int64_t now_s);

  // What hard links hold until they are entered, all names of a file at once. Where so much waits,
  // they are entered without those that follow.
  static constexpr std::size_t kMostWaiting = 64 * MiB;
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }

  [[nodiscard]] bool is_empty() const { return archives_ == 0; }
  // All that was added, for recover_catalog; the end of the draft.
  [[nodiscard]] FoundIndex finish(std::int64_t now_s);

 private:
  struct Link {
    std::string path;
    Metadata metadata;
    std::optional<ContentId> content;  // Of the member when it was linked to.
  };
  [[nodiscard]] std::optional<Version> member_at(std::string_view path);
  void add_version(std::string_view path, const Metadata& metadata,
                   std::optional<ContentId> content);
  void enter(std::string_view path, const Metadata& metadata, std::optional<ContentId> content,
             std::optional<VersionKey> link_of);
  [[nodiscard]] JobId job_for(std::string_view path);
  [[nodiscard]] std::size_t turn_below(std::string_view parent);
  [[nodiscard]] std::optional<std::size_t> turn_of(const std::optional<Version>& version) const;
  void begin_turn();
  void enter_links();
  void enter_names(PathId of, std::vector<Link>& names);

  const std::filesystem::path scratch_;
  Medium medium_;
  const Uuid catalog_uuid_;
  const std::string command_;
  Database database_;
  Ledger ledger_;
  Statement is_written_;
  std::unique_ptr<Transaction> transaction_;
  std::size_t archives_ = 0;
  // Of the archive under way.
  Archive archive_;
  std::vector<JobId> jobs_;  // By turn.
  std::vector<Copy> copies_;
  std::unordered_set<std::int64_t> held_;                      // Contents of copies_.
  std::unordered_map<std::int64_t, std::vector<Link>> links_;  // By the path of the member.
  std::unordered_set<std::int64_t> waiting_names_;             // Paths in links_.
  std::optional<std::string> parent_;                          // Of the last name,
  std::size_t parent_turn_ = 0;                                // and its turn_below.
  std::size_t waiting_bytes_ = 0;                              // Of links_.
  std::int64_t newest_ns_ = 0;
};

}  // namespace mixtape::catalog
