// SPDX-License-Identifier: Apache-2.0
#include "fusefs/catalog_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

constexpr std::uint64_t kMappedFrom = 1 * MiB;

}  // namespace

std::shared_ptr<CatalogFile::OnDisk> CatalogFile::open_here(Contents& contents,
                                                            const recall::Content& content) {
  auto fd = contents.open(content);
  if (!fd) {
    return nullptr;
  }
  auto mapping = content.size >= kMappedFrom ? Mapping::of(*fd, content.size) : nullptr;
  if (mapping) {
    fd->reset();
  }
  return std::make_shared<OnDisk>(OnDisk{std::move(*fd), std::move(mapping)});
}

std::unique_ptr<CatalogFile> CatalogFile::open(CatalogFs& catalog, Contents& contents,
                                               NodeId node) {
  std::unique_ptr<CatalogFile> file(new CatalogFile(node));
  if (auto text = catalog.text(node)) {
    file->text_ = std::make_shared<const std::string>(std::move(*text));
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
    file->on_disk_ = open_here(contents, file->content_);
    file->here_ = file->on_disk_ != nullptr;
  }
  return file;
}

std::optional<CatalogFile::Piece> CatalogFile::read(Contents& contents, MutableBytes scratch,
                                                    std::uint64_t offset) {
  if (text_) {
    const ByteView all = as_bytes(*text_);
    const ByteView rest = all.subspan(std::min<std::uint64_t>(offset, all.size()));
    return Piece{rest.first(std::min(rest.size(), scratch.size())), text_};
  }
  if (offset >= content_.size) {
    return Piece{};
  }
  std::shared_ptr<OnDisk> on_disk;
  {
    const std::lock_guard lock(mutex_);
    if (!on_disk_) {
      // A recall may have finished since the file was opened.
      on_disk_ = open_here(contents, content_);
    }
    on_disk = on_disk_;
  }
  if (!on_disk) {
    return std::nullopt;
  }
  ByteView got;
  if (on_disk->mapping) {
    got = on_disk->mapping->range(offset, scratch.size());
  } else {
    const ssize_t size =
        ::pread(on_disk->fd.get(), scratch.data(), scratch.size(), static_cast<off_t>(offset));
    got = scratch.first(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  if (!got.empty()) {
    return Piece{got, std::move(on_disk)};
  }
  // The disk fails, or the entry is shorter than its content: the recall knows how to do without
  // it.
  const std::lock_guard lock(mutex_);
  on_disk_.reset();
  return std::nullopt;
}

bool CatalogFile::is_cancelled(Contents& contents) {
  const std::lock_guard lock(mutex_);
  if (!cancelled_) {
    cancelled_ = contents.watch_cancel(content_);
  }
  return cancelled_ && *cancelled_;
}

std::string CatalogFile::path(CatalogFs& catalog) {
  const std::lock_guard lock(mutex_);
  if (path_.empty()) {
    path_ = catalog.path_of(Node::of(node_).path());
  }
  return path_;
}

}  // namespace mixtape::fusefs
