// SPDX-License-Identifier: Apache-2.0
#include "tests/archive/archive_on_tape.h"

#include "engine/format/age_stream.h"
#include "tapeio/error.h"
#include "tapeio/records.h"

namespace mixtape::test {
namespace {

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(ByteView bytes) : bytes_(bytes) {}
  std::size_t read(MutableBytes into) override {
    const std::size_t count = std::min(into.size(), bytes_.size());
    std::copy_n(bytes_.begin(), count, into.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  ByteView bytes_;
};

Bytes read_all(ByteSource& source) {
  Bytes all;
  Bytes piece(MiB);
  for (std::size_t got = source.read(piece); got > 0; got = source.read(piece)) {
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
  }
  return all;
}

}  // namespace

FoundArchive read_archive(tapeio::TapeDrive& drive, std::size_t record_size,
                          const format::Identity& identity) {
  FoundArchive archive;
  tapeio::RecordReader records(drive, record_size);
  const Bytes plain = [&] {
    format::AgeDecryptor age(records, [&](ByteView header) {
      return format::open_preamble(header, std::span(&identity, 1));
    });
    return read_all(age);
  }();
  archive.plain_bytes = plain.size();
  archive.records = records.offset() / record_size;
  MemorySource source(plain);
  format::TarReader tar(source);
  try {
    while (auto found = tar.next()) {
      FoundMember member{.found = *found, .data = {}};
      Bytes piece(MiB);
      for (std::size_t got = tar.read(piece); got > 0; got = tar.read(piece)) {
        member.data += as_text(ByteView(piece).first(got));
      }
      archive.order.push_back(found->member.name);
      archive.members.emplace(found->member.name, std::move(member));
    }
    archive.proper_end = true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) {
      throw;
    }
  }
  return archive;
}

}  // namespace mixtape::test
