// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fusefs/node.h"

// A directory as one opendir() sees it, in as little memory as a directory of a million files asks
// for: 72 bytes a row, and the name.
//
// A row's place is its offset for readdir(3). It is made of the inode number, by which the
// catalog's directories are in order, and so it means the same in each listing of a directory: the
// kernel goes on behind a place that it knows from one listing in another one, made after a commit.

namespace mixtape::fusefs {

class Rows {
 public:
  // "." and ".." stand before all rows, at the places 1 and 2.
  static constexpr std::uint64_t kDots = 2;

  // A row with attributes: the kernel may take it as looked up (readdirplus).
  void add(std::string_view name, NodeId node, const Attributes& attributes);
  // A row of which only inode and type are known.
  void add(std::string_view name, NodeId node, std::uint64_t inode, std::uint32_t mode);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  // Above kDots, below 2^63, and growing from row to row.
  [[nodiscard]] std::uint64_t place(std::size_t row) const { return rows_[row].place; }
  // The first row behind a place; size() when there is none.
  [[nodiscard]] std::size_t behind(std::uint64_t place) const;
  [[nodiscard]] std::string_view name(std::size_t row) const;
  [[nodiscard]] NodeId node(std::size_t row) const { return rows_[row].node; }
  [[nodiscard]] bool has_attributes(std::size_t row) const { return rows_[row].has_attributes; }
  // Only inode and mode mean something when it has none.
  [[nodiscard]] Attributes attributes(std::size_t row) const;

 private:
  struct Compact {
    NodeId node;
    std::uint64_t inode;
    std::uint64_t place;
    std::uint64_t size_or_device;  // Device nodes have no size.
    std::int64_t mtime_ns;
    std::uint64_t name_begin;
    std::uint32_t mode, nlink, uid, gid;
    std::uint8_t name_length;
    bool has_attributes;
  };
  std::vector<Compact> rows_;
  std::string names_;
};

[[nodiscard]] inline std::uint64_t blocks_of(std::uint64_t size) {
  return (size + 511) / 512;
}

}  // namespace mixtape::fusefs
