// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "fusefs/catalog_file.h"
#include "fusefs/fuse_ops.h"
#include "fusefs/served.h"

// Open files.

namespace mixtape::fusefs {
namespace {

// The largest read and write that the kernel sends (256 pages).
constexpr std::size_t kMaxTransfer = 1 << 20;

StagedFile& staged(const fuse_file_info* info) {
  return *reinterpret_cast<StagedFile*>(info->fh);
}

CatalogFile& catalogued(const fuse_file_info* info) {
  return *reinterpret_cast<CatalogFile*>(info->fh);
}

// A buffer that a serving thread keeps: allocating a mebibyte for each read costs more than the
// read.
MutableBytes read_buffer(std::size_t size) {
  thread_local Bytes buffer;
  if (buffer.size() < size) {
    buffer.resize(size);
  }
  return MutableBytes(buffer).first(size);
}

void hand_over(fuse_file_info* info, std::unique_ptr<StagedFile> file) {
  // Staged content changes only through this mount, so its pages stay right.
  info->keep_cache = 1;
  info->noflush = file->writing ? 0 : 1;
  info->fh = reinterpret_cast<std::uint64_t>(file.release());
}

// Valid replies: fuse_reply_open, fuse_reply_err.
void open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  answer(request, "open", [&] {
    Served& served = served_by(request);
    if (is_staging(node)) {
      auto file = served.staged_files->open(node_of(node).number, info->flags);
      hand_over(info, std::move(file));
    } else {
      if ((info->flags & O_ACCMODE) != O_RDONLY || (info->flags & O_TRUNC) != 0) {
        throw Refusal{EROFS};
      }
      auto file = CatalogFile::open(served.catalog, served.contents, NodeId(node));
      // What is not here yet is not cached by the kernel: read-ahead would recall what nobody asked
      // for, and a page that waits for a medium would hold up whoever else touches it.
      info->direct_io = file->is_here() ? 0 : 1;
      info->keep_cache = file->is_here() ? 1 : 0;
      info->noflush = 1;
      info->fh = reinterpret_cast<std::uint64_t>(file.release());
    }
    if (fuse_reply_open(request, info) == -ENOENT) {
      // The process was killed meanwhile; no release will come.
      if (is_staging(node)) {
        served.staged_files->release(std::unique_ptr<StagedFile>(&staged(info)));
      } else {
        std::unique_ptr<CatalogFile>(&catalogued(info)).reset();
      }
    }
  });
}

void on_interrupt(fuse_req_t request, void* token) {
  served_by(request).parked.interrupted(token);
}

void read_cold(fuse_req_t request, CatalogFile& file, std::size_t size, std::uint64_t offset,
               bool may_wait) {
  Served& served = served_by(request);
  const std::string what = file.path(served.catalog);
  if (served.cold_reads == ColdReads::never) {
    spdlog::info("{}: not recalled for process {}: the mount says never", what,
                 fuse_req_ctx(request)->pid);
    throw Refusal{EACCES};
  }
  if (served.cold_reads == ColdReads::queue || !may_wait) {
    served.contents.fetch(file.content(), what, {});
    throw Refusal{EAGAIN};
  }
  served.parked.park(request, file.content(), offset, size, what, on_interrupt);
}

// Valid replies: fuse_reply_buf, fuse_reply_err.
void read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
          fuse_file_info* info) {
  answer(request, "read", [&] {
    const MutableBytes buffer = read_buffer(std::min(size, kMaxTransfer));
    const auto from = static_cast<std::uint64_t>(offset);
    std::optional<std::size_t> got;
    if (is_staging(node)) {
      got = served_by(request).staged_files->read(staged(info), buffer, from);
    } else {
      got = catalogued(info).read(served_by(request).contents, buffer, from);
    }
    if (got) {
      fuse_reply_buf(request, reinterpret_cast<const char*>(buffer.data()), *got);
    } else {
      read_cold(request, catalogued(info), size, from, (info->flags & O_NONBLOCK) == 0);
    }
  });
}

// Valid replies: fuse_reply_write, fuse_reply_err.
void write(fuse_req_t request, fuse_ino_t, const char* bytes, std::size_t size, off_t offset,
           fuse_file_info* info) {
  answer(request, "write", [&] {
    const std::size_t written = served_by(request).staged_files->write(
        staged(info), as_bytes({bytes, size}), static_cast<std::uint64_t>(offset));
    fuse_reply_write(request, written);
  });
}

// Valid replies: fuse_reply_err.
void flush(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  if (is_staging(node)) {
    served_by(request).staged_files->closing(staged(info));
  }
  fuse_reply_err(request, 0);
}

// Valid replies: fuse_reply_err.
void release(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  if (is_staging(node)) {
    served_by(request).staged_files->release(std::unique_ptr<StagedFile>(&staged(info)));
  } else {
    std::unique_ptr<CatalogFile>(&catalogued(info)).reset();
  }
  fuse_reply_err(request, 0);
}

// Valid replies: fuse_reply_err.
void fsync(fuse_req_t request, fuse_ino_t node, int data_only, fuse_file_info* info) {
  answer(request, "fsync", [&] {
    if (is_staging(node)) {
      served_by(request).staged_files->sync(staged(info), data_only != 0);
    }
    fuse_reply_err(request, 0);
  });
}

// Valid replies: fuse_reply_create, fuse_reply_err.
void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* info) {
  answer(request, "create", [&] {
    if (!is_staging(parent)) {
      throw Refusal{EROFS};
    }
    Served& served = served_by(request);
    const fuse_ctx* context = fuse_req_ctx(request);
    auto [found, file] = served.staged_files->create(node_of(parent).number, name, mode,
                                                     info->flags, {context->uid, context->gid});
    hand_over(info, std::move(file));
    const fuse_entry_param entry = to_entry(found);
    if (fuse_reply_create(request, &entry, info) == -ENOENT) {
      served.staged_files->release(std::unique_ptr<StagedFile>(&staged(info)));
      served.staging->forget(Node::of(found.node).number, 1);
    }
  });
}

// Valid replies: fuse_reply_err.
void fallocate(fuse_req_t request, fuse_ino_t, int mode, off_t offset, off_t length,
               fuse_file_info* info) {
  answer(request, "fallocate", [&] {
    served_by(request).staged_files->allocate(staged(info), mode, offset, length);
    fuse_reply_err(request, 0);
  });
}

// Valid replies: fuse_reply_lseek, fuse_reply_err.
void lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info* info) {
  answer(request, "lseek", [&] {
    if (is_staging(node)) {
      fuse_reply_lseek(request,
                       served_by(request).staged_files->seek(staged(info), offset, whence));
      return;
    }
    // All data, one hole behind the end: where the holes of a sparse file are, only its bytes tell.
    const auto size = static_cast<off_t>(catalogued(info).size());
    if (offset >= size) {
      throw Refusal{ENXIO};
    }
    fuse_reply_lseek(request, whence == SEEK_HOLE ? size : offset);
  });
}

}  // namespace

void add_file_operations(fuse_lowlevel_ops& operations) {
  operations.open = open;
  operations.read = read;
  operations.write = write;
  operations.flush = flush;
  operations.release = release;
  operations.fsync = fsync;
  operations.create = create;
  operations.fallocate = fallocate;
  operations.lseek = lseek;
}

}  // namespace mixtape::fusefs
