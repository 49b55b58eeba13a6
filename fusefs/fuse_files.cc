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

void hand_over(Served& served, fuse_file_info* info, std::unique_ptr<StagedFile> file) {
  // Staged content changes only through this mount, so its pages stay right.
  info->keep_cache = 1;
  info->noflush = file->writing ? 0 : 1;
  info->fh = served.staged.add(std::move(file));
}

void hand_over(Served& served, fuse_file_info* info, std::unique_ptr<CatalogFile> file) {
  // What is not here yet is not cached by the kernel: read-ahead would recall what nobody asked
  // for, and a page that waits for a medium would hold up whoever else touches it.
  info->direct_io = file->is_here() ? 0 : 1;
  info->keep_cache = file->is_here() ? 1 : 0;
  info->noflush = 1;
  info->fh = served.files.add(std::move(file));
}

void close(Served& served, fuse_ino_t node, const fuse_file_info* info) {
  if (!is_staging(node)) {
    (void)served.files.take(info->fh);
  } else if (auto file = served.staged.take(info->fh)) {
    served.staged_files->release(std::move(file));
  }
}

void reply_open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  if (fuse_reply_open(request, info) == -ENOENT) {
    // The process was killed meanwhile; no release will come.
    close(served_by(request), node, info);
  }
}

void open_to_change(fuse_req_t request, fuse_ino_t node, const fuse_file_info& info) {
  answer_change(request, "open", node, [request, node, own = info]() mutable {
    if (!is_staging(node)) {
      throw Refusal{EROFS};
    }
    Served& served = served_by(request);
    hand_over(served, &own, served.staged_files->open(node_of(node).number, own.flags));
    reply_open(request, node, &own);
  });
}

// Valid replies: fuse_reply_open, fuse_reply_err.
void open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  if ((info->flags & O_ACCMODE) != O_RDONLY || (info->flags & O_TRUNC) != 0) {
    open_to_change(request, node, *info);
    return;
  }
  answer(request, "open", [&] {
    Served& served = served_by(request);
    if (is_staging(node)) {
      hand_over(served, info, served.staged_files->open(node_of(node).number, info->flags));
    } else {
      hand_over(served, info, CatalogFile::open(served.catalog, served.contents, NodeId(node)));
    }
    reply_open(request, node, info);
  });
}

void on_interrupt(fuse_req_t request, void* token) {
  served_by(request).parked.interrupted(token);
}

