// SPDX-License-Identifier: Apache-2.0
#include "engine/previews/previews.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::previews {
namespace fs = std::filesystem;
namespace {

using catalog::Database;
using catalog::Running;
using catalog::Statement;

constexpr std::int64_t kSchema = 1;
// So long the writer waits for more to go into one transaction, unless so much is there, bytes.
constexpr std::chrono::milliseconds kGather{5};
constexpr std::size_t kWorthATransaction = 1 * MiB;
constexpr const char* kTables =
    "CREATE TABLE preview(hash BLOB PRIMARY KEY, size INTEGER NOT NULL, checksum BLOB NOT NULL,"
    " head BLOB NOT NULL, tail BLOB NOT NULL) STRICT;"
    "CREATE TABLE usage(bytes INTEGER NOT NULL, contents INTEGER NOT NULL) STRICT;"
    "INSERT INTO usage VALUES(0, 0);"
    "PRAGMA user_version = 1";

// Over everything that a row says, lengths included.
format::Digest checksum_of(ByteView hash, std::uint64_t size, ByteView head, ByteView tail) {
  format::Hasher hasher;
  const std::array<std::uint64_t, 2> lengths{size, head.size()};
  hasher.update(hash);
  hasher.update(std::as_bytes(std::span(lengths)));
  hasher.update(head);
  hasher.update(tail);
  return hasher.finish();
}

std::size_t read_from(ByteView head, ByteView tail, std::uint64_t size, std::uint64_t offset,
                      MutableBytes into) {
  std::size_t got = 0;
  const auto take = [&](ByteView part, std::uint64_t begin) {
    if (offset < begin || offset >= begin + part.size()) {
      return;
    }
    const ByteView rest = part.subspan(static_cast<std::size_t>(offset - begin));
    const std::size_t count = std::min(rest.size(), into.size() - got);
    std::memcpy(into.data() + got, rest.data(), count);
    got += count;
    offset += count;
  };
  take(head, 0);
  take(tail, size - tail.size());  // Where the two meet, a read goes over both.
  return got;
}

void remove_database(const fs::path& file) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    fs::remove(file.string() + suffix, ignored);
  }
}

Database open_database(const fs::path& file) {
  Database database(file, Database::Mode::create, Database::Kind::previews);
  // Hashes come in no order: the cache holds the index of some hundred thousand, 16 MiB.
  database.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384");
  Statement version(database, "PRAGMA user_version");
  const std::int64_t found = version.step() ? version.integer(0) : 0;
  version.reset();
  if (found == 0) {
    catalog::Transaction transaction(database);
    database.execute(kTables);
    transaction.commit();
  } else if (found != kSchema) {
    throw Error(ErrorCode::unsupported, file.string() + " was made by another version");
  }
  return database;
}

}  // namespace

struct Previews::Store {
  explicit Store(const fs::path& file) : database(open_database(file)) {}

  Database database;
  Statement find{database, "SELECT size, checksum, head, tail FROM preview WHERE hash = ?1"};
  Statement insert{database,
                   "INSERT INTO preview(hash, size, checksum, head, tail)"
                   " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"};
  Statement remove{database, "DELETE FROM preview WHERE hash = ?1"};
  Statement used{database, "SELECT bytes, contents FROM usage"};
  Statement use{database, "UPDATE usage SET bytes = bytes + ?1, contents = contents + ?2"};

  Usage usage() {
    Running row(used);
    return used.step() ? Usage{static_cast<std::uint64_t>(used.integer(0)),
                               static_cast<std::uint64_t>(used.integer(1))}
                       : Usage{};
  }

  std::size_t read(const format::Digest& hash, std::uint64_t offset, MutableBytes into) {
    std::uint64_t damaged_bytes = 0;
    {
      Running row(find.bind(1, hash));
      if (!find.step()) {
        return 0;
      }
      const auto size = static_cast<std::uint64_t>(find.integer(0));
      const ByteView head = find.blob(2), tail = find.blob(3);
      if (head.size() + tail.size() <= size &&
          std::ranges::equal(find.blob(1), checksum_of(hash, size, head, tail))) {
        return read_from(head, tail, size, offset, into);
      }
      damaged_bytes = head.size() + tail.size();
    }
    drop(hash, damaged_bytes);
    return 0;
  }

