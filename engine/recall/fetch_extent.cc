// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/fetch_extent.h"

#include <algorithm>

#include "engine/format/tar.h"
#include "tapeio/error.h"

namespace mixtape::recall {

namespace {

[[noreturn]] void impossible(const Extent& extent, const char* why) {
  throw Error(ErrorCode::corrupt, "read a content on medium " + extent.archive.medium_label +
                                      " at plaintext offset " + std::to_string(extent.data_offset) +
                                      ": " + why);
}

// Passes on what lies at or behind an offset.
class FromOffset final : public ContentSink {
 public:
  FromOffset(std::uint64_t from, ContentSink& out) : skip_(from), out_(out) {}
  void write(ByteView bytes) override {
    const std::uint64_t skipped = take_skip(bytes.size());
    if (skipped < bytes.size()) {
      out_.write(bytes.subspan(skipped));
    }
  }
  void write_zeros(std::uint64_t count) override {
    const std::uint64_t skipped = take_skip(count);
    if (skipped < count) {
      out_.write_zeros(count - skipped);
    }
  }

 private:
  std::uint64_t take_skip(std::uint64_t size) {
    const std::uint64_t skipped = std::min(skip_, size);
    skip_ -= skipped;
    return skipped;
  }

  std::uint64_t skip_;
  ContentSink& out_;
};

// Turns the stored bytes of a sparse member (map, then data) into the content.
class SparseExpander {
 public:
  SparseExpander(const Extent& extent, std::uint64_t content_size, ContentSink& out)
      : extent_(extent), content_size_(content_size), out_(out), map_(content_size) {}

  void take(ByteView stored) { place(stored.subspan(map_.take(stored))); }

  void finish() {
    if (!map_.is_whole()) {
      impossible(extent_, "it ends inside its sparse map");
    }
    // Extents without data may follow the last byte; they only tell the size.
    for (; next_ < map_.extents().size(); ++next_) {
      if (map_.extents()[next_].size != used_) {
        impossible(extent_, "less data than its sparse map says");
      }
      used_ = 0;
    }
    fill_to(content_size_);
  }

 private:
  void place(ByteView data) {
    while (!data.empty()) {
      if (next_ == map_.extents().size()) {
        impossible(extent_, "more data than its sparse map says");
      }
      const format::SparseExtent& target = map_.extents()[next_];
      if (used_ == target.size) {
        ++next_;
        used_ = 0;
        continue;
      }
      fill_to(target.offset + used_);
      const std::size_t size = std::min<std::uint64_t>(data.size(), target.size - used_);
      out_.write(data.first(size));
      at_ += size;
      used_ += size;
      data = data.subspan(size);
    }
  }

  void fill_to(std::uint64_t offset) {
    if (offset < at_) {
      impossible(extent_, "its sparse map overlaps itself");
    }
    if (offset > at_) {
      out_.write_zeros(offset - at_);
      at_ = offset;
    }
  }

  const Extent& extent_;
  std::uint64_t content_size_;
  ContentSink& out_;
  format::SparseMap map_;
  std::size_t next_ = 0;    // Extent that takes the next byte.
  std::uint64_t used_ = 0;  // Bytes already in it.
  std::uint64_t at_ = 0;    // Where the content stands.
};

}  // namespace

bool fetch_extent(ArchiveReader& reader, const Extent& extent, std::uint64_t content_size,
                  std::uint64_t from, ContentSink& sink, const std::function<bool()>& go_on) {
  bool whole = true;
  if (!extent.sparse) {
    if (extent.stored_size != content_size || from > content_size) {
      impossible(extent, "its size is not that of the content");
    }
    reader.read(extent.archive, {.offset = extent.data_offset + from, .size = content_size - from},
                [&](ByteView plain) {
                  sink.write(plain);
                  whole = go_on();
                  return whole;
                });
    return whole;
  }
  // The map stands first and must be read anyway; what was delivered before is passed over.
  FromOffset tail(from, sink);
  SparseExpander expander(extent, content_size, tail);
  reader.read(extent.archive, {.offset = extent.data_offset, .size = extent.stored_size},
              [&](ByteView stored) {
                expander.take(stored);
                whole = go_on();
                return whole;
              });
  if (whole) {
    expander.finish();
  }
  return whole;
}

}  // namespace mixtape::recall
