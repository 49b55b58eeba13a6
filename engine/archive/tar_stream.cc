// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/tar_stream.h"

#include <algorithm>
#include <cstring>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

std::vector<const Item*> items_with_data(std::span<const Item> items, const ArchivePlan& plan) {
  std::vector<const Item*> sources;
  sources.reserve(plan.data_members);
  for (const PlannedMember& member : plan.members) {
    if (member.stored == Stored::data) {
      sources.push_back(&items[member.item]);
    }
  }
  return sources;
}

}  // namespace

TarStream::TarStream(std::span<const Item> items, const ArchivePlan& plan)
    : items_(items), plan_(plan), sources_(items_with_data(items, plan)) {}

bool TarStream::fill(Slab& slab) {
  slab.index = slab_index_;
  slab.size = 0;
  slab.pieces.clear();
  const std::uint64_t start = slab_index_ * kSlabSize;
  if (start >= plan_.plain_bytes) {
    return false;
  }
  const std::size_t full =
      static_cast<std::size_t>(std::min<std::uint64_t>(kSlabSize, plan_.plain_bytes - start));
  while (slab.size < full) {
    switch (phase_) {
      case Phase::begin:
        begin_member();
        break;
      case Phase::header:
        copy_header(slab);
        break;
      case Phase::data:
        copy_data(slab);
        break;
      case Phase::padding:
        zeros(slab, left_);
        if (left_ == 0) {
          end_member();
        }
        break;
      case Phase::tail:
        zeros(slab, full - slab.size);
        break;
    }
  }
  ++slab_index_;
  return true;
}

void TarStream::begin_member() {
  if (member_ == plan_.members.size()) {
    phase_ = Phase::tail;
    return;
  }
  const PlannedMember& planned = plan_.members[member_];
  const Item& item = items_[planned.item];
  format::TarHeader header =
      format::encode_header(tar_member(item, planned.stored, &items_[planned.target_item]));
  MIXTAPE_ASSERT(header.blocks.size() == planned.header_size);
  MIXTAPE_ASSERT(header.stored_size == planned.stored_size);
  header_ = std::move(header.blocks);
  header_.insert(header_.end(), header.sparse_map.begin(), header.sparse_map.end());
  left_ = header_.size();
  phase_ = Phase::header;
}

void TarStream::copy_header(Slab& slab) {
  const std::size_t count = space(slab, left_);
  std::memcpy(slab.bytes.get() + slab.size, header_.data() + header_.size() - left_, count);
  slab.size += count;
  left_ -= count;
  if (left_ > 0) {
    return;
  }
  const PlannedMember& planned = plan_.members[member_];
  if (planned.stored != Stored::data) {
    end_member();
    return;
  }
  const Item& item = items_[planned.item];
  source_ = sources_.next();
  extents_ = item.extents.value_or(std::vector<format::SparseExtent>{{0, item.size}});
  extent_ = 0;
  in_extent_ = 0;
  hashed_ = 0;
  first_piece_ = true;
  phase_ = Phase::data;
}

void TarStream::copy_data(Slab& slab) {
  const PlannedMember& planned = plan_.members[member_];
  const std::uint64_t size = items_[planned.item].size;
  HashPiece piece{.member = member_, .offset = static_cast<std::uint32_t>(slab.size)};
  if (extent_ < extents_.size()) {
    const format::SparseExtent& extent = extents_[extent_];
    const std::size_t count = space(slab, extent.size - in_extent_);
    const std::uint64_t from = extent.offset + in_extent_;
    source_.read(from, {slab.bytes.get() + slab.size, count});
    piece.size = static_cast<std::uint32_t>(count);
    piece.zeros_before = from - hashed_;
    hashed_ = from + count;
    slab.size += count;
    in_extent_ += count;
    if (in_extent_ == extent.size) {
      ++extent_;
      in_extent_ = 0;
    }
  } else {
    piece.zeros_before = size - hashed_;
    hashed_ = size;
  }
  piece.first = first_piece_;
  piece.last = hashed_ == size && extent_ == extents_.size();
  first_piece_ = false;
  slab.pieces.push_back(piece);
  if (piece.last) {
    if (std::string fault = source_.finish(); !fault.empty()) {
      faults_.push_back({member_, std::move(fault)});
    }
    left_ = planned.end() - planned.data_end();
    phase_ = Phase::padding;
  }
}

void TarStream::end_member() {
  ++member_;
  phase_ = Phase::begin;
}

void TarStream::zeros(Slab& slab, std::uint64_t count) {
  const std::size_t fitting = space(slab, count);
  std::memset(slab.bytes.get() + slab.size, 0, fitting);
  slab.size += fitting;
  if (phase_ == Phase::padding) {
    left_ -= fitting;
  }
}

std::size_t TarStream::space(const Slab& slab, std::uint64_t wanted) const {
  return static_cast<std::size_t>(std::min<std::uint64_t>(wanted, kSlabSize - slab.size));
}

}  // namespace mixtape::archive
