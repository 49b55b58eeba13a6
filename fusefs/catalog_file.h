// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "fusefs/catalog_fs.h"
#include "fusefs/contents.h"
#include "fusefs/mapping.h"
#include "tapeio/bytes.h"
#include "tapeio/unique_fd.h"

// One open() of a file of the catalog or of .mixtape. Opening recalls nothing; only reading does.
//
// A file that was here when it was opened stays readable to its end, whatever the cache drops
// meanwhile.
//
// Threads: internally synchronised.

namespace mixtape::fusefs {

class CatalogFile {
 public:
  // Throws Refusal{ESTALE, EISDIR, EINVAL} for what cannot be opened.
  static std::unique_ptr<CatalogFile> open(CatalogFs& catalog, Contents& contents, NodeId node);

  // Immutable and at hand: the kernel may cache its pages.
  [[nodiscard]] bool is_here() const { return here_; }
  [[nodiscard]] std::uint64_t size() const { return content_.size; }
  [[nodiscard]] const recall::Content& content() const { return content_; }

  // Bytes for a reply (see mapping.h), and what they live in unless that is the caller's scratch:
  // the file may be closed while they are still being sent.
  struct Piece {
    ByteView bytes;
    std::shared_ptr<const void> owner;
  };
  // Bytes that are here now, cut at the end of the file; nullopt: they would have to be recalled.
  [[nodiscard]] std::optional<Piece> read(Contents& contents, MutableBytes scratch,
                                          std::uint64_t offset);
  // To be asked before each read that needs a recall: whether one that this file reads from was
  // taken out of the queue. Whoever reads on must not put it there again; whoever opens the file
  // anew may.
  [[nodiscard]] bool is_cancelled(Contents& contents);
  // For people. Looked up when it is first asked for.
  [[nodiscard]] std::string path(CatalogFs& catalog);

 private:
  explicit CatalogFile(NodeId node) : node_(node) {}

  const NodeId node_;
  bool here_ = true;
  std::shared_ptr<const std::string> text_;  // When there is one, the file is these bytes.
  recall::Content content_;                  // Size 0: the file is empty.
  // Large files are mapped and cost no descriptor, small ones read: a mapping costs more than a
  // copy of a few pages.
  struct OnDisk {
    tapeio::UniqueFd fd;
    std::unique_ptr<Mapping> mapping;
  };
  static std::shared_ptr<OnDisk> open_here(Contents& contents, const recall::Content& content);

  std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<OnDisk> on_disk_;
  recall::CancelMark cancelled_;  // From the first read on that needed a recall.
  std::string path_;
};

}  // namespace mixtape::fusefs