void reply_bytes(fuse_req_t request, ByteView bytes) {
  fuse_reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// `buffer`: as large as the read. Only who is known to sniff gets a part of what it asked for: for
// others an error behind a short read would be the end of the file (sendfile(2) drops it). And only
// into a buffer of its own: into its page cache, where the kernel reads without a lock owner, a
// short read is the end of the file for everybody.
void read_cold(fuse_req_t request, CatalogFile& file, MutableBytes buffer, std::uint64_t offset,
               const fuse_file_info& info) {
  Served& served = served_by(request);
  // Copies: the reply may be sent, and the file closed, before all this returns.
  const std::string what = file.path(served.catalog);
  const recall::Content content = file.content();
  const ByteView known = buffer.first(served.contents.preview(content, offset, buffer));
  if (known.size() == std::min<std::uint64_t>(buffer.size(), content.size - offset)) {
    reply_bytes(request, known);
    return;
  }
  if (file.is_cancelled(served.contents)) {
    throw Refusal{ECANCELED};
  }
  const ColdGuard::Verdict verdict =
      served.cold_guard.judge(fuse_req_ctx(request)->pid, content.number, ColdGuard::Clock::now());
  if (verdict.say_so) {
    spdlog::warn(
        "{} (process {}) reads more files that are not here than cold_files_per_second"
        " allows, {} among them: its reads fail until it slows down",
        verdict.who.name, verdict.who.id, what);
  }
  const bool may_wait = (info.flags & O_NONBLOCK) == 0;
  if (verdict.sniffs && !known.empty() && info.lock_owner != 0) {
    reply_bytes(request, known);
  } else if (verdict.too_many) {
    throw Refusal{EBUSY};
  } else if (verdict.reads == ColdReads::never) {
    spdlog::info("{}: not recalled for {} (process {}): the configuration says never", what,
                 verdict.who.name, verdict.who.id);
    throw Refusal{EACCES};
  } else if (verdict.reads == ColdReads::queue || !may_wait) {
    served.contents.fetch(content, what, {.uid = fuse_req_ctx(request)->uid}, {});
    // EAGAIN means "nothing yet" only to who opened it so; others would take it for the end.
    throw Refusal{may_wait ? EBUSY : EAGAIN};
  } else {
    served.parked.park(request, content, offset, buffer.size(), what, on_interrupt);
  }
}

// Valid replies: fuse_reply_buf, fuse_reply_err.
void read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
          fuse_file_info* info) {
  answer(request, "read", [&] {
    Served& served = served_by(request);
    const MutableBytes buffer = thread_buffer(size);
    const auto from = static_cast<std::uint64_t>(offset);
    std::optional<CatalogFile::Piece> piece;
    if (is_staging(node)) {
      const std::size_t got = served.staged_files->read(served.staged.at(info->fh), buffer, from);
      piece = CatalogFile::Piece{buffer.first(got), nullptr};
    } else {
      piece = served.files.at(info->fh).read(served.contents, buffer, from);
    }
    if (piece) {
      fuse_reply_buf(request, reinterpret_cast<const char*>(piece->bytes.data()),
                     piece->bytes.size());
    } else {
      read_cold(request, served.files.at(info->fh), buffer, from, *info);
    }
  });
}

// Valid replies: fuse_reply_write, fuse_reply_err.
void write(fuse_req_t request, fuse_ino_t, const char* bytes, std::size_t size, off_t offset,
           fuse_file_info* info) {
  answer(request, "write", [&] {
    Served& served = served_by(request);
    const std::size_t written = served.staged_files->write(
        served.staged.at(info->fh), as_bytes({bytes, size}), static_cast<std::uint64_t>(offset));
    fuse_reply_write(request, written);
  });
}

// Valid replies: fuse_reply_err.
void flush(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  if (is_staging(node)) {
    Served& served = served_by(request);
    served.staged_files->closing(served.staged.at(info->fh));
  }
  fuse_reply_err(request, 0);
}

// Valid replies: fuse_reply_err.
void release(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  close(served_by(request), node, info);
  fuse_reply_err(request, 0);
}

// Valid replies: fuse_reply_err.
void fsync(fuse_req_t request, fuse_ino_t node, int data_only, fuse_file_info* info) {
  answer(request, "fsync", [&] {
    if (is_staging(node)) {
      Served& served = served_by(request);
      served.staged_files->sync(served.staged.at(info->fh), data_only != 0);
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
    hand_over(served, info, std::move(file));
    const fuse_entry_param entry = to_entry(found);
    if (fuse_reply_create(request, &entry, info) == -ENOENT) {
      close(served, static_cast<fuse_ino_t>(found.node), info);
      served.staging->forget(Node::of(found.node).number, 1);
    }
  });
}

// Valid replies: fuse_reply_err.
void fallocate(fuse_req_t request, fuse_ino_t, int mode, off_t offset, off_t length,
               fuse_file_info* info) {
  answer(request, "fallocate", [&] {
    Served& served = served_by(request);
    served.staged_files->allocate(served.staged.at(info->fh), mode, offset, length);
    fuse_reply_err(request, 0);
  });
}

// Valid replies: fuse_reply_lseek, fuse_reply_err.
void lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info* info) {
  answer(request, "lseek", [&] {
    Served& served = served_by(request);
    if (is_staging(node)) {
      fuse_reply_lseek(request,
                       served.staged_files->seek(served.staged.at(info->fh), offset, whence));
      return;
    }
    // All data, one hole behind the end: where the holes of a sparse file are, only its bytes tell.
    const auto size = static_cast<off_t>(served.files.at(info->fh).size());
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