  void drop(const format::Digest& hash, std::uint64_t bytes) {
    catalog::Transaction transaction(database);
    remove.bind(1, hash).run();
    if (database.changes() == 1) {
      use.bind(1, -static_cast<std::int64_t>(bytes)).bind(2, std::int64_t{-1}).run();
    }
    transaction.commit();
  }
};

Previews::Previews(const fs::path& directory, Limits limits)
    : file_(directory / "previews.db"), limits_(limits) {
  if (limits_.total == 0) {
    return;
  }
  try {
    reading_ = open(file_);
    writing_ = open(file_);
    writer_ = std::jthread([this](const std::stop_token& stop) { write(stop); });
  } catch (const Error& error) {
    reading_.reset();
    give_up("open", error);
  }
}

Previews::~Previews() = default;

void Previews::give_up(const char* what, const Error& error) {
  spdlog::warn("{} the previews: {}; no more previews until this is mended", what, error.what());
  if (error.code() == ErrorCode::corrupt) {
    remove_database(file_);
  }
}

std::unique_ptr<Previews::Store> Previews::open(const fs::path& file) {
  try {
    return std::make_unique<Store>(file);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt && error.code() != ErrorCode::unsupported) {
      throw;
    }
    spdlog::info("previews are made anew: {}", error.what());
    remove_database(file);
    return std::make_unique<Store>(file);
  }
}

void Previews::keep(const format::Digest& hash, std::uint64_t size, ByteView head, ByteView tail) {
  MIXTAPE_ASSERT(head.size() <= kMostOfOne && tail.size() <= kMostOfOne);
  MIXTAPE_ASSERT(head.size() + tail.size() <= size);
  const std::lock_guard lock(queue_mutex_);
  const std::size_t bytes = head.size() + tail.size();
  if (!writer_.joinable() || ended_ || bytes == 0 || waiting_bytes_ + bytes > kMostWaiting) {
    return;
  }
  waiting_.push_back({hash, size, {head.begin(), head.end()}, {tail.begin(), tail.end()}});
  waiting_bytes_ += bytes;
  if (waiting_.size() == 1 || waiting_bytes_ >= kWorthATransaction) {
    changed_.notify_all();
  }
}

std::size_t Previews::read(const format::Digest& hash, std::uint64_t offset, MutableBytes into) {
  const std::lock_guard lock(reading_mutex_);
  if (!reading_ || into.empty()) {
    return 0;
  }
  try {
    return reading_->read(hash, offset, into);
  } catch (const Error& error) {
    give_up("read", error);
    reading_.reset();
    return 0;
  }
}

Previews::Usage Previews::usage() {
  const std::lock_guard lock(reading_mutex_);
  return reading_ ? reading_->usage() : Usage{};
}

void Previews::flush() {
  std::unique_lock lock(queue_mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !busy_; });
}

void Previews::write(const std::stop_token& stop) {
  std::unique_lock lock(queue_mutex_);
  // At shutdown what is known is still written down.
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    changed_.wait_for(lock, stop, kGather, [this] { return waiting_bytes_ >= kWorthATransaction; });
    const std::vector<Entry> entries = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    busy_ = true;
    lock.unlock();
    bool more = false;
    try {
      more = store(*writing_, entries, limits_.total);
    } catch (const Error& error) {
      give_up("write", error);
    }
    lock.lock();
    busy_ = false;
    ended_ = ended_ || !more;
    changed_.notify_all();
  }
}

bool Previews::store(Store& store, const std::vector<Entry>& entries, std::uint64_t total) {
  catalog::Transaction transaction(store.database);
  const std::uint64_t used = store.usage().bytes;
  Usage more;
  bool room = true;
  for (const Entry& entry : entries) {
    const std::size_t bytes = entry.head.size() + entry.tail.size();
    room = used + more.bytes + bytes <= total;
    if (!room) {
      break;
    }
    store.insert.bind(1, entry.hash)
        .bind(2, static_cast<std::int64_t>(entry.size))
        .bind(3, checksum_of(entry.hash, entry.size, entry.head, entry.tail))
        .bind(4, entry.head)
        .bind(5, entry.tail)
        .run();
    if (store.database.changes() == 1) {
      more.bytes += bytes;
      ++more.contents;
    }
  }
  store.use.bind(1, static_cast<std::int64_t>(more.bytes))
      .bind(2, static_cast<std::int64_t>(more.contents))
      .run();
  transaction.commit();
  return room;
}

}  // namespace mixtape::previews
