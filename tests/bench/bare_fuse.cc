// SPDX-License-Identifier: Apache-2.0
// bare_fuse MOUNTPOINT DIRECTORIES FILES_EACH BYTES: the least that a low-level FUSE server can do,
// to compare the mount with: bench/dirNNNNNN/fileNNNNNN.jpg, all attributes in memory, and /content
// of so many bytes from memory. The kernel is told the same as by the mount: readdirplus, timeouts
// of a day, cached pages and listings. Serves until it is unmounted.

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr double kDay = 86400;
constexpr fuse_ino_t kBench = 2;
constexpr fuse_ino_t kContent = 3;
constexpr fuse_ino_t kFirstDirectory = 4;

struct Name {
  char text[20];
};

struct Tree {
  fuse_ino_t directories, files_each;
  std::vector<char> content;
  std::vector<Name> directory_names, file_names;  // Each directory's files have the same names.

  [[nodiscard]] fuse_ino_t first_file() const { return kFirstDirectory + directories; }
  [[nodiscard]] bool is_directory(fuse_ino_t node) const {
    return node != kContent && node < first_file();
  }
  [[nodiscard]] struct stat status(fuse_ino_t node) const {
    struct stat status {};
    status.st_ino = node;
    status.st_nlink = 1;
    status.st_uid = status.st_gid = 1000;
    status.st_mtim.tv_sec = 1'700'000'000 + static_cast<time_t>(node);
    status.st_mode = is_directory(node) ? S_IFDIR | 0755 : S_IFREG | 0644;
    if (!is_directory(node)) {
      status.st_size = node == kContent ? static_cast<off_t>(content.size())
                                        : static_cast<off_t>(node * 4099 % 5'000'000);
      status.st_blocks = (status.st_size + 511) / 512;
    }
    return status;
  }
  [[nodiscard]] std::size_t children(fuse_ino_t directory) const {
    return directory == FUSE_ROOT_ID ? 2 : directory == kBench ? directories : files_each;
  }
  [[nodiscard]] fuse_ino_t child(fuse_ino_t directory, std::size_t index) const {
    if (directory == FUSE_ROOT_ID) {
      return index == 0 ? kBench : kContent;
    }
    return directory == kBench ? kFirstDirectory + index
                               : first_file() + (directory - kFirstDirectory) * files_each + index;
  }
  [[nodiscard]] const char* name(fuse_ino_t directory, std::size_t index) const {
    if (directory == FUSE_ROOT_ID) {
      return index == 0 ? "bench" : "content";
    }
    return directory == kBench ? directory_names[index].text : file_names[index].text;
  }
};

Tree& tree_of(fuse_req_t request) {
  return *static_cast<Tree*>(fuse_req_userdata(request));
}

fuse_entry_param entry_of(const Tree& tree, fuse_ino_t node) {
  fuse_entry_param entry{};
  entry.ino = node;
  entry.attr = tree.status(node);
  entry.attr_timeout = entry.entry_timeout = kDay;
  return entry;
}

void init(void*, fuse_conn_info* connection) {
  connection->want |= (FUSE_CAP_READDIRPLUS | FUSE_CAP_PARALLEL_DIROPS) & connection->capable;
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA |
                                             FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const Tree& tree = tree_of(request);
  // The number in the name is the index.
  const std::string_view text(name);
  std::size_t index = text == "content" ? 1 : 0;
  if (parent != FUSE_ROOT_ID && text.size() >= 9) {
    index = std::strtoul(name + (parent == kBench ? 3 : 4), nullptr, 10);
  }
  if (!tree.is_directory(parent) || index >= tree.children(parent) ||
      text != tree.name(parent, index)) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  const fuse_entry_param entry = entry_of(tree, tree.child(parent, index));
  fuse_reply_entry(request, &entry);
}

void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  const struct stat status = tree_of(request).status(node);
  fuse_reply_attr(request, &status, kDay);
}

void open(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  info->keep_cache = 1;
  info->noflush = 1;
  fuse_reply_open(request, info);
}

void read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset, fuse_file_info*) {
  const std::vector<char>& content = tree_of(request).content;
  const auto begin = node == kContent ? std::min(static_cast<std::size_t>(offset), content.size())
                                      : content.size();
  fuse_reply_buf(request, content.data() + begin, std::min(size, content.size() - begin));
}

void opendir(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  info->cache_readdir = info->keep_cache = 1;
  fuse_reply_open(request, info);
}

void readdirplus(fuse_req_t request, fuse_ino_t directory, std::size_t size, off_t offset,
                 fuse_file_info*) {
  const Tree& tree = tree_of(request);
  std::vector<char> reply(size);
  std::size_t used = 0;
  for (auto index = static_cast<std::size_t>(offset); index < tree.children(directory); ++index) {
    const fuse_entry_param entry = entry_of(tree, tree.child(directory, index));
    const std::size_t grown =
        fuse_add_direntry_plus(request, reply.data() + used, size - used,
                               tree.name(directory, index), &entry, static_cast<off_t>(index + 1));
    if (grown > size - used) {
      break;
    }
    used += grown;
  }
  fuse_reply_buf(request, reply.data(), used);
}

void getxattr(fuse_req_t request, fuse_ino_t, const char*, std::size_t) {
  fuse_reply_err(request, EOPNOTSUPP);
}

int serve(const char* mountpoint, Tree& tree) {
  fuse_lowlevel_ops operations{};
  operations.init = init;
  operations.lookup = lookup;
  operations.getattr = getattr;
  operations.open = open;
  operations.read = read;
  operations.opendir = opendir;
  operations.readdirplus = readdirplus;
  operations.getxattr = getxattr;
  fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
  fuse_opt_add_arg(&arguments, "bare_fuse");
  fuse_session* session = fuse_session_new(&arguments, &operations, sizeof operations, &tree);
  if (session == nullptr || fuse_session_mount(session, mountpoint) != 0) {
    return 1;
  }
  fuse_loop_config* config = fuse_loop_cfg_create();
  const int result = fuse_session_loop_mt(session, config);
  fuse_loop_cfg_destroy(config);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
  fuse_opt_free_args(&arguments);
  return result == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: bare_fuse MOUNTPOINT DIRECTORIES FILES_EACH BYTES\n");
    return 2;
  }
  Tree tree{.directories = std::strtoul(argv[2], nullptr, 10),
            .files_each = std::strtoul(argv[3], nullptr, 10),
            .content = std::vector<char>(std::strtoul(argv[4], nullptr, 10), 'x'),
            .directory_names = {},
            .file_names = {}};
  for (fuse_ino_t i = 0; i < std::max(tree.directories, tree.files_each); ++i) {
    Name name{};
    std::snprintf(name.text, sizeof name.text, "dir%06lu",
                  static_cast<unsigned long>(i % 1'000'000));
    tree.directory_names.push_back(name);
    std::snprintf(name.text, sizeof name.text, "file%06lu.jpg",
                  static_cast<unsigned long>(i % 1'000'000));
    tree.file_names.push_back(name);
  }
  return serve(argv[1], tree);
}
