// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/catalog/ledger.h"
#include "engine/catalog/sqlite.h"
#include "engine/catalog/tree.h"

// Read connections to the catalog, lent to one request at a time with their prepared statements. As
// many are opened as requests ever ran at once: no more than the mount has threads.
//
// Threads:  internally synchronised; a lent Reader belongs to its borrower. A reader must go back
// before its
//           borrower waits for anything but the disk.

namespace mixtape::fusefs {

struct Reader {
  explicit Reader(catalog::Database opened)
      : database(std::move(opened)), tree(database), ledger(database) {}

  catalog::Database database;
  catalog::Tree tree;
  catalog::Ledger ledger;  // Only its questions: the connection cannot write.
};

class Readers {
 public:
  // `open` makes a read connection; called when all others are lent.
  explicit Readers(std::function<catalog::Database()> open) : open_(std::move(open)) {}

  class Lease {
   public:
    Lease(Readers& readers, std::unique_ptr<Reader> reader)
        : readers_(readers), reader_(std::move(reader)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();
    Reader* operator->() const { return reader_.get(); }
    Reader& operator*() const { return *reader_; }

   private:
    Readers& readers_;
    std::unique_ptr<Reader> reader_;
  };
  [[nodiscard]] Lease borrow();

  // When a finished job began; nullopt while it is under way. Finished jobs are remembered (16
  // bytes each).
  [[nodiscard]] std::optional<std::int64_t> started_s(Reader& reader, catalog::JobId job);

 private:
  std::function<catalog::Database()> open_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::unique_ptr<Reader>> idle_;
  std::unordered_map<std::int64_t, std::int64_t> started_s_;
};

}  // namespace mixtape::fusefs
