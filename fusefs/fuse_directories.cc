// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>

#include "fusefs/fuse_ops.h"
#include "fusefs/served.h"

// Directories.

namespace mixtape::fusefs {
namespace {

Rows list(Served& served, fuse_ino_t directory) {
  if (is_archived(directory)) {
    return served.listings.get(NodeId(directory));
  }
  if (!is_staging(directory)) {
    Rows rows = served.catalog.list(NodeId(directory));
    if (node_of(directory).is(FixedNode::root) && served.staging) {
      const Attributes top = served.staging->attributes(kStagingTop);
      rows.add("staging", Node::staging(kStagingTop).id(), top.inode, top.mode);
    }
    return rows;
  }
  Rows rows;
  for (const Row& row : served.staging->list(node_of(directory).number)) {
    rows.add(row.name, NodeId{}, row.inode, row.mode);
  }
  return rows;
}

// A reply under construction: entries as the kernel takes them.
class Reply {
 public:
  Reply(fuse_req_t request, std::size_t size) : request_(request), buffer_(thread_buffer(size)) {}

  // False: full. `next` is the offset of the entry behind this one.
  bool add(const std::string& name, const struct stat& status, off_t next) {
    return grow(fuse_add_direntry(request_, free(), room(), name.c_str(), &status, next));
  }
  bool add(const std::string& name, const fuse_entry_param& entry, off_t next) {
    return grow(fuse_add_direntry_plus(request_, free(), room(), name.c_str(), &entry, next));
  }
  [[nodiscard]] bool has_room_for(const std::string& name) const {
    return fuse_add_direntry_plus(request_, nullptr, 0, name.c_str(), nullptr, 0) <= room();
  }
  void send() { fuse_reply_buf(request_, begin(), used_); }

 private:
  [[nodiscard]] char* begin() { return reinterpret_cast<char*>(buffer_.data()); }
  [[nodiscard]] char* free() { return begin() + used_; }
  [[nodiscard]] std::size_t room() const { return buffer_.size() - used_; }
  bool grow(std::size_t size) {
    if (size > room()) {
      return false;
    }
    used_ += size;
    return true;
  }

  fuse_req_t request_;
  MutableBytes buffer_;
  std::size_t used_ = 0;
};

// Inode and type only: the kernel looks up what it wants to know more of.
fuse_entry_param unknown_entry(const Attributes& attributes) {
  fuse_entry_param entry{};
  entry.attr = to_stat(attributes);
  return entry;
}

bool add_plus(Served& served, fuse_ino_t directory, Reply& reply, const Row& row, off_t next) {
  if (row.looked_up) {
    return reply.add(row.name,
                     to_entry({.node = row.node,
                               .attributes = row.attributes,
                               .freshness = freshness_in(node_of(directory))}),
                     next);
  }
  if (!is_staging(directory)) {
    return reply.add(row.name, unknown_entry(row.attributes), next);
  }
  // Counted as looked up once it is in the reply, so it must fit.
  if (!reply.has_room_for(row.name)) {
    return false;
  }
  try {
    return reply.add(row.name,
                     to_entry(served.staging->lookup(node_of(directory).number, row.name)), next);
  } catch (const Refusal&) {
    // Removed since the directory was read.
    return true;
  }
}

bool add_dot(fuse_ino_t directory, Reply& reply, std::uint64_t place, bool plus) {
  Attributes attributes;
  attributes.inode = own_inode(NodeId(directory));
  attributes.mode = S_IFDIR;
  const std::string name = place == 1 ? "." : "..";
  const auto next = static_cast<off_t>(place);
  return plus ? reply.add(name, unknown_entry(attributes), next)
              : reply.add(name, to_stat(attributes), next);
}

bool add_row(Served& served, fuse_ino_t directory, Reply& reply, const Row& row, off_t next,
             bool plus) {
  return plus ? add_plus(served, directory, reply, row, next)
              : reply.add(row.name, to_stat(row.attributes), next);
}

// What stands behind `offset`, as much as goes into the reply.
void fill(Served& served, fuse_ino_t directory, const Rows& rows, off_t offset, bool plus,
          Reply& reply) {
  const auto from = static_cast<std::uint64_t>(offset);
  for (std::uint64_t place = from + 1; place <= Rows::kDots; ++place) {
    if (!add_dot(directory, reply, place, plus)) {
      return;
    }
  }
  Rows::Reader reader(rows);
  for (std::size_t row = rows.behind(from); row < rows.size(); ++row) {
    const auto next = static_cast<off_t>(rows.place(row));
    if (!add_row(served, directory, reply, reader.at(row), next, plus)) {
      return;
    }
  }
}

// Makes the rows unless those of an earlier request do. Rows from before a commit do not: from them
// the kernel would take back what it was just told, and keep it for a day.
void make_rows(Served& served, fuse_ino_t directory, OpenDirectory& open, bool rewound) {
  const std::uint64_t commits = served.commits;
  if (!open.rows || rewound || (is_archived(directory) && open.commits != commits)) {
    open.rows = list(served, directory);
    open.commits = commits;
  }
}

void read_directory(fuse_req_t request, fuse_ino_t directory, std::size_t size, off_t offset,
                    const fuse_file_info* info, bool plus) {
  answer(request, "readdir", [&] {
    Served& served = served_by(request);
    Reply reply(request, size);
    {
      OpenDirectory& open = served.directories.at(info->fh);
      const std::lock_guard lock(open.mutex);
      make_rows(served, directory, open, offset == 0);
      fill(served, directory, *open.rows, offset, plus, reply);
    }
    // Once it is sent, the directory may be closed on another thread.
    reply.send();
  });
}

// Valid replies: fuse_reply_open, fuse_reply_err.
void opendir(fuse_req_t request, fuse_ino_t directory, fuse_file_info* info) {
  info->cache_readdir = info->keep_cache = stays_in_kernel(directory) ? 1 : 0;
  Served& served = served_by(request);
  info->fh = served.directories.add(std::make_unique<OpenDirectory>());
  if (fuse_reply_open(request, info) == -ENOENT) {
    // The process was killed meanwhile; no release will come.
    (void)served.directories.take(info->fh);
  }
}

// Valid replies: fuse_reply_buf, fuse_reply_err.
void readdir(fuse_req_t request, fuse_ino_t directory, std::size_t size, off_t offset,
             fuse_file_info* info) {
  read_directory(request, directory, size, offset, info, false);
}

// Valid replies: fuse_reply_err.
void releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  (void)served_by(request).directories.take(info->fh);
  fuse_reply_err(request, 0);
}

// Valid replies: fuse_reply_err.
void fsyncdir(fuse_req_t request, fuse_ino_t directory, int, fuse_file_info*) {
  answer(request, "fsyncdir", [&] {
    if (is_staging(directory)) {
      served_by(request).staged_files->sync_directory(node_of(directory).number);
    }
    fuse_reply_err(request, 0);
  });
}

// Valid replies: fuse_reply_buf, fuse_reply_err.
void readdirplus(fuse_req_t request, fuse_ino_t directory, std::size_t size, off_t offset,
                 fuse_file_info* info) {
  read_directory(request, directory, size, offset, info, true);
}

}  // namespace

void add_directory_operations(fuse_lowlevel_ops& operations) {
  operations.opendir = opendir;
  operations.readdir = readdir;
  operations.releasedir = releasedir;
  operations.fsyncdir = fsyncdir;
  operations.readdirplus = readdirplus;
}

}  // namespace mixtape::fusefs
