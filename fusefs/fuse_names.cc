// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/statvfs.h>

#include <cerrno>

#include "fusefs/fuse_ops.h"
#include "fusefs/served.h"

// Sessions, names and attributes.

namespace mixtape::fusefs {
namespace {

constexpr std::string_view kStagingName = "staging";

// The staging row of a directory in which something is to be changed.
std::uint64_t changeable(fuse_ino_t number) {
  if (!is_staging(number)) {
    throw Refusal{EROFS};
  }
  return node_of(number).number;
}

Caller caller_of(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {context->uid, context->gid};
}

Found staging_top(Served& served) {
  return {.node = Node::staging(kStagingTop).id(),
          .attributes = served.staging->attributes(kStagingTop),
          .freshness = Freshness::brief};
}

std::optional<Found> look_up(Served& served, fuse_ino_t parent, const char* name) {
  if (is_staging(parent)) {
    return served.staging->lookup(node_of(parent).number, name);
  }
  if (node_of(parent).is(FixedNode::root) && served.staging && name == kStagingName) {
    return staging_top(served);
  }
  return served.catalog.lookup(NodeId(parent), name);
}

void reply_entry(fuse_req_t request, const Found& found) {
  const fuse_entry_param entry = to_entry(found);
  fuse_reply_entry(request, &entry);
}

void reply_attributes(fuse_req_t request, const Attributes& attributes, Freshness freshness) {
  const struct stat status = to_stat(attributes);
  fuse_reply_attr(request, &status, timeout_of(freshness));
}

// Asks the kernel for what this mount lives by. Called once, before any request.
void init(void*, fuse_conn_info* connection) {
  // All the kernel lets through: parked reads must not use up what cached ones need. Without
  // privileges the kernel keeps to its own limit (fs.fuse.max_user_bgreq).
  connection->max_background = 65535;
  connection->congestion_threshold = 65535;
  connection->time_gran = 1;
  const unsigned wanted = FUSE_CAP_READDIRPLUS | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ |
                          FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_CACHE_SYMLINKS;
  // Contents change only through this mount, and splicing each request through a pipe costs small
  // ones more than it saves large ones.
  const unsigned unwanted = FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS_AUTO |
                            FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE;
  connection->want = (connection->want & ~unwanted) | (wanted & connection->capable);
}

// Valid replies: fuse_reply_entry, fuse_reply_err.
void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  answer(request, "lookup", [&] {
    if (const auto found = look_up(served_by(request), parent, name)) {
      reply_entry(request, *found);
    } else {
      fuse_reply_err(request, ENOENT);
    }
  });
}

void forget_one(Served& served, fuse_ino_t node, std::uint64_t lookups) {
  if (is_staging(node) && served.staging) {
    served.staging->forget(node_of(node).number, lookups);
  }
}

// Valid replies: fuse_reply_none.
void forget(fuse_req_t request, fuse_ino_t node, std::uint64_t lookups) {
  forget_one(served_by(request), node, lookups);
  fuse_reply_none(request);
}

// Valid replies: fuse_reply_attr, fuse_reply_err.
void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  answer(request, "getattr", [&] {
    Served& served = served_by(request);
    if (is_staging(node)) {
      reply_attributes(request, served.staging->attributes(node_of(node).number), Freshness::brief);
    } else {
      const Found found = served.catalog.get(NodeId(node));
      reply_attributes(request, found.attributes, found.freshness);
    }
  });
}

Changes changes_of(const struct stat& status, int to_set) {
  Changes changes;
  if ((to_set & FUSE_SET_ATTR_MODE) != 0) {
    changes.mode = status.st_mode;
  }
  if ((to_set & FUSE_SET_ATTR_UID) != 0) {
    changes.uid = status.st_uid;
  }
  if ((to_set & FUSE_SET_ATTR_GID) != 0) {
    changes.gid = status.st_gid;
  }
  if ((to_set & FUSE_SET_ATTR_SIZE) != 0) {
    changes.size = static_cast<std::uint64_t>(status.st_size);
  }
  if ((to_set & FUSE_SET_ATTR_ATIME) != 0) {
    changes.atime =
        (to_set & FUSE_SET_ATTR_ATIME_NOW) != 0 ? timespec{0, UTIME_NOW} : status.st_atim;
  }
  if ((to_set & FUSE_SET_ATTR_MTIME) != 0) {
    changes.mtime =
        (to_set & FUSE_SET_ATTR_MTIME_NOW) != 0 ? timespec{0, UTIME_NOW} : status.st_mtim;
  }
  return changes;
}

