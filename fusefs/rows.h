// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fusefs/node.h"

// A directory as one opendir() sees it, in as little memory as a directory of a million files asks
// for: some 30 bytes a row, names included, where names, numbers and times are like those of the
// row that was added before.
//
// A row's place is its offset for readdir(3). It is made of the inode number, by which the
// catalog's directories are in order, and so it means the same in each listing of a directory: the
// kernel goes on behind a place that it knows from one listing in another one, made after a commit.
//
// Threads: none.
// Cost:    adding and reading in order, some ten bytes moved; reading one row somewhere, up to
//          kRowsTogether of that.

namespace mixtape::fusefs {

class Rows {
 public:
  // "." and ".." stand before all rows, at the places 1 and 2.
  static constexpr std::uint64_t kDots = 2;

  // A row with attributes: the kernel may take it as looked up (readdirplus). Times are those of
  // mtime, and of the sizes only that in bytes counts.
  void add(std::string_view name, NodeId node, const Attributes& attributes);
  // A row of which only inode and type are known.
  void add(std::string_view name, NodeId node, std::uint64_t inode, std::uint32_t mode);
  // What was added, in tape order. Rows of one inode stay in the order in which they were added.
  void sort_by_inode();

  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  // Above kDots, below 2^63, and growing from row to row.
  [[nodiscard]] std::uint64_t place(std::size_t row) const { return keys_[row].place(); }
  // The first row behind a place; size() when there is none.
  [[nodiscard]] std::size_t behind(std::uint64_t place) const;
  // A directory with attributes.
  [[nodiscard]] bool is_directory(std::size_t row) const { return keys_[row].is_directory(); }
  // One row alone; who reads several takes a Reader.
  [[nodiscard]] Row at(std::size_t row) const;

  class Reader;

 private:
  static constexpr std::uint32_t kRowsTogether = 16;
  static constexpr std::uint32_t kDirectory = std::uint32_t{1} << 31;

  // What sorts a row, and how many were added before it. Halves, so that it takes 12 bytes.
  struct Key {
    std::uint32_t place_high, place_low, added;

    [[nodiscard]] std::uint64_t place() const {
      return (std::uint64_t{place_high} << 32) | place_low;
    }
    void set_place(std::uint64_t place) {
      place_high = static_cast<std::uint32_t>(place >> 32);
      place_low = static_cast<std::uint32_t>(place);
    }
    [[nodiscard]] std::uint32_t number() const { return added & ~kDirectory; }
    [[nodiscard]] bool is_directory() const { return (added & kDirectory) != 0; }
  };
  using Packed = std::vector<std::uint8_t>;

  void pack(const Row& row);

  std::vector<Key> keys_;
  // Rows in the order in which they were added, each as what differs from the one before; where
  // kRowsTogether begin, from none. Several pieces, as one that grows would be there twice.
  std::vector<Packed> pieces_;
  std::vector<std::uint64_t> starts_;  // Of each kRowsTogether: piece, and offset in it (32 bits).
  Row last_;                           // Added last, as the next one's measure.
};

// Reads rows, best in the order in which they were added. The rows must outlive it and not change.
class Rows::Reader {
 public:
  explicit Reader(const Rows& rows) : rows_(rows) {}
  // Valid until the next call.
  const Row& at(std::size_t row);

 private:
  void begin(std::uint32_t start);
  void unpack();
  [[nodiscard]] std::uint64_t take();

  const Rows& rows_;
  Row row_;
  const std::uint8_t* next_ = nullptr;
  std::uint32_t next_number_ = 0;  // Of the row at next_.
};

[[nodiscard]] inline std::uint64_t blocks_of(std::uint64_t size) {
  return (size + 511) / 512;
}

}  // namespace mixtape::fusefs
