// SPDX-License-Identifier: Apache-2.0
#include "tests/archive/items.h"

#include <functional>

#include "tests/support/patterns.h"

namespace mixtape::test {
namespace {

archive::Item item(std::string path, std::uint32_t mode) {
  archive::Item made;
  made.path = std::move(path);
  made.metadata.mode = mode;
  made.metadata.owner = "ada";
  made.metadata.group = "staff";
  made.metadata.mtime_ns = 1'700'000'000'123'456'789;
  return made;
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

archive::Item file_item(std::string path, std::uint64_t size, std::int64_t content) {
  archive::Item made = item(std::move(path), S_IFREG | 0644);
  made.content = catalog::ContentId{content};
  made.size = size;
  return made;
}

archive::Item empty_file_item(std::string path) {
  return item(std::move(path), S_IFREG | 0644);
}

archive::Item symlink_item(std::string path, std::string target) {
  archive::Item made = item(std::move(path), S_IFLNK | 0777);
  made.metadata.symlink_target = std::move(target);
  return made;
}

archive::Item leading_directory(std::string path) {
  archive::Item made = item(std::move(path), S_IFDIR | 0755);
  made.copies = 0;
  return made;
}

archive::Item new_directory(std::string path) {
  return item(std::move(path), S_IFDIR | 0755);
}

archive::Item SourceTree::file(const std::string& path, ByteView bytes) {
  write_text(dir_ / path, as_text(bytes));
  return describe(path, next_content_++);
}

archive::Item SourceTree::file(const std::string& path, std::size_t size) {
  return file(path, pattern(size, std::hash<std::string>{}(path)));
}

archive::Item SourceTree::describe(const std::string& path, std::int64_t content) const {
  struct stat found {};
  if (::stat(on_disk(path).c_str(), &found) != 0) {
    throw std::runtime_error("no source " + path);
  }
  archive::Item made = file_item(path, static_cast<std::uint64_t>(found.st_size), content);
  if (made.size == 0) {
    made.content.reset();
  }
  made.source = on_disk(path);
  made.state = {.mtime_ns = nanoseconds(found.st_mtim),
                .device = found.st_dev,
                .inode = found.st_ino,
                .ctime_ns = nanoseconds(found.st_ctim),
                .allocated_bytes = static_cast<std::uint64_t>(found.st_blocks) * 512};
  made.metadata.mtime_ns = made.state.mtime_ns;
  return made;
}

}  // namespace mixtape::test
