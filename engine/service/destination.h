// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/catalog/types.h"
#include "engine/recall/content_sink.h"
#include "tapeio/unique_fd.h"

// The directory that a restore writes below, and never beside.
//
// Paths come from a catalog, catalogs come from media, and media may come from anybody. So a path
// is taken component by component from the directory's descriptor and follows no symlink, neither
// one that was there nor one restored a moment ago; "..", "." and empty components are refused.
//
// Threads: none; belongs to one thread.
// Errors:  throws Error{invalid} for a path that leads out, Error{conflict} when something is in
//          the way, else as throw_errno.

namespace mixtape::service {

// What stands at a path that is to be restored may give way, or not.
enum class Existing { keep, replace };

class Destination {
  // An open directory; held by whoever still works in it.
  using Directory = std::shared_ptr<const tapeio::UniqueFd>;

 public:
  // `make`: else a directory that is not there is an empty one that cannot be written to.
  Destination(const std::string& directory, bool make);

  [[nodiscard]] std::uint64_t free_bytes() const;
  // What is at a path; a symlink itself, not its target. nullopt: nothing, or no directory above
  // it.
  [[nodiscard]] std::optional<struct stat> look(const std::string& path);
  [[nodiscard]] std::optional<std::string> read_symlink(const std::string& path);

  // A directory that is there is kept; those above are made, too. Only its owner can use it until
  // finish_directory.
  void make_directory(const std::string& path);
  void finish_directory(const std::string& path, const catalog::Metadata& metadata);
  void make_symlink(const std::string& path, const catalog::Metadata& metadata, Existing existing);
  // A fifo or a device.
  void make_special(const std::string& path, const catalog::Metadata& metadata, Existing existing);
  // A second name for a file that was restored.
  void make_link(const std::string& from, const std::string& path, Existing existing);

  // A file on its way: under another name in the same directory, gone unless it is finished.
  class NewFile final : public recall::ContentSink {
   public:
    ~NewFile() override;
    void write(ByteView bytes) override;
    void write_zeros(std::uint64_t count) override;
    // Out of order.
    void write_at(std::uint64_t offset, ByteView bytes);
    // At least so long; what was not written is a hole.
    void extend_to(std::uint64_t size);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    // What was written, from `offset` on; less where it ends, and holes at the end are not there.
    [[nodiscard]] std::size_t read_back(std::uint64_t offset, MutableBytes into) const;
    // Where the first byte from `offset` on is that is not in a hole; UINT64_MAX: there is none.
    // `offset` itself where the file system cannot tell.
    [[nodiscard]] std::uint64_t next_data(std::uint64_t offset) const;
    // Another name than that of its path, in the same directory; before finish.
    void rename(const std::string& name);
    // Gives it its metadata and its name. When that fails nothing stands there, but the bytes can
    // still be read back.
    void finish(const catalog::Metadata& metadata, Existing existing);

   private:
    friend class Destination;
    NewFile(Destination& destination, std::string path);

    Destination& destination_;
    std::string path_, name_, temporary_;
    Directory directory_;
    tapeio::UniqueFd fd_;
    std::uint64_t size_ = 0;
    bool ends_in_hole_ = false;
    bool finished_ = false;
  };
  [[nodiscard]] std::unique_ptr<NewFile> create(const std::string& path);

  // Attributes that this file system or user could not take: "path: user.x", the first ones.
  [[nodiscard]] const std::vector<std::string>& lost_attributes() const { return lost_; }
  // Nothing more comes: removes the directories that were made here and are empty.
  void drop_empty_directories();
  [[nodiscard]] std::uint64_t lost_attribute_count() const { return lost_count_; }

 private:
  // The directory that holds a path, and the last component.
  struct Anchored {
    Directory directory;
    std::string name;
    [[nodiscard]] int fd() const { return directory->get(); }
  };
  [[nodiscard]] Anchored anchor(const std::string& path, bool make_parents);
  enum class Make { nothing, parents, itself };
  [[nodiscard]] Directory open_directory(std::string_view path, Make make);
  // Puts what stands under `temporary` at `name`.
  void settle(int directory, const std::string& temporary, const std::string& name,
              const std::string& path, Existing existing);
  [[nodiscard]] std::string temporary_name();
  void set_metadata(int fd, const catalog::Metadata& metadata, const std::string& path);
  // Of what cannot be opened: a symlink, a fifo, a device.
  void set_metadata_of_node(const Anchored& at, const catalog::Metadata& metadata,
                            const std::string& path);
  void lose(const std::string& path, const std::string& attribute);
  [[nodiscard]] uid_t owner_of(const catalog::Metadata& metadata);
  [[nodiscard]] gid_t group_of(const catalog::Metadata& metadata);

  std::string directory_;
  std::vector<std::filesystem::path> made_above_;  // For `directory`, which comes first.
  std::vector<std::string> made_;                  // Below it, parents first.
  Directory root_;
  const bool as_root_;
  // The directory used last: files of one directory come one after the other.
  std::string last_path_;
  Directory last_;
  // A directory that was not there when it was looked for, and a slash; until one is made. What is
  // below it need not be looked for.
  std::string absent_;
  std::uint64_t names_ = 0;
  std::unordered_map<std::string, uid_t> users_;
  std::unordered_map<std::string, gid_t> groups_;
  std::vector<std::string> lost_;
  std::uint64_t lost_count_ = 0;
};

}  // namespace mixtape::service
