// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <string_view>

#include "fusefs/fuse_ops.h"
#include "fusefs/served.h"

// Extended attributes.

namespace mixtape::fusefs {
namespace {

// A value or a list of names: its size when the caller asks for that, else the bytes if they fit.
void reply_bytes(fuse_req_t request, std::string_view bytes, std::size_t room) {
  if (room == 0) {
    fuse_reply_xattr(request, bytes.size());
  } else if (bytes.size() > room) {
    fuse_reply_err(request, ERANGE);
  } else {
    fuse_reply_buf(request, bytes.data(), bytes.size());
  }
}

std::uint64_t changeable(fuse_ino_t node, std::string_view name) {
  if (!is_staging(node)) {
    throw Refusal{EROFS};
  }
  if (name.starts_with(kOwnPrefix)) {
    throw Refusal{EPERM};
  }
  return node_of(node).number;
}

// Valid replies: fuse_reply_err.
void setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
              std::size_t size, int flags) {
  const auto change = [request, node, flags, name = std::string(name),
                       value = std::string(value, size)] {
    Served& served = served_by(request);
    if (name == kRecallXattr) {
      // What is staged is here.
      if (!is_staging(node)) {
        served.recall_walk.request(NodeId(node), {.uid = fuse_req_ctx(request)->uid});
      }
    } else {
      served.staged_files->set_xattr(changeable(node, name), name, as_bytes(value), flags);
    }
    fuse_reply_err(request, 0);
  };
  answer_change(request, "setxattr", node, change);
}

std::optional<std::string> staged_xattr(Served& served, fuse_ino_t node, std::string_view name) {
  if (name == "user.mixtape.state") {
    return "staged";
  }
  if (name.starts_with(kOwnPrefix)) {
    return std::nullopt;
  }
  return served.staged_files->xattr(node_of(node).number, std::string(name));
}

// Valid replies: fuse_reply_buf, fuse_reply_xattr, fuse_reply_err.
void getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t room) {
  answer(request, "getxattr", [&] {
    Served& served = served_by(request);
    if (!is_staging(node) && served.xattrs.unsupported(name)) {
      fuse_reply_err(request, EOPNOTSUPP);
      return;
    }
    const auto value =
        is_staging(node) ? staged_xattr(served, node, name) : served.xattrs.get(NodeId(node), name);
    if (value) {
      reply_bytes(request, *value, room);
    } else {
      fuse_reply_err(request, ENODATA);
    }
  });
}

// Valid replies: fuse_reply_buf, fuse_reply_xattr, fuse_reply_err.
void listxattr(fuse_req_t request, fuse_ino_t node, std::size_t room) {
  answer(request, "listxattr", [&] {
    Served& served = served_by(request);
    std::string names;
    if (is_staging(node)) {
      names = served.staged_files->xattr_names(node_of(node).number);
    } else {
      for (const std::string& name : served.xattrs.list(NodeId(node))) {
        names += name;
        names += '\0';
      }
    }
    reply_bytes(request, names, room);
  });
}

// Valid replies: fuse_reply_err.
void removexattr(fuse_req_t request, fuse_ino_t node, const char* name) {
  answer_change(request, "removexattr", node, [request, node, name = std::string(name)] {
    served_by(request).staged_files->remove_xattr(changeable(node, name), name);
    fuse_reply_err(request, 0);
  });
}

}  // namespace

void add_xattr_operations(fuse_lowlevel_ops& operations) {
  operations.setxattr = setxattr;
  operations.getxattr = getxattr;
  operations.listxattr = listxattr;
  operations.removexattr = removexattr;
}

}  // namespace mixtape::fusefs
