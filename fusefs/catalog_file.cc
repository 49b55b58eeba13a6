// SPDX-License-Identifier: Apache-2.0
#include "fusefs/catalog_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

std::shared_ptr<tapeio::UniqueFd> open_here(Contents& contents, const recall::Content& content) {
  auto fd = contents.open(content);
  return fd ? std::make_shared<tapeio::UniqueFd>(std::move(*fd)) : nullptr;
}

}  // namespace

std::unique_ptr<CatalogFile> CatalogFile::open(CatalogFs& catalog, Contents& contents,
                                               NodeId node) {
  std::unique_ptr<CatalogFile> file(new CatalogFile(node));
  file->text_ = catalog.text(node);
  if (file->text_) {
    // Not cacheable: its size is known only now, and the next open makes another text.
    file->here_ = false;
    return file;
  }
  const auto version = catalog.version(node);
  if (!version) {
    throw Refusal{ESTALE};
  }
  if (!S_ISREG(version->metadata.mode)) {
    throw Refusal{S_ISDIR(version->metadata.mode) ? EISDIR : EINVAL};
  }
  if (version->content) {
    file->content_ = content_of(*version);
    file->fd_ = open_here(contents, file->content_);
    file->here_ = file->fd_ != nullptr;
  }
  return file;
}

std::optional<std::size_t> CatalogFile::read(Contents& contents, MutableBytes into,
                                             std::uint64_t offset) {
  if (text_) {
    const std::size_t begin = std::min<std::uint64_t>(offset, text_->size());
    const std::size_t size = std::min(into.size(), text_->size() - begin);
    std::memcpy(into.data(), text_->data() + begin, size);
    return size;
  }
  if (offset >= content_.size) {
    return 0;
  }
  std::shared_ptr<tapeio::UniqueFd> fd;
  {
    const std::lock_guard lock(mutex_);
    if (!fd_) {
      // A recall may have finished since the file was opened.
      fd_ = open_here(contents, content_);
    }
    fd = fd_;
  }
  if (!fd) {
    return std::nullopt;
  }
  const ssize_t got = ::pread(fd->get(), into.data(), into.size(), static_cast<off_t>(offset));
  if (got > 0) {
    return static_cast<std::size_t>(got);
  }
  // The disk fails, or the entry is shorter than its content: the recall knows how to do without
  // it.
  const std::lock_guard lock(mutex_);
  fd_.reset();
  return std::nullopt;
}

std::string CatalogFile::path(CatalogFs& catalog) {
  const std::lock_guard lock(mutex_);
  if (path_.empty()) {
    path_ = catalog.path_of(Node::of(node_).path());
  }
  return path_;
}

}  // namespace mixtape::fusefs