// Valid replies: fuse_reply_attr, fuse_reply_err.
void setattr(fuse_req_t request, fuse_ino_t node, struct stat* status, int to_set,
             fuse_file_info* info) {
  const Changes changes = changes_of(*status, to_set);
  const std::optional<std::uint64_t> handle =
      info != nullptr ? std::optional(info->fh) : std::nullopt;
  answer_change(request, "setattr", node, [request, node, changes, handle] {
    const std::uint64_t number = changeable(node);
    Served& served = served_by(request);
    const StagedFile* file = handle ? &served.staged.at(*handle) : nullptr;
    reply_attributes(request, served.staged_files->change(number, changes, file), Freshness::brief);
  });
}

// Valid replies: fuse_reply_readlink, fuse_reply_err.
void readlink(fuse_req_t request, fuse_ino_t node) {
  answer(request, "readlink", [&] {
    Served& served = served_by(request);
    const std::string target = is_staging(node) ? served.staging->read_link(node_of(node).number)
                                                : served.catalog.read_link(NodeId(node));
    fuse_reply_readlink(request, target.c_str());
  });
}

// Valid replies: fuse_reply_entry, fuse_reply_err.
void mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  answer(request, "mknod", [&] {
    reply_entry(request, served_by(request).staging->make_node(changeable(parent), name, mode,
                                                               device, caller_of(request)));
  });
}

// Valid replies: fuse_reply_entry, fuse_reply_err.
void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  mknod(request, parent, name, (mode & ~S_IFMT) | S_IFDIR, 0);
}

// Valid replies: fuse_reply_err.
void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  answer(request, "unlink", [&] {
    served_by(request).staging->remove(changeable(parent), name, false);
    fuse_reply_err(request, 0);
  });
}

// Valid replies: fuse_reply_err.
void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
  answer(request, "rmdir", [&] {
    served_by(request).staging->remove(changeable(parent), name, true);
    fuse_reply_err(request, 0);
  });
}

// Valid replies: fuse_reply_entry, fuse_reply_err.
void symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
  answer(request, "symlink", [&] {
    reply_entry(request, served_by(request).staging->make_symlink(changeable(parent), name, target,
                                                                  caller_of(request)));
  });
}

// Valid replies: fuse_reply_err.
void rename(fuse_req_t request, fuse_ino_t from, const char* old_name, fuse_ino_t to,
            const char* new_name, unsigned flags) {
  answer(request, "rename", [&] {
    const std::uint64_t source = changeable(from);
    served_by(request).staging->rename(source, old_name, changeable(to), new_name, flags);
    fuse_reply_err(request, 0);
  });
}

// Valid replies: fuse_reply_entry, fuse_reply_err.
void link(fuse_req_t request, fuse_ino_t node, fuse_ino_t parent, const char* name) {
  answer_change(request, "link", node, [request, node, parent, name = std::string(name)] {
    const std::uint64_t directory = changeable(parent);
    if (!is_staging(node)) {
      throw Refusal{EXDEV};
    }
    reply_entry(request, served_by(request).staging->link(node_of(node).number, directory, name));
  });
}

// Valid replies: fuse_reply_statfs, fuse_reply_err.
void statfs(fuse_req_t request, fuse_ino_t node) {
  answer(request, "statfs", [&] {
    Served& served = served_by(request);
    struct statvfs space {};
    if (served.staging) {
      space = served.staged_files->space();
    }
    if (!is_staging(node)) {
      // What latest holds is used; what staging could still take is free.
      const catalog::Tree::Totals totals = served.catalog.totals();
      space.f_bsize = space.f_frsize = served.staging ? space.f_frsize : 4096;
      space.f_blocks = totals.bytes / space.f_frsize + space.f_bfree;
      space.f_files = totals.files + space.f_ffree;
    }
    space.f_namemax = 255;
    fuse_reply_statfs(request, &space);
  });
}

// Valid replies: fuse_reply_none.
void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  for (std::size_t i = 0; i < count; ++i) {
    forget_one(served_by(request), forgets[i].ino, forgets[i].nlookup);
  }
  fuse_reply_none(request);
}

}  // namespace

void add_name_operations(fuse_lowlevel_ops& operations) {
  operations.init = init;
  operations.lookup = lookup;
  operations.forget = forget;
  operations.getattr = getattr;
  operations.setattr = setattr;
  operations.readlink = readlink;
  operations.mknod = mknod;
  operations.mkdir = mkdir;
  operations.unlink = unlink;
  operations.rmdir = rmdir;
  operations.symlink = symlink;
  operations.rename = rename;
  operations.link = link;
  operations.statfs = statfs;
  operations.forget_multi = forget_multi;
}

fuse_lowlevel_ops all_operations() {
  fuse_lowlevel_ops operations{};
  add_name_operations(operations);
  add_file_operations(operations);
  add_directory_operations(operations);
  add_xattr_operations(operations);
  return operations;
}

}  // namespace mixtape::fusefs
